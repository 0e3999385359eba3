"""List the kinds of credentials, with their made-up secrets and the settings that hold them."""

import base64
from dataclasses import dataclass
from typing import Any

from fake_confluence.routes import ALL_SCOPES
from fake_confluence.service import API_TOKEN, EMAIL

CLASSIC = "token"
SERVICE_ACCOUNT_TOKEN = "service_account_token"  # noqa: S105 (a kind)
CLIENT_CREDENTIALS = "client_credentials"
OAUTH = "oauth"

TOKENS = {
    CLASSIC: (EMAIL, API_TOKEN),
    "scoped_token": (EMAIL, "ATATT3x-made+up/scoped=9C0D1E2F"),
    "service_account": ("bot-17@serviceaccount.atlassian.com", "ATSTT3x-made+up/basic=3A4B5C6D"),
}
"""The e-mail address and the token of each kind that has both."""

BEARER_TOKEN = "ATSTT3x-made+up/bearer=7E8F9A0B"  # noqa: S105 (it opens nothing but this fake)

CLIENTS = {
    CLIENT_CREDENTIALS: ("client-of-a-service-account", "ATOA3x-made+up/secret=1A2B3C4D"),
    OAUTH: ("client-of-an-app", "ATOA3x-made+up/secret=5E6F7A8B"),
}
"""The client id and the client secret of each kind that has access tokens."""

CREDENTIALS = (*TOKENS, SERVICE_ACCOUNT_TOKEN, *CLIENTS)
"""Every kind.

- `token`: an API token without scopes, the only one that a site itself takes.
- `scoped_token`: an API token with scopes.
- `service_account`: the token of a service account, with the e-mail address of the account;
  `service_account_token`: without it.
- `client_credentials`: OAuth 2.0 credentials of a service account.
- `oauth`: what a person has granted to an app (3LO), with refresh tokens that are used once.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a kind of credential is good for.

    Args:
        scopes: What it may do. A token without scopes may do everything.
        hosts: The sites it is for, in the order in which they are listed; None for all of them, the
            first one of the cloud last.
        lifetime_seconds: How long each of its access tokens is good, by the clock of the cloud.
        uses: How many requests to the gateway each of its access tokens is good for; None for any
            number.
    """

    scopes: frozenset[str] = ALL_SCOPES
    hosts: tuple[str, ...] | None = None
    lifetime_seconds: int = 3600
    uses: int | None = None


def basic(kind: str) -> str:
    """The header `Authorization` of a kind that has an e-mail address: `Basic YWRh…`."""
    return "Basic " + base64.b64encode(":".join(TOKENS[kind]).encode()).decode()


def settings_of(kind: str) -> dict[str, Any]:
    """The settings of the connector for a kind, without the site and what is issued."""
    if kind in TOKENS:
        email, token = TOKENS[kind]
        return {"email": email, "api_token": token}
    if kind == SERVICE_ACCOUNT_TOKEN:
        return {"credentials": {"auth_type": kind, "api_token": BEARER_TOKEN}}
    client_id, client_secret = CLIENTS[kind]
    auth_type = "oauth2.0" if kind == OAUTH else kind
    client = {"client_id": client_id, "client_secret": client_secret}
    return {"credentials": {"auth_type": auth_type, **client}}
