"""Count what incremental reads of a large site cost, while a little of it changes.

    .venv/bin/python -m benchmarks.incremental [--pages 100000] [--seed 1]

prints a table for `benchmarks/README.md`. The connector runs as a process of its own; the site
responds at once.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fake_confluence import Content, RunningSite, Service, serve
from fake_confluence.catalog import configured_catalog
from fake_confluence.rows import PAGE_IDS

_STREAM = "pages"
_COLUMNS = ["sync", "records", "requests", "states", "rest", "largest", "wall", "CPU", "memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one sync took.

    Args:
        records: How many it brought.
        requests: How many it sent.
        states: How many it printed.
        largest: The size of the largest one, in bytes.
        last: The size of the last one, in bytes.
        seconds: From its start to its end.
        cpu_seconds: Of the connector, its start included.
        peak_bytes: Of its memory.
    """

    records: int
    requests: int
    states: int
    largest: int
    last: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    def row(self, name: str) -> str:
        """A row of the table."""
        return (
            f"| {name} | {self.records:,} | {self.requests:,} | {self.states} "
            f"| {self.last / 1000:.0f} KB | {self.largest / 1000:.0f} KB | {self.seconds:.1f} s "
            f"| {self.cpu_seconds:.1f} s | {self.peak_bytes / 2**20:.0f} MB |"
        )


class Connection:
    """Syncs one after the other, each from the state of the one before.

    Args:
        site: What is read.
        folder: For the files of the commands.
    """

    def __init__(self, site: RunningSite, folder: Path) -> None:
        self._site = site
        self._folder = folder
        self._state: list[Any] = []

    def sync(self, **settings: object) -> Cost:
        """Read once, incrementally."""
        documents = {
            "config": {**self._site.config, **settings},
            "catalog": _catalog(),
            "state": self._state,
        }
        began_at, calls_before = time.perf_counter(), len(self._site.calls)
        command = [sys.executable, "-m", "source_confluence", "read", *self._files(documents)]
        environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(self._site.ca_file)}
        records, sizes = 0, [0]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:  # noqa: S603
            assert process.stdout is not None  # noqa: S101 (it is a pipe)
            for line in process.stdout:
                records += line.startswith(b'{"type":"RECORD"')
                if line.startswith(b'{"type":"STATE"'):
                    sizes.append(len(line))
                    self._state = [json.loads(line)["state"]]
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = status
        if status:
            raise RuntimeError("The sync failed.")
        return Cost(
            records=records,
            requests=len(self._site.calls) - calls_before,
            states=len(sizes) - 1,
            largest=max(sizes),
            last=sizes[-1],
            seconds=time.perf_counter() - began_at,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss * 1024,
        )

    def _files(self, documents: Mapping[str, object]) -> list[str]:
        arguments = []
        for name, document in documents.items():
            path = self._folder / f"{name}.json"
            path.write_text(json.dumps(document))
            arguments += [f"--{name}", str(path)]
        return arguments


def _catalog() -> dict[str, Any]:
    catalog: dict[str, Any] = configured_catalog(_STREAM)
    for stream in catalog["streams"]:
        stream |= {"sync_mode": "incremental", "cursor_field": ["readAt"]}
        stream |= {"destination_sync_mode": "append_dedup", "primary_key": [["id"]]}
    return catalog


def costs(page_count: int, seed: int) -> Iterator[tuple[str, Cost]]:
    """Let things happen on a site of so many pages, and say what each sync took."""
    chance = random.Random(seed)  # noqa: S311 (nothing is kept secret by it)
    service = Service(Content(pages=page_count, spaces=200, body_bytes=500))
    ids = [str(PAGE_IDS[index]) for index in range(page_count)]

    def let_happen(act: Callable[[str], None], count: int) -> None:
        happened = 0
        for own_id in chance.sample(ids, len(ids)):
            with suppress(ValueError):  # what is archived cannot be edited or moved
                act(own_id)
                happened += 1
            if happened == count:
                return

    edit, move = service.history.edit, partial(service.history.move, parent_id=ids[0])
    with serve(service) as site, tempfile.TemporaryDirectory() as folder:
        connection = Connection(site, Path(folder))
        yield "the first", connection.sync()
        let_happen(edit, 10)
        yield "10 edited, without census", connection.sync(census="once_a_day")
        yield "nothing changed, without census", connection.sync(census="once_a_day")
        let_happen(edit, 10)
        yield "10 edited, with census", connection.sync()
        yield "nothing changed, with census", connection.sync()
        let_happen(move, page_count // 100)
        yield f"{page_count // 100:,} moved, with census", connection.sync()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    _say(f"| {' | '.join(_COLUMNS)} |")
    _say("|---" * len(_COLUMNS) + "|")
    for name, cost in costs(arguments.pages, arguments.seed):
        _say(cost.row(name))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
