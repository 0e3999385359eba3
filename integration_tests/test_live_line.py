"""On a terminal, one line shows how far a read is; a pipe or a file gets nothing of it."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

from fake_confluence import Latency, Service, serve
from fake_confluence.catalog import configured_catalog
from integration_tests.connector import COMMAND, Connector
from unit_tests.streams_under_test import BY_ID, contents

COLUMNS = 60


def read(
    tmp_path: Path, *, stdout_is_terminal: bool, closes_terminal: bool = False
) -> tuple[str, str]:
    """What a read shows on the terminal, and what it writes into a file."""
    service = Service(contents({BY_ID: 300}), page_cap=50, latency=Latency(request_seconds=0.3))
    with serve(service, settings={"num_workers": 1}) as site:
        connector = Connector(tmp_path, site, [COMMAND])
        connector.written(connector.catalog, configured_catalog(BY_ID))
        ours, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        file = tmp_path / "messages.jsonl"
        with file.open("wb") as messages:
            process = subprocess.Popen(
                [COMMAND, "read", "--config", connector.config, "--catalog", connector.catalog],
                env=connector.environment,
                stdout=terminal if stdout_is_terminal else messages,
                stderr=terminal,
            )
        os.close(terminal)
        shown = b""
        while not (closes_terminal and shown) and (some := _some(ours)):
            shown += some
        os.close(ours)
        assert process.wait() == 0
    return shown.decode(), file.read_text()


def _some(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux's way to say that nobody writes there any more
        return b""


def test_a_terminal_shows_a_line_that_changes(tmp_path: Path) -> None:
    shown, written = read(tmp_path, stdout_is_terminal=False)
    *texts, last, sync = (text.rstrip() for text in shown.split("\r\x1b[K")[1:])
    assert len(texts) >= 3
    assert all(text.startswith(f"Stream '{BY_ID}': ") for text in texts)
    assert all(len(text) < COLUMNS for text in texts)
    assert last.startswith(f"Stream '{BY_ID}' is complete: 300 records in ")
    assert sync.startswith("The sync has ended: 300 records in ")
    assert "\n" not in "".join(texts), "the line stays where it is"
    assert "\x1b" not in written


def test_messages_on_the_same_terminal_are_not_torn_apart(tmp_path: Path) -> None:
    shown, _ = read(tmp_path, stdout_is_terminal=True)
    assert "\x1b" not in shown
    assert shown.count('"type":"RECORD"') == 300


def test_a_terminal_that_goes_away_does_not_end_the_read(tmp_path: Path) -> None:
    _, written = read(tmp_path, stdout_is_terminal=False, closes_terminal=True)
    assert written.count('"type":"RECORD"') == 300
    assert '"status":"COMPLETE"' in written
