"""What `acceptance-test-config.yml` says of incremental reads holds on the fake site.

Airbyte's older acceptance tests look at it in the same three ways: a second read, reads from the
states in between, and a read from a state of the far future. Its newer standard tests read nothing
incrementally.

Source: https://docs.airbyte.com/connector-development/testing-connectors/connector-acceptance-tests-reference
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml

from fake_confluence import Clock, RunningSite, Service, serve
from fake_confluence.clock import milliseconds
from integration_tests.connector import Connector, Message, counts, endings, messages
from unit_tests.streams_under_test import (
    BY_CURSOR,
    CURSOR_FIELDS,
    PINNED,
    PREFETCHED,
    contents,
    row_counts,
)

ROOT = Path(__file__).parents[1]
DOCUMENT = yaml.safe_load((ROOT / "acceptance-test-config.yml").read_text())
[CONFIGURED] = DOCUMENT["acceptance_tests"]["incremental"]["tests"]
CATALOG = ROOT / CONFIGURED["configured_catalog_path"]
FUTURE_STATE = ROOT / CONFIGURED["future_state"]["future_state_path"]
SAMPLE = json.loads((ROOT / "integration_tests" / "sample_config.json").read_text())
CONTENT = contents({BY_CURSOR: 620})
ROWS = {name: count for name, count in row_counts(CONTENT).items() if name in CURSOR_FIELDS}
NOW = "2026-11-25T12:00:00Z"
FUTURE = 4_102_444_800_000  # the year 2100

Settings = Mapping[str, object]
WITH_CENSUS: Settings = {}
WITHOUT_CENSUS: Settings = {"census": "never"}


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with serve(Service(CONTENT, clock=Clock(frozen_at=NOW))) as site:
        yield site


@pytest.fixture
def connector(site: RunningSite, tmp_path: Path) -> Connector:
    return Connector(tmp_path, site)


def read(
    connector: Connector,
    site: RunningSite,
    states: Sequence[Message] = (),
    *,
    settings: Settings = WITH_CENSUS,
) -> CompletedProcess[str]:
    """Read what the catalog says, from these states."""
    connector.written(connector.config, {**site.config, **settings})
    given = connector.written(connector.config.with_name("state.json"), states)
    return connector.run(
        "read", "--config", connector.config, "--catalog", CATALOG, "--state", given
    )


def states(done: CompletedProcess[str]) -> list[Message]:
    """Those that were printed: `{"type": "STREAM", "stream": {…}, "sourceStats": {…}}`."""
    return [m["state"] for m in messages(done) if m["type"] == "STATE"]


def name_of(state: Message) -> str:
    return str(state["stream"]["stream_descriptor"]["name"])


def last_states(printed: Sequence[Message]) -> list[Message]:
    """The last state of each stream, as a platform keeps it."""
    last = {name_of(state): state for state in printed}
    return [{"type": state["type"], "stream": state["stream"]} for state in last.values()]


def records(done: CompletedProcess[str], stream: str) -> list[Message]:
    found = [m["record"] for m in messages(done) if m["type"] == "RECORD"]
    return [record["data"] for record in found if record["stream"] == stream]


def test_the_catalog_selects_each_stream_that_can_be_read_incrementally(
    connector: Connector,
) -> None:
    selected = json.loads(CATALOG.read_text())["streams"]
    discovered = [s for s in connector.discover() if "incremental" in s["supported_sync_modes"]]
    for stream in discovered:
        stream["json_schema"] = {"type": "object"}
        stream.pop("is_resumable")
    assert [each["stream"] for each in selected] == discovered
    assert {s["stream"]["name"]: s["cursor_field"] for s in selected} == {
        name: [cursor_field] for name, cursor_field in CURSOR_FIELDS.items()
    }
    for each in selected:
        assert each["primary_key"] == each["stream"]["source_defined_primary_key"]
        assert each["sync_mode"] == "incremental"


@pytest.mark.parametrize("settings", [WITH_CENSUS, WITHOUT_CENSUS], ids=["census", "quick"])
def test_a_second_read_brings_nothing_older_than_the_first(
    settings: Settings, connector: Connector, site: RunningSite
) -> None:
    first = read(connector, site, settings=settings)
    assert counts(first) == ROWS
    site.service.clock.advance(7200)
    for name in ROWS:
        change(site, name)
    second = read(connector, site, last_states(states(first)), settings=settings)
    assert counts(second) == dict.fromkeys(ROWS, 1)
    for name, cursor_field in CURSOR_FIELDS.items():
        newest = max(record[cursor_field] for record in records(first, name))
        assert all(record[cursor_field] > newest for record in records(second, name))


def change(site: RunningSite, stream: str) -> None:
    """Something happens that the stream shows."""
    history = site.service.history
    if stream == PINNED:
        history.log()
    else:
        history.edit(history.rows(stream, "current")[0]["id"])


@pytest.mark.parametrize("settings", [WITH_CENSUS, WITHOUT_CENSUS], ids=["census", "quick"])
def test_where_nothing_has_changed_a_second_read_brings_nothing_but_states(
    settings: Settings, connector: Connector, site: RunningSite
) -> None:
    first = read(connector, site, settings=settings)
    second = read(connector, site, last_states(states(first)), settings=settings)
    assert counts(second) == {}
    assert {name_of(state) for state in states(second)} == set(ROWS)
    assert endings(second) == dict.fromkeys(ROWS, "COMPLETE")


def test_from_each_state_the_rest_is_read(connector: Connector, site: RunningSite) -> None:
    """Everything that was printed behind it; of what was printed before, not all."""
    printed = states(read(connector, site))
    done = dict.fromkeys(ROWS, 0)
    for number, state in enumerate(printed, 1):
        name = name_of(state)
        done[name] += int(state["sourceStats"]["recordCount"])
        rest = counts(read(connector, site, last_states(printed[:number])))
        assert ROWS[name] - done[name] <= rest[name] <= ROWS[name]
        assert not done[name] or rest[name] < ROWS[name]
    assert done == ROWS
    assert len(printed) > 2 * len(ROWS) - 1, "some are from between two pages"


def test_the_future_state_is_a_real_one_with_dates_of_the_far_future(
    connector: Connector, site: RunningSite
) -> None:
    """Of a read without census, and of the site that the sample settings name."""
    printed = last_states(states(read(connector, site, settings=WITHOUT_CENSUS)))
    for state in printed:
        state["stream"]["stream_state"] = in_future(state["stream"]["stream_state"], site)
    assert json.loads(FUTURE_STATE.read_text()) == printed


def in_future(state: Message, site: RunningSite) -> Message:
    elsewhere = state["of"].replace(site.host, SAMPLE["domain_name"])
    dates: Message = {name: FUTURE for name in ("newest", "watermark") if name in state}
    return {**state, **dates, "of": elsewhere, "recent": type(state["recent"])()}


def test_from_the_future_state_nothing_is_read_without_a_census(
    connector: Connector, site: RunningSite
) -> None:
    """And the watermark is that of the site again: what happens from now on is seen."""
    done = read(connector, site, future_state(site), settings=WITHOUT_CENSUS)
    assert counts(done) == {}
    assert endings(done) == dict.fromkeys(ROWS, "COMPLETE")
    last = {name_of(state): state["stream"]["stream_state"] for state in states(done)}
    assert last.keys() == ROWS.keys()
    assert all(milliseconds(NOW) <= state["watermark"] < FUTURE for state in last.values())


def test_with_a_census_the_future_state_keeps_nothing_from_being_read(
    connector: Connector, site: RunningSite
) -> None:
    """It knows of no row; so the configuration is one without. Lists by date have no census."""
    done = read(connector, site, future_state(site))
    assert counts(done) == {name: ROWS[name] for name in PREFETCHED}


def future_state(site: RunningSite) -> list[Any]:
    """The file, for the fake site."""
    return list(json.loads(FUTURE_STATE.read_text().replace(SAMPLE["domain_name"], site.host)))
