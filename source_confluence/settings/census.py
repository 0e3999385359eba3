"""Say how often incremental reads look for what is gone, and how much may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from source_confluence.settings.values import one_of, true_or_false

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
            frequency=one_of(
                CENSUSES,
                raw.get("census"),
                default=DEFAULT_CENSUS,
                wrong="The census is none of those that there are.",
            ),
            may_shrink=true_or_false(
                "allow_mass_removal", raw.get("allow_mass_removal"), default=False
            ),
        )
