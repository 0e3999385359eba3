"""Say how a site refuses requests, and how long the requests of a read must take there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A way to refuse requests.

    Args:
        name: What it is called in the table.
        setting: What the site is told: `{"limiter": {"per_second": 5}}`.
        ideal_seconds: The least time in which so many requests are answered; None where whoever
            asks has no part in it.
    """

    name: str
    setting: Mapping[str, Any]
    ideal_seconds: Callable[[float], float] | None = None


def steady(per_second: float, burst: float | None = None) -> Pattern:
    """So many requests a second, and that many, or a burst, at once."""
    at_once = burst or per_second
    return Pattern(
        name=f"{per_second:.0f}/s" + (f", {burst:.0f} at once" if burst else ""),
        setting={"limiter": {"per_second": per_second, "burst": burst}},
        ideal_seconds=lambda count: max(count - at_once, 0) / per_second,
    )


def by_chance(part: float, retry_after: str) -> Pattern:
    """A part of the requests, whoever makes them, and however fast."""
    says = "" if retry_after else ", without `Retry-After`"
    return Pattern(
        name=f"{part:.0%} by chance{says}",
        setting={"chance": {"part": part, "retry_after": retry_after}},
    )


def _of_one_that_moves(count: float) -> float:
    """20 at once and 20/s for 3 seconds, 5/s for 10, then 20/s."""
    early, slow = 20 + 3 * 20, 10 * 5
    if count <= early:
        return max(count - 20, 0) / 20
    return 3 + (count - early) / 5 if count <= early + slow else 13 + (count - early - slow) / 20


_MOVES = {"per_second": 20, "later": [[3, 5], [13, 20]]}
STEADY = (steady(5), steady(20), steady(10, 50))
CHANCES = tuple(
    by_chance(part, retry_after) for retry_after in ("1", "") for part in (0.01, 0.03, 0.1)
)
PATTERNS = (
    Pattern(name="no limit", setting={}),
    *STEADY,
    Pattern(
        name="20/s, after 3 s 5/s, after 13 s 20/s",
        setting={"limiter": _MOVES},
        ideal_seconds=_of_one_that_moves,
    ),
    *CHANCES,
    Pattern(name="every third", setting={"chance": {"every": 3}}),
    Pattern(name="all in the first second", setting={"chance": {"seconds": 1}}),
    Pattern(
        name="the first two, `Retry-After: 3`", setting={"chance": {"first": 2, "retry_after": "3"}}
    ),
)
"""Each way to refuse that is measured where bodies are cheap."""

SLOW_PATTERNS = (
    Pattern(name="no limit", setting={}),
    steady(5),
    by_chance(0.1, "1"),
)
"""Those that are measured where bodies are slow."""
