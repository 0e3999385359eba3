"""Say which of the rows that were listed without bodies are wanted whole."""

from collections.abc import Collection, Sequence
from typing import Protocol

from source_confluence.paging.listed import Listed


class Choice(Protocol):
    """Decides by what is listed; the same answer each time it is asked."""

    @property
    def needs_all(self) -> bool:
        """Whether a row that is wanted and does not come is a fault of the response.

        Else the reader looks for it later.
        """

    @property
    def is_dense(self) -> bool:
        """Whether most rows are wanted, so that one request with bodies is the best way."""

    def wanted(self, rows: Sequence[Listed]) -> Collection[int]:
        """The ids of those to fetch with their bodies."""

    def is_past(self, rows: Sequence[Listed]) -> bool:
        """Whether nothing behind a page with these rows is wanted."""
