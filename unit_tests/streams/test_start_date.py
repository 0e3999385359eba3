"""Of pages and blog posts, only those that were modified since the start date are read."""

import pytest

from fake_confluence import RunningSite
from fake_confluence.clock import milliseconds, timestamp
from unit_tests.conftest import StartSite
from unit_tests.destination import Connection
from unit_tests.protocol import Message, read
from unit_tests.streams_under_test import (
    PREFETCHED,
    completed,
    contents,
    on_the_wire,
)

COUNT = 60
WORKERS = pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
both = pytest.mark.parametrize("stream", PREFETCHED)


def site_and_date(start_site: StartSite) -> tuple[RunningSite, str]:
    """A site in small pages, and a date since which about half of its rows were modified."""
    site = start_site(contents(dict.fromkeys(PREFETCHED, COUNT)), page_cap=20)
    rows = site.service.history.rows(PREFETCHED[0])
    dates = sorted(milliseconds(row["version"]["createdAt"]) for row in rows)
    return site, f"{timestamp(dates[COUNT // 2])[:19]}Z"


def rows_since(site: RunningSite, stream: str, date: str) -> list[Message]:
    rows = site.service.history.rows(stream)
    instant = milliseconds(date)
    return [row for row in rows if milliseconds(row["version"]["createdAt"]) >= instant]


@WORKERS
@both
def test_a_full_refresh_reads_them_and_fetches_no_other_body(
    stream: str, start_site: StartSite
) -> None:
    site, date = site_and_date(start_site)
    outcome = read({**site.config, "start_date": date}, [stream])
    wanted = rows_since(site, stream, date)
    assert completed(outcome, stream)
    assert outcome.records(stream) == on_the_wire(wanted)
    assert 0 < len(wanted) < COUNT
    with_bodies = [dict(call.params) for call in site.calls if "body-format" in dict(call.params)]
    fetched = [own_id for params in with_bodies for own_id in params["id"].split(",")]
    assert sorted(fetched, key=int) == [row["id"] for row in wanted]


@WORKERS
@both
def test_an_incremental_read_follows_them_and_what_becomes_one_of_them(
    stream: str, start_site: StartSite
) -> None:
    site, date = site_and_date(start_site)
    history = site.service.history
    connection = Connection(site.config, stream, start_date=date)
    assert completed(connection.sync(), stream)
    selected = [row["id"] for row in rows_since(site, stream, date) if row["status"] == "current"]
    older = [row["id"] for row in history.rows(stream, "current") if row["id"] not in selected]
    history.edit(older[0])
    history.move(older[1], space_id=history.row(selected[0])["spaceId"])  # type: ignore[index]
    history.purge(older[2])
    history.purge(selected[1])
    outcome = connection.sync()
    assert [record["id"] for record in outcome.records(stream)] == [older[0], selected[1]]
    assert connection.destination.gone(stream) == {selected[1]}
    assert connection.sync().records(stream) == []


@both
def test_the_state_of_another_start_date_starts_over(stream: str, start_site: StartSite) -> None:
    site, date = site_and_date(start_site)
    connection = Connection(site.config, stream)
    connection.sync(start_date=date)
    outcome = connection.sync()
    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == COUNT
