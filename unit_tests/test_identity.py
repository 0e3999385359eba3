import re
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests
import requests_mock

from fake_confluence import Fault
from source_confluence import permissions
from source_confluence.identity import DEADLINE_SECONDS
from source_confluence.transport.exchange import MAX_REFUSAL_SECONDS
from unit_tests.conftest import StartSite
from unit_tests.protocol import check
from unit_tests.streams_under_test import PATHS, contents

CONFIG = {"email": "ada@acme.com", "api_token": "t0ken", "domain_name": "acme.atlassian.net"}
USER = "https://acme.atlassian.net/wiki/rest/api/user/current"
SPACES = "https://acme.atlassian.net/wiki/api/v2/spaces"
KNOWN = {"type": "known", "accountId": "557058:1d9e"}


def failure(config: dict[str, str]) -> str:
    """The message of a check that fails, as it must be: in three parts."""
    status, message = check(config)
    assert status == "FAILED"
    assert re.fullmatch(r"\S.*[.,] Likely cause: \S.*\. What to do: \S.*\.", message), message
    return message


def test_an_account_the_site_knows_passes_and_each_list_is_asked_for_a_row(
    start_site: StartSite,
) -> None:
    site = start_site()
    assert check(site.config) == ("SUCCEEDED", "")
    first, *others = [call.path for call in site.calls]
    assert first == "/wiki/rest/api/user/current"
    assert sorted(others) == sorted(PATHS.values())


def test_an_account_that_sees_no_space_is_an_account_all_the_same(start_site: StartSite) -> None:
    site = start_site(contents({}, others=0))
    assert check(site.config)[0] == "SUCCEEDED"


@pytest.mark.parametrize("wrong", [{"api_token": "expired"}, {"email": "bob@acme.com"}])
def test_a_wrong_credential_fails_without_a_second_try(
    wrong: dict[str, str], start_site: StartSite, waits: list[float]
) -> None:
    site = start_site()
    assert "did not accept the credentials (HTTP 401)" in failure({**site.config, **wrong})
    paths = [call.path for call in site.calls]
    assert paths == ["/wiki/rest/api/user/current", "/_edge/tenant_info"]
    assert waits == []


def test_a_wrong_credential_on_a_public_site_is_found_out(start_site: StartSite) -> None:
    site = start_site(welcomes_visitors=True)
    assert "anonymous visitor" in failure({**site.config, "api_token": "expired"})


@pytest.mark.parametrize("wrong", [{"api_token": "of-last-year"}, {"email": "bob@acme.com"}])
def test_a_wrong_credential_is_named_first_where_no_401_says_so(
    wrong: dict[str, str], start_site: StartSite, waits: list[float]
) -> None:
    """It is asked for three times, because the same refusal comes for moments under load."""
    site = start_site(refuses_with_401=False)
    assert_blames_the_token(site.host, failure({**site.config, **wrong}))
    assert [call.path for call in site.calls] == ["/wiki/rest/api/user/current"] * 3
    assert waits == [1, 1]


def assert_blames_the_token(host: str, message: str) -> None:
    happened, _, rest = message.partition(" Likely cause: ")
    assert happened.startswith(f"{host} did not recognise the credentials at /wiki/")
    assert rest.startswith("the API token has expired, was revoked or is wrong")
    assert "What to do: Create an API token at " in rest
    assert "deselect" not in message


def test_spaces_that_visitors_see_do_not_make_up_for_it(
    start_site: StartSite, waits: list[float]
) -> None:
    """As on a site that is open to the public; the same account would see them, too."""
    unknown = Fault(kind="unrecognised", path="/user/current", count=None)
    site = start_site(faults=[unknown])
    assert_blames_the_token(site.host, failure(site.config))
    assert len(site.calls) == 3
    assert waits


@pytest.mark.parametrize("status", [400, 403, 404, 503])
def test_where_the_user_is_not_told_the_spaces_may_not_recognise_the_token(
    status: int, start_site: StartSite, waits: list[float]
) -> None:
    untold = Fault(kind="status", status=status, path="/user/current", count=None)
    unknown = Fault(kind="unrecognised", path="/spaces", count=None)
    site = start_site(faults=[untold, unknown])
    message = failure(site.config)
    assert_blames_the_token(site.host, message)
    assert "/wiki/api/v2/spaces (HTTP 404)" in message
    assert len(waits) <= 3


@pytest.mark.parametrize("path", ["/user/current", "/spaces"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_moment_without_recognition_passes(
    path: str, count: int, start_site: StartSite, waits: list[float]
) -> None:
    faults = [Fault(kind="unrecognised", path=path, count=count)]
    if path == "/spaces":
        faults.append(Fault(kind="status", status=400, path="/user/current", count=None))
    assert check(start_site(faults=faults).config)[0] == "SUCCEEDED"
    assert waits == [1, 1][:count]


@pytest.mark.parametrize("status", [403, 404])
def test_refusals_that_trickle_in_are_told_by_their_status_in_time(
    status: int, start_site: StartSite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both questions are asked twice; what each body may take leaves room for that."""
    longest = "source_confluence.transport.exchange.MAX_REFUSAL_SECONDS"
    assert 4 * MAX_REFUSAL_SECONDS < DEADLINE_SECONDS - 5
    monkeypatch.setattr(longest, 0.2)
    slow = Fault(kind="status", status=status, seconds=0.1, count=None)
    started = time.monotonic()
    assert f"HTTP {status}" in failure(start_site(faults=[slow]).config)
    assert time.monotonic() - started < 4 * 0.2 + 2
    assert sum(waits) < 5


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 500, 503])
def test_when_the_user_is_not_told_a_visible_space_decides(
    status: int, start_site: StartSite, waits: list[float]
) -> None:
    untold = Fault(kind="status", status=status, path="/user/current", count=None)
    site = start_site(faults=[untold])

    assert check(site.config)[0] == "SUCCEEDED"

    calls = site.calls[: 2 + len(waits)]  # then each list is asked for one row
    assert (calls[-1].path, calls[-1].params) == ("/wiki/api/v2/spaces", (("limit", "1"),))
    assert len(site.calls) == len(calls) + len(PATHS)
    assert sum(waits) <= 5


def test_no_visible_space_is_a_failure_that_says_so(
    start_site: StartSite, waits: list[float]
) -> None:
    untold = Fault(kind="status", status=403, path="/user/current", count=None)
    site = start_site(contents({}, others=0), faults=[untold])
    assert "shows us no space" in failure(site.config)
    assert waits


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(kind="status", status=400, count=None), "HTTP 400"),
        (Fault(kind="status", status=403, count=None), "refused /wiki/api/v2/spaces (HTTP 403)"),
        (Fault(kind="status", status=404, count=None), "has nothing at"),
        (Fault(kind="unrecognised", count=None), "user/current (HTTP 403)"),
        (Fault(kind="status", status=429, count=None), "slow down"),
        (Fault(kind="status", status=500, count=None), "HTTP 500"),
        (Fault(kind="status", status=503, count=None), "HTTP 503"),
        (Fault(kind="redirect", count=None), "sent /wiki/api/v2/spaces elsewhere"),
        (Fault(kind="html", count=None), "an HTML page"),
        (Fault(kind="half_json", count=None), "breaks off"),
        (Fault(kind="drop", count=None), "broke while we asked"),
        (Fault(kind="cut", count=None), "broke while we asked"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_every_failure_has_three_parts(
    fault: Fault, words: str, start_site: StartSite, waits: list[float]
) -> None:
    assert words in failure(start_site(faults=[fault]).config)
    assert len(waits) <= 2


@pytest.mark.parametrize("kind", ["drop", "cut"])
def test_what_passes_gets_a_second_try(
    kind: str, start_site: StartSite, waits: list[float]
) -> None:
    fault = Fault(kind=kind, path="/user/current")
    assert check(start_site(faults=[fault]).config)[0] == "SUCCEEDED"
    assert len(waits) == 1


def test_a_long_wait_is_not_waited_for(start_site: StartSite, waits: list[float]) -> None:
    quota = Fault(kind="status", status=429, headers={"Retry-After": "1847"}, count=None)
    site = start_site(faults=[quota])
    assert "asked us to wait 30 minutes 47 seconds" in failure(site.config)
    assert waits == []
    assert len(site.calls) == 2


def test_a_short_wait_is(start_site: StartSite, waits: list[float]) -> None:
    busy = Fault(kind="status", status=429, headers={"Retry-After": "3"}, path="/user/current")
    assert check(start_site(faults=[busy]).config)[0] == "SUCCEEDED"
    assert waits == [3]


def test_a_refused_connection(waits: list[float]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    message = failure({**CONFIG, "domain_name": f"127.0.0.1:{port}"})
    assert "refused the connection" in message
    assert len(waits) == 1


def test_a_certificate_that_cannot_be_trusted(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    site = start_site()
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    message = failure(site.config)
    assert "certificate" in message
    assert "REQUESTS_CA_BUNDLE" in message
    assert waits == []


def test_a_certificate_for_another_name(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = start_site()
    port = site.host.partition(":")[2]
    loopback = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", int(port)))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [loopback])
    assert "certificate" in failure({**site.config, "domain_name": f"acme.example:{port}"})


def test_a_server_that_does_not_speak_tls(waits: list[float]) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as plain:
        Thread(target=plain.serve_forever, args=(0.05,), daemon=True).start()
        host = f"127.0.0.1:{plain.server_address[1]}"
        assert "broke while we asked" in failure({**CONFIG, "domain_name": host})
        plain.shutdown()
    assert len(waits) == 1


def test_no_answer(
    start_site: StartSite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.identity.READ_TIMEOUT_SECONDS", 0.2)
    site = start_site(faults=[Fault(kind="slow", seconds=1.5, count=None)])
    assert "did not answer /wiki/rest/api/user/current in time" in failure(site.config)
    assert len(waits) == 1


def test_whatever_happens_it_ends_in_time(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a name look-up that hangs, which no timeout of requests ends, holds it up."""
    monkeypatch.setattr("source_confluence.identity.DEADLINE_SECONDS", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
    site = start_site()
    started = time.monotonic()
    assert "in time" in failure(site.config)
    assert time.monotonic() - started < 2.5


def test_an_anonymous_user_fails_whatever_is_visible() -> None:
    with requests_mock.Mocker() as site:
        site.get(USER, json={"type": "anonymous", "displayName": "Anonymous"})
        site.get(SPACES, json={"results": [{"id": "1"}]})
        assert "anonymous" in failure(CONFIG)


@pytest.mark.parametrize("user", [{"type": "unknown", "accountId": "x"}, {"type": "known"}, {}])
@pytest.mark.parametrize("spaces", [0, 1])
def test_a_user_of_another_kind_leaves_it_to_the_spaces(user: dict[str, str], spaces: int) -> None:
    with requests_mock.Mocker() as site:
        site.get(USER, json=user)
        site.get(SPACES, json={"results": [{"id": "1"}] * spaces})
        assert check(CONFIG)[0] == ("SUCCEEDED" if spaces else "FAILED")


@pytest.mark.parametrize("reason", ["AUTHENTICATED_FAILED", "OUT, AUTHENTICATION_DENIED"])
def test_a_login_that_failed_behind_a_public_list_fails(reason: str, waits: list[float]) -> None:
    with requests_mock.Mocker() as site:
        site.get(USER, status_code=403)
        login = {"X-Seraph-LoginReason": reason}
        site.get(SPACES, json={"results": [{"id": "1"}]}, headers=login)
        assert "anonymous" in failure(CONFIG)
    assert waits


def test_a_login_that_succeeded_passes() -> None:
    with requests_mock.Mocker() as site:
        site.get(USER, json=KNOWN, headers={"X-Seraph-LoginReason": "OK"})
        assert check(CONFIG)[0] == "SUCCEEDED"


def test_an_answer_that_is_no_list(waits: list[float]) -> None:
    with requests_mock.Mocker() as site:
        site.get(USER, status_code=404)
        site.get(SPACES, json=["not", "Confluence"])
        assert "no list of results" in failure(CONFIG)
    assert waits


@pytest.mark.parametrize(
    "user", ['["not", "Confluence"]', "<html>", "", "[" * 100_000, '{"n": ' + "9" * 5_000 + "}"]
)
def test_an_answer_that_is_no_user_leaves_it_to_the_spaces(user: str, waits: list[float]) -> None:
    with requests_mock.Mocker() as site:
        site.get(USER, text=user)
        site.get(SPACES, json={"results": [{"id": "1"}]})
        assert check(CONFIG)[0] == "SUCCEEDED"
    assert waits == [1]


def test_settings_that_cannot_work_are_not_even_tried(start_site: StartSite) -> None:
    site = start_site()
    message = failure({**site.config, "domain_name": f"https://user:hush@{site.host}"})
    assert "domain name" in message
    assert "hush" not in message
    assert site.calls == []


def test_credentials_go_to_the_site_alone(start_site: StartSite) -> None:
    other = start_site()
    away = Fault(kind="redirect", location=f"https://{other.host}/wiki/login", count=None)
    site = start_site(faults=[away])
    failure(site.config)
    assert other.calls == []


def test_private_hosts_are_refused_on_airbyte_cloud_in_words(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = start_site()
    monkeypatch.setenv("DEPLOYMENT_MODE", "cloud")
    monkeypatch.setattr(requests.Session, "send", requests.Session.send)  # undone after the test
    assert failure(site.config).startswith(f"Airbyte Cloud does not connect to {site.host}.")
    assert site.calls == []


def test_a_file_of_certificates_that_is_not_there(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = start_site()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file.pem")
    message = failure(site.config)
    assert "REQUESTS_CA_BUNDLE" in message
    assert "/no/such/file.pem" in message


def test_a_file_of_certificates_that_holds_none(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = start_site()
    (tmp_path / "empty.pem").write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
    assert "REQUESTS_CA_BUNDLE" in failure(site.config)


@pytest.mark.parametrize("location", ["https://[bad/", "https://\u00e9lsewhere.invalid/\u00ff"])
def test_a_redirect_to_no_address_at_all(location: str, start_site: StartSite) -> None:
    away = Fault(kind="redirect", location=location, count=None)
    failure(start_site(faults=[away]).config)


def test_a_proxy_that_is_down_is_to_blame_itself(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert "HTTPS_PROXY" in failure(start_site().config)
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("number", "words"),
    [(socket.EAI_NONAME, "There is no host"), (socket.EAI_AGAIN, "could not be looked up")],
)
def test_a_name_that_is_unknown_is_told_from_one_that_cannot_be_looked_up(
    number: int, words: str, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "as the system says it")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert words in failure(CONFIG)
    assert len(waits) == 1


def test_whatever_goes_wrong_inside_is_told_and_not_raised(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.identity.Client.get", lambda *_, **__: 1 / 0)
    assert "did not foresee (ZeroDivisionError)" in failure(start_site().config)


def test_the_deadline_is_what_the_documentation_says() -> None:
    text = (Path(__file__).parents[1] / "docs" / "confluence.md").read_text()
    seconds = DEADLINE_SECONDS + permissions.DEADLINE_SECONDS
    assert f"It ends within {seconds} seconds" in text
