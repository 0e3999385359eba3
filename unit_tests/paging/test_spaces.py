"""Which spaces a selection means."""

from typing import Any

import pytest

from source_confluence.paging.spaces import (
    KnownSpace,
    KnownSpaces,
    key_filters,
    nearest,
    selected_of,
)
from source_confluence.settings.selection import Selection


def known(*rows: dict[str, Any]) -> KnownSpaces:
    return KnownSpaces(map(KnownSpace.of, rows))


ENG = {"id": "1", "key": "ENG", "name": "Engineering", "type": "global", "status": "current"}
OPS = {"id": "2", "key": "OPS", "name": "Operations", "status": "archived"}
ADA = {"id": "3", "key": "~5fc9", "currentActiveAlias": "ADA", "type": "personal"}
BOB = {"id": "4", "key": "~b0b", "type": "global", "name": "Bob"}
SITE = known(ENG, OPS, ADA, BOB)


@pytest.mark.parametrize(
    ("selection", "ids"),
    [
        (Selection(spaces=("ENG",)), {"1"}),
        (Selection(spaces=("eng", "Ada")), {"1", "3"}),
        (Selection(spaces=("NOSUCH",)), set()),
        (Selection(excluded_spaces=("ENG",)), {"2", "3", "4"}),
        (Selection(excluded_spaces=("NOSUCH",)), {"1", "2", "3", "4"}),
        (Selection(personal_spaces=False), {"1", "2"}),
        (Selection(personal_spaces=False, excluded_spaces=("OPS",)), {"1"}),
        (Selection(spaces=("ENG", "ADA"), personal_spaces=False), {"1"}),
    ],
)
def test_a_selection_comes_to_ids(selection: Selection, ids: set[str]) -> None:
    assert selected_of(SITE, selection).ids == ids


def test_what_is_amiss_with_a_selection_is_said() -> None:
    selection = Selection(
        spaces=("OPS", "GONE", "ADA"), excluded_spaces=("LOST",), personal_spaces=False
    )
    selected = selected_of(SITE, selection)
    assert selected.missing == ("GONE",)
    assert selected.not_current == ("OPS",)
    assert selected.contradictory == ("ADA",)
    assert selected.not_excluded == ("LOST",)


def test_a_key_counts_before_the_alias_of_another_space() -> None:
    space = known({"id": "7", "key": "OLD", "currentActiveAlias": "ENG"}, ENG).find("ENG")
    assert space is not None
    assert space.own_id == "1"


@pytest.mark.parametrize("row", [{}, {"id": None, "key": "X"}, {"id": "1,2", "key": "X"}])
def test_a_row_without_a_sound_id_is_no_space(row: dict[str, Any]) -> None:
    assert known(row).find("X") is None


@pytest.mark.parametrize(
    ("entered", "key"),
    [("EMG", "ENG"), ("engineering", "ENG"), ("operation", "OPS"), ("AD", "ADA"), ("XYZ", None)],
)
def test_the_nearest_key_may_be_that_of_a_name(entered: str, key: str | None) -> None:
    assert nearest(entered, SITE) == key


@pytest.mark.parametrize(
    ("keys", "requests"), [([], 0), (["ENG"], 1), ([f"K{n}" for n in range(251)], 2)]
)
def test_all_keys_are_asked_for(keys: list[str], requests: int) -> None:
    filters = list(key_filters(keys))
    assert len(filters) == requests
    assert [key for each in filters for key in each["keys"].split(",")] == keys


def test_long_keys_do_not_make_an_address_that_is_too_long() -> None:
    keys = [f"~{number:040}" for number in range(250)]
    filters = list(key_filters(keys))
    assert max(len(each["keys"]) for each in filters) <= 4_000
    assert ",".join(each["keys"] for each in filters) == ",".join(keys)
