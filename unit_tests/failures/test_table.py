import socket
import ssl

import pytest
import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_confluence.failures import classify as answers
from source_confluence.failures import table as errors

REQUEST = errors.Request(
    host="acme.atlassian.net",
    path="/wiki/api/v2/pages",
    permission="permission to view the pages",
    otherwise="deselect the stream 'pages'",
)
ROWS = {name: row for name, row in vars(errors).items() if isinstance(row, errors.Failure)}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_row_makes_a_message_of_three_parts(row: errors.Failure) -> None:
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
        (301, errors.REDIRECT),
        (302, errors.REDIRECT),
        (400, errors.BAD_REQUEST),
        (401, errors.UNAUTHORIZED),
        (403, errors.FORBIDDEN),
        (404, errors.NOT_FOUND),
        (408, errors.TIMEOUT),
        (410, errors.GONE),
        (429, errors.RATE_LIMITED),
        (418, errors.UNEXPECTED_STATUS),
        (204, errors.UNEXPECTED_STATUS),
        (500, errors.SERVER_ERROR),
        (503, errors.UNAVAILABLE),
        (413, errors.TOO_LARGE),
        (599, errors.SERVER_ERROR),
    ],
)
def test_every_status_has_one_row(status: int, row: errors.Failure) -> None:
    assert answers.of_status(status) is row


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
        (caused_by(socket.gaierror(socket.EAI_NONAME, "not known")), errors.UNKNOWN_HOST),
        (caused_by(socket.gaierror(socket.EAI_AGAIN, "just now")), errors.NAME_LOOK_UP),
        (requests.exceptions.InvalidProxyURL(), errors.PROXY),
        (OSError("Could not find a suitable TLS CA certificate bundle"), errors.TRUST_STORE),
        (AirbyteTracedException("private network"), errors.PRIVATE_HOST),
        (ValueError("Invalid IPv6 URL"), errors.UNFORESEEN),
        (requests.exceptions.InvalidURL("the proxy's, as ours is valid"), errors.PROXY),
        (requests.exceptions.InvalidSchema("Missing dependencies for SOCKS"), errors.PROXY),
        (OSError("disk full"), errors.UNFORESEEN),
        (caused_by(ConnectionRefusedError()), errors.REFUSED),
        (caused_by(ssl.SSLCertVerificationError()), errors.CERTIFICATE),
        (caused_by(ssl.SSLEOFError()), errors.CONNECTION_LOST),
        (caused_by(ConnectionResetError()), errors.CONNECTION_LOST),
        (requests.ConnectTimeout(), errors.TIMEOUT),
        (requests.ReadTimeout(), errors.SLOW_ANSWER),
        (caused_by(TimeoutError()), errors.SLOW_ANSWER),
        (requests.exceptions.ChunkedEncodingError(), errors.CONNECTION_LOST),
        (requests.exceptions.ContentDecodingError(), errors.CONNECTION_LOST),
    ],
)
def test_every_exception_has_one_row(exception: Exception, row: errors.Failure) -> None:
    assert answers.of_exception(exception) is row


def test_airbyte_clouds_own_look_up_is_a_look_up() -> None:
    error = requests.exceptions.InvalidURL("of the CDK")
    error.__context__ = socket.gaierror(socket.EAI_NONAME, "not known")
    assert answers.of_exception(error) is errors.UNKNOWN_HOST


def test_a_proxy_is_to_blame_for_its_own_failures() -> None:
    for cause in (ConnectionRefusedError(), socket.gaierror(socket.EAI_NONAME, "not known")):
        error = requests.exceptions.ProxyError()
        error.__context__ = cause
        assert answers.of_exception(error) is errors.PROXY


def test_a_circle_of_causes_ends() -> None:
    one, other = requests.ConnectionError(), OSError()
    one.__cause__, other.__cause__ = other, one
    assert answers.of_exception(one) is errors.CONNECTION_LOST


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
    assert answers.is_login_refused(headers) is refused
