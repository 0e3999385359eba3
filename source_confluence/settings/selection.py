"""Say which part of a site is read: contents of which statuses, and in which form their bodies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from source_confluence.exceptions import ConfigError

STATUSES = ("current", "archived", "trashed")
DEFAULT_STATUSES = ("current", "archived")
BODY_FORMATS = ("storage", "atlas_doc_format", "none")
DEFAULT_BODY_FORMAT = "storage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the user wants of a site.

    Args:
        statuses: Of pages and blog posts, in the order of `STATUSES`.
        body_format: Of their bodies: one of `BODY_FORMATS`.
    """

    statuses: tuple[str, ...] = DEFAULT_STATUSES
    body_format: str = DEFAULT_BODY_FORMAT

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
