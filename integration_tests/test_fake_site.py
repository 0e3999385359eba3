"""A site to play with in one step: what `python -m fake_confluence` prints works as it stands."""

import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fake_confluence import Call, Content
from fake_confluence.faults import planned_faults
from unit_tests.streams_under_test import row_counts

START = [sys.executable, "-m", "fake_confluence"]


@contextmanager
def started(
    folder: Path, *options: str, stdout: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """A site that keeps its files in a folder of this folder."""
    folder.mkdir(exist_ok=True)
    with subprocess.Popen(
        [*START, *options],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    ) as site:
        try:
            yield site
        finally:
            site.terminate()


def printed_by(site: subprocess.Popen[str]) -> str:
    """What it prints for people, which ends by saying how to stop it."""
    assert site.stderr
    lines: list[str] = []
    while not lines or not lines[-1].startswith("Ctrl-C"):
        lines.append(site.stderr.readline())
        assert lines[-1], "it ended"
    return "".join(lines)


def test_the_commands_that_are_printed_work_when_they_are_pasted(tmp_path: Path) -> None:
    with started(tmp_path / "a folder's") as site:
        commands = re.findall(r"^REQUESTS_CA_BUNDLE=.+$", printed_by(site), re.MULTILINE)
        check, read = [
            subprocess.run(
                ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
            )
            for command in commands
        ]
    assert '"status":"SUCCEEDED"' in check.stdout
    assert (read.stdout, read.stderr) == ("", "")
    messages = map(json.loads, (tmp_path / "messages.jsonl").read_text().splitlines())
    counts = Counter(m["record"]["stream"] for m in messages if m["type"] == "RECORD")
    assert counts == row_counts(Content())


def test_on_a_terminal_it_prints_no_json(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with started(tmp_path, stdout=theirs) as site:
        printed_by(site)
    os.set_blocking(ours, False)
    with pytest.raises(BlockingIOError):
        os.read(ours, 1)
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["", "json"])
def test_a_program_reads_one_line_of_json(options: list[str], tmp_path: Path) -> None:
    with started(tmp_path, *options) as site:
        assert site.stdout
        line = json.loads(site.stdout.readline())
    assert set(line) == {"config", "ca_file"}
    assert line["config"]["domain_name"].startswith("localhost:")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_however_it_is_stopped_it_leaves_no_files(number: signal.Signals, tmp_path: Path) -> None:
    with started(tmp_path) as site:
        printed_by(site)
        [folder] = tmp_path.iterdir()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
        site.send_signal(number)
        site.wait(timeout=60)
    assert modes["config.json"] == 0o600
    assert {"ca.pem", "catalog.json"} < set(modes)
    assert list(tmp_path.iterdir()) == []
    assert site.returncode == 0


def test_its_help_says_what_each_option_is_and_its_default() -> None:
    done = subprocess.run([*START, "--help"], capture_output=True, text=True, check=True)
    options = done.stdout.split("\noptions:\n")[1].split("\n\n")[0]
    each = re.findall(r"^  --([\w-]+)(.*(?:\n   .*)*)", options, re.MULTILINE)
    assert len(each) > 10
    for name, words in each:
        assert name == "json" or "(default: " in " ".join(words.split()), name


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ('[{"kind": "status", "statuss": 503}]', "There is no 'statuss' in a fault, only: kind, "),
        ('[{"status": 503}]', "A fault has no 'kind', one of: "),
        ('[{"kind": "stat"}]', "There is no fault 'stat', only: "),
        ('{"kind": "status"}', "It is no list of objects such as "),
        ("[{", "--faults: "),
    ],
)
def test_a_file_of_faults_that_is_wrong_is_refused_with_what_it_may_hold(
    faults: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "faults.json"
    file.write_text(faults)
    done = subprocess.run([*START, "--faults", file], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]


def test_the_faults_in_its_help_are_understood() -> None:
    done = subprocess.run([*START, "--help"], capture_output=True, text=True, check=True)
    [example] = re.findall(r"\[\{.*?\}\]", " ".join(done.stdout.split()))
    [fault] = planned_faults(json.loads(example))
    assert fault.path
    call = Call(method="GET", path=f"/wiki{fault.path}", params=(), headers={})
    assert fault.concerns(call, 99)
