"""The fake cloud answers as Atlassian's sites and gateway do, by their names."""

import json

import pytest

from fake_confluence import Clock, Fault, Service
from fake_confluence.cloud import API_HOST, AUTH_HOST, Cloud, CloudSite
from fake_confluence.credentials import (
    CLASSIC,
    CLIENT_CREDENTIALS,
    CLIENTS,
    CREDENTIALS,
    OAUTH,
    TOKENS,
    Grant,
)
from fake_confluence.routes import ALL_SCOPES, CURRENT_USER, CURRENT_USER_SCOPES, ROUTES
from fake_confluence.service import AUTHORIZATION
from unit_tests.cloud_requests import (
    ACME,
    FORMER,
    NOT_FOUND,
    OTHER,
    RESOURCES,
    TENANT_INFO,
    TOKEN,
    UNAUTHORIZED,
    WRONG_SCOPE,
    ask,
    at_gateway,
    cloud_id,
    each_client,
    each_kind,
    refused,
    signed,
    tokens,
)
from unit_tests.conftest import StartCloud
from unit_tests.streams_under_test import BY_CURSOR, NAMES, PATHS, contents, every_stream

LISTS = [PATHS[name] for name in NAMES]

each_kind_with_scopes = pytest.mark.parametrize("kind", [k for k in CREDENTIALS if k != CLASSIC])


@pytest.mark.parametrize("path", [*LISTS, CURRENT_USER])
@each_kind
def test_each_kind_reads_everything_through_the_gateway(
    kind: str, path: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    response = at_gateway(path, signed(running.config(kind)))
    assert response.status_code == 200
    expected = ask(ACME, path, AUTHORIZATION)
    assert response.json() == expected.json()


@pytest.mark.parametrize(
    ("host", "path"),
    [
        (ACME, CURRENT_USER),
        (ACME, TENANT_INFO),
        (FORMER, CURRENT_USER),
        (AUTH_HOST, TOKEN),
        (API_HOST, RESOURCES),
        (API_HOST, f"/ex/confluence/unknown{CURRENT_USER}"),
    ],
)
def test_every_host_tells_the_time_of_the_cloud(
    host: str, path: str, start_cloud: StartCloud
) -> None:
    start_cloud(clock=Clock(frozen_at="2026-07-01T12:00:00Z"))
    assert ask(host, path).headers["Date"] == "Wed, 01 Jul 2026 12:00:00 GMT"


def test_next_links_are_those_of_the_site(start_cloud: StartCloud) -> None:
    running = start_cloud()
    authorization = signed(running.config(OAUTH))
    path = PATHS[BY_CURSOR]
    first = at_gateway(f"{path}?limit=4", authorization).json()["_links"]
    assert first["base"] == f"https://{ACME}/wiki"
    assert first["next"].startswith(f"{path}?")
    second = at_gateway(first["next"].replace("+", "%2B"), authorization)
    assert len(second.json()["results"]) == 3


def test_what_came_is_kept_for_each_host_as_it_came(start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(CLIENT_CREDENTIALS)
    authorization = signed(config)
    at_gateway(PATHS[BY_CURSOR], authorization)
    [asked] = running.calls[AUTH_HOST]
    assert (asked.method, asked.path) == ("POST", TOKEN)
    assert json.loads(asked.body)["client_secret"] == config["credentials"]["client_secret"]
    [question] = running.calls[ACME]
    assert (question.path, question.headers.get("authorization")) == (TENANT_INFO, None)
    [call] = running.calls[API_HOST]
    assert call.path == f"/ex/confluence/{cloud_id()}{PATHS[BY_CURSOR]}"
    assert call.headers["authorization"] == authorization
    assert running.calls[OTHER] == []
    [seen] = running.cloud.sites[0].service.calls
    assert (seen.path, seen.host) == (PATHS[BY_CURSOR], ACME)


@each_kind_with_scopes
def test_a_site_refuses_a_token_with_scopes_with_a_page(kind: str, start_cloud: StartCloud) -> None:
    service = Service(contents({}), welcomes_visitors=True)
    running = start_cloud(CloudSite(host=ACME, service=service))
    response = ask(ACME, CURRENT_USER, signed(running.config(kind)))
    assert response.status_code == 401
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<title>HTTP Status 401 \N{EN DASH} Unauthorized</title>" in response.text


def test_a_site_takes_a_token_without_scopes(start_cloud: StartCloud) -> None:
    running = start_cloud()
    response = ask(ACME, CURRENT_USER, signed(running.config(CLASSIC)))
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
    service: Service, statuses: list[int], authorization: str, start_cloud: StartCloud
) -> None:
    start_cloud(CloudSite(host=ACME, service=service))
    answers = [ask(ACME, path, authorization) for path in (PATHS[BY_CURSOR], CURRENT_USER)]
    assert [answer.status_code for answer in answers] == statuses


@pytest.mark.parametrize("authorization", ["", "Basic d3Jvbmc6d3Jvbmc=", AUTHORIZATION])
def test_anyone_may_ask_for_the_cloud_id_of_a_site(
    authorization: str, start_cloud: StartCloud
) -> None:
    start_cloud()
    hosts = (ACME, FORMER, OTHER)
    ids = [ask(host, TENANT_INFO, authorization).json() for host in hosts]
    assert ids[0] == ids[1] != ids[2]
    assert all(list(each) == ["cloudId"] for each in ids)


def test_a_former_host_leads_to_the_new_one(start_cloud: StartCloud) -> None:
    start_cloud()
    response = ask(FORMER, "/wiki/api/v2/spaces?limit=5&keys=A%26B", AUTHORIZATION)
    assert response.status_code == 302
    assert response.headers["Location"] == f"https://{ACME}/wiki/api/v2/spaces?limit=5&keys=A%26B"


@each_client
def test_the_sites_of_an_access_token_are_listed_the_meant_one_last(
    kind: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    authorization = signed(running.config(kind))
    sites = ask(API_HOST, RESOURCES, authorization).json()
    assert [site["url"] for site in sites] == [f"https://{OTHER}", f"https://{ACME}"]
    assert [site["id"] for site in sites] == [cloud_id(OTHER), cloud_id()]
    assert sites[1]["name"] == "acme"
    assert sites[1]["scopes"] == sorted(ALL_SCOPES)
    assert sites[1]["avatarUrl"].startswith("https://")


def test_only_sites_of_the_grant_are_listed_in_its_order(start_cloud: StartCloud) -> None:
    for hosts in ((ACME, OTHER), (OTHER,), ()):
        running = start_cloud(grants={OAUTH: Grant(hosts=hosts)})
        authorization = signed(running.config(OAUTH))
        sites = ask(API_HOST, RESOURCES, authorization).json()
        assert [site["url"] for site in sites] == [f"https://{host}" for host in hosts]


def test_sites_are_listed_for_access_tokens_only(start_cloud: StartCloud) -> None:
    running = start_cloud()
    others = [signed(running.config(kind)) for kind in CREDENTIALS if kind not in CLIENTS]
    for authorization in ("", "Bearer wrong", *others):
        response = ask(API_HOST, RESOURCES, authorization)
        assert response.status_code == 401
        assert response.json() == {"code": 401, "message": "Unauthorized"}


@pytest.mark.parametrize("authorization", ["", "Basic d3Jvbmc6d3Jvbmc=", "Bearer wrong", "odd"])
def test_the_gateway_refuses_unknown_credentials_first(
    authorization: str, start_cloud: StartCloud
) -> None:
    start_cloud()
    for path in (PATHS[BY_CURSOR], "/wiki/nowhere"):
        assert refused(at_gateway(path, authorization)) == UNAUTHORIZED
    path = f"/ex/confluence/unknown{PATHS[BY_CURSOR]}"
    assert refused(ask(API_HOST, path, authorization)) == UNAUTHORIZED


@pytest.mark.parametrize("scheme", ["Basic", "Token"])
def test_an_access_token_is_one_in_the_scheme_bearer_only(
    scheme: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    token = running.config(OAUTH)["credentials"]["access_token"]
    assert refused(at_gateway(CURRENT_USER, f"{scheme} {token}")) == UNAUTHORIZED
    assert at_gateway(CURRENT_USER, f"Bearer {token}").status_code == 200


@each_kind
def test_another_site_or_none_is_not_found_before_scopes_count(
    kind: str, start_cloud: StartCloud
) -> None:
    running = start_cloud(grants={kind: Grant(hosts=(OTHER,), scopes=frozenset())})
    authorization = signed(running.config(kind))
    assert refused(at_gateway(PATHS[BY_CURSOR], authorization)) == NOT_FOUND
    path = f"/ex/confluence/unknown{PATHS[BY_CURSOR]}"
    assert refused(ask(API_HOST, path, authorization)) == NOT_FOUND
    response = at_gateway(PATHS[BY_CURSOR], authorization, OTHER)
    assert refused(response) == WRONG_SCOPE


def test_a_token_without_scopes_opens_only_its_own_sites(start_cloud: StartCloud) -> None:
    start_cloud(grants={CLASSIC: Grant(hosts=(OTHER,))})
    answers = [ask(host, CURRENT_USER, AUTHORIZATION) for host in (ACME, OTHER)]
    assert [answer.status_code for answer in answers] == [401, 200]


@each_kind
def test_an_unknown_path_is_refused_like_a_missing_scope(
    kind: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    authorization = signed(running.config(kind))
    for path in ("/wiki/api/v2/nowhere", "/rest/api/audit", "/", ""):
        assert refused(at_gateway(path, authorization)) == WRONG_SCOPE


@every_stream
def test_any_one_of_its_scopes_opens_a_list_and_no_other(
    stream: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    authorization = signed(running.config(OAUTH))
    [needed] = [route.scopes for route in ROUTES if route.path == PATHS[stream]]
    opened = set()
    for scope in ALL_SCOPES:
        running.cloud.grants.by_kind[OAUTH] = Grant(scopes=frozenset({scope}))
        response = at_gateway(PATHS[stream], authorization)
        opened |= {scope} if response.status_code == 200 else set()
        assert response.status_code == 200 or refused(response) == WRONG_SCOPE
    assert opened == needed


def test_the_question_who_it_is_has_scopes_of_its_own(start_cloud: StartCloud) -> None:
    running = start_cloud(grants={OAUTH: Grant(scopes=ALL_SCOPES - CURRENT_USER_SCOPES)})
    authorization = signed(running.config(OAUTH))
    assert refused(at_gateway(CURRENT_USER, authorization)) == WRONG_SCOPE
    for scope in CURRENT_USER_SCOPES:
        running.cloud.grants.by_kind[OAUTH] = Grant(scopes=frozenset({scope}))
        assert at_gateway(CURRENT_USER, authorization).status_code == 200


def test_faults_of_a_site_work_behind_the_gateway(start_cloud: StartCloud) -> None:
    running = start_cloud()
    path = PATHS[BY_CURSOR]
    running.cloud.sites[0].service.misbehave(Fault(kind="status", path=path, status=503))
    authorization = signed(running.config(OAUTH))
    statuses = [at_gateway(path, authorization).status_code for _ in range(2)]
    assert statuses == [503, 200]


@each_kind
def test_what_is_revoked_opens_nothing_any_more(kind: str, start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(kind)
    authorization = signed(config)
    assert at_gateway(CURRENT_USER, authorization).status_code == 200
    running.cloud.revoke(kind)
    assert refused(at_gateway(CURRENT_USER, authorization)) == UNAUTHORIZED
    assert ask(ACME, CURRENT_USER, authorization).status_code == 401
    if kind in CLIENTS:
        assert tokens(config).status_code == (403 if kind == OAUTH else 401)


def test_there_is_nothing_else_at_the_hosts_of_atlassian(start_cloud: StartCloud) -> None:
    running = start_cloud()
    authorization = signed(running.config(OAUTH))
    assert ask(AUTH_HOST, TOKEN).status_code == 404
    assert ask(AUTH_HOST, "/authorize", method="POST", json={}).status_code == 404
    for path in ("/wiki/api/v2/pages", "/ex/jira/1/rest/api/3/myself", "/me"):
        assert ask(API_HOST, path, authorization).status_code == 404


@each_kind
def test_settings_name_the_site_and_hold_what_the_kind_needs(
    kind: str, start_cloud: StartCloud
) -> None:
    running = start_cloud()
    config = running.cloud.config(kind)
    assert config.pop("domain_name") == ACME
    assert running.config(kind, host=OTHER)["domain_name"] == OTHER
    account = config if kind in TOKENS else config.pop("credentials")
    assert config.keys() == ({"email", "api_token"} if kind in TOKENS else set())
    public = {"email", "auth_type", "client_id", "token_expiry_date"}
    secrets = {value for name, value in account.items() if name not in public}
    assert secrets
    assert secrets <= set(running.cloud.secrets)


def test_a_kind_that_does_not_exist_is_refused() -> None:
    site = CloudSite(host=ACME, service=Service(contents({})))
    with pytest.raises(ValueError, match="no kind 'oauth2'"):
        Cloud(site, grants={"oauth2": Grant()})


@pytest.mark.parametrize(
    ("host", "path"),
    [
        (AUTH_HOST, TOKEN),
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
    authorization = signed(running.config(OAUTH))
    prefix = f"/ex/confluence/{running.cloud.sites[0].cloud_id}" if path == CURRENT_USER else ""
    answers = [ask(host, prefix + path, authorization) for _ in range(2)]
    assert answers[0].status_code == 503
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[1].status_code != 503


def test_a_fault_can_be_that_of_one_host(start_cloud: StartCloud) -> None:
    running = start_cloud()
    authorization = signed(running.config(OAUTH))
    running.cloud.misbehave(Fault(kind="status", host=API_HOST, status=502, count=None))
    for path in (CURRENT_USER, PATHS[BY_CURSOR]):
        assert at_gateway(path, authorization).status_code == 502
    assert tokens(running.config(OAUTH)).status_code == 200
    assert running.cloud.sites[0].service.calls == []
    running.cloud.recover()
    assert at_gateway(CURRENT_USER, authorization).status_code == 200
