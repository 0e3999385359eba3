"""Find out, for the check, whether the spaces that the settings name exist."""

from collections.abc import Iterator, Mapping
from concurrent.futures import wait
from functools import partial
from typing import Any

import requests

from source_confluence.failures.failure import Failure
from source_confluence.failures.table import UNKNOWN_SPACE
from source_confluence.identity import CheckFailedError, ask, in_thread
from source_confluence.limits.waiting import now_seconds
from source_confluence.paging.by_cursor import next_cursor
from source_confluence.paging.page import Page
from source_confluence.paging.spaces import KnownSpace, KnownSpaces, key_filters, nearest
from source_confluence.reading.space_selection import SPACES, request_for_spaces
from source_confluence.settings.selection import Selection
from source_confluence.transport.client import Client

DEADLINE_SECONDS = 10
"""For all of it; of spaces about which the site has said nothing by then, nothing is said."""

_LISTING_SECONDS = 5
_MAX_BATCHES = 20  # of 250 spaces
_MAX_NAMED = 5


class SpaceCheck:
    """Looks for the spaces in the background, from now on.

    Args:
        client: Sends the requests.
        selection: Which spaces are selected, and which are left out.
    """

    def __init__(self, client: Client, selection: Selection) -> None:
        self._until = now_seconds() + DEADLINE_SECONDS
        self._outcome = in_thread(_require_spaces, client, selection)

    @property
    def complaint(self) -> str:
        """What happened, the likely cause, what to do; empty when there is nothing to change."""
        wait([self._outcome], timeout=max(self._until - now_seconds(), 0))
        error = self._outcome.exception() if self._outcome.done() else None
        is_of_user = isinstance(error, CheckFailedError) and error.user_must_act
        return str(error) if is_of_user else ""


def _require_spaces(client: Client, selection: Selection) -> None:
    """Raise when the site shows no space with one of the keys.

    Only where it does not know a key is the list of all spaces read, as far as time allows: a space
    may have an alias, and to name the nearest key one must know them.

    Raises:
        CheckFailedError: Then, and when the site does not give the list.
    """
    keys = [*selection.spaces, *selection.excluded_spaces]
    with client.open_session(keeps_cookies=False) as session:
        by_keys = [each for some in key_filters(keys) for each in _spaces(client, session, some)]
        missing = [key for key in keys if KnownSpaces(by_keys).find(key) is None]
        known = KnownSpaces(_spaces(client, session, {})) if missing else KnownSpaces([])
    missing = [key for key in missing if known.find(key) is None]
    if missing:
        detail = ", ".join(_with_nearest(key, known) for key in missing[:_MAX_NAMED])
        detail += ", …" if len(missing) > _MAX_NAMED else ""
        message = UNKNOWN_SPACE.message(request_for_spaces(client), detail=detail)
        raise CheckFailedError(message, UNKNOWN_SPACE, was_answered=True)


def _spaces(
    client: Client, session: requests.Session, filtered_by: Mapping[str, Any]
) -> Iterator[KnownSpace]:
    """The spaces, or the first ones of very many."""
    request, rows = request_for_spaces(client), SPACES.paging.max_rows
    until, query = now_seconds() + _LISTING_SECONDS, {"limit": rows, **filtered_by}
    decode = partial(Page.parse, asked_rows=rows, has_links=True)
    for _ in range(_MAX_BATCHES):
        page = ask(client, session, request, query, decode, _retries)
        yield from map(KnownSpace.of, page.rows)
        cursor = next_cursor(page)
        if cursor is None or now_seconds() > until:
            return
        query["cursor"] = cursor


def _retries(failure: Failure) -> int:
    return min(failure.max_retries, 1)


def _with_nearest(key: str, known: KnownSpaces) -> str:
    other = nearest(key, known)
    return f"{key} (the nearest is {other})" if other else key
