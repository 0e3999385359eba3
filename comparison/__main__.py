"""Compare what this checkout prints, as it is, with another version: `scripts/compare 320933f`.

    scripts/compare 320933f               # a commit
    scripts/compare ../before             # another checkout, as it is
    scripts/compare . --only audit        # itself, in the scenarios that are named so

For each scenario it says whether both versions print the same, and if not, what differs: `-` is
the other version, `+` this one. At the end stands every text that only one of them has said. Ends
with 0 when all is the same, else with 1.

With several workers, a difference counts when it comes three times: threads leave some to chance.
"""

import argparse
import difflib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from comparison.catalog import scenarios
from comparison.normal import normal, texts
from comparison.resumed import resumed
from comparison.scenario import Scenario, printed
from comparison.starter import Starters, starters
from comparison.versions import NoVersionError, Versions, copied

_ATTEMPTS = 3
_LONGEST_LINE = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What both versions printed.

    Args:
        scenario: What was done.
        other: Normal lines of the other version.
        this: Normal lines of this one.
    """

    scenario: Scenario
    other: Sequence[str]
    this: Sequence[str]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return self.other == self.this

    def report(self) -> str:
        """One line, and below it what differs."""
        if self.is_same:
            return f"same       {self.scenario.name}"
        lines = difflib.unified_diff(self.other, self.this, "other", "this", lineterm="", n=1)
        return "\n".join([f"DIFFERENT  {self.scenario.name}", *map(_shortened, lines)])


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"


def main() -> int:
    """Compare, and tell; the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("version", help="a commit, or the folder of another checkout")
    parser.add_argument("--only", default="", help="what the names of scenarios must hold")
    parser.add_argument("--jobs", type=int, default=3, help="how many are compared at a time")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="versions-") as folder,
        starters(options.jobs) as started,
        ThreadPoolExecutor(options.jobs) as pool,
    ):
        try:
            versions = copied(options.version, Path(folder))
        except NoVersionError as error:
            parser.error(str(error))
        outcomes = []
        for outcome in _outcomes(versions, options.only, pool, started):
            print(outcome.report(), flush=True)
            outcomes.append(outcome)
    print(summary(outcomes))
    return 0 if all(outcome.is_same for outcome in outcomes) else 1


def _outcomes(
    versions: Versions, only: str, pool: Executor, starters: Starters
) -> Iterator[Outcome]:
    """In the order of the list, each as soon as it is there."""
    listed = [*scenarios(), *resumed(versions, pool, starters)]
    wanted = [scenario for scenario in listed if only in scenario.name]
    return pool.map(lambda scenario: _compared(scenario, versions, starters), wanted)


def _compared(scenario: Scenario, versions: Versions, starters: Starters) -> Outcome:
    attempts = _ATTEMPTS if scenario.num_workers > 1 else 1
    outcome = _run(scenario, versions, starters)
    while not outcome.is_same and (attempts := attempts - 1):
        outcome = _run(scenario, versions, starters)
    return outcome


def _run(scenario: Scenario, versions: Versions, starters: Starters) -> Outcome:
    return Outcome(
        scenario=scenario,
        other=normal(printed(scenario, versions.other, starters), scenario),
        this=normal(printed(scenario, versions.this, starters), scenario),
    )


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many differ, and the texts that only one of the versions has said."""
    other = {text for outcome in outcomes for text in texts(outcome.other)}
    this = {text for outcome in outcomes for text in texts(outcome.this)}
    different = sum(not outcome.is_same for outcome in outcomes)
    lines = [f"\n{different} of {len(outcomes)} scenarios are different."]
    for who, told in (("the other version", other - this), ("this one", this - other)):
        lines += [f"Only {who} says:", *(f"  {text}" for text in sorted(told))] if told else []
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
