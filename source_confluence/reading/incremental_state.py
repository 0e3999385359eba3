"""Say what the destination was told so far, and understand what an earlier sync has said of it.

At rest:

    {"of": "acme.atlassian.net/wiki/api/v2/pages", "newest": 1795608000000,
     "watermark": 1795607000000, "recent": {"65538": 3},
     "counted": 1795607000000, "countedAt": 1795608000000, "rows": 100000,
     "sketch": "H4sIA…", "told": {"98307": [4, 3735928559]}}

While a read is unfinished, also:

     "mode": "census", "until": 1795607500000, "cursor": "eyJpZCI6…", "lastId": 65538,
     "newRows": 250, "newSketch": "H4sIA…", "ids": [98307], "emitted": {"65538": [3, 305419896]}

Instants are milliseconds since 1970, by the clocks of Confluence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from source_confluence.reading.sketch import Sketch

MAX_RECENT = 1_000
"""Rows in the overlap that are known by id and version; what is beyond is emitted again."""

MAX_EMITTED = 300
"""Rows that a read has emitted and knows after it was killed; others may be emitted again."""

_MAX_NUMBER = 2**63
_LATEST = 253_402_300_799_999  # the last millisecond of the year 9999; no date is later

MODES = ("first", "again", "census", "quick")

Versions = dict[int, int]
"""The version of each row, by its id."""

Marks = dict[int, tuple[int, int] | None]
"""Version and digest of each row, by its id; None of one of which they are not known."""


@dataclass(slots=True, kw_only=True)
class Run:
    """A read that is not finished.

    Args:
        mode: `first`: all is wanted. `again`: all is wanted, because too much had changed to be
            named. `census`: the whole list, of which what has changed is wanted. `quick`: newest
            first, until nothing newer than the watermark is left.
        until: The watermark of the next read.
        cursor: Behind the last page that was read; empty at the first one.
        last_id: Of the last row that was read in a list sorted by id.
        rows: How many rows there were so far.
        sketch: Of what the destination has been told of the rows so far.
        ids: What is still to be looked at, when all was listed.
        emitted: The rows that a census or a quick read has emitted, as they were told; None of any
            that lacked its body.
    """

    mode: str
    until: int
    cursor: str = ""
    last_id: int = 0
    rows: int = 0
    sketch: Sketch | None = None
    ids: list[int] | None = None
    emitted: Marks = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class IncrementalState:
    """What the destination was told of one list.

    Args:
        of: The list: host, path, and what of it is selected.
        newest: The latest `readAt` that was sent.
        watermark: Up to which date all was told; None before the first read is whole.
        recent: The versions that were told of rows near the watermark.
        counted: The watermark of the last census.
        counted_at: When that was.
        rows: How many rows it saw.
        sketch: Of what had been told then.
        told: What may have been told that is in no sketch: its version and digest, None when the
            process may have died around it.
        run: The read that is not finished.
    """

    of: str
    newest: int = 0
    watermark: int | None = None
    recent: Versions = field(default_factory=dict)
    counted: int | None = None
    counted_at: int | None = None
    rows: int = 0
    sketch: Sketch | None = None
    told: Marks = field(default_factory=dict)
    run: Run | None = None

    def drop_run(self) -> None:
        """Let the next read begin anew; what was emitted in this one is not forgotten.

        Of a first read, that is its sketch; of another one, its last rows, which are looked at in
        the end of the next.
        """
        if self.run is None:
            return
        if self.watermark is None and self.sketch is None:
            self.sketch = self.run.sketch
        if self.sketch is not None:
            self.told.update(dict.fromkeys(list(self.run.emitted)[-MAX_RECENT:]))
        self.told.update(dict.fromkeys(self.run.ids or []))
        if self.run.mode == "first":  # all is still wanted, whatever was told of another selection
            self.watermark = None
        self.run = None

    def saved(self) -> dict[str, Any]:
        """As it is printed."""
        document: dict[str, Any] = {"of": self.of, "newest": self.newest}
        if self.watermark is not None:
            document["watermark"] = self.watermark
        document["recent"] = _saved_ids(dict(list(self.recent.items())[-MAX_RECENT:]))
        if self.counted is not None:
            document |= {"counted": self.counted, "countedAt": self.counted_at, "rows": self.rows}
        if self.sketch is not None:
            document["sketch"] = self.sketch.saved()
        document["told"] = _saved_ids(self.told)
        return document | (_saved_run(self.run) if self.run else {})

    @classmethod
    def of_saved(cls, document: Mapping[str, Any]) -> "IncrementalState | None":
        """What was printed, or None when it is something else."""
        try:
            return cls(
                of=_text(document["of"]),
                newest=_instant(document["newest"]),
                watermark=_instant_or_none(document.get("watermark")),
                recent={_key(k): _version(v) for k, v in document["recent"].items()},
                counted=_instant_or_none(document.get("counted")),
                counted_at=_instant_or_none(document.get("countedAt")),
                rows=_number(document.get("rows", 0)),
                sketch=_sketch(document.get("sketch")),
                told={_key(k): _told(v) for k, v in document["told"].items()},
                run=_run(document) if "mode" in document else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


def _saved_ids(values: Mapping[int, object]) -> dict[str, object]:
    return {str(own_id): value for own_id, value in values.items()}


def _saved_run(run: Run) -> dict[str, Any]:
    document: dict[str, Any] = {"mode": run.mode, "until": run.until, "cursor": run.cursor}
    document |= {"lastId": run.last_id, "newRows": run.rows}
    document |= {"emitted": _saved_ids(dict(list(run.emitted.items())[-MAX_EMITTED:]))}
    document |= {} if run.sketch is None else {"newSketch": run.sketch.saved()}
    return document | ({} if run.ids is None else {"ids": run.ids})


def _run(document: Mapping[str, Any]) -> Run:
    if document["mode"] not in MODES:
        raise ValueError("no mode")
    ids = document.get("ids")
    return Run(
        mode=document["mode"],
        until=_instant(document["until"]),
        cursor=_text(document["cursor"]),
        last_id=_number(document["lastId"]),
        rows=_number(document["newRows"]),
        sketch=_sketch(document.get("newSketch")),
        ids=None if ids is None else sorted({_number(each) for each in ids}),
        emitted={_key(k): _told(v) for k, v in document["emitted"].items()},
    )


def _sketch(value: object) -> Sketch | None:
    if value is None:
        return None
    sketch = Sketch.of(value)
    if sketch is None:
        raise ValueError("no sketch")
    return sketch


def _told(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != len(("version", "digest")):
        raise ValueError("no version and digest")
    return _version(value[0]), _number(value[1])


def _key(text: str) -> int:
    return _number(int(text))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("no text")
    return value


def _instant(value: object) -> int:
    instant = _number(value)
    if instant > _LATEST:
        raise ValueError("no instant")
    return instant


def _version(value: object) -> int:
    return -1 if value == -1 else _number(value)


def _instant_or_none(value: object) -> int | None:
    return None if value is None else _instant(value)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_NUMBER:
        raise ValueError("no number")
    return value
