import copy
import time
from dataclasses import replace
from typing import Any

import pytest

from fake_confluence import Content, Fault
from fake_confluence.clock import Clock, milliseconds
from source_confluence.streams.audit import event_id
from unit_tests.conftest import StartSite, change_answers
from unit_tests.protocol import given, read, states
from unit_tests.streams_under_test import NAMES, asks_for_the_time, list_calls, without_key
from unit_tests.streams_under_test import content as content_of

EVENT: dict[str, Any] = {
    "author": {
        "type": "user",
        "displayName": "Ada",
        "operations": None,
        "accountId": "557058:1d9e",
        "publicName": "Ada",
    },
    "remoteAddress": "192.0.2.7",
    "creationDate": 1690104397645,
    "summary": "User added to group",
    "description": "",
    "category": "Users and groups",
    "sysAdmin": False,
    "superAdmin": False,
    "affectedObject": {"name": "writers:90b9ffb1", "objectType": "Group"},
    "changedValues": [{"name": "Key", "oldValue": "", "newValue": "A"}],
    "associatedObjects": [{"name": "Handbook", "objectType": "User"}],
}


def changed(**parts: object) -> dict[str, Any]:
    return {**copy.deepcopy(EVENT), **parts}


def test_the_key_never_changes_between_versions() -> None:
    """A literal on purpose: another value would double every event in users' tables."""
    assert event_id(EVENT) == ("e0bec2b8b9b9b5216b8c11df1e480b182a175aa73b7916cb1b8ef099ca12eddb")


@pytest.mark.parametrize(
    "other",
    [
        changed(creationDate=1690104397646),
        changed(remoteAddress=""),
        changed(summary="User removed from group"),
        changed(description="x"),
        changed(category="Security"),
        changed(affectedObject={"name": "readers", "objectType": "Group"}),
        changed(changedValues=[]),
        changed(associatedObjects=[]),
        changed(author={**EVENT["author"], "accountId": "557058:other"}),
    ],
)
def test_events_that_differ_have_different_keys(other: dict[str, Any]) -> None:
    assert event_id(other) != event_id(EVENT)


@pytest.mark.parametrize(
    "same",
    [
        dict(reversed(EVENT.items())),
        changed(author={**EVENT["author"], "displayName": "Ada L.", "publicName": "ada"}),
        changed(author={**EVENT["author"], "isGuest": True}),
        changed(sysAdmin=True),
        changed(invented="by Atlassian, later"),
    ],
)
def test_an_event_that_is_read_again_has_the_same_key(same: dict[str, Any]) -> None:
    assert event_id(same) == event_id(EVENT)


def test_the_system_is_told_from_another_author_by_its_name() -> None:
    system = changed(author={"type": "user", "displayName": "System"})
    other = changed(author={"type": "user", "displayName": "Automation"})
    assert event_id(system) != event_id(other)


@pytest.mark.parametrize("odd", [{}, {"author": None}, {"summary": "\ud800 \x00 ü 日本語"}])
def test_an_event_with_parts_missing_or_odd_still_has_a_key(odd: dict[str, Any]) -> None:
    assert len(event_id(odd)) == 64


def test_events_that_happen_during_the_read_neither_repeat_nor_hide_others(
    start_site: StartSite,
) -> None:
    clock = late_in_its_second(0)
    site = start_site(Content(audit=12), page_cap=5, events_per_call=3, clock=clock)

    outcome = read(site.config, ["audit"])

    events = [{k: v for k, v in r.items() if k != "event_id"} for r in outcome.records("audit")]
    assert events == site.service.content.rows("audit")
    assert len(site.calls) <= 3 + 3, "where pages of less than 1000 meet, and where they end"


def late_in_its_second(ahead_seconds: float) -> Clock:
    """A site's clock that stands still; a `Date`, which has no milliseconds, is well before it."""
    clock = Clock(ahead_seconds)
    clock.freeze()
    clock.advance(0.9 - clock.now() % 1000 / 1000)
    return clock


@pytest.mark.parametrize("count", [4, 5, 20, 23])
@pytest.mark.parametrize("events_per_call", [1, 2, 3, 4])
@pytest.mark.parametrize("ahead_seconds", [-300, 300], ids=["fast here", "slow here"])
def test_a_clock_that_is_off_neither_repeats_nor_hides_events(
    count: int, events_per_call: int, ahead_seconds: float, start_site: StartSite
) -> None:
    """By the site's time, what happens during the read is after its end."""
    content, clock = Content(audit=count), late_in_its_second(ahead_seconds)
    site = start_site(content, page_cap=5, events_per_call=events_per_call, clock=clock)
    site.service.history.log(late_seconds=-2)

    outcome = read(site.config, ["audit"])

    assert outcome.ending("audit") == "COMPLETE"
    keys = [record["event_id"] for record in outcome.records("audit")]
    assert keys == [event_id(row) for row in content.rows("audit")]
    assert len(list_calls(site)) <= count // 4 + 3, "and so it is not any longer"


@pytest.mark.parametrize("ahead_seconds", [-7200, -300, 0, 300])
def test_the_read_ends_at_the_sites_time_when_it_begins(
    ahead_seconds: float, start_site: StartSite
) -> None:
    clock = Clock(ahead_seconds)
    site = start_site(Content(audit=12), page_cap=5, clock=clock)
    before = clock.now()

    read(site.config, ["audit"])

    [end] = {dict(call.params)["endDate"] for call in list_calls(site)}
    assert before - 1000 <= int(end) <= clock.now(), "a `Date` has no milliseconds"
    assert asks_for_the_time(site.calls[0])
    assert len(site.calls) == len(list_calls(site)) + 1


def test_a_read_that_has_heard_from_the_site_does_not_ask_for_the_time(
    start_site: StartSite,
) -> None:
    site = start_site(Content(groups=3, audit=12), clock=Clock(-7200))
    outcome = read(site.config, ["group", "audit"])
    assert outcome.ending("audit") == "COMPLETE"
    assert not [call for call in site.calls if asks_for_the_time(call)]


@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
def test_only_events_since_the_start_date_are_read(start_site: StartSite) -> None:
    content = Content(audit=40)
    site = start_site(content, page_cap=5)
    midnight = milliseconds("2026-06-30T11:40:00Z")
    wanted = [row for row in content.rows("audit") if row["creationDate"] >= midnight]
    assert wanted[-1]["creationDate"] == midnight, "of that very instant, too"

    outcome = read({**site.config, "start_date": "2026-06-30T11:40:00Z"}, ["audit"])

    assert outcome.ending("audit") == "COMPLETE"
    assert without_key(outcome.records("audit")) == wanted


def test_a_start_date_that_has_not_come_yet_brings_nothing(start_site: StartSite) -> None:
    site = start_site(Content(audit=12))
    outcome = read({**site.config, "start_date": "2126-01-31"}, ["audit"])
    assert outcome.ending("audit") == "COMPLETE"
    assert outcome.records("audit") == []


def test_a_read_with_another_start_date_starts_over(start_site: StartSite) -> None:
    site = start_site(Content(audit=12), page_cap=5)
    [state, *_] = states(read({**site.config, "start_date": "2026-01-31"}, ["audit"]))
    assert state["of"] == f"{site.host}/wiki/rest/api/audit?startDate=1769817600000"

    outcome = read(site.config, ["audit"], state=given("audit", state))

    assert len(outcome.records("audit")) == 12
    assert [line for line in outcome.logs if "reading from the beginning" in line]


def test_a_site_that_does_not_tell_the_time_is_read_by_the_clock_of_this_machine(
    start_site: StartSite,
) -> None:
    site = start_site(Content(audit=12))
    change_answers(site, lambda _, answer: replace(answer, headers={"Date": "yesterday"}))
    before = time.time() * 1000 - 1

    outcome = read(site.config, ["audit"])

    assert len(outcome.records("audit")) == 12
    [end] = {dict(call.params)["endDate"] for call in list_calls(site)}
    assert before <= int(end) <= time.time() * 1000


def test_events_of_one_millisecond_all_leave(start_site: StartSite) -> None:
    site = start_site(Content(audit=40))

    records = read(site.config, ["audit"]).records("audit")

    dates = [record["creationDate"] for record in records]
    assert len(set(dates)) < len(dates)
    assert len({record["event_id"] for record in records}) == 40


def test_the_audit_log_of_a_free_plan_names_the_permission_and_the_plan(
    start_site: StartSite, waits: list[float]
) -> None:
    no_audit = Fault(kind="status", status=403, path="/audit", count=None)
    site = start_site(content_of("audit", 5), faults=[no_audit])

    outcome = read(site.config, NAMES)

    assert {outcome.ending(name) for name in NAMES if name != "audit"} == {"COMPLETE"}
    assert outcome.ending("audit") == "INCOMPLETE"
    assert outcome.exception is not None
    error = outcome.error("audit")
    assert error["failure_type"] == "config_error"
    assert "Confluence administrator" in error["message"]
    assert "Free plan" in error["message"]
    assert "deselect the stream 'audit'" in error["message"]
    assert len(waits) == 2
