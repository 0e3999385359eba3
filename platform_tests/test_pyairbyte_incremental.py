"""Incremental reads in PyAirbyte: its tables follow a site that changes."""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fake_confluence import RunningSite, Service, serve
from fake_confluence.history import History
from platform_tests.pyairbyte import printed_by, run_pyairbyte, with_config
from unit_tests.streams_under_test import PREFETCHED, contents

COMMAND = Path(sys.executable).parent / "source-confluence"
SCRIPT = Path(__file__).parent / "pyairbyte_sync.py"
PAGES, BLOG_POSTS = PREFETCHED
CONTENT = contents({PAGES: 30, BLOG_POSTS: 12})
FIELDS = ("id", "status", "spaceId", "parentId", "title", "body")
COLUMNS = [name.lower() for name in FIELDS]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A site that has changed, and what three reads have seen of it.

    Args:
        history: What has become of the site.
        record_counts: How many records each read brought.
        tables: What the tables hold after the last one.
        lost: The ids of what was purged or hidden, except from the trash.
        replaced: What the tables hold after everything was read to replace them.
    """

    history: History
    record_counts: list[int]
    tables: dict[str, list[Row]]
    lost: dict[str, set[str]]
    replaced: dict[str, list[Row]]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("cache")
    with serve(Service(CONTENT)) as site:
        history = site.service.history
        ids = {name: [row["id"] for row in history.rows(name)] for name in PREFETCHED}
        first = read(site, folder)
        happen_first(history, *ids.values())
        second = read(site, folder)
        happen_then(history, *ids.values())
        third = read(site, folder)
        replaced = read(site, folder, way="replace")
        yield Story(
            history=history,
            record_counts=[each["record_count"] for each in (first, second, third)],
            tables=third["tables"],
            lost={PAGES: {*ids[PAGES][4:6]}, BLOG_POSTS: {*ids[BLOG_POSTS][1:3]}},
            replaced=replaced["tables"],
        )


def happen_first(history: History, pages: list[str], posts: list[str]) -> None:
    """Ten rows are other than before."""
    history.edit(pages[0])
    history.create(PAGES, title="New")
    history.move(pages[1], space_id=history.rows("space")[-1]["id"], parent_id=pages[0])
    history.trash(pages[2])
    history.trash(pages[3])
    history.purge(pages[4])
    history.hide(pages[5], pages[6])
    history.edit(posts[0])
    history.purge(posts[1])


def happen_then(history: History, pages: list[str], posts: list[str]) -> None:
    """Seven rows are other than before, and one that is in the trash vanishes from it."""
    history.rename(pages[0], "Renamed")
    history.move(pages[1], parent_id=None)
    history.purge(pages[3])
    history.show(pages[6])
    history.archive(pages[7])
    history.create(BLOG_POSTS, title="New")
    history.hide(posts[2])
    history.trash(posts[3])


def read(site: RunningSite, folder: Path, way: str = "incremental") -> dict[str, Any]:
    """A run of its own, as every night; it prints the tables."""
    _, config = with_config(site, folder)
    arguments: list[str | Path] = [config, COMMAND, way, *PREFETCHED]
    done = run_pyairbyte(SCRIPT, *arguments, folder=folder, trust=site.ca_file)
    return dict(json.loads(printed_by(done).splitlines()[-1]))


def compared(rows: Iterable[Row], fields: Iterable[str] = FIELDS) -> dict[str, Row]:
    """These fields of the rows and the number of their version, by id."""
    return {
        row["id"]: {
            "version": row["version"]["number"],
            **{name.lower(): row.get(name) for name in fields},
        }
        for row in rows
    }


@pytest.mark.parametrize("stream", PREFETCHED)
def test_after_three_reads_the_merged_table_equals_the_site(stream: str, story: Story) -> None:
    """The names of its columns are in lower case."""
    alive = [row for row in story.tables[stream] if row["status"] not in {"gone", "trashed"}]
    visible = story.history.rows(stream, "current", "archived")
    assert compared(alive, COLUMNS) == compared(visible)


@pytest.mark.parametrize("stream", PREFETCHED)
def test_what_was_purged_or_hidden_is_gone_in_the_table(stream: str, story: Story) -> None:
    gone = {row["id"] for row in story.tables[stream] if row["status"] == "gone"}
    assert gone == story.lost[stream]


@pytest.mark.parametrize("stream", PREFETCHED)
def test_what_is_in_the_trash_is_there_as_its_row(stream: str, story: Story) -> None:
    rows = {row["id"]: row for row in story.tables[stream] if row["status"] == "trashed"}
    in_trash = {row["id"]: row for row in story.history.rows(stream, "trashed")}
    assert in_trash
    assert compared([rows[own_id] for own_id in in_trash], COLUMNS) == compared(in_trash.values())


def test_later_reads_bring_only_what_has_changed(story: Story) -> None:
    """PyAirbyte keeps the state in its cache."""
    assert story.record_counts == [CONTENT.pages + CONTENT.blog_posts, 10, 7]


@pytest.mark.parametrize("stream", PREFETCHED)
def test_a_full_refresh_that_replaces_keeps_nothing_of_what_is_gone(
    stream: str, story: Story
) -> None:
    """As the documentation says; without `write_strategy`, PyAirbyte would merge."""
    assert compared(story.replaced[stream], COLUMNS) == compared(story.history.rows(stream))
