"""Let things happen on a site between incremental reads, and say what a destination must have."""

from collections.abc import Iterable
from typing import Protocol

from fake_confluence import Service
from fake_confluence.rows import SPACE_IDS
from integration_tests.connector import Message
from unit_tests.destination import GONE, Destination
from unit_tests.streams_under_test import PATHS, PINNED, key_of, on_the_wire


class HasService(Protocol):
    """A site that is running, however it is reached."""

    @property
    def service(self) -> Service:
        """What answers."""


NOON = "2026-07-01T12:00:00.000Z"
DAY = 24 * 3600
_ADDED = {"readAt", "odd"}


def happen(
    site: HasService, stream: str, *, edited: Iterable[int] = (1, 6), events: int = 12
) -> set[str]:
    """Let rows be edited, and others be moved, purged, put into the trash and created.

    Args:
        site: The site; a day passes on it.
        stream: Which list.
        edited: The numbers of the rows that are edited; 3, 4 and 7 are those of the others.
        events: How many events are written to the audit log.

    Returns:
        The ids of those that are not to be seen any more.
    """
    site.service.clock.advance(DAY)
    history = site.service.history
    if stream == PINNED:
        for _ in range(events):
            site.service.clock.advance(60)
            history.log()
        return set()
    ids = [row["id"] for row in history.rows(stream, "current")]
    for number in edited:
        history.edit(ids[number])
    history.move(ids[3], space_id=str(SPACE_IDS[2]))
    history.purge(ids[4])
    history.trash(ids[7])
    history.create(stream)
    return {ids[4], ids[7]}


def visible(site: HasService, stream: str) -> dict[str, Message]:
    """The rows that are there, by key, as they are printed but for when they were read."""
    history = site.service.history
    if stream != PINNED:
        return {row["id"]: row for row in on_the_wire(history.rows(stream))}
    events = [*site.service.content.rows(stream), *history.events[PATHS[stream]]]
    keyed = [{**event, "event_id": key_of(stream, event)} for event in events]
    return {event["event_id"]: event for event in on_the_wire(keyed)}


def alive(destination: Destination, stream: str) -> dict[str, Message]:
    """What is there and neither gone nor in the trash, without what the site has not sent."""
    return {
        key: {name: value for name, value in row.items() if name not in _ADDED}
        for key, row in destination.rows[stream].items()
        if row.get("status") not in {GONE, "trashed"}
    }
