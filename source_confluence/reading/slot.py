"""Keep the books of one page that is fetched ahead: what was asked for, and what came."""

import requests

from source_confluence.exceptions import BrokenPagingError, ResponseError
from source_confluence.paging.page import Page
from source_confluence.paging.plan import Plan
from source_confluence.transport.body import CompressedBody, decompressed

UNSOUND = (requests.RequestException, ResponseError, BrokenPagingError)
"""What `read_body` raises when a page must be fetched in another way."""


class Slot:
    """The place of one page in the window.

    Args:
        plan: The requests it takes.

    Attributes:
        plan: The rest of them.
        body: The response that came, as long as nobody has read it.
        page: The page, when all of it is there.
        seconds: How long its last response took.
        is_given_up: Whether it cannot be fetched this way, or is no longer wanted.
        is_in_flight: Whether one of its requests has not been answered.
        was_refused: Whether the credentials of a request were refused, and others got.
        refusal_count: How many of its requests were refused with 429.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.body: CompressedBody | None = None
        self.page: Page | None = None
        self.seconds = 0.0
        self.is_given_up = False
        self.is_in_flight = False
        self.was_refused = False
        self.refusal_count = 0

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing more to ask for."""
        return self.is_given_up or self.page is not None

    @property
    def is_waiting(self) -> bool:
        """Whether its next request can be sent now."""
        return not (self.is_in_flight or self.is_settled or self.body is not None)

    @property
    def is_begun(self) -> bool:
        """Whether dropping it would no longer save a request."""
        return self.plan.is_started or not self.is_waiting

    @property
    def is_end(self) -> bool:
        """Whether nothing that was fetched behind it is of use."""
        return self.page is not None and self.plan.is_end(self.page)

    def read_body(self, max_bytes: int | None) -> None:
        """Decode the response that came; until then it takes a fraction of the memory.

        Args:
            max_bytes: How large it may be, decompressed; None is as large as fits in memory.

        Raises:
            FilterIgnoredError: When it holds rows that were not asked for.
            TooLargeError: When it is too large.
            Exception: One of `UNSOUND`, when it is not what was asked for.
        """
        if self.body is None:
            return
        body, self.body = self.body, None
        response = self.plan.request.parse(decompressed(body, max_bytes), body.link_header)
        rest = self.plan.advance(response)
        if isinstance(rest, Page):
            self.page = rest
        else:
            self.plan = rest
