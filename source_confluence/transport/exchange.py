"""Send one request, and say what came of it: a body, or the reason why there is none."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_confluence.exceptions import TooLargeError
from source_confluence.failures import classify
from source_confluence.failures.failure import Failure, Request
from source_confluence.failures.table import ANONYMOUS
from source_confluence.limits.headers import MAX_ASKED_WAIT_SECONDS, Refusal
from source_confluence.limits.waiting import now_seconds
from source_confluence.transport.body import CompressedBody, decompressed, read_body
from source_confluence.transport.entry import Entry

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
        entry: With what it was signed; None for a request without credentials.
        url: What was asked for: `https://api.atlassian.com/ex/confluence/…`.
        is_on_the_way: Whether that was a question on the way in, and not the list.
    """

    response: requests.Response | None = None
    body: CompressedBody | None = None
    failure: Failure | None = None
    detail: str = ""
    cause: str = ""
    refusal: Refusal | None = None
    seconds: float = 0.0
    entry: Entry | None = None
    url: str = ""
    is_on_the_way: bool = False

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

    def in_words(self, request: Request) -> Request:
        """The request that this answers, for messages.

        Args:
            request: The one for the list, which it is unless it was a question on the way in.
        """
        asked = urlsplit(self.url)
        if self.is_on_the_way:
            return replace(request, path=asked.path, server=asked.netloc, host=asked.netloc)
        return replace(request, server=asked.netloc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long a request may take, and how much it may bring.

    Args:
        read_seconds: Between two pieces of the response; `READ_TIMEOUT_SECONDS` by default.
        max_bytes: Of the body, as it comes; None is the largest that fits in memory.
        max_seconds: For the whole body; `MAX_BODY_SECONDS` by default.
        max_wait_seconds: That a refusal may order; a longer one is a failure of its own.
    """

    read_seconds: float | None = None
    max_bytes: int | None = None
    max_seconds: float | None = None
    max_wait_seconds: float = MAX_ASKED_WAIT_SECONDS


BOUNDS = Bounds()


def new_session(*, keeps_cookies: bool = True) -> requests.Session:
    """Connections of one's own, for one thread at a time.

    Args:
        keeps_cookies: Whether to send back the cookies of earlier responses. Without them, each
            answer is about the credentials alone.
    """
    session = requests.Session()
    session.hooks["response"] = [_without_location]
    if not keeps_cookies:
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def send(  # noqa: PLR0913 (what a request is, and what it may cost)
    session: requests.Session,
    url: str,
    entry: Entry | None,
    *,
    document: Mapping[str, Any] | None = None,
    bounds: Bounds = BOUNDS,
    on_head: Callable[[requests.Response, Refusal | None], None] = lambda *_: None,
) -> Answer:
    """Send one request, and read its body; redirects are not followed.

    Args:
        session: From `new_session`.
        url: `https://acme.atlassian.net/wiki/api/v2/pages?limit=250`.
        entry: Signs it; None for no credentials at all.
        document: What is posted, as JSON; without it, it is a GET.
        bounds: Of time and size.
        on_head: Is given the head of the response, and the wait that it orders, as soon as it is
            there.

    Returns:
        The answer; a fault of the network, or of the server, is one too.
    """
    began_at = now_seconds()
    try:
        response = session.request(
            "GET" if document is None else "POST",
            url,
            auth=entry.sign if entry else _unsigned,  # without one, requests would look in .netrc
            json=document,
            timeout=(CONNECT_TIMEOUT_SECONDS, bounds.read_seconds or READ_TIMEOUT_SECONDS),
            allow_redirects=False,
            stream=True,
        )
    except (requests.RequestException, AirbyteTracedException) as error:
        row, detail = classify.of_exception(error)
        cause = type(error).__name__
        return Answer(failure=row, detail=detail, cause=cause, entry=entry, url=url)
    refusal = Refusal.of(response)
    on_head(response, refusal)
    body, failure, detail = _read(response, refusal, bounds)
    return Answer(
        response=response,
        body=body,
        failure=failure,
        detail=detail,
        refusal=refusal,
        seconds=now_seconds() - began_at,
        entry=entry,
        url=url,
    )


def _read(
    response: requests.Response, refusal: Refusal | None, bounds: Bounds
) -> tuple[CompressedBody | None, Failure | None, str]:
    """The body, or why there is none."""
    if classify.is_login_refused(response.headers):
        return None, ANONYMOUS, ""
    if response.status_code != requests.codes.ok:
        with response:  # nobody else reads its body
            return None, *classify.of_refusal(
                response.status_code,
                response.headers,
                _body_of_refusal(response),
                wait_seconds=refusal.seconds if refusal else 0.0,
                max_wait_seconds=bounds.max_wait_seconds,
            )
    try:
        return read_body(response, bounds.max_bytes, bounds.max_seconds), None, ""
    except (TooLargeError, requests.RequestException) as error:
        return None, *classify.of_exception(error)


def _body_of_refusal(response: requests.Response) -> bytes:
    """What may tell why it is one; nothing where it cannot be read."""
    if response.status_code in classify.STATUSES_TO_READ:
        with suppress(requests.RequestException, TooLargeError):
            small = read_body(response, _MAX_REFUSAL_BYTES, MAX_REFUSAL_SECONDS)
            return decompressed(small, _MAX_REFUSAL_BYTES)
    return b""


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _without_location(response: requests.Response, **_: object) -> None:
    """Take from a redirect where it leads.

    requests 2.34 looks there even when it is not to follow, and reads the whole body first, however
    large it is and however long it takes.
    """
    response.headers.pop("Location", None)
