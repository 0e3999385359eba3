"""The installed command, as another process, against the fake site over TLS."""

import base64
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest

from fake_confluence import Content, Fault, Service, serve
from integration_tests.connector import (
    COMMAND,
    Connector,
    HurriedConnector,
    counts,
    endings,
    messages,
)
from unit_tests.streams_under_test import (
    BY_CURSOR,
    BY_ID,
    BY_OFFSET,
    NAMES,
    PATHS,
    PINNED,
    account_questions,
    contents,
    request_count,
    row_counts,
    sizes,
)

ROOT = Path(__file__).parents[1]
CATALOG = ROOT / "integration_tests" / "configured_catalog.json"


def test_spec_needs_nothing() -> None:
    done = subprocess.run([COMMAND, "spec"], capture_output=True, text=True, check=True)
    assert [m["type"] for m in messages(done) if m["type"] != "LOG"] == ["SPEC"]


MODULE = [sys.executable, "-m", "source_confluence"]


@pytest.mark.parametrize(
    "command", [[sys.executable, ROOT / "main.py"], MODULE], ids=["main.py", "module"]
)
def test_it_starts_by_other_names_too(command: list[str | Path]) -> None:
    done = subprocess.run([*command, "spec"], capture_output=True, text=True, check=True)
    assert [m["type"] for m in messages(done) if m["type"] != "LOG"] == ["SPEC"]


def test_spec_imports_nothing_that_it_does_not_need() -> None:
    imported = modules_imported_by("spec")
    ours = {name for name in imported if name.startswith("source_confluence.")}
    needed = {"run", "entrypoint", "source", "output", "live_line", "shutdown", "exceptions"}
    needed |= {
        "settings",
        "settings.census",
        "settings.config",
        "settings.credentials",
        "settings.host",
        "settings.json_file",
        "settings.selection",
        "settings.values",
    }
    assert ours == {f"source_confluence.{name}" for name in needed}
    assert "pendulum" not in imported


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_version_and_the_usage_need_no_cdk(option: str) -> None:
    imported = modules_imported_by(option)
    assert "source_confluence.run" in imported
    assert "airbyte_cdk" not in imported


def modules_imported_by(argument: str) -> list[str]:
    program = f"""if True:
        import sys
        from source_confluence.run import run
        sys.argv[1:] = ["{argument}"]
        run()
        print(*sys.modules, file=sys.stderr)
    """
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stderr.split()


def test_the_version_is_that_of_the_installed_package() -> None:
    done = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"source-confluence {version('airbyte-source-confluence')}\n"


def test_without_a_command_it_prints_the_usage() -> None:
    shown = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True)
    done = subprocess.run([COMMAND], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", shown.stdout)
    for command in ("spec", "check --config", "discover --config", "read --config"):
        assert f"\n  {command}" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("frob", "invalid choice: 'frob'"),
        ("--debug", "unrecognized arguments: --debug"),
        ("spec --frob", "unrecognized arguments: --frob"),
        ("read --config c.json", "the following arguments are required: --catalog"),
        ("check --config", "argument --config: expected one argument"),
    ],
)
def test_a_wrong_command_or_option_is_named(arguments: str, words: str) -> None:
    command = [*MODULE, *arguments.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: source-confluence ")
    assert re.search(rf"\nsource-confluence[ a-z]*: error: .*{words}", done.stderr)


@pytest.mark.parametrize("num_workers", [1, 8])
def test_check_discover_and_read_a_whole_site(num_workers: int, tmp_path: Path) -> None:
    content = Content()
    with serve(Service(content), settings={"num_workers": num_workers}) as site:
        connector = Connector(tmp_path, site, [COMMAND])
        assert connector.check() == {"status": "SUCCEEDED"}
        done = connector.read()

    assert done.returncode == 0
    assert done.stderr == ""
    rows = row_counts(content)
    assert counts(done) == rows
    assert endings(done) == dict.fromkeys(NAMES, "COMPLETE")
    # The check asks for the account, and each list for one row.
    assert Counter(call.path for call in site.calls) == {
        "/wiki/rest/api/user/current": 1 + account_questions(content),
        **{PATHS[name]: 1 + request_count(name, rows[name], num_workers) for name in NAMES},
    }


def test_a_check_that_gives_up_ends_the_command(tmp_path: Path) -> None:
    """What it still waits for is left behind, and does not hold the process."""
    code = "import source_confluence.identity as c; c.DEADLINE_SECONDS = 1\n"
    code += "from source_confluence.run import run; run()"
    with serve(Service(Content(), faults=[Fault(kind="slow", seconds=30, count=None)])) as site:
        connector = Connector(tmp_path, site)
        command: list[str | Path] = [sys.executable, "-c", code]
        command += ["check", "--config", connector.config]
        started = time.monotonic()
        done = subprocess.run(
            command, env=connector.environment, capture_output=True, text=True, check=True
        )
        seconds = time.monotonic() - started
    assert "in time" in done.stdout
    assert seconds < 9, "the request itself would take ten"


def test_check_with_a_wrong_token_fails_with_what_to_do(tmp_path: Path) -> None:
    with serve(Service(Content())) as site:
        status = Connector(tmp_path, site).check({**site.config, "api_token": "expired"})

    assert status["status"] == "FAILED"
    assert status["message"].startswith(f"{site.host} did not accept the credentials (HTTP 401).")
    assert "What to do: Create an API token" in status["message"]


def test_a_failed_check_is_an_answer_not_a_failed_command(tmp_path: Path) -> None:
    with serve(Service(Content())) as site:
        connector = Connector(tmp_path, site)
        connector.written(connector.config, {**site.config, "api_token": "expired"})
        done = connector.run("check", "--config", connector.config)
    assert done.returncode == 0


def test_a_stream_that_is_refused_fails_alone(tmp_path: Path) -> None:
    refused = Fault(kind="status", status=403, path=PATHS[PINNED], count=None)
    with serve(Service(Content(), faults=[refused])) as site:
        started = time.monotonic()
        done = Connector(tmp_path, site).read()
        seconds = time.monotonic() - started

    assert done.returncode != 0
    assert endings(done) == {**dict.fromkeys(NAMES, "COMPLETE"), PINNED: "INCOMPLETE"}
    assert counts(done) == Counter({**row_counts(Content()), PINNED: 0})
    assert len([call for call in site.calls if call.path == PATHS[PINNED]]) == 3
    assert seconds < 60


def test_a_wait_is_really_waited(tmp_path: Path) -> None:
    busy = Fault(kind="status", status=429, path=PATHS[BY_OFFSET], headers={"Retry-After": "2"})
    with serve(Service(Content(), faults=[busy])) as site:
        started = time.monotonic()
        done = Connector(tmp_path, site).read()
        seconds = time.monotonic() - started

    assert done.returncode == 0
    assert seconds > 2
    reasons = [m for m in messages(done) if "RATE_LIMITED" in json.dumps(m)]
    assert len(reasons) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=401, count=None),
        Fault(kind="status", status=400, count=None),
        Fault(kind="redirect", count=None),
        Fault(kind="no_results", count=None),
        Fault(kind="status", status=403, count=None, path=PATHS[BY_OFFSET]),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
@pytest.mark.parametrize("level", [[], ["--debug"]], ids=["", "debug"])
def test_no_form_of_the_token_is_ever_printed(
    fault: Fault, level: list[str], tmp_path: Path
) -> None:
    with serve(Service(contents({}), faults=[fault])) as site:
        connector = HurriedConnector(tmp_path, site)
        checked = connector.run("check", "--config", connector.config, *level)
        done = connector.read(*level)

    email, token = site.config["email"], site.config["api_token"]
    encoded = base64.b64encode(f"{email}:{token}".encode()).decode()
    printed = checked.stdout + checked.stderr + done.stdout + done.stderr
    assert done.returncode != 0
    assert "Sending GET" in printed or not level
    for secret in (token, encoded, encoded.rstrip("=")):
        assert secret not in printed


def test_a_command_that_is_killed_leaves_no_file_with_the_token(tmp_path: Path) -> None:
    with serve(Service(Content(), faults=[Fault(kind="slow", seconds=20, count=None)])) as site:
        connector = Connector(tmp_path, site)
        left = tmp_path / "temporary"
        left.mkdir()
        arguments: list[str | Path] = ["--config", connector.config, "--catalog", CATALOG]
        with subprocess.Popen(
            [COMMAND, "read", *arguments],
            env={**connector.environment, "TMPDIR": str(left)},
            stdout=subprocess.DEVNULL,
        ) as process:
            while not site.calls:
                assert process.poll() is None, "it ended before its first request"
                time.sleep(0.05)
            process.kill()
    files = [file for file in left.rglob("*") if file.is_file()]
    assert [file for file in files if site.config["api_token"] in file.read_text()] == []
    assert list(left.iterdir()), "the CDK had made a folder there"


@pytest.mark.parametrize("num_workers", [1, 8])
def test_a_reader_that_has_enough_ends_the_command_quietly(
    num_workers: int, tmp_path: Path
) -> None:
    """As `read | head` does."""
    settings = {"num_workers": num_workers}
    with serve(Service(Content(**sizes({BY_ID: 3000}))), settings=settings) as site:
        connector = Connector(tmp_path, site)
        connector.written(connector.config, site.config)
        with subprocess.Popen(
            [COMMAND, "read", "--config", connector.config, "--catalog", CATALOG],
            env=connector.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout
            assert process.stderr
            assert b"RECORD" in next(line for line in process.stdout if b"RECORD" in line)
            process.stdout.close()
            assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


def test_a_state_that_is_none_of_ours_is_said_to_be_ignored_before_the_records(
    tmp_path: Path,
) -> None:
    with serve(Service(contents({}))) as site:
        connector = Connector(tmp_path, site)
        state = connector.written(tmp_path / "state.json", {BY_CURSOR: {"cursor": "x"}})
        done = connector.read("--state", state)

    assert done.returncode == 0
    assert done.stderr == ""
    printed = messages(done)
    [warning] = [n for n, m in enumerate(printed) if m.get("log", {}).get("level") == "WARN"]
    assert "What --state gives is no list of states" in printed[warning]["log"]["message"]
    assert "RECORD" not in [m["type"] for m in printed[:warning]]
    assert counts(done)[BY_CURSOR] == 3


def test_a_state_file_that_is_not_there_ends_in_words(tmp_path: Path) -> None:
    with serve(Service(Content())) as site:
        connector = Connector(tmp_path, site)
        before = len(site.calls)
        done = connector.read("--state", tmp_path / "none.json")

    assert done.returncode == 1
    [error] = [m["trace"]["error"] for m in messages(done) if m["type"] == "TRACE"]
    assert error["failure_type"] == "config_error"
    assert "of --state cannot be used: No such file or directory." in error["message"]
    assert len(site.calls) == before


def test_settings_that_cannot_work_end_in_words(tmp_path: Path) -> None:
    with serve(Service(Content())) as site:
        connector = Connector(tmp_path, site)
        connector.written(connector.config, {**site.config, "domain_name": "acme.com/jira"})
        done = connector.run("discover", "--config", connector.config)

    assert done.returncode != 0
    [error] = [m["trace"]["error"] for m in messages(done) if m["type"] == "TRACE"]
    assert error["failure_type"] == "config_error"
    assert "What to do: Enter the host name" in error["message"]
    assert site.calls == []
