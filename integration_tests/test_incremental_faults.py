"""Whichever incremental read a fault hits, the destination ends equal to the site."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from integration_tests.changing_site import alive, happen, visible
from integration_tests.connector import Message
from integration_tests.fault_matrix import MATRIX, Row
from integration_tests.faulty_read import (
    INCREMENTAL,
    IS_SHORT,
    Mode,
    Outcome,
    assert_whole_after_recovery,
    trial,
)

IN_FULL = Mode(streams=INCREMENTAL.streams)
HITS = [row for row in MATRIX if set(row.concerns) & set(INCREMENTAL.streams)]
ENDED = [row for row in HITS if row.ends == "INCOMPLETE"]
REQUESTS = 6
"""A later read of pages takes so many: the newest row, three pages of the list, and rows by their
ids, until the missing ones have been missing twice."""
BELIEVED = {
    ("an empty page without a next link in the middle of the list, once", 2),
    ("pages without rows that lead on to others, for ever", 5),
}
"""Faults that look sound where they are: a list that is empty from its beginning, and a site that
has none of the rows with these ids, however often it is asked."""
CASES = [
    pytest.param(row, first, id=f"{row.site}-{first}")
    for i, row in enumerate(HITS)
    for first in range(1, REQUESTS + 1)
    if (not IS_SHORT or (i % 2, first) == (0, 1 + i // 2 % REQUESTS))
    and (row.site, first) not in BELIEVED
]
"""Each second fault from one request on; in CI, each from each of them on."""


@pytest.mark.parametrize("row", ENDED[::4] if IS_SHORT else ENDED, ids=lambda row: row.site)
def test_what_ends_a_first_read_is_told_as_of_a_full_refresh(row: Row, tmp_path: Path) -> None:
    with trial(tmp_path) as each:
        texts = []
        for mode in (IN_FULL, INCREMENTAL):
            each.misbehave(row, mode)
            outcome = each.read(mode)
            texts.append([[e["message"] for e in outcome.errors(name)] for name in mode.streams])
    assert texts[0] == texts[1]


@pytest.mark.parametrize(("row", "first"), CASES)
def test_a_fault_in_a_later_read_loses_nothing_and_tells_nothing_as_gone_that_is_there(
    row: Row, first: int, tmp_path: Path
) -> None:
    with trial(tmp_path) as each:
        assert_whole_after_recovery(each)
        hidden = {stream: happen(each.site, stream) for stream in INCREMENTAL.streams}
        before = {stream: alive(each.destination, stream) for stream in INCREMENTAL.streams}
        each.misbehave(row, INCREMENTAL, first=first)
        outcome = each.read(INCREMENTAL)
        for stream in INCREMENTAL.streams:
            assert_ends_as_the_table_allows(row, stream, outcome)
            now = alive(each.destination, stream)
            assert each.destination.rows[stream].keys() >= before[stream].keys()
            assert before[stream].keys() - now.keys() <= hidden[stream]
            if outcome.endings(stream) == ["COMPLETE"]:
                assert_equal_but_for_bodies(now, visible(each.site, stream))
        assert_whole_after_recovery(each)


def assert_ends_as_the_table_allows(row: Row, stream: str, outcome: Outcome) -> None:
    """As it says, or complete, where the fault does not fit the requests that it hits."""
    ends = row.ends if stream in row.concerns else "COMPLETE"
    [ending] = outcome.endings(stream)
    assert ending in {ends, "COMPLETE"}
    error_types = [error["failure_type"] for error in outcome.errors(stream)]
    assert error_types == ([row.error] if ending == "INCOMPLETE" else [])


def assert_equal_but_for_bodies(
    found: Mapping[str, Message], wanted: Mapping[str, Message]
) -> None:
    """A body that the site did not give comes with the next read."""

    def without(rows: Mapping[str, Message]) -> dict[str, Any]:
        return {key: {k: v for k, v in row.items() if k != "body"} for key, row in rows.items()}

    assert without(found) == without(wanted)
    assert not [
        key
        for key in found
        if found[key].get("body", wanted[key].get("body")) != wanted[key].get("body")
    ]
