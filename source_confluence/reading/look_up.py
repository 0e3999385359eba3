"""Look at single rows of a list: the newest one, or those with given ids, in whatever status."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from source_confluence.exceptions import BrokenPagingError
from source_confluence.failures.failure import FinalFailureError
from source_confluence.failures.table import BAD_REQUEST, FORBIDDEN
from source_confluence.paging.listed import listed
from source_confluence.paging.listing import Listing
from source_confluence.reading.context import ListContext
from source_confluence.reading.page_size import PageSize
from source_confluence.reading.page_source import Batch
from source_confluence.reading.retrying import RetryingClient
from source_confluence.reading.sequential import Sequential

_PLACE = "among rows that have changed"
_MIN_ROUNDS = 3
_FEW_ROWS = 25  # some of which may be undated
_MAX_FRUITLESS = 2  # one in each way


class LookUp:
    """Asks for rows of a list, one request at a time.

    Args:
        context: Which list, for which stream.
    """

    def __init__(self, context: ListContext) -> None:
        self._context = context
        self._listing = context.listing
        status = {k: v for k, v in self._listing.filtered_by.items() if k == "status"}
        self._as_listed = replace(self._listing, filtered_by=status)
        in_any = {"status": list(self._listing.filters.statuses)}
        self._in_any_status = replace(self._listing, filtered_by=in_any)

    def newest(self, order: str) -> int | None:
        """When the newest row was modified, in milliseconds since 1970; None where none is dated.

        Args:
            order: What sorts the newest to the front: `-modified-date`.
        """
        if self._listing.is_empty:
            return None
        light = replace(self._listing, heavy=(), order=order)
        rows = self._source(light, _FEW_ROWS).page_at({}, "where it begins").page.rows
        dates = (listed(row).modified for row in rows)
        return max((date for date in dates if date is not None), default=None)

    def rows(self, ids: Sequence[int]) -> Iterator[Batch]:
        """The rows with these ids that are there, not in their order.

        One that does not come would be taken for gone. So those that are missing are asked for
        again, in turn in the statuses of the list and in any, until neither brings one, and twice
        in any at least: a site may look at the first of the ids only, respond without rows for
        once, or refuse to look into the trash.

        Raises:
            BrokenPagingError: When it gives others.
        """
        missing, fruitless = list(ids), 0
        for number in count():
            if not missing or (fruitless >= _MAX_FRUITLESS and number >= _MIN_ROUNDS):
                return
            listing = self._as_listed if number % 2 else self._in_any_status
            found: set[int] = set()
            for batch in self._batches(listing, missing):
                found |= {listed(row).own_id for row in batch.page.rows}
                yield batch
            fruitless = 0 if found else fruitless + 1
            missing = [each for each in reversed(missing) if each not in found]

    def _batches(self, listing: Listing, ids: Sequence[int]) -> Iterator[Batch]:
        source = self._source(listing, self._listing.paging.max_rows)
        rest = [str(each) for each in ids]
        while rest:
            position = {self._listing.paging.fetch_by: ",".join(rest)}
            try:
                batch = source.page_at(position, _PLACE)
            except FinalFailureError as error:
                if listing is self._as_listed or error.failure not in (BAD_REQUEST, FORBIDDEN):
                    raise
                self._in_any_status = self._as_listed
                self._context.logger.warning(
                    "%s refuses to look into the trash; what is there counts as gone.",
                    self._context.subject,
                )
                return
            asked, rest = rest[: batch.page.asked_rows], rest[batch.page.asked_rows :]
            given = [str(row.get("id")) for row in batch.page.rows]
            if len(set(given)) < len(given) or not set(given) <= set(asked):
                raise BrokenPagingError("it returns other rows than those requested by id")
            yield batch

    def _source(self, listing: Listing, rows: int) -> Sequential:
        context = replace(self._context, listing=listing)
        return Sequential(context, RetryingClient(context), PageSize(rows))
