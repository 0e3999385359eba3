"""Read with what the connector gets in: an API token, or what the group Credentials holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from source_confluence.exceptions import ConfigError
from source_confluence.settings.host import is_blank_or_control

_TOKEN_PAGE = "https://id.atlassian.com/manage-profile/security/api-tokens"  # noqa: S105 (a page)
_SERVICE_ACCOUNTS = "https://admin.atlassian.com under Directory > Service accounts"
_SERVICE_ACCOUNT_DOMAIN = "@serviceaccount.atlassian.com"
_COPY = f"Create an API token at {_TOKEN_PAGE} and copy it with its button."
_WITHIN = "credentials."
_HOW_TO_ENTER = {
    "": 'Enter it under the name "{key}"; domain_name is always required, and email and api_token '
    "are unless credentials hold something else.",
    _WITHIN: 'Enter it under the name "{key}" within "credentials".',
}
_WIDER_TOKEN = "Create a token that has this scope, too: none can be added to a token later"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """An API token of a person or a service account, entered with the account's e-mail address.

    Whether it has scopes is not asked for; what the site answers tells it.

    Args:
        email: `ada@acme.com`.
        token: Never shown.

    Attributes:
        refused: The likely cause, when nobody accepts it: the rest of a sentence.
        renewal: How to get another one, a sentence.
        widening: How to get one with a further scope, the beginning of a sentence.
    """

    email: str
    token: str = field(repr=False)

    widening: ClassVar[str] = _WIDER_TOKEN
    refused: ClassVar[str] = (
        "the API token has expired, was revoked or is wrong, or the e-mail address is that of "
        "another account"
    )
    renewal: ClassVar[str] = (
        f"Create an API token at {_TOKEN_PAGE} (of a service account, at {_SERVICE_ACCOUNTS}) and "
        "enter it with the e-mail address of the same account."
    )

    @property
    def has_scopes(self) -> bool:
        """Whether that is known: a service account has no other tokens."""
        return self.email.lower().endswith(_SERVICE_ACCOUNT_DOMAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountToken:
    """A token of a service account, without an e-mail address.

    Args:
        token: Never shown.
    """

    token: str = field(repr=False)

    has_scopes: ClassVar[bool] = True
    widening: ClassVar[str] = _WIDER_TOKEN
    refused: ClassVar[str] = "the token of the service account has expired, was revoked or is wrong"
    renewal: ClassVar[str] = (
        f"Create a token of the service account at {_SERVICE_ACCOUNTS} and enter it."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """OAuth 2.0 credentials of a service account; access tokens are got with them.

    Args:
        client_id: `Xq3…`.
        client_secret: Never shown.
    """

    client_id: str
    client_secret: str = field(repr=False)

    widening: ClassVar[str] = "Create OAuth 2.0 credentials that have this scope, too"
    refused: ClassVar[str] = (
        "the client id or the client secret is wrong, or the credentials were revoked"
    )
    renewal: ClassVar[str] = (
        f"Create OAuth 2.0 credentials of the service account at {_SERVICE_ACCOUNTS} and enter "
        "the client id and the client secret."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What a person has granted to an OAuth 2.0 app (3LO); each refresh token works once.

    Args:
        client_id: Of the app.
        client_secret: Of the app; never shown.
        refresh_token: Never shown.
        access_token: What Airbyte's own flow, or the last refresh, has brought; empty for none.
        expiry: When that expires, as it was entered: `2026-11-25T12:00:00Z`; None for unknown.
    """

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    expiry: object = None

    widening: ClassVar[str] = "Add this scope to the app, authorize the connector again"
    refused: ClassVar[str] = (
        "the authorization was revoked or has expired (after 90 days without a sync, or a year), "
        "or its refresh token was used before: each works once, and the connector prints the next "
        "one as a CONTROL message that whoever runs it must keep"
    )
    renewal: ClassVar[str] = (
        "Authorize the connector again: in Airbyte, with the button of the form; elsewhere, enter "
        "a new refresh token."
    )


Credentials = ApiToken | ServiceAccountToken | ClientCredentials | Authorization


def credentials_of(raw: Mapping[str, Any]) -> Credentials:
    """Read what the user entered; e-mail address and API token count where nothing else is there.

    Args:
        raw: `{"email": "ada@acme.com", "api_token": "…"}`, also with
            `"credentials": {"auth_type": "api_token"}`, or
            `{"credentials": {"auth_type": "client_credentials", "client_id": "…", …}}`.

    Raises:
        ConfigError: When something is missing, blank, or cannot be what it should be.
    """
    entered = raw.get("credentials")
    if _are_above(raw, entered):
        return ApiToken(email=_email(raw), token=secret_text(raw, "api_token", _COPY, ""))
    auth_type = entered.get("auth_type") if isinstance(entered, Mapping) else None
    read = _BY_TYPE.get(auth_type) if isinstance(auth_type, str) else None
    if read is None or not isinstance(entered, Mapping):
        raise ConfigError(
            "The setting credentials does not say which kind they are. "
            "Likely cause: auth_type is missing or misspelt in a file written by hand. "
            f"What to do: Enter one of {', '.join([*_BY_TYPE, 'api_token'])} as its "
            '"auth_type", or leave credentials out and enter email and api_token.'
        )
    return read(entered)


def required_text(raw: Mapping[str, Any], key: str, within: str = "") -> str:
    """The text under a key.

    Args:
        raw: Where it stands.
        key: `client_secret`.
        within: In which group of settings that is: `credentials.`.

    Raises:
        ConfigError: When it is missing, or no text.
    """
    value = raw.get(key)
    if value is None:
        raise ConfigError(
            f"The setting {within}{key} is missing. "
            "Likely cause: it was left out, or its name is misspelt in a file written by hand. "
            f"What to do: {_HOW_TO_ENTER[within].format(key=key)}"
        )
    if not isinstance(value, str):
        raise ConfigError(
            f"The value of the setting {within}{key} is not a text. "
            "Likely cause: it stands without quotation marks in a file written by hand. "
            f'What to do: Enter it in quotation marks: "{key}": "…".'
        )
    return value


def secret_text(raw: Mapping[str, Any], key: str, source: str, within: str = _WITHIN) -> str:
    """A token, an id or a secret, as Atlassian's pages show it for copying.

    Args:
        raw: Where it stands.
        key: `client_secret`.
        source: How to get one, a sentence.
        within: In which group of settings that is.

    Raises:
        ConfigError: When it is missing, blank, or was not copied in one piece.
    """
    text = required_text(raw, key, within).strip()
    if not is_in_one_piece(text):
        raise ConfigError(
            f"The {_NAMES[key]} is blank or has a space, a line break or the like inside. "
            "Likely cause: the field was left blank, or it was not copied in one piece. "
            f"What to do: {source}"
        )
    return text


def is_in_one_piece(text: str) -> bool:
    """Whether it can stand in a header as a token: `eyJhbGciOi…`, nothing blank or invisible."""
    return text.isascii() and bool(text) and not any(is_blank_or_control(each) for each in text)


def _are_above(raw: Mapping[str, Any], entered: object) -> bool:
    """Whether e-mail address and API token are meant: Airbyte's form always sends some kind."""
    match entered:
        case None | {} if not entered:
            return True
        case "api_token" | {"auth_type": "api_token"}:
            return True
        case {"auth_type": str(kind), **others} if kind in _BY_TYPE and not any(others.values()):
            return bool(raw.get("email") and raw.get("api_token"))
    return False


def _email(raw: Mapping[str, Any]) -> str:
    email = required_text(raw, "email").strip()
    sound = "@" in email and ":" not in email
    if not sound or any(is_blank_or_control(character) for character in email):
        raise ConfigError(
            "The e-mail address is blank or is not an e-mail address. "
            "Likely cause: the field was left blank, or a user name was entered. "
            "What to do: Enter the address you log in to Atlassian with, for example ada@acme.com."
        )
    return email


def _authorization(entered: Mapping[str, Any]) -> Authorization:
    return Authorization(
        client_id=secret_text(entered, "client_id", _APP_PAGE),
        client_secret=secret_text(entered, "client_secret", _APP_PAGE),
        refresh_token=secret_text(entered, "refresh_token", Authorization.renewal),
        access_token=secret_text(entered, "access_token", _NO_ACCESS_TOKEN)
        if entered.get("access_token")
        else "",
        expiry=entered.get("token_expiry_date"),
    )


_NAMES = {
    "api_token": "API token",
    "client_id": "client id",
    "client_secret": "client secret",
    "refresh_token": "refresh token",
    "access_token": "access token",
}
_APP_PAGE = "Copy it from the page of the app at https://developer.atlassian.com/console/myapps."
_NO_ACCESS_TOKEN = "Leave it out: the connector gets one with the refresh token."  # noqa: S105
_BY_TYPE: dict[str, Callable[[Mapping[str, Any]], Credentials]] = {
    "client_credentials": lambda entered: ClientCredentials(
        client_id=secret_text(entered, "client_id", ClientCredentials.renewal),
        client_secret=secret_text(entered, "client_secret", ClientCredentials.renewal),
    ),
    "oauth2.0": _authorization,
    "service_account_token": lambda entered: ServiceAccountToken(
        token=secret_text(entered, "api_token", ServiceAccountToken.renewal)
    ),
}
