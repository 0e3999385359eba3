import copy
import time
from typing import Any

import pendulum
import pytest

from fake_confluence import Content, Fault
from source_confluence.streams.audit import event_id
from unit_tests.conftest import StartSite
from unit_tests.protocol import read
from unit_tests.streams_under_test import NAMES
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
    site = start_site(Content(audit=12), page_cap=5, events_per_call=3)

    outcome = read(site.config, ["audit"])

    events = [{k: v for k, v in r.items() if k != "event_id"} for r in outcome.records("audit")]
    assert events == site.service.content.rows("audit")
    assert len(site.calls) <= 3 + 3, "where pages of less than 1000 meet, and where they end"


@pytest.mark.parametrize("count", [4, 5, 20, 23])
@pytest.mark.parametrize("events_per_call", [1, 2, 3, 4])
def test_a_clock_that_is_fast_does_not_repeat_events(
    count: int, events_per_call: int, start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that happen during the read are then before its end, and push the others on."""
    fast = pendulum.now("UTC").add(minutes=5)
    monkeypatch.setattr("source_confluence.paging.by_offset.pendulum.now", lambda _: fast)
    content = Content(audit=count)
    site = start_site(content, page_cap=5, events_per_call=events_per_call)

    outcome = read(site.config, ["audit"])

    records = outcome.records("audit")
    assert outcome.ending("audit") == "COMPLETE"
    keys = [record["event_id"] for record in records]
    wanted = [event_id(row) for row in content.rows("audit")]
    found = [key for key in keys if key in wanted]
    if events_per_call == 1:  # one that comes again cannot be told from one that is alike
        found = list(dict.fromkeys(found))
    else:
        assert len(set(keys)) == len(keys)
    assert found == wanted


def test_the_end_is_fixed_when_the_read_begins(start_site: StartSite) -> None:
    site = start_site(Content(audit=12), page_cap=5)
    before = time.time() * 1000 - 1

    read(site.config, ["audit"])

    after = time.time() * 1000
    [end] = {dict(call.params)["endDate"] for call in site.calls}
    assert before <= int(end) <= after


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
