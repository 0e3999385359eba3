"""Say which requests one page takes when it is fetched ahead: a plan, a step at a time."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from source_confluence.paging.page import Page
from source_confluence.paging.pager import Position

Query = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """One request for rows of a list, and how to read its response.

    Args:
        query: `{"limit": 250, "body-format": "storage", "cursor": "eyJpZCI6…"}`.
        has_links: Whether the links of the response lead on.
        ids_only: Whether nothing but the ids of its rows is used.
    """

    query: Query
    has_links: bool
    ids_only: bool = False

    def parse(self, body: bytes, link_header: str) -> Page:
        """The page in a response to it; raises what `Page.parse` does."""
        return Page.parse(
            body,
            asked_rows=self.query["limit"],
            has_links=self.has_links,
            link_header=link_header,
            ids_only=self.ids_only,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(ABC):
    """The next request for one page, and what follows it; a value that does not change.

    Args:
        position: Where the page is asked for.
        rows: How many rows it is to have.

    Attributes:
        request_count: How many requests the page takes in all.
        is_started: Whether the first of them was answered.
        leads_on: Whether the response to the next one says where the page behind begins.
    """

    position: Position
    rows: int
    request_count: ClassVar[int] = 1
    is_started: ClassVar[bool] = False
    leads_on: ClassVar[bool] = False

    @property
    @abstractmethod
    def request(self) -> PageRequest:
        """The next request."""

    @property
    def light_request(self) -> PageRequest:
        """The same, without what is heavy."""
        return self.request

    @abstractmethod
    def advance(self, response: Page) -> "Plan | Page":
        """The rest of the plan after a response to its request, or the page when that was all.

        Raises:
            FilterIgnoredError: When it holds rows that were not asked for.
            BrokenPagingError: When it lacks rows, or they have no ids, or it does not lead on.
        """

    @abstractmethod
    def following(self, rows: int) -> "Plan | None":
        """The plan of the page behind it, as soon as it is known where that begins.

        Args:
            rows: How many rows it is to have.
        """

    def is_end(self, page: Page) -> bool:  # noqa: ARG002 (not every list can tell)
        """Whether nothing that was fetched behind the page it came to is of use."""
        return False

    def speculation_limit(self, page_count: int) -> int | None:  # noqa: ARG002 (the same)
        """How many pages may be in flight of which nobody knows whether they exist.

        Args:
            page_count: How many pages there were so far.

        Returns:
            None where a page is fetched only when it is known to exist.
        """
        return None
