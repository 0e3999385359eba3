"""Measure, and print tables: `scripts/bench`, or `scripts/bench near --rounds 1`."""

import argparse
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.chart import bars
from benchmarks.contenders import Contender, bare, ours, published
from benchmarks.limits import PATTERNS, SLOW_PATTERNS, Pattern
from benchmarks.measure import Results, measured, site
from source_confluence.settings.config import DEFAULT_NUM_WORKERS

HERE = Path(__file__).parent
CONTENT = {
    "pages": 20_000,
    "blog_posts": 2_000,
    "spaces": 200,
    "audit": 10_000,
    "groups": 500,
    "body_bytes": 5_000,
    "most_body_bytes": 10_000,
}
NOTHING = {**CONTENT, "pages": 0, "blog_posts": 0, "spaces": 0, "audit": 0, "groups": 0}
FEW = {**NOTHING, "pages": 20_000, "spaces": 200}
SOME = {**NOTHING, "pages": 10_000, "spaces": 200}
MANY = {**FEW, "pages": 200_000}
NEAR = {"request_seconds": 0.05, "body_seconds": 0.004}
CHEAP = {"request_seconds": 0.05, "body_seconds": 0.0005}
FAR = {"request_seconds": 0.15, "body_seconds": 0.006}
JITTER = 0.2
CONTENDERS = (published(), bare(), ours(1), ours(8), ours(DEFAULT_NUM_WORKERS))


def near(folder: Path, rounds: int) -> str:
    """The wall time of each contender at 50 ms a request and 4 ms a body."""
    return _speed(folder, rounds, "near", NEAR, CONTENDERS)


def far(folder: Path, rounds: int) -> str:
    """The wall time at 150 ms a request and 6 ms a body; the bare loop would be like one worker."""
    contenders = [each for each in CONTENDERS if each.name != bare().name]
    return _speed(folder, rounds, "far", FAR, contenders)


def _speed(
    folder: Path,
    rounds: int,
    name: str,
    latency: Mapping[str, float],
    contenders: Sequence[Contender],
) -> str:
    with site(CONTENT) as reached:
        setting = {"latency": {**latency, "jitter": JITTER}}
        found = measured(reached, contenders, folder, setting, rounds=rounds)
    walls = [(each.contender.name, each.of_run("wall_seconds")) for each in found]
    request_ms, body_ms = (1000 * seconds for seconds in latency.values())
    heading = f"The whole site, at {request_ms:.0f} ms a request and {body_ms:.0f} ms a body"
    (folder / f"{name}.svg").write_text(bars(heading, walls, "s"))
    slowest = walls[0][1]
    lines = [
        "| | wall time | faster | records/s | requests | peak memory | CPU | the site's CPU |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.contender.name} | {wall:.1f} s | {slowest / wall:.1f} × "
        f"| {each.record_count / wall:,.0f} | {each.of_site('requests'):,.0f} "
        f"| {each.of_run('peak_mb'):.0f} MB | {each.of_run('cpu_seconds'):.1f} s "
        f"| {each.of_site('cpu_seconds'):.1f} s |"
        for each, (_, wall) in zip(found, walls, strict=True)
    ]
    return "\n".join(lines)


def cpu(folder: Path, rounds: int) -> str:
    """The CPU of each contender on a site that answers at once, without that of its start."""
    with site(NOTHING) as empty:
        starts = measured(empty, CONTENDERS, folder, {}, rounds=rounds)
    with site(CONTENT) as reached:
        found = measured(reached, CONTENDERS, folder, {}, rounds=rounds)

    def net(i: int) -> float:
        return found[i].of_run("cpu_seconds") - starts[i].of_run("cpu_seconds")

    [floor] = [i for i, each in enumerate(found) if each.contender.name == bare().name]
    lines = [
        "| | CPU of the start | CPU of the read | to the bare loop | site's CPU |",
        "|---|---|---|---|---|",
    ]
    for i, each in enumerate(found):
        lines.append(
            f"| {each.contender.name} | {starts[i].of_run('cpu_seconds'):.2f} s | {net(i):.2f} s "
            f"| {net(i) / net(floor):.2f} × | {each.of_site('cpu_seconds'):.2f} s |"
        )
    return "\n".join(lines)


def limit(folder: Path, rounds: int) -> str:
    """How well the connector lives with a site that refuses requests, where bodies are cheap."""
    return _limit(folder, rounds, CONTENT, CHEAP, PATTERNS)


def slow_limit(folder: Path, rounds: int) -> str:
    """The same where a batch of bodies takes a second: 10,000 pages."""
    return _limit(folder, rounds, SOME, NEAR, SLOW_PATTERNS)


def _limit(
    folder: Path,
    rounds: int,
    content: Mapping[str, int],
    latency: Mapping[str, float],
    patterns: Sequence[Pattern],
) -> str:
    lines = [
        "| refused | 1 worker | 16 workers | 16 to 1 | ideal | 16 to the ideal | requests of 16 |",
        "|---|---|---|---|---|---|---|",
    ]
    with site(content) as reached:
        for pattern in patterns:
            sys.stderr.write(f" {pattern.name}\n")
            setting = {"latency": {**latency, "jitter": JITTER}, **pattern.setting}
            contenders = [ours(1), ours(DEFAULT_NUM_WORKERS)]
            one, many = measured(reached, contenders, folder, setting, rounds=rounds)
            lines.append(_limit_row(pattern, one, many))
    return "\n".join(lines)


def _limit_row(pattern: Pattern, one: Results, many: Results) -> str:
    """Times from the first to the last request; the ideal is for the requests that one needs."""
    alone, together = (each.of_site("busy_seconds") for each in (one, many))
    requests, refused = (many.of_site(what) for what in ("requests", "refused"))
    ideal = "| - | - "
    if pattern.ideal_seconds:
        least = pattern.ideal_seconds(one.of_site("requests") - one.of_site("refused"))
        ideal = f"| {least:.1f} s | {together / least:.2f} × "
    return (
        f"| {pattern.name} | {alone:.1f} s | {together:.1f} s | {together / alone:.2f} × {ideal}"
        f"| {requests:.0f}, {refused / requests:.0%} of them refused |"
    )


def memory(folder: Path, rounds: int) -> str:
    """Whether the peak grows with the site."""
    contenders = [ours(1), ours(DEFAULT_NUM_WORKERS)]
    by_size: dict[int, list[Results]] = {}
    for content in (FEW, MANY):
        with site(content) as reached:
            by_size[content["pages"]] = measured(reached, contenders, folder, {}, rounds=rounds)
    lines = [
        "| | " + " | ".join(f"{n:,} pages" for n in by_size) + " | growth |",
        "|---|---|---|---|",
    ]
    for i, contender in enumerate(contenders):
        few, many = (found[i].of_run("peak_mb") for found in by_size.values())
        lines.append(f"| {contender.name} | {few:.0f} MB | {many:.0f} MB | {many / few:.2f} × |")
    return "\n".join(lines)


def workers(folder: Path, rounds: int) -> str:
    """What more workers bring."""
    latency = {**NEAR, "jitter": JITTER}
    with site(CONTENT) as reached:
        contenders = [ours(n) for n in (2, 4, 8, 12, 16, 25)]
        found = measured(reached, contenders, folder, {"latency": latency}, rounds=rounds)
    lines = ["| | wall time | CPU | peak memory |", "|---|---|---|---|"]
    lines += [
        f"| {each.contender.name} | {each.of_run('wall_seconds'):.1f} s "
        f"| {each.of_run('cpu_seconds'):.1f} s | {each.of_run('peak_mb'):.0f} MB |"
        for each in found
    ]
    return "\n".join(lines)


PARTS: Mapping[str, Callable[[Path, int], str]] = {
    "near": near,
    "far": far,
    "cpu": cpu,
    "limit": limit,
    "slow_limit": slow_limit,
    "memory": memory,
    "workers": workers,
}


def main() -> None:
    """Measure what is asked for, print it, and put it into `benchmarks/README.md` on request."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("part", nargs="*", help=f"{', '.join(PARTS)}; all, when none is named")
    parser.add_argument("--rounds", type=int, default=3, help="%(default)s by default")
    parser.add_argument("--write", action="store_true", help="put the tables into the README")
    chosen = parser.parse_args()
    if unknown := set(chosen.part) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}, only: {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for part in chosen.part or PARTS:
            sys.stderr.write(f"==> {part}\n")
            table = PARTS[part](folder, chosen.rounds)
            sys.stdout.write(f"\n{part}, medians of {chosen.rounds}:\n\n{table}\n")
            sys.stdout.flush()
            if chosen.write:
                _write(part, table, folder, chosen.rounds)


def _write(part: str, table: str, folder: Path, rounds: int) -> None:
    """Put a table between its marks in the README, and the picture beside it."""
    readme = HERE / "README.md"
    begin, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
    pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    times = "once" if rounds == 1 else f"{rounds} times, medians"
    block = f"{begin}\n{table}\n\n(Each {times}; {machine}.)\n{end}"
    readme.write_text(pattern.sub(lambda _: block, readme.read_text()))
    for picture in folder.glob(f"{part}.svg"):
        (HERE / picture.name).write_text(picture.read_text())


if __name__ == "__main__":
    main()
