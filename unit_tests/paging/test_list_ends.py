"""No list ends early: whatever a site leaves out, all rows leave, or the stream has failed."""

from typing import Any

import pytest

from fake_confluence import Fault, RunningSite
from unit_tests.conftest import StartSite
from unit_tests.protocol import Outcome, given, read, states
from unit_tests.streams_under_test import (
    PAGE_SIZES,
    PATHS,
    UNPINNED,
    completed,
    content,
    linked_stream,
    list_calls,
    nth_page,
    offset_stream,
    on_the_wire,
    without_key,
)

one_or_eight = pytest.mark.parametrize("num_workers", [1, 8], indirect=True)


def whole(outcome: Outcome, site: RunningSite, stream: str) -> bool:
    rows = on_the_wire(site.service.content.rows(stream))
    return completed(outcome, stream) and without_key(outcome.records(stream)) == rows


def failed(outcome: Outcome, stream: str, words: str) -> bool:
    return outcome.ending(stream) == "INCOMPLETE" and words in outcome.error(stream)["message"]


@one_or_eight
@offset_stream
def test_a_site_that_gives_fewer_rows_than_it_says_is_read_to_its_end(
    stream: str, start_site: StartSite
) -> None:
    size = PAGE_SIZES[stream]
    site = start_site(content(stream, 9 * size // 4), page_cap=size // 4)
    assert whole(read(site.config, [stream]), site, stream)


@one_or_eight
@offset_stream
@pytest.mark.parametrize("first", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("row_count", [1, 2, 30])
def test_one_short_page_in_the_middle_is_not_the_end(
    row_count: int, first: int, stream: str, start_site: StartSite
) -> None:
    page = nth_page(stream, first)
    short = Fault(kind="short", path=PATHS[stream], first=page, row_count=row_count)
    site = start_site(content(stream, 150), page_cap=31, faults=[short])
    assert whole(read(site.config, [stream]), site, stream)


@pytest.mark.parametrize("stream", UNPINNED)
@one_or_eight
@pytest.mark.parametrize("row_count", [1, 4])
@pytest.mark.parametrize("first", range(2, 16))
def test_rows_that_slip_forward_when_others_are_removed_are_not_lost(
    stream: str, first: int, row_count: int, start_site: StartSite
) -> None:
    removed = Fault(
        kind="removed", path=PATHS[stream], first=first, count=None, row_count=row_count
    )
    site = start_site(content(stream, 60), page_cap=5, faults=[removed])
    outcome = read(site.config, [stream])
    assert completed(outcome, stream)
    found = [record["id"] for record in outcome.records(stream)]
    there = [row["id"] for row in site.service.content.rows(stream)[row_count:]]
    assert [each for each in found if each in there] == there, "once, in order"
    assert not [line for line in outcome.logs if "in another order" in line]


@one_or_eight
@linked_stream
def test_a_next_link_that_stands_in_the_header_only_is_followed(
    stream: str, start_site: StartSite
) -> None:
    silent = Fault(kind="next_in_header", path=PATHS[stream], count=None)
    site = start_site(content(stream, 60), page_cap=5, faults=[silent])
    outcome = read(site.config, [stream])
    assert whole(outcome, site, stream)
    assert not [line for line in outcome.logs if "other next links" in line]


@one_or_eight
@linked_stream
def test_where_body_and_header_differ_the_body_is_followed_with_one_warning(
    stream: str, start_site: StartSite
) -> None:
    torn = Fault(kind="other_next_in_header", path=PATHS[stream], count=11)
    site = start_site(content(stream, 60), page_cap=5, faults=[torn])
    outcome = read(site.config, [stream])
    assert whole(outcome, site, stream)
    warnings = [m["log"] for m in outcome.messages if "other next links" in str(m.get("log"))]
    assert [warning["level"] for warning in warnings] == ["WARN"]


LINKS = ["null", "false", "[]", '["next"]', "7", '"next"']


@one_or_eight
@linked_stream
@pytest.mark.parametrize("raw", LINKS)
def test_links_that_are_no_object_are_no_end(
    raw: str, stream: str, start_site: StartSite, waits: list[float]
) -> None:
    for_a_while = Fault(kind="links", raw=raw, path=PATHS[stream], first=4, count=2)
    site = start_site(content(stream, 60), page_cap=5, faults=[for_a_while])
    assert whole(read(site.config, [stream]), site, stream)
    for_ever = Fault(kind="links", raw=raw, path=PATHS[stream], first=2, count=None)
    site = start_site(content(stream, 60), page_cap=5, faults=[for_ever])
    outcome = read(site.config, [stream])
    assert failed(outcome, stream, "no list of results ('_links' is not an object)")
    assert len(outcome.records(stream)) <= 5
    assert waits


@one_or_eight
@linked_stream
def test_a_full_page_without_links_is_no_end_and_a_short_one_is(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    silent = Fault(kind="links", raw="", path=PATHS[stream], count=None)
    site = start_site(content(stream, 300), faults=[silent])
    outcome = read(site.config, [stream])
    assert failed(outcome, stream, "no list of results (a full page without '_links')")
    assert outcome.records(stream) == []
    assert waits
    site = start_site(content(stream, 40), faults=[silent])
    assert whole(read(site.config, [stream]), site, stream)


@one_or_eight
@linked_stream
def test_an_empty_last_page_is_asked_for_once_more(stream: str, start_site: StartSite) -> None:
    cut = Fault(kind="cut_list", path=PATHS[stream], first=2)
    site = start_site(content(stream, 60), page_cap=5, faults=[cut])
    assert whole(read(site.config, [stream]), site, stream)


@linked_stream
def test_an_empty_last_page_that_stays_empty_is_the_end(stream: str, start_site: StartSite) -> None:
    cut = Fault(kind="cut_list", path=PATHS[stream], first=2, count=None)
    site = start_site(content(stream, 60), page_cap=5, faults=[cut])
    outcome = read(site.config, [stream])
    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == 5
    cursors = [dict(call.params).get("cursor") for call in list_calls(site)]
    assert cursors == [None, cursors[1], cursors[1]]


@one_or_eight
@linked_stream
def test_a_chain_of_empty_pages_is_not_followed_for_ever(
    stream: str, start_site: StartSite
) -> None:
    empty = Fault(kind="empty_page", path=PATHS[stream], count=None)
    site = start_site(content(stream, 600), faults=[empty])
    outcome = read(site.config, [stream])
    assert failed(outcome, stream, "its pages hold no rows, 25,000 of which were asked for")
    assert 100 <= len(list_calls(site)) <= 100 + 13


@one_or_eight
@linked_stream
def test_ninety_empty_pages_in_a_row_are_followed(stream: str, start_site: StartSite) -> None:
    empty = Fault(kind="empty_page", path=PATHS[stream], first=2, count=90)
    site = start_site(content(stream, 600), faults=[empty])
    assert whole(read(site.config, [stream]), site, stream)


@one_or_eight
@offset_stream
@pytest.mark.parametrize("count", [200, 1_000, 45])
def test_a_read_that_was_broken_off_at_the_very_end_reads_nothing_again(
    count: int, stream: str, start_site: StartSite
) -> None:
    site = start_site(content(stream, count), page_cap=None if count > 45 else 5)
    outcome = read(site.config, [stream])
    last = [state for state in states(outcome) if "start" in state][-1]
    assert last["start"] == count
    calls = len(list_calls(site))
    again = read(site.config, [stream], state=given(stream, last))
    assert completed(again, stream)
    assert again.records(stream) == []
    if site.config["num_workers"] == 1:  # else what was in flight may come later
        assert len(list_calls(site)) - calls == 2
    assert not [line for line in again.logs if "reading from the beginning" in line]


@offset_stream
@pytest.mark.parametrize("changes", [{"rowBefore": "0123456789abcdef"}, {"start": 1_000_000}])
def test_a_read_whose_last_row_is_gone_starts_over(
    changes: dict[str, Any], stream: str, start_site: StartSite
) -> None:
    site = start_site(content(stream, 45), page_cap=5)
    last = [state for state in states(read(site.config, [stream])) if "start" in state][-1]
    again = read(site.config, [stream], state=given(stream, {**last, **changes}))
    assert whole(again, site, stream)
    assert len([line for line in again.logs if "reading from the beginning" in line]) == 1


@offset_stream
def test_the_state_of_version_2_0_0_is_understood(stream: str, start_site: StartSite) -> None:
    """It does not say which row is before."""
    site = start_site(content(stream, 45), page_cap=5)
    first = states(read(site.config, [stream]))[0]
    old = {name: value for name, value in first.items() if name != "rowBefore"}
    again = read(site.config, [stream], state=given(stream, old))
    assert completed(again, stream)
    rows = on_the_wire(site.service.content.rows(stream))
    assert without_key(again.records(stream)) == rows[5:]


@pytest.mark.parametrize("stream", UNPINNED)
def test_rows_that_were_removed_before_a_resume_hide_no_others(
    stream: str, start_site: StartSite
) -> None:
    site = start_site(content(stream, 60), page_cap=5)
    state = states(read(site.config, [stream]))[5]
    removed = Fault(kind="removed", path=PATHS[stream], count=None, row_count=3)
    later = start_site(content(stream, 60), page_cap=5, faults=[removed])
    state = {**state, "of": state["of"].replace(site.host, later.host)}
    outcome = read({**site.config, "domain_name": later.host}, [stream], state=given(stream, state))
    assert completed(outcome, stream)
    wanted = {row["id"] for row in site.service.content.rows(stream)[3:]}
    found = {record["id"] for record in outcome.records(stream)}
    before = {row["id"] for row in site.service.content.rows(stream)[: state["start"]]}
    assert wanted <= found | before
