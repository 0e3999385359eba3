"""Find out which spaces a selection means, among those that the site shows."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from source_confluence.paging.page import Row
from source_confluence.settings.selection import PERSONAL, Selection, folded

MAX_KEYS = 250
"""Keys of one request for spaces."""

_MAX_KEYS_LENGTH = 4_000  # characters; many servers take an address of twice as much


class KnownSpace(NamedTuple):
    """What decides about a space.

    Args:
        own_id: `98305`.
        key: `ENG`.
        alias: By which addresses name it: the key, unless that was changed.
        name: `Engineering`.
        is_personal: Whether it is somebody's own.
        is_current: Whether it is neither archived nor in the trash.
    """

    own_id: str
    key: str
    alias: str
    name: str
    is_personal: bool
    is_current: bool

    @classmethod
    def of(cls, row: Row) -> "KnownSpace":
        """What a row of the list of spaces says; what it lacks is empty."""
        key = str(row.get("key") or "")
        return cls(
            own_id=str(row.get("id") or ""),
            key=key,
            alias=str(row.get("currentActiveAlias") or key),
            name=str(row.get("name") or ""),
            is_personal=row.get("type") == "personal" or key.startswith(PERSONAL),
            is_current=row.get("status") in ("current", None),
        )


class KnownSpaces:
    """Spaces by their keys.

    Args:
        spaces: Those that the site shows.
    """

    def __init__(self, spaces: Iterable[KnownSpace]) -> None:
        self.all = [each for each in spaces if each.own_id.isalnum()]
        self._by_key: dict[str, KnownSpace] = {folded(each.alias): each for each in self.all}
        self._by_key |= {folded(each.key): each for each in self.all}

    def find(self, key: str) -> KnownSpace | None:
        """The space with this key, in capital letters or not, or the one whose address has it."""
        return self._by_key.get(folded(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedSpaces:
    """What a selection of spaces comes to.

    Args:
        ids: Of the spaces to read.
        missing: The selected keys of which the site shows no space.
        not_current: The selected keys of spaces that are archived or in the trash.
        contradictory: The selected keys of spaces that are left out for another reason.
        not_excluded: The keys to leave out of which it shows no space either.
    """

    ids: frozenset[str]
    missing: tuple[str, ...] = ()
    not_current: tuple[str, ...] = ()
    contradictory: tuple[str, ...] = ()
    not_excluded: tuple[str, ...] = ()


def selected_of(known: KnownSpaces, selection: Selection) -> SelectedSpaces:
    """Decide which of the spaces that the site shows are read."""
    found = {key: known.find(key) for key in selection.spaces}
    excluded = {key: known.find(key) for key in selection.excluded_spaces}
    candidates = [each for each in found.values() if each] if selection.spaces else known.all
    left_out = {each.own_id for each in excluded.values() if each}
    if not selection.personal_spaces:
        left_out |= {each.own_id for each in known.all if each.is_personal}
    return SelectedSpaces(
        ids=frozenset(each.own_id for each in candidates) - left_out,
        missing=tuple(key for key, each in found.items() if each is None),
        not_current=tuple(key for key, each in found.items() if each and not each.is_current),
        contradictory=tuple(key for key, each in found.items() if each and each.own_id in left_out),
        not_excluded=tuple(key for key, each in excluded.items() if each is None),
    )


def nearest(key: str, known: KnownSpaces) -> str | None:
    """The key most like one that is wrong; people also enter the name of a space."""
    by_word = {folded(each.name): each.alias for each in known.all}
    by_word |= {folded(word): each.alias for each in known.all for word in (each.key, each.alias)}
    closest = difflib.get_close_matches(folded(key), by_word, n=1)
    return by_word[closest[0]] if closest else None


def key_filters(keys: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """What to ask for spaces by their keys: `{"keys": "ENG,OPS"}`, as many as one request takes."""
    some: list[str] = []
    for key in keys:
        length = sum(len(each) + 1 for each in some) + len(key)
        if len(some) == MAX_KEYS or (some and length > _MAX_KEYS_LENGTH):
            yield {"keys": ",".join(some)}
            some = []
        some.append(key)
    if some:
        yield {"keys": ",".join(some)}
