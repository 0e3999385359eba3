"""Say who reads the site, as commands, and what one run of such a command takes."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from fake_confluence.catalog import configured_catalog

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
STREAMS = ("pages", "blog_posts", "space", "audit", "group")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A way to read the site.

    Args:
        name: What it is called in the table.
        command: Makes the command, of the files `config.json` and `catalog.json` of a folder.
        settings: Settings besides those that name the site.
    """

    name: str
    command: Callable[[Path], list[str]]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took.

    Args:
        wall_seconds: From the start of the process to its end.
        cpu_seconds: Of the process, with all its threads.
        peak_mb: The most memory it held.
        ids: How many different rows of each stream it printed.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    ids: Counter[str]


def ours(num_workers: int) -> Contender:
    """The connector of this project."""
    return Contender(
        name=f"ours, {num_workers} worker{'s' if num_workers > 1 else ''}",
        command=lambda folder: _read([str(BIN / "source-confluence")], folder),
        settings={"num_workers": num_workers},
    )


def published() -> Contender:
    """The published connector's way: low-code, 25 rows a request, one after the other."""
    manifest = ["--manifest-path", str(HERE / "manifest.yaml")]
    command = [str(BIN / "source-declarative-manifest")]
    return Contender(
        name="the published connector's way",
        command=lambda folder: [*_read(command, folder), *manifest],
        settings={},
    )


def bare() -> Contender:
    """`requests` and `orjson` in a loop."""
    return Contender(
        name="a bare loop, without the CDK",
        command=lambda folder: [
            sys.executable,
            "-m",
            "benchmarks.bare_loop",
            str(folder / "config.json"),
        ],
        settings={},
    )


def _read(command: list[str], folder: Path) -> list[str]:
    files = ["--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json")]
    return [*command, "read", *files]


def run(contender: Contender, site: Mapping[str, Any], folder: Path) -> Run:
    """Let it read the site once.

    Args:
        contender: Who reads.
        site: What the site said when it began: `{"config": {…}, "ca_file": "…"}`.
        folder: For its files.
    """
    _written(folder / "config.json", {**site["config"], **contender.settings})
    _written(folder / "catalog.json", configured_catalog(*STREAMS))
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": site["ca_file"]}
    output, errors = folder / "output.jsonl", folder / "errors.txt"
    with output.open("wb") as out, errors.open("wb") as err:
        began = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 (ours)
            contender.command(folder), env=environment, stdout=out, stderr=err
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{contender.name} failed: {errors.read_text()[-2000:]}")
    return Run(
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1024,
        ids=_ids(output),
    )


def _ids(output: Path) -> Counter[str]:
    """How many different rows of each stream were printed; an event of the audit log has no id."""
    seen: dict[str, set[int]] = {name: set() for name in STREAMS}
    with output.open("rb") as lines:
        for line in lines:
            if line.startswith(b'{"type":"RECORD"'):
                record = orjson.loads(line)["record"]
                data = record["data"]
                data.pop("event_id", None)
                seen[record["stream"]].add(hash(data.get("id") or orjson.dumps(data)))
    return Counter({name: len(ids) for name, ids in seen.items()})


def _written(path: Path, document: object) -> None:
    path.write_text(json.dumps(document))
