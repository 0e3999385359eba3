"""Every kind of credentials in PyAirbyte, and the example that keeps what OAuth hands on."""

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from fake_confluence import Call, Content, Service
from fake_confluence.cloud import AUTH_HOST, Cloud, CloudSite
from fake_confluence.cloud_server import RunningCloud, serve_cloud
from fake_confluence.credentials import CLIENT_CREDENTIALS, CREDENTIALS, OAUTH, Grant
from fake_confluence.grants import GRACE_SECONDS
from fake_confluence.reply import Reply
from platform_tests.pyairbyte import ROOT, printed_by, run_pyairbyte
from unit_tests.streams_under_test import BY_ID

COMMAND = Path(sys.executable).parent / "source-confluence"
EXAMPLES = ROOT / "examples"
EXAMPLE = EXAMPLES / "pages_to_duckdb.py"
HOST = "acme.atlassian.net"
CONTENT = Content(pages=30, blog_posts=5)
SOON = 6
"""Requests that an access token is good for: it expires in the midst of a run, again and again."""

EACH = """
import json, sys
from pathlib import Path
import airbyte as ab

command, stream, *files = sys.argv[1:]
ids = {}
for file in map(Path, files):
    config = json.loads(file.read_text())
    source = ab.get_source("source-confluence", config=config, local_executable=command)
    source.check()
    source.select_streams([stream])
    with ab.DuckDBCache(db_path=f"{file.stem}.duckdb", cache_dir=f"cache-{file.stem}") as tables:
        ids[file.stem] = [row["id"] for row in source.read(cache=tables)[stream]]
print("\\n" + json.dumps(ids))
"""


class WithoutGrace(Cloud):
    """A cloud in which ten minutes pass after each token: a refresh token is good once, no more."""

    def reply(self, call: Call) -> Reply:
        reply = super().reply(call)
        if call.host == AUTH_HOST:
            self.clock.advance(GRACE_SECONDS + 1)
        return reply


@contextmanager
def cloud() -> Iterator[RunningCloud]:
    site = CloudSite(host=HOST, service=Service(CONTENT))
    with serve_cloud(WithoutGrace(site, grants={OAUTH: Grant(uses=SOON)})) as running:
        yield running
    assert running.refused_hosts == [], "nobody else is asked"


def run(
    running: RunningCloud, folder: Path, *arguments: str | Path, stdin: str = ""
) -> CompletedProcess[str]:
    """Run a program; nothing it prints or logs holds a secret."""
    logs = folder / "logs"
    environment = {**running.environment, "AIRBYTE_LOGGING_ROOT": str(logs)}
    done = run_pyairbyte(*arguments, folder=folder, environment=environment, stdin=stdin)
    logged = [file.read_text() for file in logs.rglob("*") if file.is_file()]
    told = "\n".join([done.stdout, done.stderr, *logged])
    assert not [secret for secret in running.cloud.secrets if secret in told]
    return done


def written(file: Path, config: dict[str, Any]) -> Path:
    file.write_text(json.dumps(config))
    return file


def test_every_kind_reads_pages_into_duckdb(tmp_path: Path) -> None:
    with cloud() as running:
        files = [written(tmp_path / f"{k}.json", running.config(k)) for k in CREDENTIALS]
        done = run(running, tmp_path, "-c", EACH, COMMAND, BY_ID, *files)
    assert [*(tmp_path / "logs").rglob("*.log")], "they were looked through"
    ids = json.loads(printed_by(done).splitlines()[-1])
    whole = sorted(row["id"] for row in CONTENT.rows(BY_ID))
    assert {kind: sorted(read) for kind, read in ids.items()} == dict.fromkeys(CREDENTIALS, whole)


def test_the_example_keeps_the_settings_for_the_next_run(tmp_path: Path) -> None:
    """And for what is still to come of this one: PyAirbyte runs check, discover and read."""
    with cloud() as running:
        config = written(tmp_path / "config.json", running.config(OAUTH, access="none"))
        for _ in range(2):
            asked = len(running.calls[AUTH_HOST])
            printed_by(run(running, tmp_path, EXAMPLE, "--config", config))
            assert len(running.calls[AUTH_HOST]) > asked + 1, "it expired in the midst"
            assert kept(config) == last_refresh_token(running)
            assert stat.S_IMODE(config.stat().st_mode) == 0o600
            running.cloud.expire(OAUTH)


def test_settings_that_are_not_kept_are_told_and_work_no_more(tmp_path: Path) -> None:
    """They come through a pipe, into which nothing can be written."""
    with cloud() as running:
        config = json.dumps(running.config(OAUTH, access="none"))
        first, second = (
            run(running, tmp_path, EXAMPLE, "--config", "/dev/stdin", stdin=config)
            for _ in range(2)
        )
    assert "/dev/stdin could not be written: " in first.stderr
    assert "works for ten more minutes. What to do: Write the settings of" in first.stderr
    printed_by(first)
    assert second.returncode == 1
    assert "auth.atlassian.com gave no access token" in second.stderr
    assert " What to do: Authorize the connector again" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("example", "result"),
    [
        ("pages_to_text", "pages.jsonl"),
        ("split_by_spaces", "parts/1/config.json"),
        ("parts_to_parquet", "parquet/pages/part-1.parquet"),
    ],
)
def test_the_other_examples_need_no_token(example: str, result: str, tmp_path: Path) -> None:
    with cloud() as running:
        config = written(tmp_path / "config.json", running.config(CLIENT_CREDENTIALS))
        printed_by(run(running, tmp_path, EXAMPLES / f"{example}.py", "--config", config))
    assert (tmp_path / "confluence" / result).stat().st_size


@pytest.mark.parametrize("example", ["split_by_spaces", "parts_to_parquet"])
def test_refresh_tokens_are_not_shared_by_connections(example: str, tmp_path: Path) -> None:
    with cloud() as running:
        config = written(tmp_path / "config.json", running.config(OAUTH))
        done = run(running, tmp_path, EXAMPLES / f"{example}.py", "--config", config)
        assert not any(running.calls.values()), "no token is used up"
    assert done.returncode == 1
    assert "The site cannot be split with OAuth 2.0 (3LO). Likely cause: " in done.stderr
    assert "Traceback" not in done.stderr


def kept(file: Path) -> str:
    return str(json.loads(file.read_text())["credentials"]["refresh_token"])


def last_refresh_token(running: RunningCloud) -> str:
    return [each for each in running.cloud.secrets if each.startswith("refresh-")][-1]
