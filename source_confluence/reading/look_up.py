"""Look at single rows of a list: the newest one, or those with given ids, in whatever status."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from source_confluence.exceptions import BrokenPagingError
from source_confluence.paging.listed import listed
from source_confluence.paging.listing import Listing
from source_confluence.reading.context import ListContext
from source_confluence.reading.page_size import PageSize
from source_confluence.reading.page_source import Batch
from source_confluence.reading.retrying import RetryingClient
from source_confluence.reading.sequential import Sequential

_PLACE = "among rows that have changed"


class LookUp:
    """Asks for rows of a list, one request at a time.

    Args:
        context: Which list, for which stream.
    """

    def __init__(self, context: ListContext) -> None:
        self._context = context
        self._listing = context.listing
        self._in_any_status = replace(
            self._listing, filtered_by={"status": list(self._listing.filters.statuses)}
        )

    def newest(self, order: str) -> int | None:
        """When the newest row was modified, in milliseconds since 1970; None where none is dated.

        Args:
            order: What sorts the newest to the front: `-modified-date`.
        """
        if self._listing.is_empty:
            return None
        light = replace(self._listing, heavy=(), order=order)
        rows = self._source(light, 1).page_at({}, "where it begins").page.rows
        return listed(rows[0]).modified if rows else None

    def rows(self, ids: Sequence[int]) -> Iterator[Batch]:
        """The rows with these ids that are there, not in their order.

        A site that looks at some of the ids only would make the others look gone; so those that are
        missing are asked for again, as long as that brings any.

        Raises:
            BrokenPagingError: When it gives others.
        """
        missing = list(ids)
        while missing:
            found: set[int] = set()
            for batch in self._batches(missing):
                found |= {listed(row).own_id for row in batch.page.rows}
                if not found <= set(missing):
                    raise BrokenPagingError("it returns other rows than those requested by id")
                yield batch
            if not found:
                return
            missing = [each for each in missing if each not in found]

    def _batches(self, ids: Sequence[int]) -> Iterator[Batch]:
        source = self._source(self._in_any_status, self._listing.paging.max_rows)
        rest = [str(each) for each in ids]
        while rest:
            position = {self._listing.paging.fetch_by: ",".join(rest)}
            batch = source.page_at(position, _PLACE)
            rest = rest[batch.page.asked_rows :]
            yield batch

    def _source(self, listing: Listing, rows: int) -> Sequential:
        context = replace(self._context, listing=listing)
        return Sequential(context, RetryingClient(context), PageSize(rows))
