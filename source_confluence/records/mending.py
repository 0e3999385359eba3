"""Mend what breaks destinations in a row, and mark what was changed."""

import re
from typing import Any

from airbyte_protocol_dataclasses.models import (
    AirbyteRecordMessageMetaChange,
    Change,
    Reason,
)

from source_confluence.paging.decoding import MAX_DEPTH, Unfit
from source_confluence.paging.page import Row

Changes = list[AirbyteRecordMessageMetaChange]

_UNFIT_CHARACTER = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_MAX_PATH = 200  # characters, of a field's name in a mark
_CONTAINERS = (dict, list)


def mended(row: Row) -> tuple[Row, Changes]:
    """The row without what breaks destinations, and what was changed.

    NUL characters and lone surrogates become U+FFFD, in names of fields too. A number that is not
    finite, or has more than 38 digits, becomes null; so does a field of the row that is nested more
    than 100 deep.
    """
    containers = ((name, value) for name, value in row.items() if isinstance(value, _CONTAINERS))
    deep = [name for name, value in containers if _is_deep(value, MAX_DEPTH)]
    changes: Changes = []
    return _object({**row, **dict.fromkeys(deep, Unfit())}, "", changes), changes


def _is_deep(container: dict[str, Any] | list[Any], levels: int) -> bool:
    if not levels:
        return True
    children = container.values() if isinstance(container, dict) else container
    inner = (child for child in children if isinstance(child, _CONTAINERS))
    return any(_is_deep(child, levels - 1) for child in inner)


def _object(values: Row, path: str, changes: Changes) -> Row:
    """An object with sound names and values; `path` is that of the object: `body.storage.`."""
    sound: dict[str, Any] = {}
    for name, value in values.items():
        field = _UNFIT_CHARACTER.sub(_REPLACEMENT, name)
        if field != name:
            while field in sound or field in values:  # once, unless names are made for it
                field = f"{field}{len(sound)}"
            changes.append(_truncated(f"{path}{field}"))
        sound[field] = _value(value, f"{path}{field}", changes)
    return sound


def _value(value: object, field: str, changes: Changes) -> object:
    """The value; a change to it, or within it, is added to `changes`."""
    if isinstance(value, dict):
        return _object(value, f"{field}.", changes)
    if isinstance(value, list):
        return [_value(child, f"{field}.{i}", changes) for i, child in enumerate(value)]
    if isinstance(value, str):
        text = _UNFIT_CHARACTER.sub(_REPLACEMENT, value)
        if text != value:
            changes.append(_truncated(field))
        return text
    if isinstance(value, Unfit):
        changes.append(change(field, Change.NULLED, Reason.SOURCE_SERIALIZATION_ERROR))
        return None
    return value


def _truncated(field: str) -> AirbyteRecordMessageMetaChange:
    return change(field, Change.TRUNCATED, Reason.SOURCE_SERIALIZATION_ERROR)


def change(field: str, kind: Change, reason: Reason) -> AirbyteRecordMessageMetaChange:
    """`{"field": "body.storage.value", "change": "TRUNCATED", "reason": "SOURCE_…"}`."""
    return AirbyteRecordMessageMetaChange(field=field[:_MAX_PATH], change=kind, reason=reason)
