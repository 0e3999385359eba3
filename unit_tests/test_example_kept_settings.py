"""The settings with the next refresh token take the place of those before, whole or not at all."""

import json
import os
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
        check=False,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(OLD))
    return file


def settings(file: Path) -> Any:  # noqa: ANN401 (JSON)
    return json.loads(file.read_text())


def test_the_last_settings_are_kept_and_every_other_line_passes(file: Path) -> None:
    """Those that are kept do not pass: they hold secrets, and the messages may go anywhere."""
    lines = [record(id="1"), control(NEW), b"no message\n", control(NEXT), record(id="2")]
    done = passed(file, *lines)
    assert done.stdout == lines[0] + lines[2] + lines[4]
    assert (done.stderr, done.returncode) == (b"", 0)
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


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_whoever_stops_the_connector_still_has_its_last_settings(
    file: Path, stop: signal.Signals
) -> None:
    """Both processes of a pipe get the signal; the connector ends in good order, and prints on."""
    with subprocess.Popen(
        [sys.executable, EXAMPLE, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        process.stdin.write(control(NEW))
        process.stdin.flush()
        while settings(file) != NEW:
            time.sleep(0.01)
        process.send_signal(stop)
        printed, _ = process.communicate(record(id="1") + control(NEXT), timeout=60)
    assert process.returncode == 0
    assert printed == record(id="1")
    assert settings(file) == NEXT


def with_output(output: int, file: Path, *lines: bytes) -> tuple[int, bytes]:
    done = subprocess.run(
        [sys.executable, EXAMPLE, file],
        input=b"".join(lines),
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("count", [1, 1000], ids=["at the end", "in the midst"])
def test_settings_are_kept_though_nobody_takes_the_messages(file: Path, count: int) -> None:
    """`… | kept_settings.py config.json | head`: the connector prints on until it has ended."""
    taker, output = os.pipe()
    os.close(taker)
    try:
        lines = [record(text="x" * 100)] * count
        assert with_output(output, file, *lines, control(NEXT), *lines) == (1, b"")
    finally:
        os.close(output)
    assert settings(file) == NEXT


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_settings_are_kept_though_the_disk_of_the_messages_is_full(file: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        code, said = with_output(full.fileno(), file, record(id="1"), control(NEXT))
    assert code == 1
    assert said == b"The messages could not be passed on: No space left on device.\n"
    assert settings(file) == NEXT


def test_a_link_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(file)
    passed(link, control(NEW))
    assert link.is_symlink()
    assert settings(file) == NEW


def test_a_file_that_cannot_be_written_is_said_without_a_token(tmp_path: Path) -> None:
    """The message passes then, because what it holds is nowhere else."""
    done = passed(tmp_path / "missing" / "config.json", control(NEW), record(id="1"))
    assert done.stdout == control(NEW) + record(id="1")
    assert done.returncode == 1
    assert b"could not be written: No such file or directory." in done.stderr
    assert b"refresh-1" not in done.stderr
