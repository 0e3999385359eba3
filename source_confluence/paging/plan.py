"""Say what to ask for to get one page of a list, before it is known what stands in it."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from source_confluence.paging.page import Page
from source_confluence.paging.pager import BrokenPagingError, next_cursor
from source_confluence.reading.state import Position
from source_confluence.transport.body import PackedBody, unpacked

Query = Mapping[str, Any]


class FilterIgnoredError(ValueError):
    """An answer to `id=…` holds rows that were not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for on every page of a list.

    Args:
        query: The parameters for whole rows: `{"body-format": "storage"}`.
        light: Those of them that can stay when only ids are wanted.
    """

    query: Query
    light: Query


class Part(ABC):
    """One page of a list, which takes one request or more.

    Args:
        position: Where the page begins.
        limit: How many rows it is to have.
        wanted: What is asked for on every page.

    Attributes:
        body: The answer that came, as long as nobody has read it.
        page: What stands in it, when all is known.
        has_failed: Whether it cannot be had this way, or nobody wants it any more.
        is_under_way: Whether a request for it has not been answered.
        refusal_count: How many of its requests were answered with 429.
        is_last: Whether there is probably nothing behind it.
    """

    request_count: ClassVar[int] = 1
    """How many requests it takes."""

    def __init__(self, position: Position, limit: int, wanted: Wanted) -> None:
        self.position = position
        self.limit = limit
        self.body: PackedBody | None = None
        self.page: Page | None = None
        self.has_failed = False
        self.is_under_way = False
        self.refusal_count = 0
        self.is_last = False
        self._wanted = wanted

    @classmethod
    def first(cls, position: Position, limit: int, wanted: Wanted) -> "Part | None":  # noqa: ARG003
        """The first page of a list; None when there is nothing to gain for it."""
        return None

    @classmethod
    @abstractmethod
    def behind(cls, given: int, position: Position, limit: int, wanted: Wanted) -> "Part | None":
        """The page at a position that was found in another way, behind the one that is read now.

        Args:
            given: How many rows the answer for that one had.
            position: Where this one begins.
            limit: How many rows it is to have.
            wanted: What is asked for on every page.

        Returns:
            None when there is nothing to gain for it.
        """

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing more to ask."""
        return self.has_failed or self.page is not None

    @property
    def is_waiting(self) -> bool:
        """Whether something is to be asked for now."""
        return not (self.is_under_way or self.is_settled or self.body is not None)

    @property
    def is_begun(self) -> bool:
        """Whether it takes no more requests now than it would take in turn, or none."""
        return not self.is_waiting

    @property
    def is_listing(self) -> bool:
        """Whether the next request is for what leads on to the page after this one."""
        return False

    @property
    def is_end(self) -> bool:
        """Whether nothing that was asked for behind it is of use."""
        return False

    def most_in_doubt(self, page_count: int) -> int:  # noqa: ARG002 (the same)
        """How many pages may be asked for of which nobody knows whether there is anything there.

        Args:
            page_count: How many there were so far.
        """
        return sys.maxsize

    @abstractmethod
    def next(self, limit: int) -> "Part | None":
        """The page after this one, as soon as it is known where it begins.

        Args:
            limit: How many rows it is to have.
        """

    @abstractmethod
    def query(self) -> Query:
        """The parameters of the next request."""

    def read_body(self, largest_bytes: int | None = None) -> None:
        """Read the answer that came.

        Args:
            largest_bytes: How large it may be, unpacked; as large as any when nothing is said.

        Raises:
            TooLargeError: When it is too large.
            requests.RequestException: When it cannot be unpacked.
            NotJsonError: When it is not JSON.
            NotAListError: When there is no list of objects in it, or it does not say whether it
                leads on.
            FilterIgnoredError: When it holds rows that were not asked for.
            BrokenPagingError: When it lacks rows, or they have no ids, or it does not lead on.
        """
        if self.body is not None:
            body, self.body = self.body, None
            content = unpacked(body, largest_bytes)
            asked = self.limit if self.is_listing else None
            header = body.link_header
            page = Page.parse(content, asked=asked, header=header, is_listing=self.is_listing)
            self._take_in(page)

    @abstractmethod
    def _take_in(self, answer: Page) -> None:
        """Learn from an answer."""


class OffsetPart(Part):
    """A page of v1, whose place can be counted out; it begins one row early.

    Rows move while a list is read: an event is written late, a group is added or removed. Of pages
    that are asked for side by side, one in front may be answered after one behind it, and rows may
    be in neither. The row that both have shows that they meet; `OffsetPager` looks at it.

    Args:
        step: The rows it is to have, besides that one; at least 1.
    """

    def __init__(self, position: Position, limit: int, wanted: Wanted, step: int) -> None:
        super().__init__(position, limit, wanted)
        self._step = step

    @classmethod
    def behind(cls, given: int, position: Position, limit: int, wanted: Wanted) -> Part | None:
        """An answer is full when it has as many rows as the one before, or as asked for."""
        step = min(given, limit) - 1
        return cls(position, limit, wanted, step) if step > 0 else None

    @property
    def is_end(self) -> bool:
        """When fewer rows came than it is to have, so that what follows begins in another place."""
        return self.page is not None and len(self.page.rows) <= self._step

    def most_in_doubt(self, page_count: int) -> int:
        """One at first, and one more for each two that there were, since the list may end."""
        return 1 + page_count // 2

    def next(self, limit: int) -> Part | None:
        """The one behind it, unless it is not known how many rows there are in between."""
        if self.has_failed or limit != self.limit:
            return None
        position = {**self.position, "start": int(self.position["start"]) + self._step}
        return OffsetPart(position, limit, self._wanted, self._step)

    def query(self) -> Query:
        """`{"limit": 1000, "start": 2999, "endDate": 1795348800000}`."""
        start = int(self.position["start"]) - 1
        return {"limit": self.limit, **self._wanted.query, **self.position, "start": start}

    def _take_in(self, answer: Page) -> None:
        """One answer is all there is to it."""
        self.page = answer


class ListedPart(Part):
    """A page of v2: first its ids without bodies, which is quick, then the rows by their ids.

    It is whole only when each row that was listed comes. What does not may have been deleted in
    between, or the filter leaves it out: whoever asks for the page without a filter will see.
    """

    request_count: ClassVar[int] = 2

    def __init__(self, position: Position, limit: int, wanted: Wanted) -> None:
        super().__init__(position, limit, wanted)
        self._listing: Page | None = None
        self._ids: list[str] = []
        self._next: Position | None = None

    @classmethod
    def first(cls, position: Position, limit: int, wanted: Wanted) -> Part:
        """While its bodies come, the ids of the next ones do."""
        return cls(position, limit, wanted)

    @classmethod
    def behind(cls, given: int, position: Position, limit: int, wanted: Wanted) -> Part:  # noqa: ARG003
        """How many rows the page before it had says nothing about it."""
        return cls(position, limit, wanted)

    @property
    def is_begun(self) -> bool:
        """When the ids are there, or are asked for."""
        return not (self.is_waiting and self.is_listing)

    @property
    def is_listing(self) -> bool:
        """Until the ids are there."""
        return self._listing is None

    def next(self, limit: int) -> Part | None:
        """The one at the cursor that came with the ids."""
        return None if self._next is None else ListedPart(self._next, limit, self._wanted)

    def query(self) -> Query:
        """`{"limit": 250, "cursor": "eyJpZCI6…"}`, then `{"limit": 250, "id": "65538,98307…"}`."""
        if self._listing is None:
            return {"limit": self.limit, **self._wanted.light, **self.position}
        return {"limit": len(self._ids), **self._wanted.query, "id": ",".join(self._ids)}

    def _take_in(self, answer: Page) -> None:
        """The ids, or the rows."""
        if self._listing is None:
            self._take_in_ids(answer)
        else:
            self._take_in_rows(answer, self._listing)

    def _take_in_ids(self, listing: Page) -> None:
        self._ids = _ids(listing)
        cursor = next_cursor(listing)
        self._next = None if cursor is None else {"cursor": cursor}
        self._listing = replace(listing, rows=[])  # decoded rows are large, and others will come
        if not self._ids:
            self.page = listing

    def _take_in_rows(self, answer: Page, listing: Page) -> None:
        rows = dict(zip(_ids(answer), answer.rows, strict=True))
        if not rows.keys() <= set(self._ids):
            raise FilterIgnoredError
        if len(rows) < len(self._ids):
            raise BrokenPagingError("rows that were listed did not come")
        in_order = [rows[each] for each in self._ids]
        self.page = replace(listing, rows=in_order, is_odd=answer.is_odd)


def _ids(page: Page) -> list[str]:
    """The ids of the rows, each another one.

    Raises:
        BrokenPagingError: When a row has none, or two have the same.
    """
    ids = [row.get("id") for row in page.rows]
    texts = [each for each in ids if isinstance(each, str) and each.isalnum()]
    if len(set(texts)) < len(ids):
        raise BrokenPagingError("rows without ids of their own")
    return texts
