"""Measure how many differences a sketch names, and what it costs.

`.venv/bin/python -m benchmarks.sketch` prints two tables in about six minutes.
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable, Collection, Sequence
from random import Random
from statistics import median

from source_confluence.exceptions import TooManyDifferencesError
from source_confluence.reading.sketch import CELLS, Element, Sketch

SIZES = (300, CELLS)
LOADS = (0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.72, 0.74, 0.76, 0.78, 0.8, 0.85, 0.9, 0.95)
ROW_COUNTS = (0, 100, 1_000, 10_000, 1_000_000)
ROUNDS = 3
_ELEMENT_BITS = 96


def decoding(trials: int, seed: int) -> str:
    """How often all differences are named, by load and size."""
    random = Random(seed)  # noqa: S311 (the same elements each time)
    lines = [
        "| differences a cell | " + " | ".join(f"in {cells:,} cells" for cells in SIZES) + " |",
        "|---|" + "---|" * len(SIZES),
    ]
    for load in LOADS:
        sys.stderr.write(f" {load:.2f} a cell\n")
        parts = [_named(random, round(load * cells), cells, trials) for cells in SIZES]
        lines.append(f"| {load:.2f} | " + " | ".join(parts) + " |")
    return "\n".join(lines)


def _named(random: Random, difference_count: int, cells: int, trials: int) -> str:
    """`1,680: always`, `1,920: 731 of 1,000`."""
    count = sum(_is_named(random, difference_count, cells) for _ in range(trials))
    often = {trials: "always", 0: "never"}.get(count, f"{count:,} of {trials:,}")
    return f"{difference_count:,}: {often}"


def _is_named(random: Random, difference_count: int, cells: int) -> bool:
    """Whether so many are named, of which half are new and half are gone."""
    only_now = _elements(random, difference_count // 2)
    only_then = _elements(random, difference_count - len(only_now))
    try:
        found = _sketch(only_now, cells).minus(_sketch(only_then, cells))
    except TooManyDifferencesError:
        return False
    if found != (only_now, only_then):
        raise SystemExit(f"Of {difference_count} differences, wrong ones were named.")
    return True


def costs(seed: int, row_counts: Sequence[int] = ROW_COUNTS) -> str:
    """CPU and size, by the number of rows, with the default number of cells."""
    random = Random(seed)  # noqa: S311 (the same elements each time)
    lines = [
        "| rows | CPU to enter them | to save | to load | to subtract | saved |",
        "|---|---|---|---|---|---|",
        *(_costs_of(_elements(random, row_count)) for row_count in row_counts),
    ]
    return "\n".join(lines)


def _costs_of(elements: Collection[Element]) -> str:
    sketch = _sketch(elements)
    text = sketch.saved()
    acts = (lambda: Sketch.of(text), lambda: sketch.minus(sketch))
    enter, *others = (_cpu_seconds(act) for act in (lambda: _sketch(elements), sketch.saved, *acts))
    parts = [f"{enter:.2f} s", *(f"{1000 * each:.1f} ms" for each in others)]
    return f"| {len(elements):,} | " + " | ".join(parts) + f" | {len(text):,} characters |"


def _cpu_seconds(act: Callable[[], object]) -> float:
    """The median of a few times."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        act()
        found.append(time.process_time() - began)
    return median(found)


def _elements(random: Random, count: int) -> set[Element]:
    return {random.getrandbits(_ELEMENT_BITS) for _ in range(count)}


def _sketch(elements: Collection[Element], cells: int = CELLS) -> Sketch:
    sketch = Sketch(cells)
    for element in elements:
        sketch.add(element)
    return sketch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sketch", description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000, help="%(default)s by default")
    parser.add_argument("--seed", type=int, default=14, help="%(default)s by default")
    chosen = parser.parse_args()
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    sys.stdout.write(
        f"{decoding(chosen.trials, chosen.seed)}\n\n"
        f"({chosen.trials:,} trials of each, seed {chosen.seed}.)\n\n"
        f"{costs(chosen.seed)}\n\n"
        f"(Medians of {ROUNDS} times, seed {chosen.seed}; {machine}.)\n"
    )


if __name__ == "__main__":
    main()
