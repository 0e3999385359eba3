"""The fake cloud answers as Atlassian's sites, gateway and token endpoint do, by their names."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import Any

import pytest
import requests

from fake_confluence import Call, Clock, Fault, Service
from fake_confluence.cloud import API_HOST, AUTH_HOST, Cloud, CloudSite
from fake_confluence.cloud_server import RunningCloud, serve_cloud
from fake_confluence.credentials import CLIENTS, CREDENTIALS, OAUTH, TOKENS, Grant
from fake_confluence.reply import Reply
from fake_confluence.routes import ALL_SCOPES, CURRENT_USER, CURRENT_USER_SCOPES, ROUTES
from fake_confluence.service import AUTHORIZATION
from unit_tests.streams_under_test import (
    BY_CURSOR,
    NAMES,
    PATHS,
    contents,
    every_stream,
)

ACME, OTHER, FORMER = "acme.atlassian.net", "other.atlassian.net", "old-acme.atlassian.net"
TENANT_INFO = "/_edge/tenant_info"
RESOURCES = "/oauth/token/accessible-resources"
LISTS = [PATHS[name] for name in NAMES]
CLASSIC, BEARER_ONLY, CLIENT = CREDENTIALS[0], CREDENTIALS[3], CREDENTIALS[4]
WITH_SCOPES = [kind for kind in CREDENTIALS if kind != CLASSIC]
AT_NOON = "2026-07-01T12:00:00Z"

each_kind = pytest.mark.parametrize("kind", CREDENTIALS)
each_kind_with_scopes = pytest.mark.parametrize("kind", WITH_SCOPES)
each_client = pytest.mark.parametrize("kind", list(CLIENTS))

StartCloud = Callable[..., RunningCloud]


@pytest.fixture
def start_cloud() -> Iterator[StartCloud]:
    """Start a cloud of two sites that lasts as long as the test."""
    with ExitStack() as stack:

        def start(**options: Any) -> RunningCloud:  # noqa: ANN401
            clock = Clock(frozen_at=AT_NOON)
            services = [Service(contents({}, others=n), clock=clock) for n in (7, 5)]
            acme = CloudSite(host=ACME, service=services[0], former_hosts=(FORMER,))
            other = CloudSite(host=OTHER, service=services[1])
            cloud = Cloud(acme, other, clock=clock, **options)
            return stack.enter_context(serve_cloud(cloud))

        yield start


def ask(
    running: RunningCloud,
    host: str,
    path: str,
    authorization: str = "",
    *,
    method: str = "GET",
    **options: Any,  # noqa: ANN401
) -> requests.Response:
    """The response to one request, through the proxy."""
    return requests.request(
        method,
        f"https://{host}{path}",
        auth=Signed(authorization),
        proxies={"https": running.environment["HTTPS_PROXY"]},
        verify=running.environment["REQUESTS_CA_BUNDLE"],
        timeout=5,
        allow_redirects=False,
        **options,
    )


class Signed(requests.auth.AuthBase):
    """Sends this header and no other."""

    def __init__(self, authorization: str) -> None:
        self.authorization = authorization

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.authorization:
            request.headers["Authorization"] = self.authorization
        return request


def signed(running: RunningCloud, config: dict[str, Any]) -> str:
    """What a connector with these settings sends; it gets an access token if it has none."""
    if "email" in config:
        pair = f"{config['email']}:{config['api_token']}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    given = config["credentials"]
    token = given.get("api_token") or given.get("access_token")
    return f"Bearer {token or tokens(running, config).json()['access_token']}"


def tokens(running: RunningCloud, config: dict[str, Any], **changed: str) -> requests.Response:
    """The response to a request for an access token."""
    given = config["credentials"]
    grant_type = "refresh_token" if "refresh_token" in given else given["auth_type"]
    names = ("client_id", "client_secret", "refresh_token")
    asked = {"grant_type": grant_type, **{name: given[name] for name in names if name in given}}
    return ask(running, AUTH_HOST, "/oauth/token", method="POST", json={**asked, **changed})


def cloud_id(running: RunningCloud, host: str = ACME) -> str:
    return str(ask(running, host, TENANT_INFO).json()["cloudId"])


def at_gateway(
    running: RunningCloud, path: str, authorization: str, host: str = ACME
) -> requests.Response:
    prefix = f"/ex/confluence/{cloud_id(running, host)}"
    return ask(running, API_HOST, prefix + path, authorization)


def refused(response: requests.Response) -> tuple[int, str, str | None]:
    """The status, the message and the category of a refusal of the gateway."""
    document = response.json()
    assert document["code"] == response.status_code
    category = response.headers.get("X-Failure-Category")
    return response.status_code, document["message"], category


UNAUTHORIZED = (401, "Unauthorized", "FAILURE_CLIENT_AUTH")
NOT_FOUND = (404, "Not Found", None)
WRONG_SCOPE = (401, "Unauthorized; scope does not match", "FAILURE_CLIENT_SCOPE_CHECK")


@pytest.mark.parametrize("path", [*LISTS, CURRENT_USER])
@each_kind
def test_each_kind_reads_everything_through_the_gateway(
    kind: str, path: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    response = at_gateway(running, path, signed(running, running.config(kind)))
    assert response.status_code == 200
    assert response.headers["Date"] == "Wed, 01 Jul 2026 12:00:00 GMT"
    expected = ask(running, ACME, path, AUTHORIZATION)
    assert response.json() == expected.json()


def test_next_links_are_those_of_the_site(start_cloud: StartCloud) -> None:
    running = start_cloud()
    authorization = signed(running, running.config(OAUTH))
    path = PATHS[BY_CURSOR]
    first = at_gateway(running, f"{path}?limit=4", authorization).json()["_links"]
    assert first["base"] == f"https://{ACME}/wiki"
    assert first["next"].startswith(f"{path}?")
    second = at_gateway(running, first["next"].replace("+", "%2B"), authorization)
    assert len(second.json()["results"]) == 3


def test_what_came_is_kept_for_each_host_as_it_came(start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(CLIENT)
    authorization = signed(running, config)
    at_gateway(running, PATHS[BY_CURSOR], authorization)
    [asked] = running.calls[AUTH_HOST]
    assert (asked.method, asked.path) == ("POST", "/oauth/token")
    assert json.loads(asked.body)["client_secret"] == config["credentials"]["client_secret"]
    [question] = running.calls[ACME]
    assert (question.path, question.headers.get("authorization")) == (TENANT_INFO, None)
    [call] = running.calls[API_HOST]
    assert call.path == f"/ex/confluence/{cloud_id(running)}{PATHS[BY_CURSOR]}"
    assert call.headers["authorization"] == authorization
    assert running.calls[OTHER] == []
    [seen] = running.cloud.sites[0].service.calls
    assert (seen.path, seen.host) == (PATHS[BY_CURSOR], ACME)


@each_kind_with_scopes
def test_a_site_refuses_a_token_with_scopes_with_a_page(kind: str, start_cloud: StartCloud) -> None:
    running = start_cloud()
    response = ask(running, ACME, CURRENT_USER, signed(running, running.config(kind)))
    assert response.status_code == 401
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<title>HTTP Status 401 \N{EN DASH} Unauthorized</title>" in response.text


def test_a_site_takes_a_token_without_scopes(start_cloud: StartCloud) -> None:
    running = start_cloud()
    response = ask(running, ACME, CURRENT_USER, signed(running, running.config(CLASSIC)))
    assert response.json()["type"] == "known"


@pytest.mark.parametrize("authorization", ["", "Basic d3Jvbmc6d3Jvbmc=", "Bearer wrong"])
@pytest.mark.parametrize(
    ("service", "statuses"),
    [
        (Service(contents({})), [401, 401]),
        (Service(contents({}), refuses_with_401=False), [404, 403]),
        (Service(contents({}), welcomes_visitors=True), [200, 200]),
    ],
    ids=["refuses", "hides", "welcomes visitors"],
)
def test_a_site_decides_itself_about_unknown_credentials(
    service: Service, statuses: list[int], authorization: str
) -> None:
    with serve_cloud(Cloud(CloudSite(host=ACME, service=service))) as running:
        paths = (PATHS[BY_CURSOR], CURRENT_USER)
        answers = [ask(running, ACME, path, authorization) for path in paths]
        assert [answer.status_code for answer in answers] == statuses


@pytest.mark.parametrize("authorization", ["", "Basic d3Jvbmc6d3Jvbmc=", AUTHORIZATION])
def test_anyone_may_ask_for_the_cloud_id_of_a_site(
    authorization: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    hosts = (ACME, FORMER, OTHER)
    ids = [ask(running, host, TENANT_INFO, authorization).json() for host in hosts]
    assert ids[0] == ids[1] != ids[2]
    assert all(list(each) == ["cloudId"] for each in ids)


def test_a_former_host_leads_to_the_new_one(start_cloud: StartCloud) -> None:
    running = start_cloud()
    response = ask(running, FORMER, "/wiki/api/v2/spaces?limit=5&keys=A%26B", AUTHORIZATION)
    assert response.status_code == 302
    assert response.headers["Location"] == f"https://{ACME}/wiki/api/v2/spaces?limit=5&keys=A%26B"


@each_client
def test_the_sites_of_an_access_token_are_listed_the_meant_one_last(
    kind: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    authorization = signed(running, running.config(kind))
    sites = ask(running, API_HOST, RESOURCES, authorization).json()
    assert [site["url"] for site in sites] == [f"https://{OTHER}", f"https://{ACME}"]
    assert [site["id"] for site in sites] == [cloud_id(running, OTHER), cloud_id(running)]
    assert sites[1]["name"] == "acme"
    assert sites[1]["scopes"] == sorted(ALL_SCOPES)
    assert sites[1]["avatarUrl"].startswith("https://")


def test_only_sites_of_the_grant_are_listed_in_its_order(start_cloud: StartCloud) -> None:
    for hosts in ((ACME, OTHER), (OTHER,), ()):
        running = start_cloud(grants={OAUTH: Grant(hosts=hosts)})
        authorization = signed(running, running.config(OAUTH))
        sites = ask(running, API_HOST, RESOURCES, authorization).json()
        assert [site["url"] for site in sites] == [f"https://{host}" for host in hosts]


def test_sites_are_listed_for_access_tokens_only(start_cloud: StartCloud) -> None:
    running = start_cloud()
    others = [signed(running, running.config(kind)) for kind in CREDENTIALS if kind not in CLIENTS]
    for authorization in ("", "Bearer wrong", *others):
        response = ask(running, API_HOST, RESOURCES, authorization)
        assert response.status_code == 401
        assert response.json() == {"code": 401, "message": "Unauthorized"}


@pytest.mark.parametrize("authorization", ["", "Basic d3Jvbmc6d3Jvbmc=", "Bearer wrong", "odd"])
def test_the_gateway_refuses_unknown_credentials_first(
    authorization: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    for path in (PATHS[BY_CURSOR], "/wiki/nowhere"):
        assert refused(at_gateway(running, path, authorization)) == UNAUTHORIZED
    path = f"/ex/confluence/unknown{PATHS[BY_CURSOR]}"
    assert refused(ask(running, API_HOST, path, authorization)) == UNAUTHORIZED


@each_kind
def test_another_site_or_none_is_not_found_before_scopes_count(
    kind: str, start_cloud: StartCloud
) -> None:
    running = start_cloud(grants={kind: Grant(hosts=(OTHER,), scopes=frozenset())})
    authorization = signed(running, running.config(kind))
    assert refused(at_gateway(running, PATHS[BY_CURSOR], authorization)) == NOT_FOUND
    path = f"/ex/confluence/unknown{PATHS[BY_CURSOR]}"
    assert refused(ask(running, API_HOST, path, authorization)) == NOT_FOUND
    response = at_gateway(running, PATHS[BY_CURSOR], authorization, OTHER)
    assert refused(response) == WRONG_SCOPE


def test_a_token_without_scopes_opens_only_its_own_sites(start_cloud: StartCloud) -> None:
    running = start_cloud(grants={CLASSIC: Grant(hosts=(OTHER,))})
    answers = [ask(running, host, CURRENT_USER, AUTHORIZATION) for host in (ACME, OTHER)]
    assert [answer.status_code for answer in answers] == [401, 200]


@each_kind
def test_an_unknown_path_is_refused_like_a_missing_scope(
    kind: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    authorization = signed(running, running.config(kind))
    for path in ("/wiki/api/v2/nowhere", "/rest/api/audit", "/", ""):
        assert refused(at_gateway(running, path, authorization)) == WRONG_SCOPE


@every_stream
def test_any_one_of_its_scopes_opens_a_list_and_no_other(
    stream: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    authorization = signed(running, running.config(OAUTH))
    [needed] = [route.scopes for route in ROUTES if route.path == PATHS[stream]]
    opened = set()
    for scope in ALL_SCOPES:
        running.cloud.grants.by_kind[OAUTH] = Grant(scopes=frozenset({scope}))
        response = at_gateway(running, PATHS[stream], authorization)
        opened |= {scope} if response.status_code == 200 else set()
        assert response.status_code == 200 or refused(response) == WRONG_SCOPE
    assert opened == needed


def test_the_question_who_it_is_has_scopes_of_its_own(start_cloud: StartCloud) -> None:
    running = start_cloud(grants={OAUTH: Grant(scopes=ALL_SCOPES - CURRENT_USER_SCOPES)})
    authorization = signed(running, running.config(OAUTH))
    assert refused(at_gateway(running, CURRENT_USER, authorization)) == WRONG_SCOPE
    for scope in CURRENT_USER_SCOPES:
        running.cloud.grants.by_kind[OAUTH] = Grant(scopes=frozenset({scope}))
        assert at_gateway(running, CURRENT_USER, authorization).status_code == 200


def test_faults_of_a_site_work_behind_the_gateway(start_cloud: StartCloud) -> None:
    running = start_cloud()
    path = PATHS[BY_CURSOR]
    running.cloud.sites[0].service.misbehave(Fault(kind="status", path=path, status=503))
    authorization = signed(running, running.config(OAUTH))
    statuses = [at_gateway(running, path, authorization).status_code for _ in range(2)]
    assert statuses == [503, 200]


@each_client
def test_an_access_token_expires_by_the_clock_of_the_cloud(
    kind: str, start_cloud: StartCloud
) -> None:
    running = start_cloud(grants={kind: Grant(lifetime_seconds=120)})
    config = running.config(kind)
    issued = tokens(running, config).json()
    assert issued["expires_in"] == 120
    authorization = f"Bearer {issued['access_token']}"
    running.cloud.clock.advance(119)
    assert at_gateway(running, CURRENT_USER, authorization).status_code == 200
    running.cloud.clock.advance(1)
    assert refused(at_gateway(running, CURRENT_USER, authorization)) == UNAUTHORIZED
    assert ask(running, API_HOST, RESOURCES, authorization).status_code == 401
    renewed = f"Bearer {tokens(running, config).json()['access_token']}"
    assert at_gateway(running, CURRENT_USER, renewed).status_code == 200


@each_client
def test_an_access_token_is_good_for_so_many_requests(kind: str, start_cloud: StartCloud) -> None:
    running = start_cloud(grants={kind: Grant(uses=3)})
    config = running.config(kind)
    authorization = signed(running, config)
    assert ask(running, API_HOST, RESOURCES, authorization).status_code == 200
    assert ask(running, ACME, CURRENT_USER, authorization).status_code == 401
    answers = [at_gateway(running, CURRENT_USER, authorization) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 401]
    renewed = f"Bearer {tokens(running, config).json()['access_token']}"
    assert at_gateway(running, CURRENT_USER, renewed).status_code == 200


@each_client
def test_expired_tokens_can_be_renewed(kind: str, start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(kind)
    authorization = signed(running, config)
    running.cloud.expire(kind)
    assert refused(at_gateway(running, CURRENT_USER, authorization)) == UNAUTHORIZED
    renewed = f"Bearer {tokens(running, config).json()['access_token']}"
    assert at_gateway(running, CURRENT_USER, renewed).status_code == 200


@each_kind
def test_what_is_revoked_opens_nothing_any_more(kind: str, start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(kind)
    authorization = signed(running, config)
    assert at_gateway(running, CURRENT_USER, authorization).status_code == 200
    running.cloud.revoke(kind)
    assert refused(at_gateway(running, CURRENT_USER, authorization)) == UNAUTHORIZED
    assert ask(running, ACME, CURRENT_USER, authorization).status_code == 401
    if kind in CLIENTS:
        assert tokens(running, config).status_code == (403 if kind == OAUTH else 401)


def test_an_app_that_was_revoked_can_be_granted_anew(start_cloud: StartCloud) -> None:
    running = start_cloud()
    running.cloud.revoke(OAUTH)
    assert tokens(running, running.config(OAUTH)).status_code == 200


def test_a_refresh_brings_two_new_tokens(start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(OAUTH)
    response = tokens(running, config)
    issued = response.json()
    assert response.status_code == 200
    assert (issued["expires_in"], issued["token_type"]) == (3600, "Bearer")
    assert issued["scope"].split() == [*sorted(ALL_SCOPES), "offline_access"]
    given = config["credentials"]
    assert issued["access_token"] != given["access_token"]
    assert issued["refresh_token"] != given["refresh_token"]
    for token in (given["access_token"], issued["access_token"]):
        assert at_gateway(running, CURRENT_USER, f"Bearer {token}").status_code == 200
    again = tokens(running, config, refresh_token=issued["refresh_token"]).json()
    assert again["refresh_token"] not in (given["refresh_token"], issued["refresh_token"])


def test_a_refresh_token_can_be_used_again_for_ten_minutes(start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(OAUTH)
    running.cloud.clock.advance(86_400)
    successor = tokens(running, config).json()["refresh_token"]
    running.cloud.clock.advance(599)
    assert tokens(running, config).status_code == 200
    running.cloud.clock.advance(1)
    for dead in (tokens(running, config), tokens(running, config, refresh_token="wrong")):
        assert dead.status_code == 403
        assert dead.json() == {
            "error": "unauthorized_client",
            "error_description": "refresh_token is invalid",
        }
    assert tokens(running, config, refresh_token=successor).status_code == 200


def test_client_credentials_bring_no_refresh_token(start_cloud: StartCloud) -> None:
    running = start_cloud(grants={CLIENT: Grant(scopes=frozenset({"read:page:confluence"}))})
    response = tokens(running, running.config(CLIENT), audience="api.atlassian.com")
    document = response.json()
    assert document.pop("access_token")
    assert document == {
        "expires_in": 3600,
        "token_type": "Bearer",
        "scope": "read:page:confluence",
    }


@pytest.mark.parametrize("changed", ["client_id", "client_secret"])
@each_client
def test_a_wrong_client_gets_no_token(kind: str, changed: str, start_cloud: StartCloud) -> None:
    running = start_cloud()
    response = tokens(running, running.config(kind), **{changed: "wrong"})
    assert response.status_code == 401
    assert response.json() == {"error": "access_denied", "error_description": "Unauthorized"}


@each_client
def test_a_client_has_one_way_to_get_tokens(kind: str, start_cloud: StartCloud) -> None:
    running = start_cloud()
    response = tokens(running, running.config(kind), grant_type="password")
    assert response.status_code == 403
    assert response.json()["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}},
        {"json": ["grant_type"]},
        {"data": "{", "headers": {"Content-Type": "application/json"}},
        {"data": b"\xff", "headers": {"Content-Type": "application/json"}},
        {},
    ],
)
def test_only_a_json_object_is_understood(sent: dict[str, Any], start_cloud: StartCloud) -> None:
    running = start_cloud()
    response = ask(running, AUTH_HOST, "/oauth/token", method="POST", **sent)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"


def test_there_is_nothing_else_at_the_hosts_of_atlassian(start_cloud: StartCloud) -> None:
    running = start_cloud()
    authorization = signed(running, running.config(OAUTH))
    assert ask(running, AUTH_HOST, "/oauth/token").status_code == 404
    assert ask(running, AUTH_HOST, "/authorize", method="POST", json={}).status_code == 404
    for path in ("/wiki/api/v2/pages", "/ex/jira/1/rest/api/3/myself", "/me"):
        assert ask(running, API_HOST, path, authorization).status_code == 404


@each_kind
def test_settings_name_the_site_and_hold_what_the_kind_needs(
    kind: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    config = running.config(kind)
    assert config.pop("domain_name") == ACME
    assert running.config(kind, host=OTHER)["domain_name"] == OTHER
    account = config if kind in TOKENS else config.pop("credentials")
    assert config.keys() == ({"email", "api_token"} if kind in TOKENS else set())
    public = {"email", "auth_type", "client_id", "token_expiry_date"}
    secrets = {value for name, value in account.items() if name not in public}
    assert secrets
    assert secrets <= set(running.cloud.secrets)


@pytest.mark.parametrize(
    ("access", "status", "expiry"),
    [("valid", 200, "2026-07-01T13:00:00.000Z"), ("expired", 401, "2026-07-01T11:59:00.000Z")],
)
def test_an_app_may_begin_with_a_token_that_has_expired(
    access: str, status: int, expiry: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    config = running.config(OAUTH, access=access)
    assert config["credentials"]["token_expiry_date"] == expiry
    response = at_gateway(running, CURRENT_USER, signed(running, config))
    assert response.status_code == status


def test_an_app_may_begin_without_an_access_token(start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(OAUTH, access="none")
    assert not config["credentials"].keys() & {"access_token", "token_expiry_date"}
    assert tokens(running, config).status_code == 200


def test_every_token_is_another_one_with_characters_that_need_care(
    start_cloud: StartCloud,
) -> None:
    running = start_cloud()
    configs = [running.config(OAUTH) for _ in range(3)]
    issued = [tokens(running, config).json() for config in configs]
    secrets = [each["access_token"] for each in issued] + [each["refresh_token"] for each in issued]
    for config in configs:
        secrets += [config["credentials"][name] for name in ("access_token", "refresh_token")]
    assert len(set(secrets)) == len(secrets)
    assert all(set("+/=") <= set(secret) for secret in secrets)
    assert set(secrets) <= set(running.cloud.secrets)


def test_a_kind_that_does_not_exist_is_refused() -> None:
    site = CloudSite(host=ACME, service=Service(contents({})))
    with pytest.raises(ValueError, match="no kind 'oauth2'"):
        Cloud(site, grants={"oauth2": Grant()})


@pytest.mark.parametrize(
    ("host", "path"),
    [
        (AUTH_HOST, "/oauth/token"),
        (ACME, TENANT_INFO),
        (API_HOST, RESOURCES),
        (API_HOST, CURRENT_USER),
    ],
)
def test_what_is_asked_on_the_way_in_can_fail(
    host: str, path: str, start_cloud: StartCloud
) -> None:
    fault = Fault(kind="status", path=path, status=503, headers={"Retry-After": "7"})
    running = start_cloud(faults=[fault])
    authorization = signed(running, running.config(OAUTH))
    prefix = f"/ex/confluence/{running.cloud.sites[0].cloud_id}" if path == CURRENT_USER else ""
    answers = [ask(running, host, prefix + path, authorization) for _ in range(2)]
    assert answers[0].status_code == 503
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[1].status_code != 503


def test_a_fault_can_be_that_of_one_host(start_cloud: StartCloud) -> None:
    running = start_cloud()
    authorization = signed(running, running.config(OAUTH))
    running.cloud.misbehave(Fault(kind="status", host=API_HOST, status=502, count=None))
    for path in (CURRENT_USER, PATHS[BY_CURSOR]):
        assert at_gateway(running, path, authorization).status_code == 502
    assert tokens(running, running.config(OAUTH)).status_code == 200
    assert running.cloud.sites[0].service.calls == []
    running.cloud.recover()
    assert at_gateway(running, CURRENT_USER, authorization).status_code == 200


def test_a_refused_refresh_uses_no_token_up_but_a_lost_one_does(start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(OAUTH)
    issued = len(running.cloud.secrets)
    running.cloud.misbehave(Fault(kind="status", path="/oauth/token", status=503))
    assert tokens(running, config).status_code == 503
    assert len(running.cloud.secrets) == issued
    running.cloud.misbehave(Fault(kind="drop", path="/oauth/token"))
    with pytest.raises(requests.ConnectionError):
        tokens(running, config)
    assert len(running.cloud.secrets) == issued + 2
    running.cloud.clock.advance(600)
    assert tokens(running, config).status_code == 403


def test_another_host_is_refused_and_remembered(start_cloud: StartCloud) -> None:
    running = start_cloud()
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        ask(running, "elsewhere.invalid", "/wiki")
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        ask(running, f"{ACME}:8443", "/wiki")
    proxies = {"http": running.environment["http_proxy"]}
    for method in ("GET", "POST"):
        plain = requests.request(method, f"http://{ACME}/wiki", proxies=proxies, timeout=5)
        assert plain.status_code == 502
    assert running.refused_hosts == [
        "elsewhere.invalid",
        f"{ACME}:8443",
        f"http://{ACME}/wiki",
        f"http://{ACME}/wiki",
    ]
    assert not any(running.calls.values())


def test_a_host_that_is_only_in_a_header_is_misdirected(start_cloud: StartCloud) -> None:
    running = start_cloud()
    response = ask(running, ACME, CURRENT_USER, headers={"Host": "elsewhere.invalid"})
    assert response.status_code == 421
    assert [call.path for call in running.calls["elsewhere.invalid"]] == [CURRENT_USER]


def test_the_environment_is_all_that_a_client_needs(
    start_cloud: StartCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start_cloud()
    monkeypatch.setenv("no_proxy", "*")
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    response = requests.get(f"https://{ACME}{TENANT_INFO}", timeout=5)
    assert response.json() == {"cloudId": running.cloud.sites[0].cloud_id}


def test_a_connection_stays_open_for_requests_of_both_kinds(start_cloud: StartCloud) -> None:
    running = start_cloud()
    document = {"grant_type": "client_credentials"}
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"https": running.environment["HTTPS_PROXY"]}
        session.verify = running.environment["REQUESTS_CA_BUNDLE"]
        for _ in range(3):
            url = f"https://{AUTH_HOST}/oauth/token"
            assert session.post(url, json=document, timeout=5).status_code == 401
            assert session.get(url, timeout=5).status_code == 404
        [manager] = session.adapters["https://"].proxy_manager.values()  # type: ignore[attr-defined]
        [pool] = [manager.pools[key] for key in manager.pools.keys()]  # noqa: SIM118 (no mapping)
        assert (pool.num_connections, pool.num_requests) == (1, 6)


def test_25_connections_are_served_at_a_time(start_cloud: StartCloud) -> None:
    running = start_cloud()
    authorization = signed(running, running.config(OAUTH))
    path = f"/ex/confluence/{cloud_id(running)}{CURRENT_USER}"
    service = running.cloud.sites[0].service
    together, reply = Barrier(25), service.reply

    def wait_for_all(call: Call) -> Reply:
        together.wait(5)
        return reply(call)

    service.reply = wait_for_all  # type: ignore[method-assign]
    with ThreadPoolExecutor(25) as pool:
        answers = pool.map(lambda _: ask(running, API_HOST, path, authorization), range(25))
        assert [answer.status_code for answer in answers] == [200] * 25
