"""Say how often incremental reads look for what is gone, and how much may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from source_confluence.exceptions import ConfigError

CENSUSES = ("every_sync", "once_a_day", "never")
DEFAULT_CENSUS = "every_sync"


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """How incremental reads find out what is gone or moved.

    Args:
        frequency: One of `CENSUSES`.
        may_shrink: Whether a list that has lost more than a fifth of its rows is believed.
    """

    frequency: str = DEFAULT_CENSUS
    may_shrink: bool = False

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Census":
        """Read the settings as the user entered them.

        Args:
            raw: `{"census": "once_a_day", "allow_mass_removal": true}`

        Raises:
            ConfigError: When a setting cannot be what it should be.
        """
        return cls(
            frequency=_frequency(raw.get("census")),
            may_shrink=_may_shrink(raw.get("allow_mass_removal")),
        )


def _frequency(value: object) -> str:
    if value is None:
        return DEFAULT_CENSUS
    if not isinstance(value, str) or value not in CENSUSES:
        raise ConfigError(
            "The census is none of those that there are. "
            "Likely cause: a typing error. "
            f"What to do: Enter one of {', '.join(CENSUSES)}, or leave it out."
        )
    return value


def _may_shrink(value: object) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise ConfigError(
            "The setting allow_mass_removal is neither true nor false. "
            "Likely cause: it was entered as a text, in quotation marks. "
            "What to do: Enter true or false without quotation marks, or leave it out."
        )
    return value
