"""Read what is new in a list, what has changed and what is gone, since the last sync.

The rule: list rows without bodies, decide, fetch those that are wanted. What the destination was
told is remembered in a state: by a watermark for edits, by a `Sketch` for all else. Rows are named
in a state before they are emitted, so that a process that dies leaves nothing unknown behind.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from airbyte_cdk.sources.streams.core import StreamData

from source_confluence.exceptions import BrokenPagingError, TooManyDifferencesError
from source_confluence.failures.failure import FinalFailureError
from source_confluence.failures.table import SHRUNK
from source_confluence.limits.waiting import now_seconds
from source_confluence.paging.listed import listed
from source_confluence.paging.page import Page, Row
from source_confluence.reading.context import ListContext
from source_confluence.reading.emission import Emission
from source_confluence.reading.groups import Failed, Groups
from source_confluence.reading.incremental_state import IncrementalState, Run
from source_confluence.reading.ledger import TOO_MANY, Ledger
from source_confluence.reading.look_up import LookUp
from source_confluence.reading.page_source import Batch, PageSource
from source_confluence.reading.state import state_message
from source_confluence.reading.walk import Walk
from source_confluence.records.records import Records

_BY_ID = "id"
_SECONDS_BETWEEN_STATES = 30
_MAX_LOOKED_UP = 250
_IN_TRASH = "trashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What an incremental read does by the means of its stream.

    Args:
        new_source: Makes what gives the pages of a list.
        confirm_identity: Raises when the site no longer knows the account; it is told whether there
            were any rows.
        records: Makes records of the rows.
    """

    new_source: Callable[[ListContext], PageSource]
    confirm_identity: Callable[[bool], None]
    records: Records


class IncrementalReader:
    """One incremental read of one list.

    Args:
        context: Which list, for which stream.
        ways: How it is read.
        told: What the destination was told by earlier syncs.
        starts_over: Whether that was of another selection.

    Attributes:
        state: What was printed last, or is to be printed at the end.
    """

    def __init__(
        self, context: ListContext, ways: Ways, told: IncrementalState, *, starts_over: bool
    ) -> None:
        self._context = context
        self._ways = ways
        self._progress = context.progress
        self._emission = Emission(ways.records, context.progress)
        self._clock = context.sync.client.site_clock
        self._warn = partial(context.logger.warning, "%s %s", context.subject)
        self.state: Mapping[str, Any] = told.saved()
        self._ledger = Ledger(told, context.sync.census, starts_over=starts_over, warn=self._warn)
        self._told = told
        self._look_up = LookUp(context)
        self._source: PageSource | None = None
        self._is_confirmed = self._is_skipped = False
        self._printed_at = now_seconds()

    def skip(self) -> None:
        """Take the list as read: nothing of it is selected."""
        self._is_skipped = True

    def read(self) -> Iterator[StreamData]:
        """The records, and states between them; the last state is printed by the CDK.

        Raises:
            FinalFailureError: When the site does not give a page, or no longer knows the account,
                or shows so much less than before that rows would be taken for gone.
            BrokenPagingError: When the site does not lead to the end of the list.
            StoppedError: When the process is told to stop.
        """
        if self._is_skipped:
            return
        self._progress.begin()
        is_complete = False
        try:
            run = self._told.run or self._begin()
            while run.ids is None:
                if (yield from self._list(run)):
                    yield from self._compare(run)
            yield from self._tell(run, run.ids)
            self._ledger.finish(self._clock.latest)
            self.state = self._told.saved()
            is_complete = True
        finally:
            self.close()
            self._progress.end(is_complete=is_complete)

    def close(self) -> None:
        """Forget what is in flight."""
        if self._source is not None:
            self._source.close()

    @property
    def _newest_first(self) -> str:
        changes = self._context.listing.changes
        return changes.newest_first if changes else ""

    def _begin(self) -> Run:
        newest = self._look_up.newest(self._newest_first)
        return self._ledger.begin(newest, self._clock.latest)

    def _list(self, run: Run) -> Generator[StreamData, None, bool]:
        """Go through the list: emit what is wanted of it, and note the rest.

        Returns:
            Whether it was read to its end; not when so much is new that a census is needed.
        """
        walk = self._new_walk(run)
        groups = Groups(walk, self._ledger.last_choice, self._warn)
        while walk.position is not None:
            group, error = groups.following()
            yield from self._emit_group(group)
            cursor = str((walk.position or {}).get("cursor", ""))
            if error is not None:
                yield from self._save(run, cursor, group, error)
                raise error
            run.cursor = cursor
            yield from self._pause(run, is_end=walk.position is None)
            if self._ledger.needs_census:
                self._ledger.begin_anew("census")
                return False
        self.close()
        self._source = None
        return True

    def _new_walk(self, run: Run) -> Walk:
        choice = self._ledger.choice()
        order = self._newest_first if choice.is_newest_first else _BY_ID
        listing = replace(self._context.listing, order=order, choice=choice)
        context = replace(self._context, listing=listing)
        self.close()
        self._source = self._ways.new_source(context)
        return Walk(context, self._source, {"cursor": run.cursor} if run.cursor else None)

    def _emit_group(self, group: Sequence[Batch]) -> Iterator[StreamData]:
        yield from self._name([row for batch in group for row in batch.new_rows])
        for batch in group:
            yield from self._emit(batch, batch.new_rows)
            whole = {each.own_id: each for each in map(listed, batch.new_rows)}
            for each in whole.values():
                self._ledger.was_told(each, is_light=batch.is_light)
            for each in filter(self._context.listing.includes, batch.page.listed):
                self._ledger.was_listed(each, is_whole=each.own_id in whole)

    def _name(self, rows: Sequence[Row]) -> Iterator[StreamData]:
        """Print a state that names rows which are about to be emitted.

        Without a census, one that no longer has the sketch of earlier syncs, in which they are not.
        """
        if rows and (self._ledger.tracks or "sketch" in self.state):
            self._ledger.name(int(row["id"]) for row in rows)
            yield self._checkpoint()
        else:
            self._told.newest = max(self._told.newest, self._clock.latest)

    def _emit(self, batch: Batch, rows: Sequence[Row]) -> Iterator[StreamData]:
        read_at = self._told.newest
        return self._emission.of(rows, batch, read_at=read_at, source=self._source)

    def _pause(self, run: Run, *, is_end: bool) -> Iterator[StreamData]:
        """Do what is due between two groups."""
        if not (self._is_confirmed or is_end):
            yield from self._confirm(run)
        if len(self._ledger.deferred) >= _MAX_LOOKED_UP:
            ids, self._ledger.deferred = self._ledger.deferred, []
            yield self._checkpoint()  # it names them
            yield from self._tell_found(ids)
        if not is_end and now_seconds() - self._printed_at >= _SECONDS_BETWEEN_STATES:
            yield self._checkpoint()

    def _save(
        self, run: Run, cursor: str, group: Sequence[Batch], error: Failed
    ) -> Iterator[StreamData]:
        """Print a state, so that a later read does not repeat what came before an error.

        After a page that does not say where the next one is, there is no place to go on from.
        """
        if not group or isinstance(error, BrokenPagingError):
            return
        run.cursor = cursor
        if not self._is_confirmed:
            yield from self._confirm(run)
        yield self._checkpoint()

    def _compare(self, run: Run) -> Iterator[StreamData]:
        """Find what is to be looked at; or read everything again, when that cannot be named."""
        yield from self._confirm(run)
        if self._ledger.has_shrunk:
            yield from self._refuse(f"{run.rows:,} rows instead of {self._told.rows:,}")
        try:
            run.ids = self._ledger.to_look_at()
        except TooManyDifferencesError:
            self._warn(TOO_MANY)
            self._ledger.begin_anew("again")

    def _refuse(self, detail: str) -> Iterator[StreamData]:
        """Raise before anything is told as gone; the next read goes through the list anew."""
        message = SHRUNK.message(self._context.request, detail=detail)
        yield self._drop()
        raise FinalFailureError(SHRUNK, message, detail)

    def _confirm(self, run: Run) -> Iterator[StreamData]:
        """Raise when the site no longer knows the account; then nothing it showed counts."""
        self._is_confirmed = True
        try:
            self._ways.confirm_identity(run.rows > 0)
        except FinalFailureError:
            yield self._drop()
            raise

    def _drop(self) -> StreamData:
        self._told.drop_run()
        return self._checkpoint()

    def _tell(self, run: Run, ids: Sequence[int]) -> Iterator[StreamData]:
        """Tell of each row what it is now, or that it is gone."""
        if not ids:
            return
        yield self._checkpoint()  # it names them
        missing: list[int] = []
        for start in range(0, len(ids), _MAX_LOOKED_UP):
            missing += yield from self._tell_found(ids[start : start + _MAX_LOOKED_UP])
        if not missing or not self._ledger.tracks or self._ledger.is_quick:
            return
        yield from self._confirm(run)
        if self._ledger.is_suspicious(len(missing)):
            yield from self._refuse(f"{len(missing):,} of {self._told.rows:,} rows are missing")
        gone = [{"id": str(own_id), "status": "gone"} for own_id in missing]
        yield from self._emit(Batch(page=Page(rows=[], asked_rows=0)), gone)
        for own_id in missing:
            self._ledger.forget(own_id)

    def _tell_found(self, ids: Sequence[int]) -> Generator[StreamData, None, list[int]]:
        """Emit those rows that are there, in whatever status.

        In a first read, not those that may only be no longer selected, because the user selects
        something else now. What is in the trash is told even then: it may have been alive before.

        Returns:
            The ids of the others.
        """
        missing, selects = set(ids), self._context.listing.selects
        for batch in self._look_up.rows(ids):
            kept = [(row, listed(row)) for row in batch.page.rows]
            selected = {each.own_id for row, each in kept if selects(row, each)}
            told = {
                each.own_id: row
                for row, each in kept
                if each.own_id in selected or self._is_to_be_told(row)
            }
            yield from self._emit(batch, list(told.values()))
            for _, each in kept:
                if each.own_id in told:
                    is_selected = each.own_id in selected
                    self._ledger.was_told(each, is_light=batch.is_light, is_selected=is_selected)
                else:
                    self._ledger.forget(each.own_id)
            missing -= {each.own_id for _, each in kept}
        return sorted(missing)

    def _is_to_be_told(self, row: Row) -> bool:
        """Whether a row that is not selected is told all the same."""
        return not self._ledger.is_first or row.get("status") == _IN_TRASH

    def _checkpoint(self) -> StreamData:
        self._told.newest = max(self._told.newest, self._clock.latest)
        self._printed_at = now_seconds()
        self.state = self._told.saved()
        return state_message(self._context.stream, self.state)
