"""Turn what a person entered into the settings of a sync, or say what to enter instead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from source_confluence.exceptions import ConfigError
from source_confluence.settings.census import Census
from source_confluence.settings.host import host_of, is_blank_or_control
from source_confluence.settings.selection import Selection

_TOKEN_PAGE = "https://id.atlassian.com/manage-profile/security/api-tokens"  # noqa: S105 (a page)


DEFAULT_NUM_WORKERS = 16
MAX_WORKERS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one sync, ready for use.

    Args:
        email: The e-mail address of the Atlassian account, `ada@acme.com`.
        api_token: The API token of that account; never shown.
        host: Where the site answers, with an optional port: `acme.atlassian.net`.
        num_workers: How many requests may be in flight at a time, 1 to 25.
        selection: Which part of the site is read.
        census: How incremental reads find out what is gone or moved.
    """

    email: str
    api_token: str = field(repr=False)
    host: str
    num_workers: int = DEFAULT_NUM_WORKERS
    selection: Selection = field(default_factory=Selection)
    census: Census = field(default_factory=Census)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Config":
        """Read the settings as the user entered them.

        Args:
            raw: `{"email": "ada@acme.com", "api_token": "…", "domain_name": "acme.atlassian.net"}`

        Raises:
            ConfigError: When a setting is missing, blank, or cannot be what it should be.
        """
        return cls(
            email=_email(_text(raw, "email")),
            api_token=_api_token(_text(raw, "api_token")),
            host=host_of(_text(raw, "domain_name")),
            num_workers=_num_workers(raw.get("num_workers")),
            selection=Selection.parse(raw),
            census=Census.parse(raw),
        )


def _email(text: str) -> str:
    email = text.strip()
    sound = "@" in email and ":" not in email
    if not sound or any(is_blank_or_control(character) for character in email):
        raise ConfigError(
            "The e-mail address is blank or is not an e-mail address. "
            "Likely cause: the field was left blank, or a user name was entered. "
            "What to do: Enter the address you log in to Atlassian with, for example ada@acme.com."
        )
    return email


def _api_token(text: str) -> str:
    token = text.strip()
    if not token or any(is_blank_or_control(character) for character in token):
        raise ConfigError(
            "The API token is blank or has a space, a line break or the like inside. "
            "Likely cause: the field was left blank, or the token was not copied in one piece. "
            f"What to do: Create an API token at {_TOKEN_PAGE} and copy it with its button."
        )
    return token


def _num_workers(value: object) -> int:
    if value is None:
        return DEFAULT_NUM_WORKERS
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_WORKERS:
        raise ConfigError(
            f"The number of workers is not a whole number from 1 to {MAX_WORKERS}. "
            "Likely cause: a typing error, or it was entered as a text, in quotation marks. "
            f"What to do: Enter a number such as {DEFAULT_NUM_WORKERS}, or leave it out."
        )
    return value


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if value is None:
        raise ConfigError(
            f"The setting {key} is missing. "
            "Likely cause: it was left out, or its name is misspelt in a file written by hand. "
            f'What to do: Enter it under the name "{key}"; email, api_token and domain_name are '
            "all required."
        )
    if not isinstance(value, str):
        raise ConfigError(
            f"The value of the setting {key} is not a text. "
            "Likely cause: it stands without quotation marks in a file written by hand. "
            f'What to do: Enter it in quotation marks: "{key}": "…".'
        )
    return value
