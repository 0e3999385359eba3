"""An incremental read of the audit log brings what is new, once, and loses nothing."""

import json
from collections import Counter
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given as example_of
from hypothesis import strategies as st

from fake_confluence import Call, Content, RunningSite, Service, serve
from fake_confluence.catalog import configured_catalog
from fake_confluence.clock import Clock
from fake_confluence.reply import Reply
from source_confluence.reading.state import COMPLETE
from source_confluence.streams.audit import event_id
from unit_tests.conftest import StartSite, change_answers
from unit_tests.protocol import Message, Outcome, discover, given, lines_of, read, states
from unit_tests.streams_under_test import list_calls

NOON = "2026-07-01T12:00:00Z"  # a day after the newest event that the site begins with
HOUR, DAY = 3600, 24 * 3600

pytestmark = pytest.mark.usefixtures("waits")  # time passes only where a test lets it
both = pytest.mark.parametrize("num_workers", [1, 8], indirect=True)


def start(start_site: StartSite, count: int = 12, **options: Any) -> RunningSite:  # noqa: ANN401
    return start_site(Content(audit=count), clock=Clock(frozen_at=NOON), **options)


def log(site: RunningSite, count: int = 1, *, late_seconds: float = 0.0) -> list[str]:
    """Let events be written; their keys."""
    events = site.service.history.events["/wiki/rest/api/audit"]
    for _ in range(count):
        site.service.history.log(late_seconds=late_seconds)
    return [event_id(row) for row in events[len(events) - count :]]


def all_keys(site: RunningSite) -> list[str]:
    rows = site.service.content.rows("audit")
    return [event_id(row) for row in [*rows, *site.service.history.events["/wiki/rest/api/audit"]]]


def keys(outcome: Outcome) -> list[str]:
    return [record["event_id"] for record in outcome.records("audit")]


def sync(site: RunningSite, state: object = None, **settings: object) -> Outcome:
    """Read what is new since the state that an earlier read ended with."""
    stored = given("audit", state) if state else None
    return read({**site.config, **settings}, ["audit"], state=stored, is_incremental=True)


def synced(site: RunningSite, state: object = None, **settings: object) -> Message:
    """The state after such a read, which must be whole."""
    outcome = sync(site, state, **settings)
    assert outcome.ending("audit") == "COMPLETE"
    return states(outcome)[-1]


def test_discover_offers_both_ways(start_site: StartSite) -> None:
    stream = discover(start(start_site).config)["audit"]
    assert stream["supported_sync_modes"] == ["full_refresh", "incremental"]
    assert stream["source_defined_cursor"] is True
    assert stream["default_cursor_field"] == ["creationDate"]
    assert stream["source_defined_primary_key"] == [["event_id"]]


@both
def test_the_first_read_brings_everything_and_the_next_only_what_is_new(
    start_site: StartSite,
) -> None:
    site = start(start_site, 23, page_cap=5)
    first = sync(site)
    assert sorted(keys(first)) == sorted(all_keys(site))
    site.service.clock.advance(20)
    new = log(site, 7)

    second = sync(site, states(first)[-1])

    assert keys(second) == new[::-1], "newest first, within a window"
    assert second.ending("audit") == "COMPLETE"


def test_a_quiet_read_brings_nothing_and_changes_nothing_but_dates(start_site: StartSite) -> None:
    site = start(start_site)
    log(site, 3)
    first = synced(site)
    site.service.clock.advance(60)
    before = len(site.calls)

    quiet = sync(site, first)

    assert quiet.records("audit") == []
    assert states(quiet)[-1] == {**first, "watermark": first["watermark"] + 60_000}
    assert len(site.calls) - before <= 4, "one asks what time it is"


@pytest.mark.parametrize("late_seconds", [1, 600, HOUR - 61])
def test_an_event_that_is_written_late_comes_with_the_next_read(
    late_seconds: float, start_site: StartSite
) -> None:
    site = start(start_site)
    log(site, 4)
    state = synced(site)
    site.service.clock.advance(60)
    late = log(site, late_seconds=late_seconds + 60)

    second = sync(site, state)

    assert keys(second) == late
    assert keys(sync(site, states(second)[-1])) == []


@both
def test_of_many_events_in_the_overlap_a_thousand_are_known(start_site: StartSite) -> None:
    site = start(start_site)
    for _ in range(15):
        log(site, 100)
        site.service.clock.advance(60)
    state = synced(site)
    assert len(state["recent"]) == 1000
    assert len(json.dumps(state)) < 25_000
    new = log(site)

    outcome = sync(site, state)

    assert len(keys(outcome)) == 1 + 500
    assert set(new) <= set(keys(outcome)) <= set(all_keys(site))


@both
@pytest.mark.parametrize("days", [6, 7, 7.05, 15, 30])
def test_a_long_gap_is_read_in_windows_the_oldest_first(days: float, start_site: StartSite) -> None:
    site = start(start_site)
    state = synced(site)
    written: list[str] = []
    for _ in range(20):
        site.service.clock.advance(days * DAY / 20)
        written += log(site, 3)

    outcome = sync(site, state)

    assert sorted(keys(outcome)) == sorted(written), "each once"
    assert keys(sync(site, states(outcome)[-1])) == []
    windows = dict.fromkeys(bounds(site, outcome))
    assert all(until - since <= 7 * DAY * 1000 for since, until in windows)
    marks = [each["watermark"] for each in states(outcome)]
    assert marks == sorted(marks)


def bounds(site: RunningSite, outcome: Outcome) -> list[tuple[int, int]]:
    """The windows that were asked for, of all reads but the first one."""
    assert outcome.exception is None
    asked = [dict(call.params) for call in list_calls(site)]
    return [(int(each["startDate"]), int(each["endDate"])) for each in asked if "startDate" in each]


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_events_at_the_very_borders_of_windows_come_once(
    offset: int, start_site: StartSite
) -> None:
    """Of the first window and the second, both bounds, and a millisecond beside them."""
    site, clock = start(start_site, 0), Clock(frozen_at=NOON)
    state = synced(site)
    noon = clock.now()
    week = (7 * DAY - HOUR) * 1000
    site.service.clock.advance(15 * DAY)
    written = []
    for border in (noon - HOUR * 1000, noon, noon + week, noon + week - HOUR * 1000):
        late = site.service.clock.now() - border - offset
        written += log(site, 2, late_seconds=late / 1000)

    outcome = sync(site, state)

    assert Counter(keys(outcome)) == Counter(written[2:] if offset < 0 else written)


@both
@pytest.mark.parametrize("is_first", [True, False])
def test_killed_after_any_line_nothing_is_lost_and_only_the_rest_comes_again(
    is_first: bool,
    start_site: StartSite,
) -> None:
    site = start(start_site, 14, page_cap=5)
    state = None if is_first else synced(site)
    wanted = all_keys(site) if is_first else []
    for _ in range(6):
        site.service.clock.advance(2 * DAY)
        wanted += log(site, 3)
    line_count = len(list(lines(site, state)))
    for count in range(line_count):
        kept, told = state, list[str]()
        after_state: list[str] = []
        reading = lines(site, state)
        for message in [next(reading) for _ in range(count)]:
            if message["type"] == "RECORD":
                after_state.append(message["record"]["data"]["event_id"])
            elif message["type"] == "STATE":
                kept = message["state"]["stream"]["stream_state"]
                told, after_state = told + after_state, []
        reading.close()

        rest = keys(sync(site, kept))

        assert sorted(told + rest) == sorted(wanted)
        assert set(after_state) <= set(rest)


def lines(site: RunningSite, state: object) -> Any:  # noqa: ANN401 (a generator of messages)
    catalog = configured_catalog("audit", is_incremental=True)
    stored = given("audit", state) if state else []
    for line in lines_of("read", config=site.config, catalog=catalog, state=stored):
        yield json.loads(line)


def test_a_window_is_read_to_its_end_days_after_a_kill(start_site: StartSite) -> None:
    site = start(start_site, 23, page_cap=5)
    log(site, 2)
    wanted = all_keys(site)
    outcome = sync(site)
    unfinished = states(outcome)[1]
    told = keys(outcome)[:9]
    site.service.clock.advance(9 * DAY)
    wanted += log(site, 3)

    rest = sync(site, unfinished)

    assert sorted(told + keys(rest)) == sorted(wanted)
    assert "Resuming stream 'audit' where an earlier read stopped." in rest.logs


@pytest.mark.parametrize("hours", [-30, -3, 3, 30])
def test_a_clock_here_that_is_hours_off_changes_nothing(hours: int, start_site: StartSite) -> None:
    clock = Clock(hours * HOUR)
    clock.freeze()
    site = start_site(Content(audit=0), clock=clock)
    written = log(site, 2)
    clock.advance(1)  # a `Date` has no milliseconds
    first = sync(site)
    more = log(site, 2)
    clock.advance(300)
    second = sync(site, states(first)[-1])
    assert (keys(first), keys(second)) == (written[::-1], more[::-1])
    assert states(second)[-1]["watermark"] == clock.now() // 1000 * 1000


def test_a_clock_of_the_site_that_goes_back_loses_nothing(start_site: StartSite) -> None:
    site = start(start_site)
    state = synced(site)
    site.service.clock.advance(-5 * HOUR)
    new = log(site, 2)
    assert keys(sync(site, state)) == new[::-1]


def test_events_that_happen_during_the_read_come_with_the_next_one(start_site: StartSite) -> None:
    clock = Clock(frozen_at=NOON)
    site = start_site(Content(audit=23), page_cap=5, clock=clock, events_per_call=2)
    first = sync(site)
    clock.advance(HOUR)
    site.service._events_per_call = 0  # noqa: SLF001 (the site comes to rest)
    second = sync(site, states(first)[-1])
    assert sorted(keys(first) + keys(second)) == sorted(all_keys(site))


@both
def test_the_first_read_begins_at_the_start_date(start_site: StartSite) -> None:
    site = start(start_site)
    clock = site.service.clock
    old = log(site, late_seconds=13 * HOUR)
    wanted = log(site, 3, late_seconds=12 * HOUR)  # at midnight
    first = sync(site, start_date="2026-07-01")
    assert sorted(keys(first)) == sorted(wanted)
    clock.advance(10 * DAY)
    more = log(site)
    second = sync(site, states(first)[-1], start_date="2026-07-01")
    assert keys(second) == more
    other = sync(site, states(second)[-1])
    assert set(old) <= set(keys(other)) == set(all_keys(site)), "without it, it starts over"


def test_the_first_reads_after_a_start_date_that_has_not_come_bring_nothing(
    start_site: StartSite,
) -> None:
    site = start(start_site)
    first = sync(site, start_date="2026-07-03")
    site.service.clock.advance(DAY)
    log(site)
    second = sync(site, states(first)[-1], start_date="2026-07-03")
    site.service.clock.advance(DAY)
    wanted = log(site)
    third = sync(site, states(second)[-1], start_date="2026-07-03")
    assert (keys(first), keys(second), keys(third)) == ([], [], wanted)


def test_a_full_refresh_neither_uses_nor_leaves_a_watermark(start_site: StartSite) -> None:
    site = start(start_site, 23, page_cap=5)
    incremental = sync(site)
    for state in (states(incremental)[0], states(incremental)[-1]):
        full = read(site.config, ["audit"], state=given("audit", state))
        assert sorted(keys(full)) == sorted(all_keys(site))
        assert states(full)[-1] == COMPLETE
        assert "watermark" not in states(full)[0]
        assert not [line for line in full.logs if "reading from the beginning" in line]


@pytest.mark.parametrize("place", [0, -1])
def test_an_incremental_read_starts_over_after_a_full_refresh(
    place: int, start_site: StartSite
) -> None:
    site = start(start_site, 23, page_cap=5)
    state = states(read(site.config, ["audit"]))[place]
    outcome = sync(site, state)
    assert sorted(keys(outcome)) == sorted(all_keys(site))
    assert not [line for line in outcome.logs if "reading from the beginning" in line]


FOREIGN: list[dict[str, Any]] = [
    {"cursor": "eyJpZCI6IjkwMDcxOTkyNTQ3NDA5OTMifQ=="},
    {"of": "elsewhere.invalid/wiki/rest/api/audit", "watermark": 1782900000000, "recent": []},
    {"of": "HERE", "watermark": "1782900000000", "recent": []},
    {"of": "HERE", "watermark": -1, "recent": []},
    {"of": "HERE", "watermark": 10**400, "recent": []},
    {"of": "HERE", "watermark": True, "recent": []},
    {"of": "HERE", "watermark": 1782900000000, "recent": [7]},
    {"of": "HERE", "watermark": 1782900000000, "recent": "9f86d081884c7d65"},
    {"of": "HERE", "watermark": 1782900000000, "recent": [], "invented": 7},
    {"of": "HERE", "watermark": 1782900000000, "recent": [], "seen": None},
    {"of": "HERE", "watermark": 0, "recent": [], "seen": [], "start": 5},
    {"of": "HERE", "watermark": 0, "recent": [], "startDate": 9, "endDate": 7, "start": 5},
    {"of": "HERE", "watermark": 0, "recent": [], "startDate": 0, "endDate": 10**400, "start": 5},
]


@pytest.mark.parametrize("state", FOREIGN, ids=json.dumps)
def test_a_state_that_is_not_ours_is_ignored_with_a_warning(
    state: dict[str, Any], start_site: StartSite
) -> None:
    site = start(start_site)
    here = f"{site.host}/wiki/rest/api/audit"
    outcome = sync(site, {k: here if v == "HERE" else v for k, v in state.items()})
    assert outcome.ending("audit") == "COMPLETE"
    assert sorted(keys(outcome)) == sorted(all_keys(site))
    assert len([line for line in outcome.logs if "reading from the beginning" in line]) == 1


class Connection:
    """Reads one after the other, each from the last state; some are killed.

    Attributes:
        told: The events that have arrived.
        known: Those that had arrived when a read was last whole.
    """

    def __init__(self, site: RunningSite) -> None:
        self._site = site
        self._state: object = None
        self.told: set[str] = set()
        self.known: set[str] = set()

    def sync(self, kill_after: int | None = None) -> None:
        """One read, killed after so many lines."""
        reading = lines(self._site, self._state)
        for message in islice(reading, kill_after):
            if message["type"] == "RECORD":
                self.told.add(message["record"]["data"]["event_id"])
                assert message["record"]["data"]["event_id"] not in self.known
            elif message["type"] == "STATE":
                self._state = message["state"]["stream"]["stream_state"]
        if next(reading, None) is None:
            self.known = set(self.told)
        reading.close()


STEPS = st.tuples(
    st.integers(0, 9),
    st.sampled_from([0.0, 0.001, 1.0, 59.0, 1800.0]),
    st.sampled_from([0.0, 1.0, 240.0, HOUR - 1.0, HOUR, 4.0 * HOUR, 7.0 * DAY, 9.5 * DAY]),
    st.none() | st.integers(0, 90),
)


@example_of(
    history=st.lists(STEPS, min_size=1, max_size=8),
    page_cap=st.integers(15, 30),
    num_workers=st.sampled_from([1, 8]),
    seed=st.integers(0, 2**32),
)
def test_whatever_happens_every_event_comes_and_none_again_after_a_whole_read(
    history: list[tuple[int, float, float, int | None]],
    page_cap: int,
    num_workers: int,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events are written between reads and during them, some half an hour after they happened.

    Args:
        history: Of each step, how many events, how late, how long it takes, and after how many
            lines the read is killed.
    """
    service = Service(Content(audit=60), page_cap=page_cap, clock=Clock(frozen_at=NOON))
    random = Random(seed)  # noqa: S311 (nothing is kept secret)
    chance = random.choice([0.0, 0.1, 0.2])
    with serve(service, settings={"num_workers": num_workers}) as site:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(site.ca_file))

        def happens(_: Call, answer: Reply) -> Reply:
            if random.random() < chance:
                log(site, late_seconds=random.choice([0.0, 0.5, 60.0, 1800.0]))
                site.service.clock.advance(random.choice([0.0, 0.001, 2.0]))
            return answer

        change_answers(site, happens)
        connection = Connection(site)
        for count, late_seconds, seconds, kill_after in history:
            log(site, count, late_seconds=late_seconds)
            service.clock.advance(seconds)
            connection.sync(kill_after)
        wanted = set(all_keys(site))
        service.clock.advance(60)
        connection.sync()
        assert connection.told >= wanted
