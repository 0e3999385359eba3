"""Say which part of a site is read: which spaces, which statuses, since when, in which form."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from source_confluence.exceptions import ConfigError
from source_confluence.settings.values import one_of, true_or_false

STATUSES = ("current", "archived", "trashed")
DEFAULT_STATUSES = ("current", "archived")
BODY_FORMATS = ("storage", "atlas_doc_format", "none")
DEFAULT_BODY_FORMAT = "storage"

PERSONAL = "~"
"""What the key of a personal space begins with."""

_KEY = re.compile(r"[^\s/,\x00-\x1f\x7f]+")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the user wants of a site.

    Args:
        statuses: Of pages and blog posts, in the order of `STATUSES`.
        body_format: Of their bodies: one of `BODY_FORMATS`.
        start_date: What was modified since then, and events of the audit log, in milliseconds since
            1970; None is all.
        spaces: The keys of the spaces to read, `("ENG", "~5fc9e78d2730")`; empty for all.
        excluded_spaces: The keys of those to leave out.
        personal_spaces: Whether personal spaces are read.
    """

    statuses: tuple[str, ...] = DEFAULT_STATUSES
    body_format: str = DEFAULT_BODY_FORMAT
    start_date: int | None = None
    spaces: tuple[str, ...] = ()
    excluded_spaces: tuple[str, ...] = ()
    personal_spaces: bool = True

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Selection":
        """Read the settings as the user entered them; what is left out has its default.

        Args:
            raw: `{"content_statuses": ["current", "trashed"], "spaces": ["ENG"]}`

        Raises:
            ConfigError: When a setting cannot be what it should be.
        """
        selection = cls(
            statuses=_statuses(raw.get("content_statuses")),
            body_format=one_of(
                BODY_FORMATS,
                raw.get("body_format"),
                default=DEFAULT_BODY_FORMAT,
                wrong="The body format is none that can be read.",
            ),
            start_date=_start_date(raw.get("start_date")),
            spaces=_keys("spaces", raw.get("spaces"), min_count=1),
            excluded_spaces=_keys("excluded_spaces", raw.get("excluded_spaces")),
            personal_spaces=true_or_false(
                "personal_spaces", raw.get("personal_spaces"), default=True
            ),
        )
        selection._refuse_contradictions()
        return selection

    @property
    def has_all_spaces(self) -> bool:
        """Whether no space is left out."""
        return self.personal_spaces and not (self.spaces or self.excluded_spaces)

    @property
    def of_spaces(self) -> Mapping[str, Any]:
        """Which spaces, as it was entered: `{"spaces": ["ENG", "OPS"]}`; empty for all."""
        entered: dict[str, Any] = {
            "spaces": sorted(self.spaces),
            "excluded_spaces": sorted(self.excluded_spaces),
        }
        entered = {name: keys for name, keys in entered.items() if keys}
        return entered if self.personal_spaces else {**entered, "personal_spaces": "false"}

    def _refuse_contradictions(self) -> None:
        excluded = {folded(key) for key in self.excluded_spaces}
        for key in self.spaces:
            if folded(key) in excluded:
                raise _contradiction(key, "it is named under excluded_spaces, too")
            if key.startswith(PERSONAL) and not self.personal_spaces:
                raise _contradiction(key, "it is a personal one, and personal_spaces is false")


def folded(key: str) -> str:
    """A key as it is compared: Confluence makes no difference between `ENG` and `eng`."""
    return key.casefold()


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


def _keys(setting: str, value: object, *, min_count: int = 0) -> tuple[str, ...]:
    """The keys, without the blanks around them, each once."""
    if value is None:
        return ()
    is_sound = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if not is_sound or not isinstance(value, list) or len(value) < min_count:
        raise ConfigError(
            f"The setting {setting} is not a list of keys of spaces. "
            "Likely cause: an empty list, or one key without brackets. "
            f'What to do: Enter at least one key, as in ["ENG", "OPS"], or leave it out. {_WHERE}'
        )
    return tuple(_each_once(_key(setting, each) for each in value))


def _key(setting: str, text: str) -> str:
    key = text.strip()
    if not _KEY.fullmatch(key):
        raise ConfigError(
            f"The setting {setting} holds what is no key of a space. "
            "Likely cause: the name or the address of the space was entered, several keys in one "
            f"field, or nothing. What to do: Enter the key of each space in a field of its own. "
            f"{_WHERE}"
        )
    return key


_WHERE = (
    "The key is the part behind /spaces/ in the address of the space, for example ENG in "
    "https://acme.atlassian.net/wiki/spaces/ENG/overview."
)


def _each_once(keys: Iterable[str]) -> Iterable[str]:
    first: dict[str, str] = {}
    for key in keys:
        first.setdefault(folded(key), key)
    return first.values()


def _contradiction(key: str, why: str) -> ConfigError:
    return ConfigError(
        f"The space {key} is both selected and left out: {why}. "
        "Likely cause: one of the two was entered for another purpose, or earlier. "
        "What to do: Remove one of the two."
    )
