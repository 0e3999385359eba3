"""A sync that is killed many times, at any moment, and resumes each time: nothing is missing."""

import json
import os
import random
import subprocess
from collections import Counter
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import pytest

from fake_confluence import Clock, Fault, Service, serve
from fake_confluence.catalog import configured_catalog
from integration_tests.changing_site import NOON, alive, happen, visible
from integration_tests.connector import COMMAND, Connector, Message
from unit_tests.destination import Destination
from unit_tests.streams_under_test import (
    BY_ID,
    KEYS,
    PATHS,
    PINNED,
    PREFETCHED,
    contents,
    key_of,
)

IS_SHORT = os.environ.get("HYPOTHESIS_PROFILE", "short") == "short"
TIMES = 1 if IS_SHORT else 4
"""How many times as long the syncs are, and as often killed, where there is time, as in CI."""
ROWS = 1_250 * TIMES
CONTENT = contents({BY_ID: ROWS, PINNED: ROWS})
CHANGING = contents(dict.fromkeys((*PREFETCHED, PINNED), 1_250))
INCREMENTAL_KILLS = 2 if IS_SHORT else 5
EDITED = range(10, 900, 3)


class KilledReads:
    """Reads of one stream, each of which goes on from the last state that was printed.

    Args:
        connector: The connector; its files say what is read, and how.

    Attributes:
        destination: What has arrived.
    """

    def __init__(self, connector: Connector) -> None:
        self.destination = Destination()
        self._connector = connector

    def killed(self, line_count: int | None, number: Signals = SIGKILL) -> list[Message]:
        """Read; end the process when so many lines have come, whatever it does by then."""
        connector = self._connector
        states = list(self.destination.states.values())
        state = connector.written(connector.config.with_name("state.json"), states)
        command: list[str | Path] = [COMMAND, "read", "--config", connector.config]
        with subprocess.Popen(
            [*command, "--catalog", connector.catalog, "--state", state],
            env=connector.environment,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",  # a kill may cut a character in two
        ) as process:
            lines = []
            for line in process.stdout or ():
                lines.append(line)
                if len(lines) == line_count:
                    process.send_signal(number)  # what is in the pipe by now is read
        whole = [json.loads(line) for line in lines if line.endswith("}\n")]  # not a cut-off one
        self.destination.take(whole)
        return whole


def keys_in(messages: list[Message], stream: str) -> list[str]:
    return [m["record"]["data"][KEYS[stream]] for m in messages if m["type"] == "RECORD"]


def is_complete(messages: list[Message]) -> bool:
    statuses = [m["trace"] for m in messages if m["type"] == "TRACE"]
    return "COMPLETE" in json.dumps(statuses).replace("INCOMPLETE", "")


@pytest.mark.parametrize(
    ("stream", "kills", "num_workers"), [(BY_ID, 5, 1), (BY_ID, 3, 8), (PINNED, 2, 8)]
)
def test_kills_lose_nothing(stream: str, kills: int, num_workers: int, tmp_path: Path) -> None:
    kill_count = kills * TIMES
    chance = random.Random(20_261_122)  # noqa: S311 (no secret)
    far_away = Fault(kind="slow", seconds=0.05, path=PATHS[stream], count=None)
    service = Service(CONTENT, page_cap=50, faults=[far_away])
    with serve(service, settings={"num_workers": num_workers}) as site:
        connector = Connector(tmp_path, site)
        connector.written(connector.catalog, configured_catalog(stream))
        reads = KilledReads(connector)
        ids: Counter[str] = Counter()
        for attempt in range(kill_count + 1):
            is_last = attempt == kill_count
            lines = reads.killed(None if is_last else chance.randrange(1, 150))
            ids.update(keys_in(lines, stream))
            assert is_complete(lines) == is_last

    assert set(ids) == {key_of(stream, row) for row in CONTENT.rows(stream)}
    assert max(ids.values()) <= kill_count, "each kill repeats the page it hits, at most"
    assert ids.total() <= ROWS + kill_count * 50
    each_kill = 4 if num_workers == 1 else 40  # what was in flight by then, or not yet printed
    per_page = 1 if num_workers == 1 else 2
    request_count = len([call for call in site.calls if call.path == PATHS[stream]])
    assert request_count <= per_page * ROWS // 50 + each_kill * kill_count


def moments(kills: int, stream: str) -> list[tuple[int, Signals]]:
    """Lines of a read, and the signal that the process gets there."""
    chance = random.Random(f"{kills} {stream}")  # noqa: S311 (no secret)
    return [(chance.randrange(1, 250), (SIGKILL, SIGTERM)[n % 2]) for n in range(kills)]


def named_in(messages: list[Message], stream: str) -> set[str]:
    """The keys that the last state names; of the audit log, those behind the last state."""
    types = [message["type"] for message in messages]
    last = max((place for place, each in enumerate(types) if each == "STATE"), default=-1)
    if stream == PINNED or last < 0:
        return set(keys_in(messages[last + 1 :], stream))
    state = messages[last]["state"]["stream"]["stream_state"]
    return {*state["told"], *map(str, state.get("ids", ()))}


@pytest.mark.parametrize("stream", [BY_ID, PINNED] if IS_SHORT else [*PREFETCHED, PINNED])
@pytest.mark.parametrize("num_workers", [8] if IS_SHORT else [1, 8])
def test_kills_of_incremental_reads_lose_nothing(
    stream: str, num_workers: int, tmp_path: Path
) -> None:
    """Of the first read and of a later one; what comes twice was named in the last state."""
    service = Service(CHANGING, page_cap=50, clock=Clock(frozen_at=NOON))
    with serve(service, settings={"num_workers": num_workers}) as site:
        connector = Connector(tmp_path, site)
        connector.written(connector.catalog, configured_catalog(stream, is_incremental=True))
        reads = KilledReads(connector)
        for is_later in (False, True):
            if is_later:
                happen(site, stream, edited=EDITED, events=len(EDITED))
            ends: list[bool] = []
            come: set[str] = set()
            named: set[str] = set()
            for line_count, number in [*moments(INCREMENTAL_KILLS, stream), (None, SIGKILL)]:
                site.service.clock.advance(60)  # one that stood still would be read a few ms apart
                lines = reads.killed(line_count, number)
                keys = keys_in(lines, stream)
                assert len(keys) == len(set(keys))
                assert come & set(keys) <= named
                ends.append(is_complete(lines))
                come, named = come | set(keys), named_in(lines, stream)
            assert (ends[0], ends[-1]) == (False, True)
            assert alive(reads.destination, stream) == visible(site, stream)
        site.service.clock.advance(60)
        assert keys_in(reads.killed(None), stream) == []
