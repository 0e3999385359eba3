"""Know by what the generated rows of a list are sorted and filtered, without making them twice."""

from array import array
from collections.abc import MutableSequence, Sequence
from dataclasses import replace
from typing import Any

from fake_confluence.content import Rows
from fake_confluence.paging import ByCursor, Value


class Facts:
    """Columns over the generated rows of one list: each row is made once, when it is first needed.

    Args:
        rows: The rows.
        paging: Which of their facts are of interest.
    """

    def __init__(self, rows: Rows, paging: ByCursor) -> None:
        # Bodies are no facts, and take a third of the time to make.
        light = replace(rows.content, body_bytes=0, most_body_bytes=0)
        self._rows = replace(rows, content=light)
        self._paging = paging
        self.count = rows.count
        self._is_known = bytearray()
        self._columns: dict[str, MutableSequence[Any]] = {}
        self._orders: dict[str, Sequence[int]] = {"id": range(self.count)}

    def value(self, name: str, index: int) -> Value:
        """One fact of one row."""
        if name == "id":
            return self._paging.ids[index]
        if not self._is_known:
            self._make_room()
        if not self._is_known[index]:
            self._look_at(index)
        found: Value = self._columns[name][index]
        return found

    def order(self, name: str) -> Sequence[int]:
        """The rows sorted by a fact, least first, and by id where it is the same."""
        if name not in self._orders:
            values = [self.value(name, index) for index in range(self.count)]
            by_value = sorted(range(self.count), key=values.__getitem__)
            self._orders[name] = array("q", by_value)
        return self._orders[name]

    def _make_room(self) -> None:
        self._is_known = bytearray(self.count)
        for name in (*self._paging.sorts, *self._paging.filters):
            is_date = name.endswith("-date")
            self._columns[name] = (array("q", [0]) if is_date else [""]) * self.count

    def _look_at(self, index: int) -> None:
        row = self._rows.row(index)
        for name, value in self._paging.facts(row).items():
            self._columns[name][index] = value
        self._is_known[index] = True
