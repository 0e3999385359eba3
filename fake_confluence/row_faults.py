"""Let rows of a sound response be wrong: their bodies, their dates, or anything in them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fake_confluence.clock import milliseconds, timestamp
from fake_confluence.rows import Row, number_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_confluence.faults import Fault
    from fake_confluence.reply import Reply

_MARK = "what stands here is replaced"


def is_poisoned(reply: Reply, fault: Fault) -> bool:
    """Whether one of the rows is there with its body, its description or its icon."""
    rows = reply.document.get("results", [])
    heavy = (row for row in rows if any(row.get(name) for name in ("body", "description", "icon")))
    return any(_is_meant(row, fault) for row in heavy)


def odd(reply: Reply, fault: Fault) -> Reply:
    """The response with one more field in one row, as raw JSON that Python could not encode."""
    rows = [dict(row) for row in reply.document["results"]]
    if fault.row < len(rows):
        rows[fault.row]["odd"] = _MARK
    return _raw(reply, rows, fault)


def odd_body(reply: Reply, fault: Fault) -> Reply:
    """The same, in the body or the description of the row with that number in the list."""
    rows = [
        {**row, name: _MARK} if number_of(row["id"]) == fault.row and row.get(name) else row
        for row in reply.document["results"]
        for name in ("body" if "body" in row else "description",)
    ]
    return _raw(reply, rows, fault)


def undated(reply: Reply, fault: Fault) -> Reply:
    """Rows without a version, and so without a date."""
    return _changed(reply, fault, lambda row: {**row, "version": None})


def future(reply: Reply, fault: Fault) -> Reply:
    """Rows whose version is dated later than it was written."""

    def later(row: Row) -> Row:
        instant = milliseconds(row["version"]["createdAt"]) + round(fault.seconds * 1000)
        return {**row, "version": {**row["version"], "createdAt": timestamp(instant)}}

    return _changed(reply, fault, later)


def is_left(own_id: int, share: float) -> bool:
    """Whether a row belongs to the part that is still there: at random, but always the same."""
    return number_of(str(own_id)) * 2_654_435_761 % 2**32 < share * 2**32


def _changed(reply: Reply, fault: Fault, change: Callable[[Row], Row]) -> Reply:
    """The response with other rows in place of those the fault is about."""
    rows = reply.document["results"]
    rows = [change(row) if _is_meant(row, fault) else row for row in rows]
    return replace(reply, document={**reply.document, "results": rows})


def _is_meant(row: Row, fault: Fault) -> bool:
    return 0 <= number_of(row["id"]) - fault.row < fault.row_count


def _raw(reply: Reply, rows: list[dict[str, Any]], fault: Fault) -> Reply:
    text = json.dumps({**reply.document, "results": rows}, ensure_ascii=False)
    raw = text.replace(json.dumps(_MARK), fault.raw)
    try:
        body = raw.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        body = raw.encode(errors="surrogatepass")
    return replace(reply, document=body)
