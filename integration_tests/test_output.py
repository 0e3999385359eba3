"""Output that cannot be written ends the command in one line that says why."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_confluence import Content, RunningSite, Service, serve
from fake_confluence.catalog import configured_catalog
from integration_tests.connector import COMMAND, Connector, messages
from unit_tests.streams_under_test import BY_ID, SEQUENTIAL, sizes

FULL = Path("/dev/full")
LIMITED = """if True:
    import os, resource, sys
    size, *command = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    os.execv(command[0], command)
"""
"""What `ulimit -f` does, to the byte."""

needs_a_full_device = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
levels = pytest.mark.parametrize("level", [[], ["--debug"]], ids=["", "debug"])


@pytest.fixture
def num_workers(request: pytest.FixtureRequest) -> int:
    return int(getattr(request, "param", 1))


@pytest.fixture
def site(num_workers: int) -> Iterator[RunningSite]:
    content = Content(**sizes({BY_ID: 3000}))
    with serve(Service(content), settings={"num_workers": num_workers}) as running:
        yield running


@pytest.fixture
def connector(tmp_path: Path, site: RunningSite) -> Connector:
    return Connector(tmp_path, site)


def arguments(command: str, connector: Connector, stream: str = SEQUENTIAL) -> list[str | Path]:
    """A command, with the files that it needs; it prints little but for BY_ID."""
    words: list[str | Path] = [command]
    if command != "spec":
        words += ["--config", connector.config]
    if command == "read":
        connector.written(connector.catalog, configured_catalog(stream))
        words += ["--catalog", connector.catalog]
    return words


def run_into(
    output: Path, connector: Connector, *words: str | Path, size: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that prints into a file, which may grow to so many bytes."""
    limited = [] if size is None else [sys.executable, "-c", LIMITED, str(size)]
    with output.open("wb") as file:
        return subprocess.run(
            [*limited, COMMAND, *words],
            env=connector.environment,
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )


def assert_it_says_why(done: subprocess.CompletedProcess[str], reason: str) -> None:
    [line] = done.stderr.splitlines()
    assert line.startswith(f"Standard output cannot be written: {reason}. What to do: ")
    assert done.returncode == os.EX_IOERR


@needs_a_full_device
@levels
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
def test_a_read_into_a_full_disk_ends_in_one_line(
    level: list[str], site: RunningSite, connector: Connector
) -> None:
    done = run_into(FULL, connector, *arguments("read", connector, BY_ID), *level)
    assert_it_says_why(done, "No space left on device")
    assert site.calls == [], "it asks for nothing that nobody would see"


@levels
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
def test_a_read_into_a_file_that_may_not_grow_ends_in_one_line(
    level: list[str], tmp_path: Path, connector: Connector
) -> None:
    output = tmp_path / "output"
    size = 2_500_000
    words = [*arguments("read", connector, BY_ID), *level]
    assert_it_says_why(run_into(output, connector, *words, size=size), "File too large")
    assert output.stat().st_size == size
    assert "Traceback" not in output.read_text(errors="replace")


@needs_a_full_device
@levels
@pytest.mark.parametrize("command", ["spec", "check", "discover", "read"])
def test_an_answer_that_finds_no_room_ends_in_one_line(
    command: str, level: list[str], connector: Connector
) -> None:
    done = run_into(FULL, connector, *arguments(command, connector), *level)
    assert_it_says_why(done, "No space left on device")


@needs_a_full_device
def test_help_that_finds_no_room_ends_in_one_line(connector: Connector) -> None:
    assert_it_says_why(run_into(FULL, connector, "--help"), "No space left on device")


@pytest.mark.parametrize("command", ["spec", "check", "discover", "read", "check nothing"])
def test_wherever_an_answer_is_cut_off_the_command_ends_in_one_line(
    command: str, tmp_path: Path, connector: Connector
) -> None:
    """A command that fails prints most of what it says when it is nearly over."""
    output = tmp_path / "output"
    words = arguments(command.split(maxsplit=1)[0], connector)
    if command == "check nothing":
        connector.config.unlink()

    whole = connector.run(*words)
    assert whole.returncode == (1 if command == "check nothing" else 0)
    assert whole.stderr == ""
    count = len(whole.stdout.encode())

    for size in (count // 3, count * 2 // 3, count - 100):
        done = run_into(output, connector, *words, size=size)
        assert_it_says_why(done, "File too large")
        assert output.stat().st_size == size


@needs_a_full_device
@pytest.mark.parametrize("elsewhere", ["2>/dev/full", "2>&-"], ids=["full", "closed"])
def test_where_nothing_can_be_said_at_all_the_exit_code_does(
    elsewhere: str, connector: Connector
) -> None:
    words = arguments("read", connector, BY_ID)
    command = ["sh", "-c", f'exec "$@" >/dev/full {elsewhere}', "sh", COMMAND, *words]
    done = subprocess.run(command, env=connector.environment, check=False)
    assert done.returncode == os.EX_IOERR


@needs_a_full_device
def test_what_a_thread_could_not_print_ends_the_command_too() -> None:
    program = """if True:
        import sys, threading
        from source_confluence import run
        answer = run._answer
        def aside(arguments):
            thread = threading.Thread(target=answer, args=[arguments])
            thread.start()
            thread.join()
        run._answer = aside
        run.run()
    """
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", program, "spec"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert_it_says_why(done, "No space left on device")


@pytest.mark.parametrize("words", [["spec"], ["--version"], []], ids=str)
def test_a_closed_output_is_said_in_one_line(words: list[str]) -> None:
    command = " ".join(["exec", shlex.quote(str(COMMAND)), *words, ">&-"])
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert_it_says_why(done, "it is closed")


def test_without_a_command_nor_a_place_for_the_usage_it_ends_as_usual() -> None:
    done = subprocess.run(["sh", "-c", f"exec {shlex.quote(str(COMMAND))} 2>&-"], check=False)
    assert done.returncode == 2


MAX_LOG_LINE = 10_000  # characters; a state of an incremental read may have 200,000


@levels
def test_no_log_line_of_an_incremental_read_holds_a_state(
    level: list[str], connector: Connector, tmp_path: Path
) -> None:
    catalog = connector.written(connector.catalog, configured_catalog(BY_ID, is_incremental=True))
    words: list[str | Path] = ["read", *level, "--config", connector.config, "--catalog", catalog]
    state = connector.written(tmp_path / "state.json", [])
    for _ in range(2):
        printed = messages(connector.run(*words, "--state", state))
        states = [m["state"] for m in printed if m["type"] == "STATE"]
        connector.written(state, states[-1:])
        lines = [json.dumps(m) for m in printed if m["type"] in ("LOG", "DEBUG")]
        assert len(json.dumps(states[-1])) > MAX_LOG_LINE
        assert max(map(len, lines)) <= MAX_LOG_LINE
