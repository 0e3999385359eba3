"""Turn what a person entered into the settings of a sync, or say what to enter instead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from source_confluence.exceptions import ConfigError
from source_confluence.settings.census import Census
from source_confluence.settings.credentials import (
    Authorization,
    Credentials,
    credentials_of,
    required_text,
)
from source_confluence.settings.host import host_of
from source_confluence.settings.selection import Selection

DEFAULT_NUM_WORKERS = 16
MAX_WORKERS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one sync, ready for use.

    Args:
        credentials: With what the connector gets in.
        host: Where the site answers, with an optional port: `acme.atlassian.net`.
        num_workers: How many requests may be in flight at a time, 1 to 25.
        selection: Which part of the site is read.
        census: How incremental reads find out what is gone or moved.
        entered: All of it as it was entered, for whoever keeps it; never shown.
    """

    credentials: Credentials
    host: str
    num_workers: int = DEFAULT_NUM_WORKERS
    selection: Selection = field(default_factory=Selection)
    census: Census = field(default_factory=Census)
    entered: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Config":
        """Read the settings as the user entered them.

        Args:
            raw: `{"email": "ada@acme.com", "api_token": "…", "domain_name": "acme.atlassian.net"}`

        Raises:
            ConfigError: When a setting is missing, blank, or cannot be what it should be.
        """
        credentials = credentials_of(raw)
        if isinstance(credentials, Authorization):
            _require_keepable(raw)
        return cls(
            credentials=credentials,
            host=host_of(required_text(raw, "domain_name")),
            num_workers=_num_workers(raw.get("num_workers")),
            selection=Selection.parse(raw),
            census=Census.parse(raw),
            entered=raw,
        )


def _require_keepable(raw: Mapping[str, Any]) -> None:
    """Raise for settings that could not be handed on with the next refresh token."""
    try:
        orjson.dumps(raw)
    except TypeError:
        raise ConfigError(
            "The settings hold what cannot be handed on with the next refresh token. "
            "Likely cause: a number of more than 64 bits, or half of a surrogate pair, in one that "
            "the connector does not know. "
            "What to do: Remove the settings that the form does not have."
        ) from None


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
