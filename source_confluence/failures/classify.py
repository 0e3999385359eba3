"""Find the row of the table for what came instead of a page: a status, a body, an exception."""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping

import orjson
import pendulum
import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_confluence.exceptions import (
    NotAListError,
    NotJsonError,
    ResponseError,
    TooLargeError,
    UndecodableError,
)
from source_confluence.failures import table
from source_confluence.failures.failure import Failure

STATUSES_TO_READ = (400, 401, 403, 404)
"""The refusals whose bodies may tell what of the credentials is refused."""

_YEAR_SECONDS = 365 * 24 * 60 * 60
_NO_ACCESS = "caller cannot access confluence"
_NO_SCOPE = "scope does not match"
_OAUTH_ERROR = re.compile(r"[a-z_]{1,40}")

_BY_CAUSE: tuple[tuple[type[BaseException], Failure], ...] = (
    (TooLargeError, table.TOO_LARGE),
    (UndecodableError, table.UNDECODABLE),
    (NotJsonError, table.NOT_JSON),
    (NotAListError, table.NOT_A_LIST),
    (requests.exceptions.ProxyError, table.PROXY),
    (requests.exceptions.InvalidProxyURL, table.PROXY),
    (ssl.SSLCertVerificationError, table.CERTIFICATE),
    (socket.gaierror, table.UNKNOWN_HOST),
    (requests.exceptions.InvalidURL, table.PROXY),  # ours is valid, so it is the proxy's
    (requests.exceptions.InvalidSchema, table.PROXY),
    (ConnectionRefusedError, table.REFUSED),
    (requests.exceptions.ConnectTimeout, table.TIMEOUT),
    (requests.exceptions.Timeout, table.SLOW_ANSWER),
    (TimeoutError, table.SLOW_ANSWER),  # as requests hides it, when it is in the body
    (requests.exceptions.RequestException, table.CONNECTION_LOST),
    (AirbyteTracedException, table.PRIVATE_HOST),  # the CDK's own, on Airbyte Cloud
)


def of_refusal(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    wait_seconds: float,
    max_wait_seconds: float,
) -> tuple[Failure, str]:
    """The row for a response with a status other than 200, and what exactly was wrong.

    Args:
        status: The HTTP status.
        headers: Those of the response.
        body: Its body, for the `STATUSES_TO_READ`; else nothing.
        wait_seconds: The wait that it orders, or 0.
        max_wait_seconds: A longer wait than that is a failure of its own.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/intro/
    """
    if wait_seconds > max_wait_seconds:
        return table.WAIT_TOO_LONG, _in_words(wait_seconds)
    document = document_in(body)
    if failure := _of_gateway(status, headers, document):
        return failure, ""
    if _is_unrecognised(status, document):
        return table.UNRECOGNISED, ""
    if status in table.BY_STATUS:
        failure = table.BY_STATUS[status]
    else:
        by_class = {3: table.REDIRECT, 5: table.SERVER_ERROR}
        failure = by_class.get(status // 100, table.UNEXPECTED_STATUS)
    return failure, "as it says itself" if failure is table.TOO_LARGE else _oauth_error(document)


def of_exception(exception: BaseException) -> tuple[Failure, str]:
    """The row for a request that got no response, no whole one, or no page, and what was wrong."""
    causes = list(_causes(exception))
    if any(_is_of_trust_store(cause) for cause in causes):
        return table.TRUST_STORE, _detail_of(exception)
    for kind, row in _BY_CAUSE:
        for cause in causes:
            if isinstance(cause, kind):
                failure = table.NAME_LOOK_UP if _is_temporary(cause) else row
                return failure, _detail_of(exception)
    return table.UNFORESEEN, _detail_of(exception)


def is_login_refused(headers: Mapping[str, str]) -> bool:
    """Whether the response, whatever its status, was given to an anonymous visitor instead of us.

    `X-Seraph-LoginReason: AUTHENTICATED_FAILED` (or `AUTHENTICATION_DENIED`, after a CAPTCHA).

    Source: https://jira.atlassian.com/browse/JRA-41559
    """
    reason = headers.get("X-Seraph-LoginReason", "")
    return "AUTHENTICATED_FAILED" in reason or "AUTHENTICATION_DENIED" in reason


def _of_gateway(status: int, headers: Mapping[str, str], document: object) -> Failure | None:
    """The row for what Atlassian's gateway refuses by itself, before Confluence sees it.

    `X-Failure-Category: FAILURE_CLIENT_SCOPE_CHECK`, for a path that it does not know, too; or
    `FAILURE_CLIENT_AUTH`, `FAILURE_CLIENT_AUTH_MISMATCH`, for credentials that it does not accept.
    """
    match status, headers.get("X-Failure-Category", "").upper().replace(" ", "_"), document:
        case _, "FAILURE_CLIENT_SCOPE_CHECK", _:
            return table.SCOPE_MISSING
        case 401, _, {"message": str(message)} if _NO_SCOPE in message.lower():
            return table.SCOPE_MISSING
        case _, category, _ if category.startswith("FAILURE_CLIENT_AUTH"):
            return table.UNAUTHORIZED
    return None


def _oauth_error(document: object) -> str:
    """`unauthorized_client` of `{"error": "unauthorized_client", "error_description": "…"}`."""
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, str) and _OAUTH_ERROR.fullmatch(error) else ""


def document_in(body: bytes) -> object:
    """The JSON document; None for what is none."""
    try:
        return orjson.loads(body)
    except ValueError:
        return None


def _is_unrecognised(status: int, document: object) -> bool:
    """Whether a refusal is the one that a site gives to every caller it does not know.

    Not every site answers 401 to a token that has expired, was revoked or is wrong. v2 says
    `{"errors": [{"status": 404, "title": "Not Found", "detail": null}]}`, while a genuine 404 names
    what is missing. v1 says `{"statusCode": 403, "message": "… caller cannot access Confluence"}`.
    """
    match status, document:
        case 404, {"errors": [{"title": "Not Found"} as error]}:
            return not error.get("detail")
        case 404, {"code": 404, "message": str()}:  # of the gateway, not of Confluence
            return True
        case 403, {"message": str(message)}:
            return _NO_ACCESS in message.lower()
    return False


def _in_words(seconds: float) -> str:
    """`1 hour 30 minutes`."""
    if seconds > _YEAR_SECONDS:
        return "more than a year"
    return pendulum.duration(seconds=seconds).in_words(locale="en")


def _detail_of(exception: BaseException) -> str:
    """The kind of exception, or what is wrong with a response or a file."""
    is_of_file = _is_of_trust_store(exception) and not isinstance(exception, ssl.SSLError)
    says_more = is_of_file or isinstance(exception, ResponseError)
    return str(exception) if says_more else type(exception).__name__


def _is_of_trust_store(cause: BaseException) -> bool:
    """Whether the file that REQUESTS_CA_BUNDLE names is missing, or holds no certificates."""
    if isinstance(cause, ssl.SSLError):
        return getattr(cause, "library", "") in {"X509", "PEM"}
    return isinstance(cause, OSError) and "CA certificate bundle" in str(cause)


def _is_temporary(cause: BaseException) -> bool:
    """Whether no name can be looked up at the moment, which says nothing about this one."""
    return isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN


def _causes(exception: BaseException) -> Iterator[BaseException]:
    """The exception and what led to it: requests wraps urllib3, which wraps the socket's own."""
    seen: set[int] = set()
    cause: BaseException | None = exception
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
