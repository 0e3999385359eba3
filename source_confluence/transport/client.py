"""Send every request for a list: one attempt, one answer, within bounds of time and size."""

from collections.abc import Mapping
from functools import partial
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import requests
from requests.auth import AuthBase

from source_confluence.failures.failure import Request
from source_confluence.limits.headers import LimitReport, Refusal
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.transport.access import Access
from source_confluence.transport.exchange import BOUNDS, Answer, Bounds, new_session, send
from source_confluence.transport.site_clock import SiteClock


class Client:
    """Sends GET requests to one site, signed, and nowhere else.

    Args:
        access: How to get in there.
        rate_limit: Learns from the responses.

    Attributes:
        site: Where they are sent, or for which the gateway takes them.
        authenticator: Signs a request as all others are.
        request_count: How many were sent.
        refusal_count: How many of them the site refused for its limit.
        site_clock: The site's time, by its responses.
    """

    def __init__(self, access: Access, rate_limit: RateLimit) -> None:
        self.site = access.site
        self.access = access
        self.authenticator: AuthBase = _Signer(access)
        self._rate_limit = rate_limit
        self._counting = Lock()  # threads send at the same time
        self.request_count = 0
        self.refusal_count = 0
        self.site_clock = SiteClock()

    @staticmethod
    def open_session(*, keeps_cookies: bool = True) -> requests.Session:
        """Connections of one's own, for one thread at a time."""
        return new_session(keeps_cookies=keeps_cookies)

    def in_words(self, path: str, *, permission: str, otherwise: str, scope: str = "") -> Request:
        """A request, as messages speak of it.

        Args:
            path: `wiki/api/v2/pages`.
            permission: What the account must be allowed.
            otherwise: What to do when that cannot be granted.
            scope: What a token must have, if it has scopes.
        """
        credentials = self.access.credentials
        return Request(
            host=self.site.host,
            path=f"/{path}",
            permission=permission,
            otherwise=otherwise,
            scope=scope,
            refused=credentials.refused,
            renewal=credentials.renewal,
            widening=credentials.widening,
        )

    def get(
        self,
        session: requests.Session,
        path: str,
        query: Mapping[str, Any],
        *,
        bounds: Bounds = BOUNDS,
        asked_at: float | None = None,
    ) -> Answer:
        """Send one request, and read its body; the access must be open.

        Args:
            session: From `open_session`.
            path: `wiki/api/v2/pages`.
            query: `{"limit": 250, "cursor": "eyJpZCI6…"}`.
            bounds: Of time and size.
            asked_at: When the rate limit let the request go; the response is then reported to it.

        Returns:
            The answer; a fault of the network, or of the site, is one too.
        """
        entry = self.access.entry
        with self._counting:
            self.request_count += 1
        # `requests` would escape the commas between 250 ids in 0.6 ms.
        parameters = f"?{urlencode(query, doseq=True, safe=',')}" if query else ""
        learn = partial(self._learn, asked_at)
        url = entry.url(path) + parameters
        answer = send(session, url, entry, bounds=bounds, on_head=learn)
        entry.was_accepted = entry.was_accepted or answer.body is not None
        with self._counting:
            self.refusal_count += answer.refusal is not None
        return answer

    def _learn(
        self, asked_at: float | None, response: requests.Response, refusal: Refusal | None
    ) -> None:
        self.site_clock.observe(response.headers.get("Date"))
        if asked_at is not None:
            self._rate_limit.observe(LimitReport.of(response, refusal, asked_at))


class _Signer(AuthBase):
    """Signs with whatever lets in at that time, for the CDK."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return self._access.entry.sign(request)
