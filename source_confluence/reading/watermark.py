"""Know up to when a list by date was read, and which window of it is next.

    {"of": "acme.atlassian.net/wiki/rest/api/audit", "watermark": 1795348800000,
     "recent": ["9f86d081884c7d65"]}

While a window is read, its bounds, the place in it and what is near its end are there as well:

    {…, "startDate": 1795345200000, "endDate": 1795350000000, "start": 2000,
     "rowBefore": "2c26b46b68ffc68f", "seen": ["fcde2b2edba56bf4"]}

Rows are written minutes after what they tell of. So each window begins an hour before the end of
the one before, and what was told of that hour is known by a digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from source_confluence.paging.pager import Position
from source_confluence.reading.state import is_like, position_in, state_at

OVERLAP_MS = 60 * 60 * 1000
"""By how much a window overlaps the one before."""

MAX_WINDOW_MS = 7 * 24 * 60 * 60 * 1000
"""From its first instant to its last one; the first read is one window all the same."""

MAX_RECENT = 1000
"""Rows of an overlap that are known; of more, the older ones are emitted again."""

WATERMARK = "watermark"
"""What every state of an incremental read says, and none of a full refresh."""

_LATEST = 2**53
_BOUNDS: Position = {"startDate": 0, "endDate": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of a list by date; both instants belong to it, in milliseconds since 1970.

    Args:
        since: The first instant; 0 is the beginning of the list.
        until: The last one.
    """

    since: int
    until: int

    @classmethod
    def behind(cls, watermark: int, *, now: int, first: int) -> "Window":
        """The one to read when everything up to the watermark was read.

        Args:
            watermark: 0 when nothing was; later than now, when the site's clock went back.
            now: The site's time.
            first: The first instant that is wanted.
        """
        if not watermark:
            return cls(since=first, until=max(now, first))
        since = max(min(watermark, now) - OVERLAP_MS, first)
        return cls(since=since, until=max(min(since + MAX_WINDOW_MS, now), since))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """Where in a window an earlier read stopped.

    Args:
        window: The window.
        position: The place of the next page in it, and what the pager must know besides.
        seen: Digests of the rows near its end.
    """

    window: Window
    position: Position = field(default_factory=dict)
    seen: tuple[str, ...] = ()

    @classmethod
    def parse(cls, named: Position, seen: tuple[str, ...]) -> "Unfinished | None":
        """The same, as a state names it; None when it cannot be.

        Args:
            named: `{"startDate": 1795345200000, "endDate": 1795350000000, "start": 2000}`.
            seen: Digests of the rows near its end.
        """
        window = Window(since=int(named["startDate"]), until=int(named["endDate"]))
        position = {name: value for name, value in named.items() if name not in _BOUNDS}
        is_sound = window.since <= window.until <= _LATEST
        return cls(window=window, position=position, seen=seen) if is_sound else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What of a list was told by earlier reads.

    Args:
        watermark: Everything up to this instant; 0 is nothing.
        recent: Digests of the rows of the hour before it.
        unfinished: The window that is being read.
    """

    watermark: int = 0
    recent: tuple[str, ...] = ()
    unfinished: Unfinished | None = None

    @classmethod
    def parse(
        cls, state: Mapping[str, Any], *, of: str, like: Position, mark: Position
    ) -> "Told | None":
        """What a state says; None when it is no state of ours for this list.

        Args:
            state: What an earlier read printed, or anything else.
            of: The list, host and path, that is about to be read.
            like: A position of this list, which shows the names and types of its parameters.
            mark: What the state may say besides, in the same way.
        """
        watermark, recent, seen = state.get(WATERMARK), state.get("recent"), state.get("seen", [])
        is_sound = _is_instant(watermark) and _are_digests(recent) and _are_digests(seen)
        if not is_sound or state.get("of") != of:
            return None
        told = cls(watermark=state[WATERMARK], recent=tuple(state["recent"]))
        rest = {name: state[name] for name in state if name not in {WATERMARK, "recent", "seen"}}
        if rest == {"of": of}:
            return told
        position = position_in(rest, of=of, like={**like, **_BOUNDS}, mark=mark)
        unfinished = None if position is None else Unfinished.parse(position, tuple(seen))
        return None if unfinished is None else replace(told, unfinished=unfinished)

    def state(self, *, of: str) -> dict[str, Any]:
        """The state that says it."""
        state = {**state_at({}, of=of), WATERMARK: self.watermark, "recent": [*self.recent]}
        if self.unfinished is None:
            return state
        window = self.unfinished.window
        bounds = {"startDate": window.since, "endDate": window.until}
        return {**state, **bounds, **self.unfinished.position, "seen": [*self.unfinished.seen]}


def _is_instant(value: object) -> bool:
    return isinstance(value, int) and is_like(value, 0) and value <= _LATEST


def _are_digests(value: object) -> bool:
    return isinstance(value, list) and all(is_like(each, "") for each in value)
