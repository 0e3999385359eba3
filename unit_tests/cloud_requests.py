"""Ask the fake cloud by its real names, through the proxy that the environment names."""

import base64
from typing import Any

import pytest
import requests

from fake_confluence import Clock, Service
from fake_confluence.cloud import API_HOST, AUTH_HOST, CloudSite
from fake_confluence.credentials import CLIENTS, CREDENTIALS
from unit_tests.streams_under_test import contents

ACME, OTHER, FORMER = "acme.atlassian.net", "other.atlassian.net", "old-acme.atlassian.net"
TENANT_INFO = "/_edge/tenant_info"
RESOURCES = "/oauth/token/accessible-resources"
TOKEN = "/oauth/token"

UNAUTHORIZED = (401, "Unauthorized", "FAILURE_CLIENT_AUTH")
NOT_FOUND = (404, "Not Found", None)
WRONG_SCOPE = (401, "Unauthorized; scope does not match", "FAILURE_CLIENT_SCOPE_CHECK")

each_kind = pytest.mark.parametrize("kind", CREDENTIALS)
each_client = pytest.mark.parametrize("kind", list(CLIENTS))


def two_sites(clock: Clock) -> tuple[CloudSite, CloudSite]:
    """Two sites of different sizes; the first one was renamed."""
    first, second = (Service(contents({}, others=count), clock=clock) for count in (7, 5))
    acme = CloudSite(host=ACME, service=first, former_hosts=(FORMER,))
    return acme, CloudSite(host=OTHER, service=second)


def ask(
    host: str,
    path: str,
    authorization: str = "",
    *,
    method: str = "GET",
    **options: Any,  # noqa: ANN401
) -> requests.Response:
    """The response to one request."""
    return requests.request(
        method,
        f"https://{host}{path}",
        auth=Signed(authorization),
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


def signed(config: dict[str, Any]) -> str:
    """What a connector with these settings sends; it gets an access token if it has none."""
    if "email" in config:
        pair = f"{config['email']}:{config['api_token']}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    given = config["credentials"]
    return f"Bearer {given.get('api_token') or given.get('access_token') or access_token(config)}"


def access_token(config: dict[str, Any]) -> str:
    """Another access token than that of the settings."""
    return str(tokens(config).json()["access_token"])


def tokens(config: dict[str, Any], **changed: str) -> requests.Response:
    """The response to a request for an access token."""
    given = config["credentials"]
    grant_type = "refresh_token" if "refresh_token" in given else given["auth_type"]
    names = ("client_id", "client_secret", "refresh_token")
    asked = {"grant_type": grant_type, **{name: given[name] for name in names if name in given}}
    return ask(AUTH_HOST, TOKEN, method="POST", json={**asked, **changed})


def cloud_id(host: str = ACME) -> str:
    """The id of a site, by which the gateway knows it."""
    return str(ask(host, TENANT_INFO).json()["cloudId"])


def at_gateway(path: str, authorization: str, host: str = ACME) -> requests.Response:
    """The response to a request for a site that goes through the gateway."""
    return ask(API_HOST, f"/ex/confluence/{cloud_id(host)}{path}", authorization)


def refused(response: requests.Response) -> tuple[int, str, str | None]:
    """The status, the message and the category of a refusal of the gateway."""
    document = response.json()
    assert document["code"] == response.status_code
    category = response.headers.get("X-Failure-Category")
    return response.status_code, document["message"], category
