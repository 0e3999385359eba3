"""The example that reads the parts of a site side by side; `scripts/test-pyairbyte`."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fake_confluence import Content, Fault, Latency, Service, serve
from platform_tests.pyairbyte import (
    ROOT,
    printed_by,
    run_pyairbyte,
    started_pyairbyte,
    with_config,
)

READ = ROOT / "examples" / "parts_to_parquet.py"
STREAMS = ("pages", "blog_posts", "space", "audit", "group")
CONTENT = Content(pages=700, blog_posts=40, spaces=7, audit=1_100, groups=5)

ROWS = """
import json, sys
import pyarrow.parquet as pq
folder, *streams = sys.argv[1:]
print(json.dumps({name: pq.read_table(f"{folder}/{name}").to_pylist() for name in streams}))
"""
TABLE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import parquet_part, pyarrow.parquet as pq
parquet_part.MAX_GROUP_ROWS = 2
fields = {"id": {"type": "string"}, "position": {"type": ["null", "integer"]}, "body": {}}
table = parquet_part.Table(Path("t.parquet"), parquet_part.schema_of({"properties": fields}))
for row in json.load(open("rows.json")):
    table.add(row)
table.close()
file = pq.ParquetFile("t.parquet")
print(json.dumps([file.num_row_groups, table.count, file.read().to_pylist()]))
"""
CLUSTER = """
import sys
from dask.distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


def rows_in(data_set: Path, *streams: str) -> dict[str, list[dict[str, Any]]]:
    done = run_pyairbyte("-c", ROWS, data_set, *streams, folder=data_set.parent)
    read: dict[str, list[dict[str, Any]]] = json.loads(printed_by(done))
    return read


def assert_it_is_the_site(data_set: Path) -> None:
    """Every page, blog post and space once, with what Confluence said of it."""
    for name, rows in rows_in(data_set, *STREAMS[:3]).items():
        expected = {row["id"]: row for row in CONTENT.rows(name)}
        assert Counter(row["id"] for row in rows) == Counter(expected.keys()), name
        for row in rows:
            of_site = expected[row["id"]]
            assert row.get("title") == of_site.get("title")
            for field in ("body", "version", "_links"):
                assert json.loads(row.get(field) or "null") == of_site.get(field)


def files(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def good_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that went well."""
    folder = tmp_path_factory.mktemp("good")
    with serve(Service(CONTENT)) as site:
        arguments = with_config(site, folder)
        done = run_pyairbyte(
            READ, *arguments, "--streams", *STREAMS, folder=folder, trust=site.ca_file
        )
    assert "Part 3 is read: " in printed_by(done)
    assert "twice" not in done.stdout
    return folder / "confluence"


def test_the_parts_together_are_the_site(good_run: Path) -> None:
    data_set = good_run / "parquet"
    assert {entry.name for entry in data_set.iterdir()} == set(STREAMS)
    for name in STREAMS:
        count = 1 if name in ("audit", "group") else 3
        assert len(list((data_set / name).iterdir())) == count
    assert_it_is_the_site(data_set)
    of_site = rows_in(data_set, "audit", "group")
    assert len({row["event_id"] for row in of_site["audit"]}) == CONTENT.audit
    assert len(of_site["audit"]) == CONTENT.audit
    assert {row["creationDate"] for row in of_site["audit"]} == {
        row["creationDate"] for row in CONTENT.rows("audit")
    }
    assert len(of_site["group"]) == CONTENT.groups


def test_a_run_leaves_its_data_set_alone(good_run: Path) -> None:
    assert {entry.name for entry in good_run.iterdir()} == {
        ".gitignore",
        ".parts_to_parquet.lock",
        "parquet",
    }


def test_a_part_that_fails_ends_the_run_and_keeps_the_data_set(good_run: Path) -> None:
    before = files(good_run)
    refused = Fault(kind="status", status=403, path="/audit", count=None)
    with serve(Service(CONTENT, faults=[refused])) as site:
        arguments = with_config(site, good_run.parent)
        done = run_pyairbyte(
            READ, *arguments, "--streams", *STREAMS, folder=good_run.parent, trust=site.ca_file
        )
    assert done.returncode == 1
    assert "Part 3 was not read, so the data set stays as it was" in done.stderr
    assert "lacks the global permission 'Confluence administrator'" in done.stderr
    assert "Traceback" not in done.stderr
    assert str(site.config["api_token"]) not in done.stdout + done.stderr
    assert files(good_run) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_stopped_keeps_the_data_set(
    number: signal.Signals, good_run: Path, tmp_path: Path
) -> None:
    before = files(good_run)
    slow = Service(CONTENT, latency=Latency(request_seconds=0.3, body_seconds=0.02))
    with serve(slow) as site:
        arguments = (*with_config(site, tmp_path), "--folder", good_run)
        with started_pyairbyte(READ, *arguments, folder=tmp_path, trust=site.ca_file) as running:
            wait_until_parts_are_read(running)
            running.send_signal(number)
            _, said = running.communicate(timeout=60)
    assert running.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 1)
    assert ("Interrupted. The results" in said) == (number != signal.SIGKILL)
    left = {file: content for file, content in files(good_run).items() if file in before}
    assert left == before


def test_a_worker_that_is_lost_is_replaced(tmp_path: Path) -> None:
    slow = Service(CONTENT, latency=Latency(request_seconds=0.3, body_seconds=0.02))
    with serve(slow) as site:
        arguments = with_config(site, tmp_path)
        with started_pyairbyte(READ, *arguments, folder=tmp_path, trust=site.ca_file) as running:
            connectors = wait_until_parts_are_read(running)
            os.kill(parent(connectors[0]), signal.SIGKILL)
            printed, said = running.communicate(timeout=120)
    assert running.returncode == 0, printed + said
    assert_it_is_the_site(tmp_path / "confluence" / "parquet")


def wait_until_parts_are_read(running: subprocess.Popen[str]) -> list[int]:
    """The three connectors that the workers have started."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        reading = [pid for pid in descendants(running.pid) if " read --config" in command(pid)]
        if len(reading) == 3:
            return reading
        time.sleep(0.1)
    raise AssertionError("the parts are not read side by side")


def descendants(pid: int) -> Iterator[int]:
    done = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    for child in map(int, done.stdout.split()):
        yield child
        yield from descendants(child)


def command(pid: int) -> str:
    return ps(pid, "args=")


def parent(pid: int) -> int:
    return int(ps(pid, "ppid="))


def ps(pid: int, column: str) -> str:
    done = subprocess.run(
        ["ps", "-ww", "-o", column, "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


@contextmanager
def cluster(folder: Path, trust: Path) -> Iterator[str]:
    """The address of a scheduler whose workers know nothing of the examples."""
    (folder / "cluster.py").write_text(CLUSTER)
    with started_pyairbyte("cluster.py", folder=folder, trust=trust, stdin=True) as running:
        assert running.stdout
        try:
            yield running.stdout.readline().strip()
        finally:
            running.communicate(timeout=60)


def test_it_reads_on_a_cluster_by_its_address(tmp_path: Path) -> None:
    with serve(Service(CONTENT)) as site:
        arguments = with_config(site, tmp_path)
        with cluster(tmp_path, site.ca_file) as address:
            done = run_pyairbyte(
                READ, *arguments, "--scheduler", address, folder=tmp_path, trust=site.ca_file
            )
    printed_by(done)
    assert_it_is_the_site(tmp_path / "confluence" / "parquet")


def test_a_table_keeps_every_field_and_is_written_group_by_group(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "1", "position": 2**31, "body": {"storage": {"value": "é"}}},
        {"id": "2", "position": None, "subtype": "live", "labels": ["a"]},
        {"id": 3},
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    done = run_pyairbyte("-c", TABLE, READ.parent, folder=tmp_path)
    groups, count, written = json.loads(printed_by(done))
    assert (groups, count) == (2, 3)
    empty = {"position": None, "body": None, "other_fields": None}
    assert written == [
        {**empty, "id": "1", "position": 2**31, "body": '{"storage": {"value": "é"}}'},
        {**empty, "id": "2", "other_fields": '{"subtype": "live", "labels": ["a"]}'},
        {**empty, "id": "3"},
    ]


def test_it_needs_no_account(tmp_path: Path) -> None:
    printed_by(run_pyairbyte(READ, folder=tmp_path))
    assert len(list((tmp_path / "demo" / "parquet" / "pages").iterdir())) == 3
