"""Say which part of a site is read: of which statuses, since when, in which form the bodies."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from source_confluence.exceptions import ConfigError

STATUSES = ("current", "archived", "trashed")
DEFAULT_STATUSES = ("current", "archived")
BODY_FORMATS = ("storage", "atlas_doc_format", "none")
DEFAULT_BODY_FORMAT = "storage"

_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the user wants of a site.

    Args:
        statuses: Of pages and blog posts, in the order of `STATUSES`.
        body_format: Of their bodies: one of `BODY_FORMATS`.
        start_date: Events of the audit log since then, in milliseconds since 1970; None is all.
    """

    statuses: tuple[str, ...] = DEFAULT_STATUSES
    body_format: str = DEFAULT_BODY_FORMAT
    start_date: int | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Selection":
        """Read the settings as the user entered them; what is left out has its default.

        Args:
            raw: `{"content_statuses": ["current", "trashed"], "body_format": "none"}`

        Raises:
            ConfigError: When a setting cannot be what it should be.
        """
        return cls(
            statuses=_statuses(raw.get("content_statuses")),
            body_format=_body_format(raw.get("body_format")),
            start_date=_start_date(raw.get("start_date")),
        )


def _statuses(value: object) -> tuple[str, ...]:
    if value is None:
        return DEFAULT_STATUSES
    if not isinstance(value, list) or not value or not all(each in STATUSES for each in value):
        raise ConfigError(
            "The content statuses are not a list of statuses that Confluence has. "
            "Likely cause: a typing error, an empty list, or one status without brackets. "
            f"What to do: Enter at least one of {', '.join(STATUSES)}, as in "
            '["current", "archived"], or leave it out.'
        )
    return tuple(each for each in STATUSES if each in value)


def _body_format(value: object) -> str:
    if value is None:
        return DEFAULT_BODY_FORMAT
    if not isinstance(value, str) or value not in BODY_FORMATS:
        raise ConfigError(
            "The body format is none that can be read. "
            "Likely cause: a typing error. "
            f"What to do: Enter one of {', '.join(BODY_FORMATS)}, or leave it out."
        )
    return value


def _start_date(value: object) -> int | None:
    if value is None:
        return None
    instant = _milliseconds(value) if isinstance(value, str) else None
    if instant is None:
        raise ConfigError(
            "The start date is no date. "
            "Likely cause: a typing error, or the day, month and year in another order. "
            "What to do: Enter it like 2026-01-31, or with a time (UTC) like 2026-01-31T00:00:00Z, "
            "or leave it out."
        )
    return instant


def _milliseconds(text: str) -> int | None:
    """Those since 1970 of `2026-01-31` or `2026-01-31T00:00:00Z`; 0 of what was before."""
    if _DATE.fullmatch(text) is None:
        return None
    date, _, time = text.removesuffix("Z").partition("T")
    with suppress(ValueError):
        instant = datetime.fromisoformat(f"{date}T{time or '00:00:00'}+00:00")
        return max(int(instant.timestamp()) * 1000, 0)
    return None
