"""Get in with OAuth 2.0: access tokens that expire, and refresh tokens that work once."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pendulum
from airbyte_cdk.config_observation import emit_configuration_as_airbyte_control_message
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets

from source_confluence.exceptions import NotAListError, NotJsonError
from source_confluence.failures.failure import Failure
from source_confluence.failures.table import (
    FORBIDDEN,
    NOT_ATLASSIAN,
    NOT_FOUND,
    SITE_NOT_GRANTED,
    TOKEN_REFUSED,
    UNAUTHORIZED,
    UNRECOGNISED,
)
from source_confluence.limits.waiting import now_seconds
from source_confluence.settings.credentials import (
    Authorization,
    ClientCredentials,
    is_in_one_piece,
)
from source_confluence.shutdown import postponed
from source_confluence.transport.access import Access, understood
from source_confluence.transport.entry import API_HOST, Entry
from source_confluence.transport.exchange import Answer
from source_confluence.transport.site import Site

TOKEN_URL = "https://auth.atlassian.com/oauth/token"  # noqa: S105 (an address)
RESOURCES_URL = f"https://{API_HOST}/oauth/token/accessible-resources"

_LEAD_SECONDS = 60  # a token is renewed so long before it expires
_USUAL_SECONDS = 3600.0
_YEAR_SECONDS = 366 * 24 * 3600
_REFUSALS = (400, 401, 403)
_PERHAPS_EXPIRED = (UNRECOGNISED, FORBIDDEN, NOT_FOUND)
_MAX_NAMED = 5
_LOGGER = logging.getLogger("airbyte")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What the token endpoint gave.

    Args:
        access_token: For the gateway.
        seconds: How long it is valid.
        refresh_token: The next one, in place of the one that was used; empty where there is none.
    """

    access_token: str
    seconds: float
    refresh_token: str

    @classmethod
    def of(cls, document: object) -> "Tokens":
        """Read `{"access_token": "eyJ…", "expires_in": 3600, "refresh_token": "eyJ…"}`.

        Raises:
            NotJsonError: When there is no access token in it.
        """
        given = document if isinstance(document, dict) else {}
        return cls(
            access_token=_token(given.get("access_token")),
            seconds=_seconds(given.get("expires_in")),
            refresh_token=_token(given["refresh_token"]) if given.get("refresh_token") else "",
        )


class OAuthAccess(Access):
    """Goes through the gateway with access tokens, and gets another one before each expires.

    Args:
        site: Which site is meant.
        credentials: What access tokens are got with.
        entered: The settings as the user entered them: those with the next refresh token are
            printed as a message, for the platform to keep.

    Source: https://developer.atlassian.com/cloud/confluence/oauth-2-3lo-apps/
    """

    def __init__(
        self,
        site: Site,
        credentials: Authorization | ClientCredentials,
        entered: Mapping[str, Any],
    ) -> None:
        super().__init__(site, credentials)
        self._grant: dict[str, str] = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        }
        self._entered = entered
        self._token, self._expires_at, self._is_given = "", 0.0, False
        if isinstance(credentials, Authorization):
            self._grant |= {"grant_type": "refresh_token"}
            self._grant |= {"refresh_token": credentials.refresh_token}
            self._take_given(credentials)
        for secret in (credentials.client_secret, self._grant.get("refresh_token"), self._token):
            if secret:
                add_to_secrets(secret)
        self._is_granted = False
        self._dead: Answer | None = None

    def open(self) -> Answer | None:
        """Get a token if there is none that lasts; find out which site is meant."""
        if self._is_granted and self._is_fit:
            return None
        failed = self._dead or self._find_site() or self._get_token()
        if failed is not None:
            return failed
        self._entry = Entry.at_gateway(self._cloud_id, f"Bearer {self._token}")
        return None if self._is_granted else self._require_site(self._entry)

    def _has_another(self, refused: Entry, failure: Failure) -> bool:
        """Whether another token may be accepted; not after one that was just got.

        Of one that was entered and has never worked it is not known how the gateway refuses it when
        it has expired.
        """
        is_untried = self._is_given and not refused.was_accepted
        if failure is not UNAUTHORIZED and not (is_untried and failure in _PERHAPS_EXPIRED):
            return False
        if refused is self._entry:
            if not (self._is_given or refused.was_accepted):
                return False
            self._token = ""
        return True

    @property
    def _is_fit(self) -> bool:
        return bool(self._token) and now_seconds() < self._expires_at

    def _take_given(self, credentials: Authorization) -> None:
        """Begin with the access token that was entered; of unknown age, it is simply tried."""
        self._token, self._is_given = credentials.access_token, True
        self._expires_at = now_seconds() + _seconds_until(credentials.expiry) - _LEAD_SECONDS

    def _get_token(self) -> Answer | None:
        if self._is_fit:
            return None
        with postponed():  # a token that was got and not told would be lost
            answer = self._ask(TOKEN_URL, document=self._grant)
            if answer.status in _REFUSALS and answer.detail:
                self._dead = replace(answer, failure=TOKEN_REFUSED)
                return self._dead
            tokens = understood(answer, Tokens.of)
            if isinstance(tokens, Answer):
                return tokens
            self._keep(tokens)
        return None

    def _keep(self, tokens: Tokens) -> None:
        """Take what was got; the refresh token goes to whoever keeps the settings, before all else.

        The one before it is worth nothing in ten minutes.
        """
        lead = min(_LEAD_SECONDS, tokens.seconds / 10)
        self._token, self._is_given = tokens.access_token, False
        self._expires_at = now_seconds() + tokens.seconds - lead
        add_to_secrets(tokens.access_token)
        if "refresh_token" in self._grant:
            self._grant["refresh_token"] = tokens.refresh_token or self._grant["refresh_token"]
            add_to_secrets(self._grant["refresh_token"])
            self._tell_tokens(tokens)

    def _tell_tokens(self, tokens: Tokens) -> None:
        expiry = pendulum.now("UTC").add(seconds=int(tokens.seconds))
        credentials = {
            **self._entered["credentials"],
            "access_token": tokens.access_token,
            "refresh_token": self._grant["refresh_token"],
            "token_expiry_date": expiry.to_iso8601_string(),
        }
        self._entered = {**self._entered, "credentials": credentials}
        emit_configuration_as_airbyte_control_message(self._entered)
        _LOGGER.info(
            "The tokens were replaced; the message of type CONTROL before this line holds the "
            "settings for the next run."
        )

    def _require_site(self, entry: Entry) -> Answer | None:
        """Find the site among those that the credentials are for.

        Source: https://developer.atlassian.com/cloud/confluence/oauth-2-3lo-apps/#3--make-calls-to-the-api-using-the-access-token
        """
        answer = self._ask(RESOURCES_URL, entry)
        if answer.failure is UNAUTHORIZED:
            return self.open() if self.renew(answer) else answer
        sites = understood(answer, _addresses)
        if isinstance(sites, Answer):
            if sites.failure is not NOT_ATLASSIAN:
                return sites
            sites = {self._cloud_id: self.site.host}  # the gateway will tell whether it is granted
        if self._cloud_id in sites:
            self._is_granted = True
            self._tell(sites[self._cloud_id])
            return None
        names = ", ".join(list(sites.values())[:_MAX_NAMED])
        named = f"other sites: {names}" if names else "no site"
        self._dead = replace(answer, body=None, failure=SITE_NOT_GRANTED, detail=named)
        return self._dead


def _token(value: object) -> str:
    """A token that can stand in a header."""
    if not (isinstance(value, str) and is_in_one_piece(value)):
        raise NotJsonError("no access token")
    return value


def _seconds_until(date: object) -> float:
    """Of `2026-11-25T12:00:00Z`; endless of what is no date: then an answer tells."""
    with suppress(ValueError, OverflowError):
        instant = pendulum.parse(date) if isinstance(date, str) else None
        if isinstance(instant, pendulum.DateTime):
            return float((instant - pendulum.now("UTC")).total_seconds())
    return float("inf")


def _seconds(value: object) -> float:
    """How long a token is valid; what is no such number counts as the usual hour."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 1 <= value <= _YEAR_SECONDS else _USUAL_SECONDS
    return _USUAL_SECONDS


def _addresses(document: object) -> dict[str, str]:
    """`{"af818fbb-efc6-…": "acme.atlassian.net"}`: the sites, by cloud id."""
    if not isinstance(document, list):
        raise NotAListError("no list of sites")
    sites = [each for each in document if isinstance(each, dict)]
    pairs = [(each.get("id"), each.get("url")) for each in sites]
    return {
        own_id.lower(): url.removeprefix("https://")
        for own_id, url in pairs
        if isinstance(own_id, str) and isinstance(url, str)
    }
