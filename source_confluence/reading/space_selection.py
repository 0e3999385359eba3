"""Read only what is selected: ask once which spaces these are, and sort out other rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from source_confluence.failures.failure import Request
from source_confluence.paging.by_cursor import ByCursor
from source_confluence.paging.choice import Included
from source_confluence.paging.listed import listed
from source_confluence.paging.listing import Listing
from source_confluence.paging.page import Page
from source_confluence.paging.pager import Position, row_key
from source_confluence.paging.spaces import (
    KnownSpace,
    KnownSpaces,
    SelectedSpaces,
    key_filters,
    selected_of,
)
from source_confluence.reading.context import ListContext
from source_confluence.reading.page_size import PageSize
from source_confluence.reading.page_source import Batch, PageSource
from source_confluence.reading.retrying import RetryingClient
from source_confluence.reading.sequential import Sequential
from source_confluence.reading.walk import Walk
from source_confluence.transport.client import Client

SPACES = Listing(path="wiki/api/v2/spaces", paging=ByCursor(max_rows=250))
"""The spaces, without what is heavy in them."""


def request_for_spaces(client: Client) -> Request:
    """What is asked for, in words for messages."""
    return client.in_words(
        SPACES.path,
        permission="permission to use Confluence and to view the spaces",
        otherwise="leave out the settings that select spaces",
        scope="read:space:confluence",
    )


def in_selected_spaces(context: ListContext) -> ListContext:
    """The same list, of what is in the selected spaces; the site is asked once which these are.

    Raises:
        FinalFailureError: When the site does not give the list of spaces.
        BrokenPagingError: When it does not lead to the end of it.
        StoppedError: When the process is told to stop.
    """
    if context.listing.filters.spaces is None or context.sync.selection.has_all_spaces:
        return context
    context.progress.begin()  # the question counts
    try:
        ids = selected_spaces(context).ids
    except BaseException:
        context.progress.end(is_complete=False)
        raise
    return replace(context, listing=context.listing.in_spaces(ids))


def source_in_spaces(
    context: ListContext, new_source: Callable[[ListContext], PageSource]
) -> PageSource:
    """What a list's pages come from, without rows that are not selected."""
    if context.listing.spaces is None and not context.listing.sorts_out:
        return new_source(context)
    return _Selected(context, new_source)


class _Selected:
    """Gives the pages of a list without the rows that are not selected.

    Args:
        context: Which list, for which stream; its spaces are known.
        new_source: Makes what the pages come from.
    """

    def __init__(
        self, context: ListContext, new_source: Callable[[ListContext], PageSource]
    ) -> None:
        self._listing = listing = context.listing
        self._subject = context.subject
        self._logger = context.logger
        if listing.sorts_out and listing.paging.fetch_by:
            choice = Included(includes=listing.includes, among=listing.choice)
            context = replace(context, listing=replace(listing, choice=choice))
        self._source = new_source(context)
        self._has_warned = listing.sorts_out

    def page_at(self, position: Position, place: str) -> Batch:
        """The page at a position; an empty one, without a request, where no space is selected."""
        if self._listing.is_empty:
            return Batch(page=Page(rows=[], asked_rows=0))
        batch = self._source.page_at(position, place)
        return replace(batch, page=self._without_others(batch.page))

    def advance(self) -> None:
        """Let what is in flight go on."""
        self._source.advance()

    def close(self) -> None:
        """Forget what is in flight."""
        self._source.close()

    def _without_others(self, page: Page) -> Page:
        """The page without rows of other spaces: the site did not filter, or they were moved."""
        rows = [row for row in page.rows if self._listing.is_in_spaces(row)]
        if len(rows) == len(page.rows):
            return page
        if not self._has_warned:
            self._has_warned = True
            self._logger.warning(
                "%s returned rows of other spaces than the selected ones; they are left out.",
                self._subject,
            )
        return replace(page, rows=rows, listed=page.listed or [listed(row) for row in page.rows])


def selected_spaces(context: ListContext) -> SelectedSpaces:
    """The spaces that are read; the site is asked once in a sync, for whichever list is first."""
    remembered = context.sync.spaces
    if remembered.selected is None:
        remembered.selected = _resolved(context)
        _warn_of_what_is_missing(context, remembered.selected)
    return remembered.selected


def _resolved(context: ListContext) -> SelectedSpaces:
    """By the keys; by the list of all spaces where that leaves one unknown, or leaves some out.

    The address of a space whose key was changed shows an alias, which only its row tells.
    """
    selection = context.sync.selection
    if selection.spaces:
        filters = key_filters([*selection.spaces, *selection.excluded_spaces])
        by_keys = [space for each in filters for space in _spaces(context, each)]
        selected = selected_of(KnownSpaces(by_keys), selection)
        if not (selected.missing or selected.not_excluded):
            return selected
    return selected_of(KnownSpaces(_spaces(context, {})), selection)


def _spaces(context: ListContext, filtered_by: Mapping[str, Any]) -> Iterator[KnownSpace]:
    context = replace(
        context,
        listing=replace(SPACES, filtered_by=filtered_by),
        key=row_key,
        request=request_for_spaces(context.sync.client),
    )
    page_size = PageSize(SPACES.paging.max_rows)
    walk = Walk(context, Sequential(context, RetryingClient(context), page_size), None)
    while walk.position is not None:
        batch = walk.next_batch()
        yield from map(KnownSpace.of, batch.new_rows)
        walk.step(batch.page)


def _warn_of_what_is_missing(context: ListContext, spaces: SelectedSpaces) -> None:
    """Say in each sync what of the selection cannot be read as it was meant."""
    rest = _REST if spaces.ids else "Nothing else is selected, so nothing is read."
    for keys, what in (
        (spaces.missing, _MISSING),
        (spaces.not_current, _NOT_CURRENT),
        (spaces.contradictory, _CONTRADICTORY),
        (spaces.not_excluded, _NOT_EXCLUDED),
    ):
        if keys:
            context.logger.warning(f"{what} {rest}", context.request.host, ", ".join(keys))


_REST = "The rest of the selection is read."
_MISSING = (
    "%s shows the account no space with the selected key %s: it was deleted, its key was changed, "
    "or the account may no longer view it."
)
_NOT_CURRENT = (
    "On %s the selected space %s is archived or in the trash; Confluence may not list all that is "
    "in it."
)
_CONTRADICTORY = (
    "On %s the selected space %s is personal, or excluded by another key, so it is left out."
)
_NOT_EXCLUDED = "%s shows the account no space with the key %s, which is to be left out."
