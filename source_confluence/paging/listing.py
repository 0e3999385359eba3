"""Say all about a list in one value: where it is, how it is paged, what is heavy in it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar
from urllib.parse import urlencode

from source_confluence.paging.choice import Choice
from source_confluence.paging.listed import Listed, listed
from source_confluence.paging.page import Page, Row
from source_confluence.paging.pager import Pager, Position
from source_confluence.paging.plan import PageRequest, Plan
from source_confluence.settings.selection import DEFAULT_BODY_FORMAT, DEFAULT_STATUSES, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Heavy:
    """A part of the rows that Confluence gives only when asked, and may fail on.

    Args:
        field: The field that holds it: `body`.
        parameter: The query parameter that asks for it: `body-format`.
        value: Its value: `storage`.
    """

    field: str
    parameter: str
    value: str


BODY = Heavy(field="body", parameter="body-format", value=DEFAULT_BODY_FORMAT)
"""Of pages and blog posts; the user chooses its format, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceFilter:
    """How a list is told from which spaces rows are wanted.

    Args:
        parameter: The query parameter that takes their ids: `space-id`.
        max_ids: The most ids of one request; of more spaces, the rows are sorted out here.
        field: The field of a row that names its space.
    """

    parameter: str
    max_ids: int
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """By what the site itself can leave out rows.

    Args:
        statuses: The statuses that the list knows; none where it has no parameter `status`.
        spaces: How it is filtered by spaces; None where its rows are in none.
        since: The parameter for the earliest date of a row, inclusive: `startDate`.
    """

    statuses: tuple[str, ...] = ()
    spaces: SpaceFilter | None = None
    since: str = ""

    def parameters(self, selection: Selection) -> dict[str, Any]:
        """`{"status": ["current", "trashed"]}`, `{"startDate": 1769817600000}`."""
        parameters: dict[str, Any] = {}
        if self.statuses and selection.statuses != DEFAULT_STATUSES:
            parameters["status"] = [each for each in selection.statuses if each in self.statuses]
        if self.since and selection.start_date is not None:
            parameters[self.since] = selection.start_date
        return parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How to see what has changed in a list.

    Args:
        newest_first: The order in which what was modified last comes first: `-modified-date`.
    """

    newest_first: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging(ABC):
    """How a list is paged: `ByCursor` or `ByOffset`.

    Args:
        max_rows: How many rows one page may have at most.
    """

    max_rows: int

    pager: ClassVar[type[Pager]]
    """What leads through one read of the list."""
    has_links: ClassVar[bool]
    """Whether the links of each page lead on."""
    fetch_by: str = ""
    """The parameter that fetches rows by their ids: `id`."""

    def fixed(self, now: Callable[[], int]) -> Mapping[str, int]:  # noqa: ARG002 (not every list)
        """What is decided when a read begins, and asked for on all its pages.

        Args:
            now: Tells the site's time in milliseconds since 1970; it may take a request.
        """
        return {}

    def without_fixed(self) -> "Paging":
        """The same, with nothing decided when a read begins."""
        return self

    def first_plan(self, listing: "Listing", position: Position, rows: int) -> Plan | None:  # noqa: ARG002
        """How to fetch the first page of a read; None when one request is the best way."""
        return None

    @abstractmethod
    def plan_behind(
        self, listing: "Listing", position: Position, page: Page, rows: int, full_rows: int
    ) -> Plan | None:
        """How to fetch the page behind one ahead.

        Args:
            listing: The list.
            position: Where that one was asked for.
            page: That page.
            rows: How many rows the next one is to have.
            full_rows: How many rows a full page has on this site.

        Returns:
            None when there is none, or nothing is gained.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All of a list.

    Args:
        path: `wiki/api/v2/pages`.
        paging: How it is paged.
        heavy: What can be left out of a request when Confluence fails on it.
        filters: By what the site can leave out rows.
        changes: How to see what has changed in it; None where only a full read shows that.
        filtered_by: What each request filters by: `{"status": ["current", "trashed"]}`.
        selection: How it differs from the list without a selection: `body-format=none`.
        order: In which order it is asked for, where that matters: `-modified-date`.
        spaces: The ids of the spaces that are selected; None is all.
        since: When its rows were modified at the earliest, in milliseconds since 1970; None is all.
        choice: Which of its rows are wanted; None is all.
    """

    path: str
    paging: Paging
    heavy: tuple[Heavy, ...] = ()
    filters: Filters = Filters()
    changes: Changes | None = None
    filtered_by: Mapping[str, Any] = field(default_factory=dict)
    selection: str = ""
    order: str = ""
    spaces: frozenset[str] | None = None
    since: int | None = None
    choice: Choice | None = None

    def selected(self, selection: Selection) -> "Listing":
        """The list of what a user has selected."""
        body_format = selection.body_format
        heavy = [replace(each, value=body_format) if each == BODY else each for each in self.heavy]
        filtered_by = self.filters.parameters(selection)
        is_other_body = BODY in self.heavy and body_format != BODY.value
        changed = {**filtered_by, **({BODY.parameter: body_format} if is_other_body else {})}
        changed |= selection.of_spaces if self.filters.spaces else {}
        since = selection.start_date if self.changes else None
        changed |= {} if since is None else {"start_date": since}
        return replace(
            self,
            since=since,
            heavy=tuple(each for each in heavy if each.value != "none"),
            filtered_by=filtered_by,
            selection=urlencode(changed, doseq=True),
        )

    def between(self, since: int, until: int) -> "Listing":
        """The part of it between two instants, both inclusive, in milliseconds since 1970."""
        bounds = {self.filters.since: since} if since else {}
        bounds |= self.paging.fixed(lambda: until)
        filtered_by = {**self.filtered_by, **bounds}
        return replace(self, paging=self.paging.without_fixed(), filtered_by=filtered_by)

    def in_spaces(self, ids: frozenset[str]) -> "Listing":
        """The list of what is in some spaces; the site filters it, if it takes so many ids."""
        where, filtered_by = self.filters.spaces, self.filtered_by
        if where is not None and len(ids) <= where.max_ids:
            filtered_by = {**filtered_by, where.parameter: ",".join(sorted(ids))}
        return replace(self, spaces=ids, filtered_by=filtered_by)

    @property
    def sorts_out(self) -> bool:
        """Whether the site is asked for rows that are not selected: it cannot filter all of it."""
        where = self.filters.spaces if self.spaces is not None else None
        has_other_spaces = where is not None and where.parameter not in self.filtered_by
        return has_other_spaces or self.since is not None

    def includes(self, row: Listed) -> bool:
        """Whether a row that was listed is selected."""
        if self.spaces is not None and row.space_id not in self.spaces:
            return False
        return self.since is None or row.modified is None or row.modified >= self.since

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing of what is selected: a blog post is never archived."""
        return self.spaces == frozenset() or any(each == [] for each in self.filtered_by.values())

    @property
    def name(self) -> str:
        """What a position is in: `wiki/api/v2/pages`, `wiki/api/v2/pages?status=trashed`."""
        return f"{self.path}?{self.selection}" if self.selection else self.path

    def request(self, position: Position, rows: int, *, is_light: bool = False) -> PageRequest:
        """The request for a page, or for rows by their ids.

        Args:
            position: Where it begins, or the ids: `{"id": "65538,98307…"}`.
            rows: How many rows it is to have; of more ids, only so many are asked for.
            is_light: Whether to leave out what is heavy.
        """
        heavy = {} if is_light else self.heavy_parameters
        ids = str(position.get(self.paging.fetch_by, "")).split(",")[:rows]
        if ids != [""]:
            by_ids = {self.paging.fetch_by: ",".join(ids)}
            query = {"limit": len(ids), **heavy, **self.filtered_by, **by_ids}
            return PageRequest(query=query, has_links=False)
        order = {"sort": self.order} if self.order else {}
        query = {"limit": rows, **heavy, **self.filtered_by, **order, **position}
        return PageRequest(query=query, has_links=self.paging.has_links)

    def selects(self, row: Row, kept: Listed) -> bool:
        """Whether a row that was fetched by its id belongs to what is selected.

        Args:
            row: The row.
            kept: What is kept of it.
        """
        statuses = self.filtered_by.get("status")
        if statuses is None:
            statuses = [each for each in DEFAULT_STATUSES if each in self.filters.statuses]
        return row.get("status") in statuses and self.includes(kept)

    def is_in_spaces(self, row: Row) -> bool:
        """Whether a row is in a selected space, or is one."""
        where = self.filters.spaces
        return self.spaces is None or where is None or str(row.get(where.field)) in self.spaces

    def chosen_of(self, page: Page) -> Page:
        """The page with only those rows that are wanted, and what is kept of all.

        Raises:
            BrokenPagingError: When a row has no number for an id.
        """
        if self.choice is None:
            return page
        kept = [listed(row) for row in page.rows]
        wanted = self.choice.wanted(kept)
        rows = [row for row, each in zip(page.rows, kept, strict=True) if each.own_id in wanted]
        return replace(page, rows=rows, listed=kept)

    @property
    def heavy_parameters(self) -> Mapping[str, str]:
        """`{"body-format": "storage"}`."""
        return {each.parameter: each.value for each in self.heavy}

    @property
    def heavy_fields(self) -> list[str]:
        """`["body"]`."""
        return [each.field for each in self.heavy]
