"""The fake site may sort, filter and date wrongly, or hide a part of a list, as planned."""

import pytest

from fake_confluence import Fault, Service
from fake_confluence.clock import milliseconds
from fake_confluence.rows import SPACE_IDS
from unit_tests.protocol import Message
from unit_tests.replies import PAGES, ask, ids_of, rows_of
from unit_tests.streams_under_test import PREFETCHED, contents

DAY = 86_400

each_kind = pytest.mark.parametrize("stream", PREFETCHED)


def site(fault: Fault | None = None) -> Service:
    content = contents(dict.fromkeys(PREFETCHED, 400), others=5)
    return Service(content, faults=[fault] if fault else [])


def modified(row: Message) -> int:
    return milliseconds(row["version"]["createdAt"])


@each_kind
def test_a_site_that_does_not_sort_gives_every_row_by_id(stream: str) -> None:
    broken = site(Fault(kind="ignore_sort", count=None))
    expected = rows_of(site(), stream, limit=250)
    assert rows_of(broken, stream, sort="-modified-date", limit=50) == expected


@each_kind
def test_a_site_that_filters_wrongly_gives_what_its_default_shows(stream: str) -> None:
    broken = site(Fault(kind="ignore_filters", count=None))
    expected = rows_of(site(), stream, limit=250)
    asked = {"space_id": SPACE_IDS[0], "status": "trashed"}
    assert rows_of(site(), stream, **asked) == []
    assert rows_of(broken, stream, limit=50, **asked) == expected


@each_kind
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_part_of_a_list_is_the_same_part_at_each_request(stream: str, share: float) -> None:
    broken = site(Fault(kind="part", share=share, count=None))
    everything = rows_of(site(), stream, limit=250)
    left = ids_of(rows_of(broken, stream, limit=50))
    assert len(left) == pytest.approx(share * 400, abs=30)
    assert len(left) == len(set(left))
    newest = ids_of(rows_of(broken, stream, sort="-modified-date", limit=30))
    assert sorted(newest) == left
    named = ",".join(row["id"] for row in everything[:100])
    assert ids_of(rows_of(broken, stream, id=named)) == [
        int(row["id"]) for row in everything[:100] if int(row["id"]) in left
    ]


@each_kind
def test_rows_may_have_no_version_or_one_dated_in_the_future(stream: str) -> None:
    sound = rows_of(site(), stream)
    undated = rows_of(site(Fault(kind="undated", row=3, row_count=2, count=None)), stream)
    assert [index for index, row in enumerate(undated) if row["version"] is None] == [3, 4]
    assert [row for row in undated if row["version"]] == [*sound[:3], *sound[5:]]
    fault = Fault(kind="future", row=2, row_count=2, seconds=DAY, count=None)
    future = rows_of(site(fault), stream)
    shifts = [modified(new) - modified(old) for new, old in zip(future, sound, strict=True)]
    assert shifts[:6] == [0, 0, DAY * 1000, DAY * 1000, 0, 0]


def test_a_row_of_the_future_may_also_be_sorted_by_its_date() -> None:
    service = site()
    row = service.history.rows(PAGES, "current")[5]
    service.history.edit(row["id"], skew_seconds=DAY)
    [newest] = ask(service, PAGES, sort="-modified-date", limit=1).document["results"]
    assert newest["id"] == row["id"]
    assert modified(newest) > service.clock.now() + DAY * 1000 - 60_000


@pytest.mark.parametrize("kind", ["poison", "odd_body"])
def test_faults_find_their_row_whatever_its_title_is(kind: str) -> None:
    service = site(Fault(kind=kind, row=1, status=504, count=None))
    own_id = service.history.rows(PAGES)[1]["id"]
    service.history.rename(own_id, "No number")
    assert ask(service, PAGES, limit=2).status == 200
    reply = ask(service, PAGES, limit=2, body_format="storage")
    body = reply.document if isinstance(reply.document, bytes) else b""
    assert reply.status == 504 if kind == "poison" else b'"body": null' in body
