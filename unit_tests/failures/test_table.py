import socket
import ssl

import pytest
import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_confluence.failures import classify, table
from source_confluence.failures.failure import Failure, Request
from source_confluence.settings.credentials import ApiToken

REQUEST = Request(
    host="acme.atlassian.net",
    path="/wiki/api/v2/pages",
    permission="permission to view the pages",
    otherwise="deselect the stream 'pages'",
    scope="read:page:confluence",
    refused=ApiToken.refused,
    renewal=ApiToken.renewal,
)
ROWS = {name: row for name, row in vars(table).items() if isinstance(row, Failure)}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_row_makes_a_message_of_three_parts(row: Failure) -> None:
    message = row.message(REQUEST, status=418, detail="the reason")
    happened, rest = message.split(" Likely cause: ")
    cause, remedy = rest.split(" What to do: ")
    for part in (happened, cause, remedy):
        assert part.endswith(".")
        assert len(part) > 20
        assert "{" not in part
        assert "None" not in part


@pytest.mark.parametrize(
    ("status", "row"),
    [
        (301, table.REDIRECT),
        (302, table.REDIRECT),
        (400, table.BAD_REQUEST),
        (401, table.UNAUTHORIZED),
        (403, table.FORBIDDEN),
        (404, table.NOT_FOUND),
        (408, table.TIMEOUT),
        (410, table.GONE),
        (429, table.RATE_LIMITED),
        (418, table.UNEXPECTED_STATUS),
        (204, table.UNEXPECTED_STATUS),
        (500, table.SERVER_ERROR),
        (503, table.UNAVAILABLE),
        (413, table.TOO_LARGE),
        (599, table.SERVER_ERROR),
    ],
)
def test_every_status_has_one_row(status: int, row: Failure) -> None:
    assert refusal(status) is row


def refusal(status: int, body: bytes = b"", category: str = "") -> Failure:
    headers = {"X-Failure-Category": category} if category else {}
    row, _ = classify.of_refusal(status, headers, body, wait_seconds=0, max_wait_seconds=60)
    return row


NO_SCOPE = b'{"code": 401, "message": "Unauthorized; scope does not match"}'


@pytest.mark.parametrize(
    ("status", "body", "category", "row"),
    [
        (401, NO_SCOPE, "FAILURE_CLIENT_SCOPE_CHECK", table.SCOPE_MISSING),
        (401, NO_SCOPE, "", table.SCOPE_MISSING),
        (401, b"", "FAILURE_CLIENT_SCOPE_CHECK", table.SCOPE_MISSING),
        (401, b"", "FAILURE CLIENT SCOPE CHECK", table.SCOPE_MISSING),
        (401, b'{"message": "Unauthorized"}', "FAILURE_CLIENT_AUTH", table.UNAUTHORIZED),
        (401, b"<!doctype html>", "", table.UNAUTHORIZED),
        (403, b"", "FAILURE_CLIENT_AUTH_MISMATCH", table.UNAUTHORIZED),
        (429, b"", "FAILURE CLIENT RATE LIMITED", table.RATE_LIMITED),
        (403, NO_SCOPE, "", table.FORBIDDEN),
    ],
)
def test_the_gateway_says_whether_it_is_the_scope_or_the_credential(
    status: int, body: bytes, category: str, row: Failure
) -> None:
    assert refusal(status, body, category) is row


def caused_by(cause: BaseException) -> requests.ConnectionError:
    """As requests raises it: wrapped twice."""
    middle = OSError("wrapped by urllib3")
    middle.__cause__ = cause
    outer = requests.ConnectionError("wrapped by requests")
    outer.__context__ = middle
    return outer


@pytest.mark.parametrize(
    ("exception", "row"),
    [
        (caused_by(socket.gaierror(socket.EAI_NONAME, "not known")), table.UNKNOWN_HOST),
        (caused_by(socket.gaierror(socket.EAI_AGAIN, "just now")), table.NAME_LOOK_UP),
        (requests.exceptions.InvalidProxyURL(), table.PROXY),
        (OSError("Could not find a suitable TLS CA certificate bundle"), table.TRUST_STORE),
        (AirbyteTracedException("private network"), table.PRIVATE_HOST),
        (ValueError("Invalid IPv6 URL"), table.UNFORESEEN),
        (requests.exceptions.InvalidURL("the proxy's, as ours is valid"), table.PROXY),
        (requests.exceptions.InvalidSchema("Missing dependencies for SOCKS"), table.PROXY),
        (OSError("disk full"), table.UNFORESEEN),
        (caused_by(ConnectionRefusedError()), table.REFUSED),
        (caused_by(ssl.SSLCertVerificationError()), table.CERTIFICATE),
        (caused_by(ssl.SSLEOFError()), table.CONNECTION_LOST),
        (caused_by(ConnectionResetError()), table.CONNECTION_LOST),
        (requests.ConnectTimeout(), table.TIMEOUT),
        (requests.ReadTimeout(), table.SLOW_ANSWER),
        (caused_by(TimeoutError()), table.SLOW_ANSWER),
        (requests.exceptions.ChunkedEncodingError(), table.CONNECTION_LOST),
        (requests.exceptions.ContentDecodingError(), table.CONNECTION_LOST),
    ],
)
def test_every_exception_has_one_row(exception: Exception, row: Failure) -> None:
    assert classify.of_exception(exception)[0] is row


def test_airbyte_clouds_own_look_up_is_a_look_up() -> None:
    error = requests.exceptions.InvalidURL("of the CDK")
    error.__context__ = socket.gaierror(socket.EAI_NONAME, "not known")
    assert classify.of_exception(error)[0] is table.UNKNOWN_HOST


def test_a_proxy_is_to_blame_for_its_own_failures() -> None:
    for cause in (ConnectionRefusedError(), socket.gaierror(socket.EAI_NONAME, "not known")):
        error = requests.exceptions.ProxyError()
        error.__context__ = cause
        assert classify.of_exception(error)[0] is table.PROXY


def test_a_circle_of_causes_ends() -> None:
    one, other = requests.ConnectionError(), OSError()
    one.__cause__, other.__cause__ = other, one
    assert classify.of_exception(one)[0] is table.CONNECTION_LOST


@pytest.mark.parametrize(
    ("reason", "refused"),
    [
        ("AUTHENTICATED_FAILED", True),
        ("OUT, AUTHENTICATION_DENIED", True),
        ("OK", False),
        ("OUT", False),
        (None, False),
    ],
)
def test_a_login_is_refused_only_when_the_header_says_so(
    reason: str | None,
    refused: bool,
) -> None:
    headers = {} if reason is None else {"X-Seraph-LoginReason": reason}
    assert classify.is_login_refused(headers) is refused
