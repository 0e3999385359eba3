"""The settings with the next refresh token take the place of those before, whole or not at all."""

import json
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "kept_settings.py"
OLD = {"domain_name": "acme.example", "credentials": {"refresh_token": "refresh-0"}}
NEW = {"domain_name": "acme.example", "credentials": {"refresh_token": "refresh-1"}}
NEXT = {"domain_name": "acme.example", "credentials": {"refresh_token": "refresh-2"}}


def control(config: object) -> bytes:
    inner = {"type": "CONNECTOR_CONFIG", "emitted_at": 1, "connectorConfig": {"config": config}}
    return json.dumps({"type": "CONTROL", "control": inner}).encode() + b"\n"


def record(**data: object) -> bytes:
    message = {"type": "RECORD", "record": {"stream": "x", "data": data}}
    return json.dumps(message).encode() + b"\n"


def passed(file: Path, *lines: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, EXAMPLE, file],
        input=b"".join(lines),
        capture_output=True,
        check=True,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(OLD))
    return file


def settings(file: Path) -> Any:  # noqa: ANN401 (JSON)
    return json.loads(file.read_text())


def test_the_last_settings_are_kept_and_every_line_passes(file: Path) -> None:
    lines = [record(id="1"), control(NEW), b"no message\n", control(NEXT), record(id="2")]
    done = passed(file, *lines)
    assert done.stdout == b"".join(lines)
    assert done.stderr == b""
    assert settings(file) == NEXT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "line",
    [
        record(text='{"type": "CONNECTOR_CONFIG"}'),
        record(type="CONNECTOR_CONFIG", connectorConfig={"config": NEW}),
        control(None),
        control([NEW]),
        b'{"type": "CONTROL", "CONNECTOR_CONFIG"\n',
        b'["CONNECTOR_CONFIG"]\n',
        b'{"type": "CONTROL", "control": {"type": "CONNECTOR_CONFIG"}}\n',
    ],
)
def test_what_is_no_such_message_changes_nothing(file: Path, line: bytes) -> None:
    assert passed(file, line).stdout == line
    assert settings(file) == OLD


def test_whoever_interrupts_the_connector_still_has_its_last_settings(file: Path) -> None:
    """Ctrl-C is for both processes of a pipe; the connector ends in good order, and prints on."""
    with subprocess.Popen(
        [sys.executable, EXAMPLE, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        process.stdin.write(control(NEW))
        process.stdin.flush()
        while settings(file) != NEW:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(control(NEXT), timeout=60)
    assert process.returncode == 0
    assert printed == control(NEW) + control(NEXT)
    assert settings(file) == NEXT


def test_a_link_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(file)
    passed(link, control(NEW))
    assert link.is_symlink()
    assert settings(file) == NEW


def test_a_file_that_cannot_be_written_is_said_without_a_token(tmp_path: Path) -> None:
    done = passed(tmp_path / "missing" / "config.json", control(NEW))
    assert done.stdout == control(NEW)
    assert b"could not be written: No such file or directory." in done.stderr
    assert b"refresh-1" not in done.stderr
