"""The SQL of the documentation finds, in what syncs have brought, the rows that are alive."""

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from fake_confluence import Clock
from unit_tests.conftest import StartSite
from unit_tests.destination import Connection
from unit_tests.protocol import Message
from unit_tests.streams_under_test import BY_ID, completed, contents

DOCUMENT = (Path(__file__).parents[1] / "docs" / "confluence.md").read_text()
ALIVE_OF_TABLE, ALIVE_OF_HISTORY, DELETE_OTHERS = re.findall(
    r"```sql\n(.*?)```", DOCUMENT, re.DOTALL
)
COLUMNS = ("id", "status", "spaceId", "readAt")
HOUR = 3600


def rows_of(site_rows: Iterable[Message]) -> set[tuple[str, str]]:
    return {(row["id"], row["status"]) for row in site_rows}


def database(records: Iterable[Message], spaces: Iterable[str]) -> sqlite3.Connection:
    """Tables as a destination makes them: in the order in which the records came."""
    tables = sqlite3.connect(":memory:")
    tables.execute("CREATE TABLE pages (id, status, spaceId, readAt, _airbyte_extracted_at)")
    values = [(*map(record.get, COLUMNS), n) for n, record in enumerate(records)]
    tables.executemany("INSERT INTO pages VALUES (?, ?, ?, ?, ?)", values)
    tables.execute("CREATE TABLE space (id)")
    tables.executemany("INSERT INTO space VALUES (?)", [(each,) for each in spaces])
    return tables


def synced(connection: Connection) -> list[Message]:
    outcome = connection.sync()
    assert completed(outcome, BY_ID)
    return outcome.dated_records(BY_ID)


def test_the_rows_that_are_alive_are_found_in_a_table_and_in_a_history(
    start_site: StartSite,
) -> None:
    site = start_site(contents({BY_ID: 40}), clock=Clock(frozen_at="2026-07-01T12:00:00.000Z"))
    history = site.service.history
    connection, records = Connection(site.config, BY_ID), list[Message]()
    ids = [row["id"] for row in history.rows(BY_ID, "current")]
    for act, number in (
        (history.edit, 0),
        (history.archive, 1),
        (history.trash, 2),
        (history.purge, 3),
        (history.hide, 4),
        (history.hide, 5),
        (history.show, 5),
        (history.edit, 0),
    ):
        records += synced(connection)
        site.service.clock.advance(HOUR)
        act(ids[number])
    records += synced(connection)

    expected = rows_of(history.rows(BY_ID))
    deduped = connection.destination.rows[BY_ID].values()
    for table, query in ((deduped, ALIVE_OF_TABLE), (records, ALIVE_OF_HISTORY)):
        with closing(database(table, [])) as tables:
            assert {row[:2] for row in tables.execute(query)} == expected


def test_rows_that_are_no_longer_selected_can_be_deleted() -> None:
    pages = [{"id": "1", "status": "current", "spaceId": each} for each in ("7", "8")]
    with closing(database(pages, ["7"])) as tables:
        tables.execute(DELETE_OTHERS)
        assert [row[2] for row in tables.execute("SELECT * FROM pages")] == ["7"]
