"""Hold one list of v2: its generated rows, and what of them has changed since."""

import html
from dataclasses import dataclass, field

from fake_confluence.content import Rows
from fake_confluence.facts import Facts
from fake_confluence.paging import ByCursor, Value
from fake_confluence.rows import Row, content_links


@dataclass(slots=True, kw_only=True)
class Altered:
    """What makes a row differ from the generated one.

    Args:
        fields: Its fields that have other values.
        text: What the last edit added to its body.
        is_hidden: Whether the account may not see it.
        is_purged: Whether it is gone for good.
    """

    fields: Row = field(default_factory=dict)
    text: str = ""
    is_hidden: bool = False
    is_purged: bool = False

    @property
    def is_listed(self) -> bool:
        """Whether lists may show it."""
        return not (self.is_hidden or self.is_purged)


class Table:
    """The rows of a list as they are now.

    Generated rows are made on demand; of the others, only the differences are kept.

    Args:
        rows: The generated rows.
        paging: How the list is sorted and filtered.
    """

    def __init__(self, rows: Rows, paging: ByCursor) -> None:
        self._rows = rows
        self.paging = paging
        self.generated = Facts(rows, paging)
        self.count = rows.count
        self.altered: dict[int, Altered] = {}
        self.listed: dict[int, dict[str, Value]] = {}
        """The facts of altered rows that lists may show."""

    def row(self, index: int) -> Row:
        """A row, with its body, hidden or not."""
        row = self._rows.row(index)
        return _with(row, self.altered[index]) if index in self.altered else row

    def add(self, fields: Row) -> int:
        """Add a row with an id greater than all, and these fields; its index."""
        self.count += 1
        self.alter(self.count - 1, fields)
        return self.count - 1

    def alter(
        self,
        index: int,
        fields: Row | None = None,
        *,
        text: str | None = None,
        is_hidden: bool | None = None,
        is_purged: bool = False,
    ) -> None:
        """Change what is given of a row."""
        altered = self.altered.setdefault(index, Altered())
        altered.fields |= fields or {}
        altered.text = altered.text if text is None else text
        altered.is_hidden = altered.is_hidden if is_hidden is None else is_hidden
        altered.is_purged = altered.is_purged or is_purged
        self.listed.pop(index, None)
        if altered.is_listed:
            row = self.row(index)
            self.listed[index] = {"id": self.paging.ids[index], **self.paging.facts(row)}


def _with(row: Row, altered: Altered) -> Row:
    row = {**row, **altered.fields}
    if altered.text:
        storage = row["body"]["storage"]
        value = f"{storage['value']}<p>{html.escape(altered.text)}</p>"
        row["body"] = {"storage": {**storage, "value": value}}
    if "spaceId" in row:
        row["_links"] = content_links(int(row["id"]), int(row["spaceId"]))
    if row["status"] == "trashed" and "parentId" in row:  # as real sites show it
        row |= dict.fromkeys(("parentId", "parentType", "position"))
    return row
