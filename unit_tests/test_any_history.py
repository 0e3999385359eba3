"""Whatever happens on a site, and whenever a read dies: the destination ends equal to the site."""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from airbyte_cdk.sources.streams import Stream
from hypothesis import given
from hypothesis import strategies as st

from fake_confluence import Call, Clock, RunningSite, Service
from fake_confluence.reply import Reply
from fake_confluence.rows import BLOG_POST_IDS, PAGE_IDS, SPACE_IDS
from unit_tests.conftest import StartSite
from unit_tests.destination import Connection
from unit_tests.protocol import Message, Outcome
from unit_tests.replies import BLOG_POSTS, PAGES, SPACES
from unit_tests.streams_under_test import completed, contents

NOON = "2026-07-01T12:00:00.000Z"
HOUR = 3600
IDS = {PAGES: PAGE_IDS, BLOG_POSTS: BLOG_POST_IDS}
SPACE_COUNT = 3
STATUSES = {
    PAGES: [["current", "archived"], ["current"], ["current", "archived", "trashed"]],
    BLOG_POSTS: [["current"], ["current", "trashed"]],
}
ACTS: tuple[str, ...] = (
    "edit",
    "rename",
    "move",
    "hand_over",
    "archive",
    "restore",
    "trash",
    "purge",
    "hide",
)
ACTS += ("show", "hide_space", "show_space", "create")
SKEW = 299  # seconds: two clocks differ by less than ten minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that happens on the site, if the state of the row allows it.

    Args:
        kind: One of `ACTS`.
        row: The number of the row, counted from the newest.
        other: The number of the new parent, counted likewise, and of the space that is meant.
        new_version: Whether a move or a restore writes a new version.
        skew_seconds: How much the clock of the machine that does it is ahead of the site's.
        seconds: How long after the act before.
    """

    kind: str
    row: int
    other: int = 0
    new_version: bool = False
    skew_seconds: int = 0
    seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """One read of the site.

    Args:
        before: What happens before it.
        census: The setting of that name.
        killed_after: The line after which the process dies; None for a read to the end.
        rest_arrives: Whether the records after the last state arrive all the same.
        meanwhile: What happens before which of its requests, counted from 0.
    """

    before: Sequence[Act] = ()
    census: str
    killed_after: int | None = None
    rest_arrives: bool = True
    meanwhile: Sequence[tuple[int, Act]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A site at its beginning, and how it is read.

    Args:
        stream: The list that is read.
        row_count: How many rows it has.
        statuses: Those that are selected.
        page_cap: How many rows a response has at most.
        num_workers: How many requests are in flight at a time.
    """

    stream: str
    row_count: int
    statuses: Sequence[str]
    page_cap: int = 3
    num_workers: int = 1


def acts() -> st.SearchStrategy[Act]:
    return st.builds(
        Act,
        kind=st.sampled_from(ACTS),
        row=st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5, 8]),  # much happens to few
        other=st.integers(0, 11),
        new_version=st.booleans(),
        skew_seconds=st.sampled_from([0, 0, -SKEW, SKEW]) | st.integers(-SKEW, SKEW),
        seconds=st.sampled_from([0, 0, 1, 90, 601, 2 * HOUR, 25 * HOUR]),
    )


def syncs(census: Sequence[str]) -> st.SearchStrategy[Sync]:
    return st.builds(
        Sync,
        before=st.lists(acts(), max_size=8),
        census=st.sampled_from(census),
        killed_after=st.one_of(st.none(), st.none(), st.integers(0, 24)),
        rest_arrives=st.booleans(),
        meanwhile=st.lists(st.tuples(st.integers(0, 12), acts()), max_size=4),
    )


def histories(*census: str) -> st.SearchStrategy[list[Sync]]:
    return st.lists(syncs(census), min_size=1, max_size=9)


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    stream = draw(st.sampled_from([PAGES, PAGES, BLOG_POSTS]))
    return Setup(
        stream=stream,
        row_count=draw(st.integers(0, 8)),
        statuses=draw(st.sampled_from(STATUSES[stream])),
        page_cap=draw(st.integers(1, 4)),
        num_workers=draw(st.sampled_from([1, 8])),
    )


class World:
    """A site to which things happen, with a list that is read.

    Args:
        setup: How it is at its beginning.

    Attributes:
        service: The site.
        steady: The rows that were visible at every moment since their version was written.
    """

    def __init__(self, setup: Setup) -> None:
        content = contents({setup.stream: setup.row_count, SPACES: SPACE_COUNT})
        self.service = Service(content, page_cap=setup.page_cap, clock=Clock(frozen_at=NOON))
        self.steady: set[str] = set()
        self._setup = setup
        self._row_count = setup.row_count
        self._versions: dict[str, int] = {}
        self._look()

    @property
    def visible(self) -> list[Message]:
        """The selected rows, as they are now."""
        return self.service.history.rows(self._setup.stream, *self._setup.statuses)

    def happen(self, act: Act) -> None:
        """Let it happen, if it can."""
        self.service.clock.advance(act.seconds)
        with suppress(ValueError):
            self._deed(act)()
        self._look()

    def _deed(self, act: Act) -> Callable[[], object]:
        history, own_id = self.service.history, self._id(act.row)
        space = str(SPACE_IDS[act.other % SPACE_COUNT])
        at: dict[str, Any] = {"skew_seconds": act.skew_seconds}
        version: dict[str, Any] = {"new_version": act.new_version, **at}
        deeds: dict[str, Callable[[], object]] = {
            "edit": lambda: history.edit(own_id, **at),
            "rename": lambda: history.rename(own_id, f"Title {act.other}", **at),
            "move": lambda: history.move(own_id, **self._place(act), **version),
            "hand_over": lambda: history.hand_over(own_id, f"712020:{act.other}"),
            "restore": lambda: history.restore(own_id, **version),
            "hide_space": lambda: history.hide(space),
            "show_space": lambda: history.show(space),
            "create": lambda: self._create(**self._place(act), **at),
        }
        return deeds.get(act.kind) or (lambda: getattr(history, act.kind)(own_id))

    def _place(self, act: Act) -> dict[str, Any]:
        """Another space, another parent, or both."""
        place = {"space_id": str(SPACE_IDS[act.other % SPACE_COUNT])} if act.other % 4 else {}
        if self._setup.stream == PAGES and act.other % 2 == 0:
            place["parent_id"] = self._id(act.other)
        return place

    def _create(self, **details: Any) -> None:  # noqa: ANN401
        self.service.history.create(self._setup.stream, **details)
        self._row_count += 1

    def _id(self, number: int) -> str:
        count = self._row_count
        return str(IDS[self._setup.stream][(count - 1 - number) % max(count, 1)])

    def _look(self) -> None:
        """See which versions have just been written, and which rows are still visible."""
        ids = [self._id(number) for number in range(self._row_count)]
        rows = [row for row in map(self.service.history.row, ids) if row]
        versions = {row["id"]: row["version"]["number"] for row in rows}
        written = {each for each in versions if versions[each] != self._versions.get(each)}
        self.steady = (self.steady | written) & {row["id"] for row in self.visible}
        self._versions = versions


class Stage:
    """Let one running site be one world after the other: to start it takes longest.

    Args:
        site: The site.
    """

    def __init__(self, site: RunningSite) -> None:
        self._site = site
        self._lock = threading.Lock()
        site.service.reply = self._reply  # type: ignore[method-assign]

    def play(self, setup: Setup, history: Iterable[Sync]) -> tuple[World, Connection]:
        """Let all that happen in a new world; then an hour passes."""
        self._world = world = World(setup)
        settings = {"content_statuses": setup.statuses, "num_workers": setup.num_workers}
        connection = Connection(self._site.config, setup.stream, **settings)
        for sync in history:
            for act in sync.before:
                world.happen(act)
            self.sync(connection, sync)
        world.service.clock.advance(HOUR)
        return world, connection

    def sync(self, connection: Connection, sync: Sync) -> Outcome:
        """Read the world, while this and that happens in it."""
        Stream.get_json_schema.cache_clear()  # where airbyte-cdk 7.39.1 keeps open connections
        self._meanwhile, self._call_count = sync.meanwhile, 0
        if sync.killed_after is not None:
            return connection.sync_killed_after(
                sync.killed_after, rest_arrives=sync.rest_arrives, census=sync.census
            )
        outcome = connection.sync(census=sync.census)
        assert completed(outcome, *connection.streams), outcome.logs
        return outcome

    def _reply(self, call: Call) -> Reply:
        with self._lock:
            for number, act in self._meanwhile:
                if number == self._call_count:
                    self._world.happen(act)
            self._call_count += 1
        return self._world.service.reply(call)


@pytest.fixture
def stage(start_site: StartSite) -> Stage:
    return Stage(start_site())


def compared(rows: Iterable[Message], *fields: str) -> dict[str, Message]:
    """These fields of the rows, and the number of their version, by id; nothing means null."""
    return {
        row["id"]: {"version": row["version"]["number"], **{name: row.get(name) for name in fields}}
        for row in rows
    }


@pytest.mark.usefixtures("waits")
@given(setups(), histories("every_sync", "once_a_day"))
def test_with_a_census_the_destination_ends_equal_to_the_site(
    stage: Stage, setup: Setup, history: list[Sync]
) -> None:
    fields = ("id", "status", "spaceId", "parentId", "ownerId", "title", "body")
    whole = Sync(census="every_sync")
    world, connection = stage.play(setup, history)
    stage.sync(connection, whole)  # may resume one that began before
    stage.sync(connection, whole)
    alive = connection.destination.alive(setup.stream, setup.statuses)
    assert compared(alive.values(), *fields) == compared(world.visible, *fields)
    assert stage.sync(connection, whole).records(setup.stream) == []


@pytest.mark.usefixtures("waits")
@given(setups(), histories("never"))
def test_without_a_census_each_new_version_arrives_of_what_stays_visible(
    stage: Stage, setup: Setup, history: list[Sync]
) -> None:
    fields = ("id", "title", "body")
    quick = Sync(census="never")
    world, connection = stage.play(setup, history)
    stage.sync(connection, quick)
    stage.sync(connection, quick)
    alive = connection.destination.alive(setup.stream, setup.statuses)
    found = {each: row for each, row in alive.items() if each in world.steady}
    steady = [row for row in world.visible if row["id"] in world.steady]
    assert compared(found.values(), *fields) == compared(steady, *fields)
    assert stage.sync(connection, quick).records(setup.stream) == []
