"""Read what a request for a list of v2 asks for: which rows, in which order, after which one."""

import base64
import binascii
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fake_confluence.paging import ByCursor, Value
from fake_confluence.request import RefusedError

Key = tuple[Value, int]
"""A position in a list: the value it is sorted by, and the id, which breaks ties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a request asks for.

    Args:
        order: `-modified-date`, as `sort` and cursors name it.
        after: The position of the last row that was given; None at the beginning.
        wanted: The values that a fact must have: `{"status": {"current"}}`.
        indices: The rows it names by id; None for all.
    """

    order: str
    after: Key | None
    wanted: Mapping[str, frozenset[Value]]
    indices: list[int] | None

    @property
    def fact(self) -> str:
        """What the rows are sorted by: `modified-date`."""
        return self.order.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        """Whether the greatest comes first."""
        return self.order.startswith("-")

    @property
    def beginning(self) -> Key:
        """A position before all rows."""
        least, most = ("", chr(sys.maxunicode)) if _type_of(self.order) is str else (0, 2**62)
        return (most, 2**62) if self.is_descending else (least, 0)


def query(params: Mapping[str, str], paging: ByCursor) -> Query:
    """Read the parameters, and refuse values that Confluence refuses, too."""
    order = params.get("sort", "id")
    wanted = {name: each.wanted(name, params) for name, each in paging.filters.items()}
    return Query(
        order=order,
        after=_position(params["cursor"], order) if params.get("cursor") else None,
        wanted={name: values for name, values in wanted.items() if values},
        indices=paging.indices(params[paging.id_name]) if paging.id_name in params else None,
    )


def cursor(order: str, key: Key, *, salt: int) -> str:
    """A position as v2 gives it: Base64 of JSON, here always with `+` and `/`, often with `=`.

    `{"id": "196886", "contentOrder": "-modified-date", "contentOrderValue": 1756401521970}`
    """
    value, own_id = key
    position: dict[str, Any] = {"id": str(own_id), "contentOrder": order}
    position |= {"contentOrderValue": value, "salt": f">>>>>???{salt}"}
    return base64.b64encode(json.dumps(position, separators=(",", ":")).encode()).decode()


def _position(text: str, order: str) -> Key:
    try:
        position = json.loads(base64.b64decode(text, validate=True))
        value, own_id = position["contentOrderValue"], int(position["id"])
        is_sound = position["contentOrder"] == order and isinstance(value, _type_of(order))
    except (binascii.Error, ValueError, KeyError, TypeError):
        is_sound = False
    if not is_sound:
        raise RefusedError(
            "Provided value for 'cursor' is not the correct type. Expected type is Cursor."
        )
    return value, own_id


def _type_of(order: str) -> type[Value]:
    return str if order.removeprefix("-") in ("key", "name") else int
