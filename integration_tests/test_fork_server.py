"""A fork prints what a process of its own prints, byte by byte, and ends as that does."""

import re
import subprocess
from pathlib import Path

import pytest

from fake_confluence import Fault, Service, serve
from fake_confluence.catalog import configured_catalog
from integration_tests import fork_server
from integration_tests.connector import COMMAND, Connector
from unit_tests.streams_under_test import BY_ID, PATHS, PINNED, contents

CONTENT = contents({BY_ID: 620, PINNED: 30})
FAULTS = [
    Fault(kind="odd", path=PATHS[BY_ID], raw='"caf\udce9"'),
    Fault(kind="status", status=400, path=PATHS[PINNED], count=None),
]
CHANGING = (
    r'"emitted_at":[\d.e+]+',
    r'"readAt":"[^"]+"',
    r"\b\d+:\d\d:\d\d\.\d+|in [\d,.]+ s\b(?: \([\d,]+ a second\))?",  # how long a stream took
    r"trace [0-9a-f]{32}",
    r"localhost:\d+",
    r"'endDate': \d+",
    r'"data": {.*',  # the CDK's debug messages hold a set
)


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        ("spec", 0),
        ("check --config config.json", 0),
        ("read --config config.json --catalog catalog.json", 1),
        ("read --config config.json --catalog catalog.json --debug", 1),
        ("read --config none.json --catalog catalog.json", 1),
        ("write", 2),
    ],
)
def test_a_fork_prints_what_a_process_prints(
    command: str, exit_code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records, states, logs and traces, in the same order; files are found from where it is run."""
    monkeypatch.chdir(tmp_path)
    printed = []
    for started in ([COMMAND], []):
        with serve(Service(CONTENT, faults=FAULTS), settings={"num_workers": 1}) as site:
            connector = Connector(tmp_path, site, started)
            connector.written(connector.catalog, configured_catalog(BY_ID, PINNED))
            done = connector.run(*command.split())
        assert done.returncode == exit_code
        printed.append((re.sub("|".join(CHANGING), "…", done.stdout), done.stderr))
    assert printed[1] == printed[0]


def test_a_fork_that_does_not_end_is_ended(tmp_path: Path) -> None:
    hangs = Fault(kind="slow", seconds=20, count=None)
    with serve(Service(CONTENT, faults=[hangs])) as site:
        connector = Connector(tmp_path, site)
        with pytest.raises(subprocess.TimeoutExpired):
            fork_server.run(
                "source_confluence.run",
                ["check", "--config", connector.config],
                environment=connector.environment,
                timeout_seconds=1,
            )
    assert connector.run("spec").returncode == 0, "it takes the next command"
