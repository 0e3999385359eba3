"""Keep the books of an incremental read: what was told, what is wanted, what is to be looked at."""

from collections.abc import Callable, Iterable

from source_confluence.exceptions import TooManyDifferencesError
from source_confluence.paging.listed import Listed
from source_confluence.reading.changed import OVERLAP_MILLISECONDS, Changed, changed
from source_confluence.reading.incremental_state import MAX_RECENT, IncrementalState, Run
from source_confluence.reading.sketch import Sketch
from source_confluence.settings.census import Census

MAX_TOLD = 400
"""Rows told by quick reads; a read that would tell more of them is a census."""

_DAY_MILLISECONDS = 22 * 3_600_000  # a daily sync may begin a little earlier than the day before
_FEW_ROWS = 50  # of a list that may shrink without being suspicious
_SHARE = 0.8


class Ledger:
    """What one read knows; nothing here asks the site.

    An element must enter the new sketch exactly once: when its row is admitted, as it was told, or
    as it is listed, if that is unchanged. What the destination may have been told without anybody
    knowing it for certain stays out, until the row is looked at in the end.

    Args:
        state: What earlier syncs have told.
        census: How it is found out what is gone or moved.
        starts_over: Whether they told another selection.
        warn: Is told what the user should know of the list.

    Attributes:
        deferred: The ids of wanted rows that have not been fetched.
        last_choice: What `choice` said last.
    """

    def __init__(
        self,
        state: IncrementalState,
        census: Census,
        *,
        starts_over: bool,
        warn: Callable[[str], None],
    ) -> None:
        self.state = state
        self.deferred: list[int] = []
        self._census = census
        self._starts_over = starts_over
        self._warn = warn
        self._run = state.run or Run(mode="first", until=0)  # until one begins
        if not self.tracks:  # from now on, the destination is told what no sketch knows
            state.sketch = self._run.sketch = None
        self.last_choice = changed(state, 0)

    @property
    def tracks(self) -> bool:
        """Whether it is remembered what was told."""
        return self._census.frequency != "never"

    @property
    def is_first(self) -> bool:
        """Whether everything is wanted, because nothing was told, or of another selection."""
        return self._run.mode == "first"

    @property
    def is_quick(self) -> bool:
        """Whether only what is new is looked at."""
        return self._run.mode == "quick"

    @property
    def needs_census(self) -> bool:
        """Whether a quick read has told more than can be remembered one by one."""
        return self.is_quick and self.tracks and len(self.state.told) > MAX_TOLD

    def begin(self, newest: int | None, now: int) -> Run:
        """Begin a read.

        Args:
            newest: When the newest row of the site was modified.
            now: The site's time, as `newest` in milliseconds since 1970.
        """
        state = self.state
        until = min(max(newest or 0, state.watermark or 0), now)  # a row may be dated tomorrow
        self._run = Run(mode=self._mode(now), until=until, sketch=self._new_sketch())
        state.run = self._run
        if self.is_first:
            state.recent.clear()
            state.told = dict.fromkeys(state.told)
        if not self.tracks:
            state.told.clear()
        return self._run

    def begin_anew(self, mode: str) -> None:
        """Go through the list once more, in another way."""
        run = self._run
        run.mode, run.cursor, run.last_id, run.rows = mode, "", 0, 0
        run.sketch, self.deferred = self._new_sketch(), []
        if mode == "again":  # a row may have moved since that version of it was told
            self.state.recent.clear()

    def choice(self) -> Changed:
        """What of the list is wanted, from where the read is."""
        first_id = 0 if self.is_quick else self._run.last_id + 1
        self.last_choice = changed(self.state, first_id)
        return self.last_choice

    def name(self, ids: Iterable[int]) -> None:
        """Note that rows are about to be emitted; the next state says so."""
        if self.tracks:
            self.state.told.update(dict.fromkeys(ids))

    def was_told(self, row: Listed, *, is_light: bool, is_selected: bool = True) -> None:
        """Remember what was emitted; a row that lacks its body is looked at again next time."""
        if self._run.mode in ("census", "quick") or is_light:  # else, each row is listed once
            self._run.emitted[row.own_id] = None if is_light else (row.version, row.digest)
        if is_light:
            self.name([row.own_id])
            return
        if row.modified is not None and row.modified >= self._run.until - OVERLAP_MILLISECONDS:
            self._remember(row)
        if not self.is_quick:
            self._settle(row, is_selected=is_selected)
        elif self.tracks and is_selected:
            self.state.told[row.own_id] = (row.version, row.digest)

    def was_listed(self, row: Listed, *, is_whole: bool) -> None:
        """Enter what was told before and is unchanged; note what is to be looked at later."""
        if row.own_id < self.last_choice.first_id:
            return
        self._keep_order(row)
        self._run.rows += 1
        if not is_whole:
            self._note(row)

    def _note(self, row: Listed) -> None:
        """Enter a row that is as it was told; let others be looked at, now or in the end."""
        told = self.state.told
        if not self.is_quick and self.last_choice.is_told(row):
            self._settle(row, is_selected=True)
        elif self.last_choice.wants(row):
            told[row.own_id] = None
            self.deferred.append(row.own_id)
        elif row.own_id not in told and self._is_as_emitted(row):
            self._settle(row, is_selected=True)
        elif self.tracks and not self.is_quick:  # it has changed since it was emitted
            told.setdefault(row.own_id, None)

    def _remember(self, row: Listed) -> None:
        """That this version was told; what was told longest ago is forgotten first."""
        recent = self.state.recent
        recent.pop(row.own_id, None)
        recent[row.own_id] = row.version
        if len(recent) > MAX_RECENT:
            del recent[next(iter(recent))]

    def _is_as_emitted(self, row: Listed) -> bool:
        """Whether it was not emitted in this read, or is still as it was then."""
        emitted = self._run.emitted
        return emitted.get(row.own_id, (row.version, row.digest)) == (row.version, row.digest)

    def forget(self, own_id: int) -> None:
        """Look at a row no more: it was told as gone, or is no longer selected."""
        self.state.told.pop(own_id, None)

    def is_suspicious(self, gone_count: int) -> bool:
        """Whether so many rows of a list can hardly be gone at once, even in a first read."""
        before = self.state.rows
        is_much = before > _FEW_ROWS and before - gone_count < _SHARE * before
        return is_much and not self._census.may_shrink

    @property
    def has_shrunk(self) -> bool:
        """Whether so much is missing that it looks like a lost permission."""
        missing = self.state.rows - self._run.rows
        return self._run.mode == "census" and self.is_suspicious(missing)

    def to_look_at(self) -> list[int]:
        """The ids that are looked at in the end: what differs, and what the list did not bring.

        Raises:
            TooManyDifferencesError: When more differs than can be named.
        """
        only_late = self.is_quick and self.tracks
        ids = set(self.deferred) if only_late else set(self.state.told)
        try:
            ids |= self._differences()
        except TooManyDifferencesError:
            if not self.is_first:
                raise
            self._warn(TOO_MANY)
        self.deferred = []
        return sorted(ids - self._run.emitted.keys())

    def finish(self, now: int) -> None:
        """Remember what was told, for the next sync."""
        state, run = self.state, self._run
        state.watermark, state.newest = run.until, max(state.newest, now)
        if not self.is_quick:
            state.sketch, state.rows = run.sketch, run.rows
            state.counted, state.counted_at = run.until, now
        if not self.tracks:
            state.sketch = state.counted = None
            state.told.clear()
        state.run = None

    def _mode(self, now: int) -> str:
        state = self.state
        if state.watermark is None or self._starts_over:
            return "first"
        if not self.tracks:
            return "quick"
        if state.sketch is None or state.counted is None:
            return "first"
        is_due = not 0 <= now - (state.counted_at or 0) < _DAY_MILLISECONDS
        is_wanted = is_due or self._census.frequency == "every_sync"
        return "census" if is_wanted or len(state.told) > MAX_TOLD else "quick"

    def _new_sketch(self) -> Sketch | None:
        return Sketch() if self.tracks else None

    def _settle(self, row: Listed, *, is_selected: bool) -> None:
        """Enter a row as the destination has it."""
        if self.is_quick:
            return
        self.state.told.pop(row.own_id, None)
        sketch = self._run.sketch
        if sketch is not None and is_selected:
            sketch.add(row.element)

    def _keep_order(self, row: Listed) -> None:
        """Without the order of ids, a row might enter twice, which no sketch survives."""
        run = self._run
        if self.is_quick or run.sketch is None:
            return
        if row.own_id > run.last_id:
            run.last_id = row.own_id
        else:
            run.sketch, run.last_id = None, 0
            self._warn(_NO_ORDER)

    def _differences(self) -> set[int]:
        """The ids of rows that are new, moved or gone, by what was told before."""
        before, sketch = self.state.sketch, self._run.sketch
        if before is None or sketch is None or self._run.mode not in ("census", "first"):
            return set()
        only_now, only_then = sketch.minus(before)
        now = {element >> 32 for element in only_now}
        gone = {element >> 32 for element in only_then} - now
        if self.is_first:
            return gone  # what is there was emitted
        unseen = {element for element in only_now if element >> 32 not in self._run.emitted}
        for element in unseen:
            sketch.remove(element)
        return gone | {element >> 32 for element in unseen}


TOO_MANY = (
    "has changed more, since it was last compared, than can be named, so all of it is read again. "
    "What is gone cannot be told this time; a refresh that removes records does that."
)
_NO_ORDER = (
    "does not give its rows in the order of their ids; what is gone or moved cannot be told, and "
    "the next sync reads everything."
)
