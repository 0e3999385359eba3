"""Send every request of the connector: one attempt, one answer, within bounds of time and size."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from requests.auth import AuthBase

from source_confluence.exceptions import TooLargeError
from source_confluence.failures import classify
from source_confluence.failures.failure import Failure
from source_confluence.failures.table import ANONYMOUS
from source_confluence.limits.headers import MAX_ASKED_WAIT_SECONDS, LimitReport, Refusal
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.limits.waiting import now_seconds
from source_confluence.transport.body import CompressedBody, decompressed, read_body
from source_confluence.transport.site import Site
from source_confluence.transport.site_clock import SiteClock

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 90
"""Between two pieces of a response; Confluence itself gives up on a large page after a minute."""

MAX_REFUSAL_SECONDS = 5
"""For the body of a refusal; `check` may meet four of them within its half minute."""

_MAX_REFUSAL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one request: a body, or the reason why there is none.

    Args:
        response: The head of the response, if one came.
        body: Its body, when its status is 200.
        failure: The row of the table, when there is no body.
        detail: What exactly was wrong, where the row leaves that open.
        cause: The kind of exception, when no response came: `ConnectTimeout`.
        refusal: The wait that it orders, if it does.
        seconds: How long it took.
    """

    response: requests.Response | None = None
    body: CompressedBody | None = None
    failure: Failure | None = None
    detail: str = ""
    cause: str = ""
    refusal: Refusal | None = None
    seconds: float = 0.0

    @property
    def status(self) -> int | None:
        """The HTTP status, if a response came."""
        return None if self.response is None else self.response.status_code

    @property
    def summary(self) -> str:
        """`HTTP 503`, `HTTP 200, malformed JSON`, or, without a response, `ConnectTimeout`."""
        if self.response is None:
            return self.cause
        return f"HTTP {self.status}" + (f", {self.detail}" if self.detail else "")

    @property
    def trace_id(self) -> str:
        """By which Atlassian finds the request: `69b2b100…`; empty where the answer has none."""
        head = self.response.headers if self.response is not None else {}
        return str(head.get("atl-traceid", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long a request may take, and how much it may bring.

    Args:
        read_seconds: Between two pieces of the response; `READ_TIMEOUT_SECONDS` by default.
        max_bytes: Of the body, as it comes; None is the largest that fits in memory.
        max_wait_seconds: That a refusal may order; a longer one is a failure of its own.
    """

    read_seconds: float | None = None
    max_bytes: int | None = None
    max_wait_seconds: float = MAX_ASKED_WAIT_SECONDS


_BOUNDS = Bounds()


class Client:
    """Sends GET requests to one site, signed, and nowhere else.

    Args:
        site: Where to send them.
        authenticator: Signs each request.
        rate_limit: Learns from the responses.

    Attributes:
        request_count: How many were sent.
        refusal_count: How many of them the site refused for its limit.
        site_clock: The site's time, by its responses.
    """

    def __init__(self, site: Site, authenticator: AuthBase, rate_limit: RateLimit) -> None:
        self.site = site
        self.authenticator = authenticator
        self._rate_limit = rate_limit
        self._counting = Lock()  # threads send at the same time
        self.request_count = 0
        self.refusal_count = 0
        self.site_clock = SiteClock()

    def open_session(self, *, keeps_cookies: bool = True) -> requests.Session:
        """Connections of one's own, for one thread at a time.

        Args:
            keeps_cookies: Whether to send back the cookies of earlier responses. Without them, each
                answer is about the credentials alone.
        """
        session = requests.Session()
        session.auth = self.authenticator
        session.hooks["response"] = [_without_location]
        if not keeps_cookies:
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session

    def get(
        self,
        session: requests.Session,
        path: str,
        query: Mapping[str, Any],
        *,
        bounds: Bounds = _BOUNDS,
        asked_at: float | None = None,
    ) -> Answer:
        """Send one request, and read its body.

        Args:
            session: From `open_session`.
            path: `wiki/api/v2/pages`.
            query: `{"limit": 250, "cursor": "eyJpZCI6…"}`.
            bounds: Of time and size.
            asked_at: When the rate limit let the request go; the response is then reported to it.

        Returns:
            The answer; a fault of the network, or of the site, is one too.
        """
        began_at = now_seconds()
        with self._counting:
            self.request_count += 1
        # `requests` would escape the commas between 250 ids in 0.6 ms.
        parameters = f"?{urlencode(query, doseq=True, safe=',')}" if query else ""
        try:
            response = session.get(
                self.site.url(path) + parameters,
                timeout=(CONNECT_TIMEOUT_SECONDS, bounds.read_seconds or READ_TIMEOUT_SECONDS),
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, AirbyteTracedException) as error:
            row, detail = classify.of_exception(error)
            return Answer(failure=row, detail=detail, cause=type(error).__name__)
        self.site_clock.observe(response.headers.get("Date"))
        report = LimitReport.of(response, began_at if asked_at is None else asked_at)
        if asked_at is not None:
            self._rate_limit.observe(report)
        with self._counting:
            self.refusal_count += report.refusal is not None
        body, failure, detail = _read(response, report.refusal, bounds)
        return Answer(
            response=response,
            body=body,
            failure=failure,
            detail=detail,
            refusal=report.refusal,
            seconds=now_seconds() - began_at,
        )


def _read(
    response: requests.Response, refusal: Refusal | None, bounds: Bounds
) -> tuple[CompressedBody | None, Failure | None, str]:
    """The body, or why there is none."""
    if classify.is_login_refused(response.headers):
        return None, ANONYMOUS, ""
    if response.status_code != requests.codes.ok:
        with response:  # nobody else reads its body
            status, body = response.status_code, _body_of_refusal(response)
            wait_seconds = refusal.seconds if refusal else 0.0
            return None, *classify.of_status(status, body, wait_seconds, bounds.max_wait_seconds)
    try:
        return read_body(response, bounds.max_bytes), None, ""
    except (TooLargeError, requests.RequestException) as error:
        return None, *classify.of_exception(error)


def _body_of_refusal(response: requests.Response) -> bytes:
    """What may tell that the site does not know the account; nothing where it cannot be read."""
    if response.status_code in classify.STATUSES_TO_READ:
        with suppress(requests.RequestException, TooLargeError):
            small = read_body(response, _MAX_REFUSAL_BYTES, MAX_REFUSAL_SECONDS)
            return decompressed(small, _MAX_REFUSAL_BYTES)
    return b""


def _without_location(response: requests.Response, **_: object) -> None:
    """Take from a redirect where it leads.

    requests 2.34 looks there even when it is not to follow, and reads the whole body first, however
    large it is and however long it takes.
    """
    response.headers.pop("Location", None)
