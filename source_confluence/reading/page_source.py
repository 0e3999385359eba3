"""Say what a reader gets its pages from, one after the other or ahead of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from source_confluence.paging.page import Page, Row
from source_confluence.paging.pager import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A page, and how it came.

    Args:
        page: Its rows, and what leads on.
        new_rows: Those of its rows that were not in the page before.
        seconds: How long the request for its rows took.
        is_light: Whether it had to be asked for without what is heavy.
    """

    page: Page
    new_rows: Sequence[Row] = ()
    seconds: float = 0.0
    is_light: bool = False


class PageSource(Protocol):
    """Gives the pages of one list: `Sequential`, or `Lookahead` in front of it."""

    def page_at(self, position: Position, place: str) -> Batch:
        """The page at a position.

        Args:
            position: `{"cursor": "eyJpZCI6…"}`.
            place: The same for people, for messages: `at the offset 2000`.

        Raises:
            FinalFailureError: When the site does not give it.
            StoppedError: When the process is told to stop.
        """

    def advance(self) -> None:
        """Take what came and send what it leads to, while the rows of a page are emitted."""

    def close(self) -> None:
        """Forget what is in flight."""
