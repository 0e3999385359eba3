"""Turn rows into records that destinations accept, and mark what had to be changed.

Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol/#airbyterecordmessage
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from typing import Any, cast

from airbyte_cdk.models import AirbyteMessage, AirbyteRecordMessage, Type
from airbyte_protocol_dataclasses.models import AirbyteRecordMessageMeta, Change, Reason

from source_confluence.paging.page import Row
from source_confluence.records.mending import Changes, change, mended

READ_AT = "readAt"
"""The field that says when Confluence gave the row, of streams that can be read incrementally."""

_MAX_MARKS = 100  # of a record


class Records:
    """Turns the rows of one stream into records.

    Args:
        stream: The name of the stream.
        record: Makes a record of a sound row.
        left_out: The fields that Confluence leaves out of a light request.
        logger: Gets a warning for each record that lacks a part.
    """

    def __init__(
        self,
        stream: str,
        record: Callable[[Row], Row],
        *,
        left_out: list[str],
        logger: logging.Logger,
    ) -> None:
        self._stream = stream
        self._record = record
        self._left_out = left_out
        self._logger = logger

    def of_rows(
        self, rows: Iterable[Row], *, needs_mending: bool, is_light: bool, read_at: int | None
    ) -> Iterator[AirbyteMessage]:
        """The records, as they came; with marks where that could not be.

        Args:
            rows: What Confluence gave.
            needs_mending: Whether a row holds what destinations do not take; else, which is nearly
                always so, nothing is looked through.
            is_light: Whether it was asked for less, because it failed on the whole.
            read_at: When they came, in milliseconds since 1970, where records say so.
        """
        stamp = {} if read_at is None else {READ_AT: timestamp(read_at)}
        now = time.time_ns() // 1_000_000
        if needs_mending or is_light:
            return self._with_marks(rows, now, stamp, is_light=is_light)
        # A message is made here because the CDK would copy the record first: 0.6 for 1.8 µs.
        if not stamp:
            return (_message(self._stream, self._record(row), now) for row in rows)
        return (_message(self._stream, {**self._record(row), **stamp}, now) for row in rows)

    def _with_marks(
        self, rows: Iterable[Row], now: int, stamp: Row, *, is_light: bool
    ) -> Iterator[AirbyteMessage]:
        for row in rows:
            sound, changes = mended(row)
            record = {**self._record(sound), **stamp}
            if is_light:
                record = {**record, **dict.fromkeys(self._left_out)}
                changes += self._marks_of_what_is_left_out(row)
            yield _message(self._stream, record, now, changes)

    def _marks_of_what_is_left_out(self, row: Row) -> Changes:
        self._logger.warning(
            "Confluence fails on the %s of %s %s, whatever else works; "
            "the record is emitted without it.",
            " and ".join(self._left_out),
            self._stream,
            row.get("id"),
        )
        return [
            change(name, Change.NULLED, Reason.SOURCE_RETRIEVAL_ERROR) for name in self._left_out
        ]


def timestamp(milliseconds: int) -> str:
    """`2026-11-25T12:00:00Z`, to the second."""
    return f"{datetime.fromtimestamp(milliseconds // 1000, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _message(
    stream: str, record: Row, emitted_at: int, changes: Changes | None = None
) -> AirbyteMessage:
    """The record as a message, which says what was changed, if anything was."""
    meta = AirbyteRecordMessageMeta(changes=changes[:_MAX_MARKS]) if changes else None
    return AirbyteMessage(
        type=Type.RECORD,
        record=AirbyteRecordMessage(
            stream=stream, data=cast("Any", record), emitted_at=emitted_at, meta=meta
        ),
    )
