"""Emit the rows of a page, a few at a time, so that what is in flight goes on meanwhile."""

from collections.abc import Iterator, Sequence

from airbyte_cdk.sources.streams.core import StreamData

from source_confluence.paging.page import Row
from source_confluence.reading.page_source import Batch, PageSource
from source_confluence.reading.progress import Progress
from source_confluence.records.records import Records

_ROWS_BETWEEN = 25  # are emitted in less than a millisecond


class Emission:
    """Makes records of rows, and counts them.

    Args:
        records: Makes records of the rows.
        progress: Counts them.
    """

    def __init__(self, records: Records, progress: Progress) -> None:
        self._records = records
        self._progress = progress

    def of(
        self,
        rows: Sequence[Row],
        batch: Batch,
        *,
        read_at: int | None,
        source: PageSource | None = None,
    ) -> Iterator[StreamData]:
        """The records of some rows.

        Args:
            rows: Those to emit.
            batch: How they came.
            read_at: When, in milliseconds since 1970, where records say so.
            source: What the next pages come from.
        """
        for start in range(0, len(rows), _ROWS_BETWEEN):
            some = rows[start : start + _ROWS_BETWEEN]
            yield from self._records.of_rows(
                some,
                needs_mending=batch.page.needs_mending,
                is_light=batch.is_light,
                read_at=read_at,
            )
            self._progress.emitted(len(some), is_light=batch.is_light)
            if source is not None:
                source.advance()
