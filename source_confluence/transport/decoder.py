"""Decode the answer to a request for a page of a list."""

from urllib.parse import parse_qsl, urlsplit
from weakref import WeakKeyDictionary

import requests

from source_confluence.paging.page import Page
from source_confluence.transport.body import body_of


class Decoder:
    """Decodes each answer once, however often it is asked for, and forgets it with the answer.

    Args:
        is_linked: Whether the links of a page lead on (v2).
    """

    def __init__(self, *, is_linked: bool) -> None:
        self._is_linked = is_linked
        self._pages: WeakKeyDictionary[requests.Response, Page] = WeakKeyDictionary()

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._pages)

    def page(self, response: requests.Response) -> Page:
        """What stands in an answer of which nothing but the head was read so far.

        Raises:
            ValueError: What `Page.parse` raises, and when the body is too large.
            requests.RequestException: When the body does not come as it should.
        """
        page = self._pages.get(response)
        if page is None:
            asked = _asked_rows(response) if self._is_linked else None
            header = response.headers.get("Link", "")
            page = Page.parse(body_of(response), asked=asked, header=header)
            self._pages[response] = page
        return page


def _asked_rows(response: requests.Response) -> int:
    """How many rows the request was for: 250 of `…/pages?limit=250&body-format=storage`."""
    query = urlsplit(response.request.url or "").query
    return int(dict(parse_qsl(query))["limit"])
