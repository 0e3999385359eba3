"""The fake cloud issues access tokens that expire, and refresh tokens that rotate."""

from typing import Any

import pytest
import requests

from fake_confluence import Clock, Fault
from fake_confluence.cloud import API_HOST, AUTH_HOST
from fake_confluence.credentials import CLIENT_CREDENTIALS, OAUTH, Grant
from fake_confluence.routes import ALL_SCOPES, CURRENT_USER
from unit_tests.cloud_requests import (
    ACME,
    RESOURCES,
    TOKEN,
    UNAUTHORIZED,
    access_token,
    ask,
    at_gateway,
    each_client,
    refused,
    signed,
    tokens,
)
from unit_tests.conftest import StartCloud

NOON = "2026-07-01T12:00:00Z"


@each_client
def test_an_access_token_expires_by_the_clock_of_the_cloud(
    kind: str, start_cloud: StartCloud
) -> None:
    running = start_cloud(clock=Clock(frozen_at=NOON), grants={kind: Grant(lifetime_seconds=120)})
    config = running.config(kind)
    issued = tokens(config).json()
    assert issued["expires_in"] == 120
    authorization = f"Bearer {issued['access_token']}"
    running.cloud.clock.advance(119)
    assert at_gateway(CURRENT_USER, authorization).status_code == 200
    running.cloud.clock.advance(1)
    assert refused(at_gateway(CURRENT_USER, authorization)) == UNAUTHORIZED
    assert ask(API_HOST, RESOURCES, authorization).status_code == 401
    renewed = f"Bearer {access_token(config)}"
    assert at_gateway(CURRENT_USER, renewed).status_code == 200


@each_client
def test_an_access_token_is_good_for_so_many_requests(kind: str, start_cloud: StartCloud) -> None:
    running = start_cloud(grants={kind: Grant(uses=3)})
    config = running.config(kind)
    authorization = signed(config)
    assert ask(API_HOST, RESOURCES, authorization).status_code == 200
    assert ask(ACME, CURRENT_USER, authorization).status_code == 401
    answers = [at_gateway(CURRENT_USER, authorization) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 401]
    renewed = f"Bearer {access_token(config)}"
    assert at_gateway(CURRENT_USER, renewed).status_code == 200


@each_client
def test_expired_tokens_can_be_renewed(kind: str, start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(kind)
    authorization = signed(config)
    running.cloud.expire(kind)
    assert refused(at_gateway(CURRENT_USER, authorization)) == UNAUTHORIZED
    renewed = f"Bearer {access_token(config)}"
    assert at_gateway(CURRENT_USER, renewed).status_code == 200


def test_an_app_that_was_revoked_can_be_granted_anew(start_cloud: StartCloud) -> None:
    running = start_cloud()
    running.cloud.revoke(OAUTH)
    assert tokens(running.config(OAUTH)).status_code == 200


def test_a_refresh_brings_two_new_tokens(start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(OAUTH)
    response = tokens(config)
    issued = response.json()
    assert response.status_code == 200
    assert (issued["expires_in"], issued["token_type"]) == (3600, "Bearer")
    assert issued["scope"].split() == [*sorted(ALL_SCOPES), "offline_access"]
    given = config["credentials"]
    assert issued["access_token"] != given["access_token"]
    assert issued["refresh_token"] != given["refresh_token"]
    for token in (given["access_token"], issued["access_token"]):
        assert at_gateway(CURRENT_USER, f"Bearer {token}").status_code == 200
    again = tokens(config, refresh_token=issued["refresh_token"]).json()
    assert again["refresh_token"] not in (given["refresh_token"], issued["refresh_token"])


def test_a_refresh_token_can_be_used_again_for_ten_minutes(start_cloud: StartCloud) -> None:
    running = start_cloud(clock=Clock(frozen_at=NOON))
    config = running.config(OAUTH)
    running.cloud.clock.advance(86_400)
    successor = tokens(config).json()["refresh_token"]
    running.cloud.clock.advance(599)
    assert tokens(config).status_code == 200
    running.cloud.clock.advance(1)
    for dead in (tokens(config), tokens(config, refresh_token="wrong")):
        assert dead.status_code == 403
        assert dead.json() == {
            "error": "unauthorized_client",
            "error_description": "refresh_token is invalid",
        }
    assert tokens(config, refresh_token=successor).status_code == 200


def test_client_credentials_bring_no_refresh_token(start_cloud: StartCloud) -> None:
    running = start_cloud(
        grants={CLIENT_CREDENTIALS: Grant(scopes=frozenset({"read:page:confluence"}))}
    )
    response = tokens(running.config(CLIENT_CREDENTIALS), audience="api.atlassian.com")
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
    response = tokens(running.config(kind), **{changed: "wrong"})
    assert response.status_code == 401
    assert response.json() == {"error": "access_denied", "error_description": "Unauthorized"}


@each_client
def test_a_client_has_one_way_to_get_tokens(kind: str, start_cloud: StartCloud) -> None:
    running = start_cloud()
    response = tokens(running.config(kind), grant_type="password")
    assert response.status_code == 403
    assert response.json()["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}},
        {"data": "{}", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"json": ["grant_type"]},
        {"data": "{", "headers": {"Content-Type": "application/json"}},
        {"data": b"\xff", "headers": {"Content-Type": "application/json"}},
        {},
    ],
)
def test_only_a_json_object_is_understood(sent: dict[str, Any], start_cloud: StartCloud) -> None:
    start_cloud()
    response = ask(AUTH_HOST, TOKEN, method="POST", **sent)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("access", "status", "expiry"),
    [("valid", 200, "2026-07-01T13:00:00.000Z"), ("expired", 401, "2026-07-01T11:59:00.000Z")],
)
def test_an_app_may_begin_with_a_token_that_has_expired(
    access: str, status: int, expiry: str, start_cloud: StartCloud
) -> None:
    running = start_cloud(clock=Clock(frozen_at=NOON))
    config = running.config(OAUTH, access=access)
    assert config["credentials"]["token_expiry_date"] == expiry
    response = at_gateway(CURRENT_USER, signed(config))
    assert response.status_code == status


def test_an_app_may_begin_without_an_access_token(start_cloud: StartCloud) -> None:
    running = start_cloud()
    config = running.config(OAUTH, access="none")
    assert not config["credentials"].keys() & {"access_token", "token_expiry_date"}
    assert tokens(config).status_code == 200


def test_every_token_is_another_one_with_characters_that_need_care(
    start_cloud: StartCloud,
) -> None:
    running = start_cloud()
    configs = [running.config(OAUTH) for _ in range(3)]
    issued = [tokens(config).json() for config in configs]
    secrets = [each["access_token"] for each in issued] + [each["refresh_token"] for each in issued]
    for config in configs:
        secrets += [config["credentials"][name] for name in ("access_token", "refresh_token")]
    assert len(set(secrets)) == len(secrets)
    assert all(set("+/=") <= set(secret) for secret in secrets)
    assert set(secrets) <= set(running.cloud.secrets)


def test_a_refused_refresh_uses_no_token_up_but_a_lost_one_does(start_cloud: StartCloud) -> None:
    running = start_cloud(clock=Clock(frozen_at=NOON))
    config = running.config(OAUTH)
    issued = len(running.cloud.secrets)
    running.cloud.misbehave(Fault(kind="status", path=TOKEN, status=503))
    assert tokens(config).status_code == 503
    assert len(running.cloud.secrets) == issued
    running.cloud.misbehave(Fault(kind="drop", path=TOKEN))
    with pytest.raises(requests.ConnectionError):
        tokens(config)
    assert len(running.cloud.secrets) == issued + 2
    running.cloud.clock.advance(600)
    assert tokens(config).status_code == 403
