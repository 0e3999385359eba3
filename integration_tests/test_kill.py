"""A sync that is killed many times, at any moment, and resumes each time: nothing is missing."""

import json
import os
import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from fake_confluence import Fault, Service, serve
from fake_confluence.catalog import configured_catalog
from integration_tests.connector import COMMAND, Connector, Message
from unit_tests.streams_under_test import BY_ID, KEYS, PATHS, PINNED, contents, key_of

TIMES = 1 if os.environ.get("HYPOTHESIS_PROFILE", "short") == "short" else 4
"""How many times as long the syncs are, and as often killed, where there is time, as in CI."""
ROWS = 1_250 * TIMES
CONTENT = contents({BY_ID: ROWS, PINNED: ROWS})


def printed_until(line_count: int | None, connector: Connector, state: Path) -> list[Message]:
    """Read the stream; kill the process when so many lines have come, whatever it does by then."""
    command: list[str | Path] = [COMMAND, "read", "--config", connector.config]
    with subprocess.Popen(
        [*command, "--catalog", connector.catalog, "--state", state],
        env=connector.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        lines = []
        for line in process.stdout or ():
            lines.append(line)
            if len(lines) == line_count:
                process.kill()  # what is in the pipe by now has been printed, and is read
    whole = [line for line in lines if line.endswith("}\n")]  # the last one may be cut off
    return [json.loads(line) for line in whole]


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
        state = connector.written(tmp_path / "state.json", [])
        ids: Counter[str] = Counter()
        for attempt in range(kill_count + 1):
            is_last = attempt == kill_count
            lines = printed_until(None if is_last else chance.randrange(1, 150), connector, state)
            ids.update(m["record"]["data"][KEYS[stream]] for m in lines if m["type"] == "RECORD")
            states = [m["state"] for m in lines if m["type"] == "STATE"]
            if states:
                connector.written(state, states[-1:])
            statuses = [m["trace"] for m in lines if m["type"] == "TRACE"]
            is_complete = "COMPLETE" in json.dumps(statuses).replace("INCOMPLETE", "")
            assert is_complete == is_last

    assert set(ids) == {key_of(stream, row) for row in CONTENT.rows(stream)}
    assert max(ids.values()) <= kill_count, "each kill repeats the page it hits, at most"
    assert ids.total() <= ROWS + kill_count * 50
    each_kill = 4 if num_workers == 1 else 40  # what was in flight by then, or not yet printed
    per_page = 1 if num_workers == 1 else 2
    request_count = len([call for call in site.calls if call.path == PATHS[stream]])
    assert request_count <= per_page * ROWS // 50 + each_kill * kill_count
