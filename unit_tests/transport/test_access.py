"""How each kind of credentials gets in, seen from the requests that are sent."""

import base64
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pendulum
import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType

from source_confluence.failures import table
from source_confluence.failures.failure import Failure
from source_confluence.settings.config import Config
from source_confluence.transport.access import Access
from source_confluence.transport.auth import access_for
from source_confluence.transport.entry import Entry
from source_confluence.transport.exchange import Answer, new_session, send

CLOUD_ID = "af818fbb-efc6-45da-95ad-cd3ccea971f5"
OTHER_ID = "11111111-efc6-45da-95ad-cd3ccea971f5"
SITE = "https://acme.atlassian.net/"
GATEWAY = f"https://api.atlassian.com/ex/confluence/{CLOUD_ID}/"
TENANT_INFO = f"{SITE}_edge/tenant_info"
TOKEN = "https://auth.atlassian.com/oauth/token"
RESOURCES = "https://api.atlassian.com/oauth/token/accessible-resources"
PATH = "wiki/api/v2/pages"

API_TOKEN = {"email": "ada@acme.com", "api_token": "t0ken"}
SERVICE_ACCOUNT = {"email": "bot-1@serviceaccount.atlassian.com", "api_token": "t0ken"}
BEARER = {"credentials": {"auth_type": "service_account_token", "api_token": "t0ken"}}
CLIENT: dict[str, Any] = {"client_id": "id", "client_secret": "s3cret"}
CREDENTIALS = {"credentials": {"auth_type": "client_credentials", **CLIENT}}
OAUTH = {"credentials": {"auth_type": "oauth2.0", **CLIENT, "refresh_token": "refresh-0"}}


def access(entered: Mapping[str, Any]) -> Access:
    return access_for(Config.parse({"domain_name": "acme.atlassian.net", **entered}))


@pytest.fixture
def net() -> Iterator[requests_mock.Mocker]:
    """Atlassian, where all goes well."""
    with requests_mock.Mocker() as mocker:
        mocker.get(TENANT_INFO, json={"cloudId": CLOUD_ID.upper()})
        mocker.get(RESOURCES, json=[site(OTHER_ID, "other"), site(CLOUD_ID, "acme")])
        numbers = iter(range(1, 100))
        mocker.post(TOKEN, json=lambda *_: tokens(next(numbers)))
        mocker.get(SITE + PATH, json={})
        mocker.get(GATEWAY + PATH, json={})
        yield mocker


def site(cloud_id: str, name: str) -> dict[str, Any]:
    return {"id": cloud_id, "url": f"https://{name}.atlassian.net", "name": name, "scopes": []}


def tokens(number: int, **more: object) -> dict[str, Any]:
    names = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"}
    return {**names, "expires_in": 3600, "token_type": "Bearer", **more}


def asked(net: requests_mock.Mocker) -> list[tuple[str, str]]:
    """What was sent: the address, and what it was signed with."""
    return [(r.url, r.headers.get("Authorization", "")) for r in net.request_history]


def get(way: Access) -> Answer:
    """One request for a list, as a client sends it."""
    assert way.open() is None
    answer = send(new_session(), way.entry.url(PATH), way.entry)
    way.entry.was_accepted = way.entry.was_accepted or answer.body is not None
    return answer


def refusal(entry: Entry, row: Failure = table.UNAUTHORIZED) -> Answer:
    return Answer(entry=entry, failure=row)


def basic(entered: Mapping[str, str]) -> str:
    pair = f"{entered['email']}:{entered['api_token']}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def test_a_token_goes_to_the_site_and_nothing_else_is_asked(net: requests_mock.Mocker) -> None:
    assert get(access(API_TOKEN)).status == 200
    assert asked(net) == [(SITE + PATH, basic(API_TOKEN))]


def test_a_token_that_the_site_refuses_goes_to_the_gateway(
    net: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    net.get(SITE + PATH, status_code=401, text="<!doctype html>")
    way = access(API_TOKEN)
    refused = get(way)
    assert refused.failure is table.UNAUTHORIZED
    assert refused.entry is not None
    assert way.renew(refusal(refused.entry))
    assert get(way).status == 200
    assert get(way).status == 200
    signed = basic(API_TOKEN)
    there = (GATEWAY + PATH, signed)
    assert asked(net) == [(SITE + PATH, signed), (TENANT_INFO, ""), there, there]
    said = f"Going to acme.atlassian.net through api.atlassian.com (cloud id {CLOUD_ID}), which"
    assert [r.message for r in caplog.records] == [f"{said} takes tokens with scopes."]


def test_a_token_that_both_refuse_is_not_tried_a_third_time(net: requests_mock.Mocker) -> None:
    for url in (SITE, GATEWAY):
        net.get(url + PATH, status_code=401)
    way = access(API_TOKEN)
    for may_be_renewed in (True, False):
        refused = get(way).entry
        assert refused is not None
        assert way.renew(refusal(refused)) is may_be_renewed
    assert len(net.request_history) == 3


def test_a_token_that_the_site_has_accepted_before_has_no_scopes(
    net: requests_mock.Mocker,
) -> None:
    way = access(API_TOKEN)
    assert get(way).status == 200
    assert not way.renew(refusal(way.entry))
    assert len(net.request_history) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 404},
        {"status_code": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status_code": 401},
        {"text": "<!doctype html>"},
        {"json": {"cloudId": "../../evil"}},
        {"json": {"cloudId": None}},
        {"json": [CLOUD_ID]},
    ],
    ids=str,
)
def test_a_host_that_is_no_site_has_no_gateway(
    net: requests_mock.Mocker, answer: dict[str, Any]
) -> None:
    net.get(TENANT_INFO, **answer)
    way = access(API_TOKEN)
    entry = way.entry
    assert not way.renew(refusal(entry))
    assert way.entry is entry
    for entered in (SERVICE_ACCOUNT, BEARER, CREDENTIALS, OAUTH):
        failed = access(entered).open()
        assert failed is not None
        assert failed.failure is table.NO_CLOUD_ID
    assert {url for url, _ in asked(net)} == {TENANT_INFO}, "no refresh token is used up"


def test_a_moment_without_an_answer_leaves_it_open(net: requests_mock.Mocker) -> None:
    net.get(TENANT_INFO, [{"status_code": 503}, {"json": {"cloudId": CLOUD_ID}}])
    way = access(API_TOKEN)
    assert way.renew(refusal(way.entry))
    assert way.open() is None
    assert way.entry.url("") == GATEWAY


@pytest.mark.parametrize(
    ("entered", "header"),
    [(SERVICE_ACCOUNT, basic(SERVICE_ACCOUNT)), (BEARER, "Bearer t0ken")],
    ids=["with its e-mail address", "without"],
)
def test_a_token_of_a_service_account_goes_to_the_gateway_at_once(
    net: requests_mock.Mocker, entered: Mapping[str, Any], header: str
) -> None:
    way = access(entered)
    assert get(way).status == 200
    assert asked(net) == [(TENANT_INFO, ""), (GATEWAY + PATH, header)]
    assert not way.renew(refusal(way.entry))


def test_client_credentials_get_a_token_and_the_site_that_is_meant(
    net: requests_mock.Mocker, capsys: pytest.CaptureFixture[str]
) -> None:
    way = access(CREDENTIALS)
    assert get(way).status == 200
    assert get(way).status == 200
    signed = "Bearer access-1"
    there = (GATEWAY + PATH, signed)
    assert asked(net) == [(TENANT_INFO, ""), (TOKEN, ""), (RESOURCES, signed), there, there]
    assert net.request_history[1].json() == {"grant_type": "client_credentials", **CLIENT}
    assert capsys.readouterr().out == "", "there is nothing to keep"


def test_a_token_that_was_entered_is_used_while_it_lasts(net: requests_mock.Mocker) -> None:
    in_an_hour = pendulum.now("UTC").add(hours=1).to_iso8601_string()
    for expiry in (in_an_hour, None, "", "3600", "soon"):
        net.reset_mock()
        given = {"access_token": "access-0", "token_expiry_date": expiry}
        way = access({"credentials": {**OAUTH["credentials"], **given}})
        assert get(way).status == 200
        assert asked(net)[-1] == (GATEWAY + PATH, "Bearer access-0")
        assert TOKEN not in [url for url, _ in asked(net)]


@pytest.mark.parametrize("given", [{}, {"access_token": ""}, {"access_token": "access-0"}])
def test_the_next_refresh_token_is_told_to_whoever_keeps_the_settings(
    net: requests_mock.Mocker, capsys: pytest.CaptureFixture[str], given: dict[str, str]
) -> None:
    past = pendulum.now("UTC").subtract(hours=1).to_iso8601_string()
    entered = {**OAUTH["credentials"], **given, "token_expiry_date": past}
    way = access({"credentials": entered, "x": [1]})
    assert get(way).status == 200
    assert net.request_history[1].json() == {
        "grant_type": "refresh_token",
        **CLIENT,
        "refresh_token": "refresh-0",
    }
    [line] = capsys.readouterr().out.splitlines()
    message = json.loads(line)
    assert message["type"] == "CONTROL"
    config = message["control"]["connectorConfig"]["config"]
    expiry = pendulum.parse(config["credentials"].pop("token_expiry_date"))
    assert isinstance(expiry, pendulum.DateTime)
    assert 3590 < (expiry - pendulum.now("UTC")).total_seconds() <= 3600
    names = {"access_token": "access-1", "refresh_token": "refresh-1"}
    kept = {**OAUTH["credentials"], **names}
    assert config == {"domain_name": "acme.atlassian.net", "x": [1], "credentials": kept}


def test_a_token_is_renewed_before_it_expires_with_the_next_refresh_token(
    net: requests_mock.Mocker, waits: list[float]
) -> None:
    way = access(OAUTH)
    assert get(way).status == 200
    waits.append(3600 - 61)
    assert get(way).status == 200
    waits.append(2)
    assert get(way).status == 200
    used = [r.json()["refresh_token"] for r in net.request_history if r.url == TOKEN]
    assert used == ["refresh-0", "refresh-1"]
    signed = [header for url, header in asked(net) if url == GATEWAY + PATH]
    assert signed == ["Bearer access-1", "Bearer access-1", "Bearer access-2"]


def test_a_token_that_stops_working_is_renewed_once(net: requests_mock.Mocker) -> None:
    way = access(OAUTH)
    first = get(way).entry
    assert first is not None
    assert way.renew(refusal(first))
    assert way.renew(refusal(first)), "as others say that were in flight"
    net.get(GATEWAY + PATH, status_code=401)
    second = get(way).entry
    assert second is not None
    assert not way.renew(refusal(second)), "it never worked"
    assert way.renew(refusal(first)), "another has been got since"
    assert [url for url, _ in asked(net)].count(TOKEN) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_dead_refresh_token_is_tried_once(net: requests_mock.Mocker, status: int) -> None:
    why = {"error": "unauthorized_client", "error_description": "refresh_token is invalid"}
    net.post(TOKEN, status_code=status, json=why)
    way = access(OAUTH)
    for _ in range(3):
        failed = way.open()
        assert failed is not None
        assert (failed.failure, failed.detail) == (table.TOKEN_REFUSED, "unauthorized_client")
    assert [url for url, _ in asked(net)].count(TOKEN) == 1


@pytest.mark.parametrize(
    ("answer", "row"),
    [
        ({"status_code": 503}, table.UNAVAILABLE),
        ({"status_code": 429}, table.RATE_LIMITED),
        ({"status_code": 500}, table.UNAVAILABLE),
        ({"status_code": 403, "text": "Request blocked"}, table.NOT_ATLASSIAN),
        ({"status_code": 302}, table.NOT_ATLASSIAN),
        ({"text": "<!doctype html>"}, table.NOT_ATLASSIAN),
        ({"json": {"access_token": 7}}, table.NOT_ATLASSIAN),
        ({"json": {"access_token": ""}}, table.NOT_ATLASSIAN),
        ({"json": {"access_token": "two words"}}, table.NOT_ATLASSIAN),
        ({"json": {"access_token": "a\r\nX: 1"}}, table.NOT_ATLASSIAN),
        ({"json": []}, table.NOT_ATLASSIAN),
        ({"exc": requests.ReadTimeout}, table.TIMEOUT),
        ({"exc": requests.ConnectTimeout}, table.TIMEOUT),
    ],
    ids=str,
)
def test_a_moment_without_a_token_passes(
    net: requests_mock.Mocker, answer: dict[str, Any], row: object
) -> None:
    net.post(TOKEN, [answer, {"json": tokens(1)}])
    way = access(OAUTH)
    failed = way.open()
    assert failed is not None
    assert failed.failure is row
    assert failed.failure is not None
    assert failed.failure.failure_type is FailureType.transient_error
    assert get(way).status == 200
    assert {str(request.timeout) for request in net.request_history[:-1]} == {"(10, 15)"}


@pytest.mark.parametrize("seconds", [None, "soon", -1, True, 0.001, 1e300, 10**12])
def test_a_token_without_a_sound_lifetime_is_used_for_an_hour(
    net: requests_mock.Mocker, waits: list[float], seconds: object
) -> None:
    net.post(TOKEN, json=tokens(1, expires_in=seconds))
    way = access(CREDENTIALS)
    for _ in range(2):
        waits.append(3000)
        assert get(way).status == 200
    assert [url for url, _ in asked(net)].count(TOKEN) == 1


def test_without_another_refresh_token_the_one_before_is_kept(
    net: requests_mock.Mocker, capsys: pytest.CaptureFixture[str]
) -> None:
    net.post(TOKEN, json={"access_token": "access-1", "expires_in": 3600})
    assert get(access(OAUTH)).status == 200
    config = json.loads(capsys.readouterr().out)["control"]["connectorConfig"]["config"]
    assert config["credentials"]["refresh_token"] == "refresh-0"
    assert config["credentials"]["access_token"] == "access-1"


@pytest.mark.parametrize("entered", [CREDENTIALS, OAUTH], ids=["client", "3lo"])
@pytest.mark.parametrize(
    ("granted", "named"),
    [
        (
            [{"id": OTHER_ID, "url": "https://other.atlassian.net"}],
            "other sites: other.atlassian.net",
        ),
        ([{"id": OTHER_ID, "url": None}, 7, {}], "no site"),
        ([], "no site"),
    ],
)
def test_a_site_that_was_not_granted_is_told_with_those_that_were(
    net: requests_mock.Mocker, entered: Mapping[str, Any], granted: list[object], named: str
) -> None:
    net.get(RESOURCES, json=granted)
    way = access(entered)
    for _ in range(2):
        failed = way.open()
        assert failed is not None
        assert (failed.failure, failed.detail) == (table.SITE_NOT_GRANTED, named)
    assert [url for url, _ in asked(net)].count(RESOURCES) == 1


def test_where_the_sites_are_not_listed_the_gateway_decides(net: requests_mock.Mocker) -> None:
    net.get(RESOURCES, status_code=403)
    assert get(access(CREDENTIALS)).status == 200


def test_a_moment_without_the_list_of_sites_passes(net: requests_mock.Mocker) -> None:
    net.get(RESOURCES, [{"status_code": 503}, {"json": [site(CLOUD_ID, "acme")]}])
    way = access(CREDENTIALS)
    failed = way.open()
    assert failed is not None
    assert failed.failure is not None
    assert failed.failure.failure_type is FailureType.transient_error
    assert get(way).status == 200
    assert [url for url, _ in asked(net)].count(RESOURCES) == 2


def test_an_entered_token_that_has_expired_is_renewed_on_the_way_in(
    net: requests_mock.Mocker,
) -> None:
    net.get(RESOURCES, [{"status_code": 401}, {"json": [site(CLOUD_ID, "acme")]}])
    way = access({"credentials": {**OAUTH["credentials"], "access_token": "access-0"}})
    assert get(way).status == 200
    assert asked(net)[-1] == (GATEWAY + PATH, "Bearer access-1")


@pytest.mark.parametrize("row", [table.FORBIDDEN, table.NOT_FOUND, table.UNRECOGNISED])
def test_an_entered_token_that_never_worked_may_have_expired_whatever_the_refusal(
    net: requests_mock.Mocker, row: Failure
) -> None:
    way = access({"credentials": {**OAUTH["credentials"], "access_token": "access-0"}})
    assert way.open() is None
    assert way.renew(refusal(way.entry, row))
    assert get(way).status == 200
    assert not way.renew(refusal(way.entry, row)), "it has worked"
    assert [url for url, _ in asked(net)].count(TOKEN) == 1


def test_before_it_is_open_nothing_can_be_sent() -> None:
    with pytest.raises(RuntimeError):
        _ = access(OAUTH).entry


def test_no_other_credentials_of_this_machine_are_sent(
    net: requests_mock.Mocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`requests` would take those of a request without any from `.netrc`."""
    hosts = ("acme.atlassian.net", "api.atlassian.com", "auth.atlassian.com")
    netrc = tmp_path / "netrc"
    netrc.write_text("".join(f"machine {host} login ada password hush\n" for host in hosts))
    monkeypatch.setenv("NETRC", str(netrc))
    for entered in (API_TOKEN, BEARER, CREDENTIALS):
        assert get(access(entered)).status == 200
    signed = {header for _, header in asked(net)}
    assert signed == {"", basic(API_TOKEN), "Bearer t0ken", "Bearer access-1"}
