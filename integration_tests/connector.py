"""Run the connector as its users do: a command with files, over TLS, in another process.

Most commands are forks of a process that has imported the connector already. Tests of what a
process is (how it starts, its pipes, signals and kills) run the command itself.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from integration_tests import fork_server

Message = dict[str, Any]
COMMAND = Path(sys.executable).parent / "source-confluence"


class Readable(Protocol):
    """A site that is running, and how to get in there."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The settings of the connector."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What lets it find and trust the site."""


class Connector:
    """A command of the Airbyte protocol, with its files in a folder.

    Args:
        folder: For the files: `config.json`, `catalog.json`.
        site: The site to read.
        command: What to start, such as `[COMMAND]`; without it, nothing is started: it is forked.
    """

    def __init__(self, folder: Path, site: Readable, command: Sequence[str | Path] = ()) -> None:
        self.environment = {**os.environ, **site.environment}
        self.command = command
        self.config = self.written(folder / "config.json", site.config)
        self.catalog = folder / "catalog.json"

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one command: `run("check", "--config", path)`."""
        if not self.command:
            return fork_server.run("source_confluence.run", arguments, environment=self.environment)
        return subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def check(self, config: Mapping[str, object] | None = None) -> Message:
        """The answer: `{"status": "FAILED", "message": "…"}`."""
        if config is not None:
            self.written(self.config, config)
        done = self.run("check", "--config", self.config)
        [status] = [m for m in messages(done) if m["type"] == "CONNECTION_STATUS"]
        return dict(status["connectionStatus"])

    def discover(self) -> list[Message]:
        """The streams of the catalog."""
        done = self.run("discover", "--config", self.config)
        [catalog] = [m["catalog"] for m in messages(done) if m["type"] == "CATALOG"]
        return list(catalog["streams"])

    def read(self, *more: str | Path) -> subprocess.CompletedProcess[str]:
        """Discover, select everything, read."""
        selected = [
            {
                "stream": stream,
                "sync_mode": "full_refresh",
                "destination_sync_mode": "overwrite",
            }
            for stream in self.discover()
        ]
        self.written(self.catalog, {"streams": selected})
        return self.run("read", "--config", self.config, "--catalog", self.catalog, *more)

    @staticmethod
    def written(path: Path, document: object) -> Path:
        """The file, with the document in it as JSON."""
        path.write_text(json.dumps(document))
        return path


class HurriedConnector(Connector):
    """The same, on a clock on which waits take no time: see `hurried.py`.

    Args:
        bounds: How many MB a body may have, and how many seconds it may take.
    """

    def __init__(self, folder: Path, site: Readable, bounds: Sequence[str] = ("64", "60")) -> None:
        super().__init__(folder, site)
        self.report = folder / "report.json"
        self.bounds = bounds

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one command, and leave the report on it in the folder."""
        return fork_server.run(
            "integration_tests.hurried",
            [self.report, *self.bounds, *arguments],
            environment=self.environment,
        )


def messages(done: subprocess.CompletedProcess[str]) -> list[Message]:
    """What was printed, line by line."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def counts(done: subprocess.CompletedProcess[str]) -> Counter[str]:
    """The number of records of each stream."""
    return Counter(m["record"]["stream"] for m in messages(done) if m["type"] == "RECORD")


def endings(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The last status of each stream."""
    traces = [m["trace"] for m in messages(done) if m["type"] == "TRACE"]
    statuses = [trace["stream_status"] for trace in traces if "stream_status" in trace]
    return {s["stream_descriptor"]["name"]: s["status"] for s in statuses}
