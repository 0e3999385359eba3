"""The examples replace good results by good results alone; `scripts/test-pyairbyte`."""

import shutil
import signal
import time
from pathlib import Path

import pytest

from fake_confluence import Content, Fault, Latency, RunningSite, Service, serve
from platform_tests.pyairbyte import (
    ROOT,
    printed_by,
    run_pyairbyte,
    started_pyairbyte,
    with_config,
)

EXAMPLE = ROOT / "examples" / "pages_to_duckdb.py"
RESULTS = {
    ".gitignore",
    ".pages_to_duckdb.lock",
    "confluence.duckdb",
    "most_edited_pages.csv",
    "stale_pages_by_space.csv",
    "stale_pages_by_space.png",
    "who_writes_where.csv",
}

REPLACE = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import running

def main():
    with running.replacing(Path("results"), ["one", "two"]) as unfinished:
        (unfinished / "one").write_text("new")
        (unfinished / "two").write_text("new")

def stop(event, given):
    if event == "os.rename":
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))

if len(sys.argv) > 2:
    sys.addaudithook(stop)
running.run(main)
"""


@pytest.fixture(scope="module")
def good_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that went well."""
    folder = tmp_path_factory.mktemp("good")
    with serve(Service(Content(pages=30))) as site:
        arguments = with_config(site, folder)
        printed_by(run_pyairbyte(EXAMPLE, *arguments, folder=folder, trust=site.ca_file))
    return folder / "confluence"


@pytest.fixture
def last_results(good_run: Path, tmp_path: Path) -> Path:
    """Its results, in the folder of the next run."""
    return shutil.copytree(good_run, tmp_path / "confluence")


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def unfinished(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if entry.is_dir()]


def test_a_run_leaves_its_results_alone(good_run: Path) -> None:
    assert set(files(good_run)) == RESULTS
    assert not unfinished(good_run)


@pytest.mark.parametrize(
    ("settings", "faults", "words"),
    [
        ({"api_token": "expired"}, [], "did not accept the credentials"),
        ({}, [Fault(kind="status", status=403, path="/blogposts", count=None)], "Connector failed"),
    ],
    ids=["check", "read"],
)
def test_what_fails_keeps_the_last_results(
    settings: dict[str, str], faults: list[Fault], words: str, last_results: Path, tmp_path: Path
) -> None:
    before = files(last_results)
    with serve(Service(Content(pages=40), faults=faults)) as site:
        arguments = with_config(site, tmp_path, **settings)
        done = run_pyairbyte(EXAMPLE, *arguments, folder=tmp_path, trust=site.ca_file)
    assert done.returncode == 1
    assert words in done.stderr
    assert files(last_results) == before
    assert not unfinished(last_results)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_is_stopped_keeps_the_last_results(
    number: signal.Signals, last_results: Path, tmp_path: Path
) -> None:
    before = files(last_results)
    slow = Service(Content(pages=3_000), latency=Latency(request_seconds=0.2))
    with serve(slow) as site:
        arguments = with_config(site, tmp_path)
        running = started_pyairbyte(EXAMPLE, *arguments, folder=tmp_path, trust=site.ca_file)
        with running:
            wait_until_it_reads(site)
            running.send_signal(number)
            _, said = running.communicate(timeout=60)
    assert running.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 1)
    assert "Traceback" not in said
    assert ("Interrupted. The results" in said) == (number != signal.SIGKILL)
    assert files(last_results) == before
    assert bool(unfinished(last_results)) == (number == signal.SIGKILL), "the next run deletes it"


def test_a_second_run_at_the_same_time_leaves_the_first_alone(tmp_path: Path) -> None:
    slow = Service(Content(pages=3_000), latency=Latency(body_seconds=0.2))
    with serve(slow) as site:
        arguments = with_config(site, tmp_path)
        with started_pyairbyte(EXAMPLE, *arguments, folder=tmp_path, trust=site.ca_file) as first:
            wait_until_it_reads(site)
            of_first = unfinished(tmp_path / "confluence")
            second = run_pyairbyte(EXAMPLE, *arguments, folder=tmp_path, trust=site.ca_file)
            assert unfinished(tmp_path / "confluence") == of_first
            first.terminate()
    assert second.returncode == 1
    assert "Another run is writing to confluence/" in second.stderr
    assert "Traceback" not in second.stderr


def wait_until_it_reads(site: RunningSite) -> None:
    deadline = time.monotonic() + 120
    while sum(call.path.endswith("/pages") for call in site.calls) < 4:
        assert time.monotonic() < deadline, "the example does not read"
        time.sleep(0.1)


def test_a_run_deletes_what_a_killed_one_has_left(last_results: Path, tmp_path: Path) -> None:
    (last_results / ".pages_to_duckdb-killed" / "cache").mkdir(parents=True)
    (last_results / "confluence.duckdb.wal").touch()
    before = files(last_results)
    with serve(Service(Content(pages=40))) as site:
        arguments = with_config(site, tmp_path)
        printed_by(run_pyairbyte(EXAMPLE, *arguments, folder=tmp_path, trust=site.ca_file))
    after = files(last_results)
    assert set(after) == RESULTS
    assert not unfinished(last_results)
    kept = {name for name, content in after.items() if before[name] == content}
    assert kept == {".gitignore", ".pages_to_duckdb.lock"}, "all results are new"


@pytest.mark.parametrize(
    ("there", "ignored"), [("notes.txt", "*\n"), (".gitignore", "mine\n"), (".git", None)]
)
def test_a_folder_that_exists_is_ignored_by_git(
    there: str, ignored: str | None, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / there).write_text("mine\n")
    printed_by(run_pyairbyte("-c", REPLACE, EXAMPLE.parent, folder=tmp_path))
    of_git = folder / ".gitignore"
    assert (of_git.read_text() if of_git.exists() else None) == ignored


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_what_is_stopped_while_it_replaces_leaves_new_results(number: str, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / name).write_text("old")
    printed_by(run_pyairbyte("-c", REPLACE, EXAMPLE.parent, number, folder=tmp_path))
    assert [(folder / name).read_text() for name in ("one", "two")] == ["new", "new"]
    assert not unfinished(folder)
