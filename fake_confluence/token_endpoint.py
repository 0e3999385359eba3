"""Answer as auth.atlassian.com does: access tokens, for a client that is known."""

import json
from typing import Any

from fake_confluence.credentials import CLIENT_CREDENTIALS, OAUTH
from fake_confluence.grants import Grants
from fake_confluence.reply import Reply
from fake_confluence.request import Call

PATH = "/oauth/token"
_GRANT_TYPES = {CLIENT_CREDENTIALS: "client_credentials", OAUTH: "refresh_token"}


def reply(call: Call, grants: Grants) -> Reply:
    """What is issued, or why nothing is.

    Source: https://developer.atlassian.com/cloud/confluence/oauth-2-3lo-apps/
    """
    if (call.method, call.path) != ("POST", PATH):
        return _refusal(404, "not_found", "There is nothing here.")
    asked = _asked(call)
    if asked is None:
        return _refusal(400, "invalid_request", "It is no JSON object.")
    kind = grants.kind_of_client(asked.get("client_id"), asked.get("client_secret"))
    if kind is None:
        return _refusal(401, "access_denied", "Unauthorized")
    if asked.get("grant_type") != _GRANT_TYPES[kind]:
        return _refusal(403, "unauthorized_client", "Grant type not allowed for the client.")
    if kind == OAUTH and not grants.take(str(asked.get("refresh_token"))):
        return _refusal(403, "unauthorized_client", "refresh_token is invalid")
    return Reply(status=200, document=_issued(kind, grants))


def _issued(kind: str, grants: Grants) -> dict[str, Any]:
    grant = grants.by_kind[kind]
    scopes = sorted(grant.scopes)
    tokens: dict[str, Any] = {
        "access_token": grants.issue_access_token(kind, grant.lifetime_seconds),
        "expires_in": grant.lifetime_seconds,
        "token_type": "Bearer",
        "scope": " ".join(scopes),
    }
    if kind == OAUTH:
        tokens["scope"] = " ".join([*scopes, "offline_access"])
        tokens["refresh_token"] = grants.issue_refresh_token()
    return tokens


def _asked(call: Call) -> dict[str, Any] | None:
    """The JSON object that was sent; a form is none."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        return None
    try:
        document = json.loads(call.body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _refusal(status: int, error: str, description: str) -> Reply:
    return Reply(status=status, document={"error": error, "error_description": description})
