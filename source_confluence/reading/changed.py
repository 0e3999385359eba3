"""Decide which listed rows an incremental read wants: what is selected, new, and was not told."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from source_confluence.paging.listed import Listed
from source_confluence.reading.incremental_state import IncrementalState, Marks, Versions

OVERLAP_MILLISECONDS = 600_000
"""By so much the clocks of Confluence's machines may differ."""

_FEW = 25  # rows of a page; as many may wait until there is a whole request of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Wants the rows that were modified since an instant, and are not known to have been told.

    Args:
        since: In milliseconds since 1970; None wants all.
        first_id: Of the first row that is looked at: those before it were read already.
        recent: The versions that were told of rows near the watermark.
        told: What else was told, by version and digest.
        emitted: The rows that this read has emitted.
        is_dense: Whether most rows are wanted.
        may_defer: Whether a few wanted rows of a page may be fetched later, together with others.
        is_newest_first: Whether the list is sorted so.
    """

    since: int | None
    first_id: int = 0
    recent: Versions
    told: Marks
    emitted: Marks
    is_dense: bool = False
    may_defer: bool = False
    is_newest_first: bool = False
    needs_all: ClassVar[bool] = False

    def wanted(self, rows: Sequence[Listed]) -> set[int]:
        """The ids of those to fetch now; none when a few are better fetched later."""
        ids = {row.own_id for row in rows if self.wants(row)}
        return set() if self.may_defer and len(ids) <= _FEW else ids

    def wants(self, row: Listed) -> bool:
        """Whether a row is wanted whole."""
        if row.own_id < self.first_id or row.own_id in self.emitted:
            return False
        if row.modified is None:  # whether it has changed, nobody knows
            return True
        is_new = self.since is None or row.modified >= self.since
        is_recent = self.recent.get(row.own_id) == row.version
        return is_new and not is_recent and not self.is_told(row)

    def is_told(self, row: Listed) -> bool:
        """Whether it was told as it is now."""
        return row.modified is not None and self.told.get(row.own_id) == (row.version, row.digest)

    def is_past(self, rows: Sequence[Listed]) -> bool:
        """Whether, newest first, a whole page is older; never where it is not sorted so."""
        if not self.is_newest_first or self.since is None or not rows:
            return False
        dates = [row.modified for row in rows]
        return all(date is not None and date < self.since for date in dates) and is_sorted(dates)


def is_sorted(dates: Sequence[int | None]) -> bool:
    """Whether none is newer than the one before it; those that are missing do not count."""
    known = [date for date in dates if date is not None]
    return all(newer >= older for newer, older in pairwise(known))


def changed(state: IncrementalState, first_id: int) -> Changed:
    """What the unfinished read of a state wants."""
    run = state.run
    mode = run.mode if run else "first"
    is_whole = mode in ("first", "again")
    since = {"quick": state.watermark, "census": state.counted}.get(mode)
    return Changed(
        since=None if since is None else since - OVERLAP_MILLISECONDS,
        first_id=first_id,
        recent=state.recent,
        told=state.told,
        emitted=run.emitted if run else {},
        is_dense=is_whole,
        may_defer=mode == "census",
        is_newest_first=mode == "quick",
    )
