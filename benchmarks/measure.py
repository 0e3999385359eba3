"""Let contenders read the same site in turn, several times."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contenders import Contender, Run, run

_STREAMS = {
    "pages": "pages",
    "blog_posts": "blog_posts",
    "spaces": "space",
    "audit": "audit",
    "groups": "group",
}


class Site:
    """The site, in a process of its own.

    Args:
        process: That of `benchmarks.site`.
        content: What it holds.

    Attributes:
        told: What it said when it began: `{"config": {…}, "ca_file": "…"}`.
    """

    def __init__(self, process: "subprocess.Popen[str]", content: Mapping[str, int]) -> None:
        self._process = process
        self.told = self._line()
        self.rows = {stream: content[kind] for kind, stream in _STREAMS.items()}

    def report(self, setting: Mapping[str, Any]) -> dict[str, float]:
        """What happened since the last report; from now on it is as slow as the setting says."""
        assert self._process.stdin is not None  # noqa: S101 (it is a pipe)
        self._process.stdin.write(json.dumps(setting) + "\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
        return dict(json.loads(self._process.stdout.readline()))


@contextmanager
def site(content: Mapping[str, int]) -> Iterator[Site]:
    """A site while the block runs."""
    command = [sys.executable, "-m", "benchmarks.site", json.dumps(content)]
    with subprocess.Popen(  # noqa: S603 (ours)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Site(process, content)
        finally:
            process.terminate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What one contender took, in each round.

    Args:
        contender: Who read.
        runs: The side of the reader.
        reports: The side of the site.
    """

    contender: Contender
    runs: Sequence[Run]
    reports: Sequence[Mapping[str, float]]

    def of_run(self, what: str) -> float:
        """The median: `wall_seconds`, `cpu_seconds` or `peak_mb`."""
        return float(statistics.median(getattr(each, what) for each in self.runs))

    def of_site(self, what: str) -> float:
        """The median: `requests`, `refused`, `cpu_seconds` or `busy_seconds`."""
        return statistics.median(each[what] for each in self.reports)

    @property
    def record_count(self) -> int:
        """How many records it printed in a round."""
        return self.runs[0].ids.total()


def measured(
    site: Site,
    contenders: Sequence[Contender],
    folder: Path,
    setting: Mapping[str, Any],
    *,
    rounds: int,
) -> list[Results]:
    """What each took; they take turns, so that a machine that is busy is so for all.

    Before, each reads once as fast as it can, which is not counted: the site makes its answers.

    Raises:
        SystemExit: When one did not read exactly what there is.
    """
    for contender in contenders:
        _read(site, contender, folder, {})
    both: list[list[tuple[Run, Mapping[str, float]]]] = [[] for _ in contenders]
    for _ in range(rounds):
        for contender, found in zip(contenders, both, strict=True):
            found.append(_read(site, contender, folder, setting))
    return [
        Results(contender=contender, runs=[r for r, _ in found], reports=[s for _, s in found])
        for contender, found in zip(contenders, both, strict=True)
    ]


def _read(
    site: Site, contender: Contender, folder: Path, setting: Mapping[str, Any]
) -> tuple[Run, Mapping[str, float]]:
    site.report(setting)
    one = run(contender, site.told, folder)
    report = site.report({})
    if dict(one.ids) != site.rows:
        raise SystemExit(f"{contender.name} has read {dict(one.ids)} of {site.rows}.")
    sys.stderr.write(f"  {contender.name}: {one.wall_seconds:.1f} s, {one.cpu_seconds:.1f} s CPU\n")
    return one, report
