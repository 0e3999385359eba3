"""Say which of the rows that were listed without bodies are wanted whole."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Included:
    """Wants the rows that are selected, and of these what another choice wants.

    Args:
        includes: Whether a row is selected.
        among: The other choice; None wants all.
    """

    includes: Callable[[Listed], bool]
    among: Choice | None = None

    @property
    def is_dense(self) -> bool:
        """False: what is left out may be most of the rows."""
        return False

    @property
    def needs_all(self) -> bool:
        """As the other choice says."""
        return self.among is None or self.among.needs_all

    def wanted(self, rows: Sequence[Listed]) -> Collection[int]:
        """The ids of the rows to fetch with their bodies."""
        here = [row for row in rows if self.includes(row)]
        return {row.own_id for row in here} if self.among is None else self.among.wanted(here)

    def is_past(self, rows: Sequence[Listed]) -> bool:
        """As the other choice says; the order is that of all rows."""
        return self.among is not None and self.among.is_past(rows)
