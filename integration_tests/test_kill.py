"""A sync that is killed, twenty times, at any moment, and goes on each time: nothing is missing."""

import json
import random
import subprocess
from collections import Counter
from pathlib import Path

from fake_confluence import Content, Fault, RunningSite, Service, serve
from integration_tests.connector import Connector, Message

KILLS = 20
CONTENT = Content(pages=5_000, spaces=20, body_bytes=60)
CATALOG = {
    "streams": [
        {
            "stream": {
                "name": "pages",
                "json_schema": {},
                "supported_sync_modes": ["full_refresh"],
            },
            "sync_mode": "full_refresh",
            "destination_sync_mode": "overwrite",
        }
    ]
}


def printed_until(line_count: int | None, connector: Connector, state: Path) -> list[Message]:
    """Read the stream; kill the process when so many lines have come, whatever it does by then."""
    command = [*connector.command, "read", "--config", connector.config]
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


def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(20_261_122)  # noqa: S311 (no secret)
    far_away = Fault(kind="slow", seconds=0.05, path="/pages", count=None)
    with serve(Service(CONTENT, page_cap=50, faults=[far_away])) as site:
        connector = Connector(tmp_path, site)
        connector.written(connector.catalog, CATALOG)
        state = connector.written(tmp_path / "state.json", [])
        ids: Counter[str] = Counter()
        for attempt in range(KILLS + 1):
            is_last = attempt == KILLS
            lines = printed_until(None if is_last else chance.randrange(1, 150), connector, state)
            ids.update(m["record"]["data"]["id"] for m in lines if m["type"] == "RECORD")
            states = [m["state"] for m in lines if m["type"] == "STATE"]
            if states:
                connector.written(state, states[-1:])
            statuses = [m["trace"] for m in lines if m["type"] == "TRACE"]
            is_complete = "COMPLETE" in json.dumps(statuses).replace("INCOMPLETE", "")
            assert is_complete == is_last

    assert sorted(ids) == sorted(row["id"] for row in CONTENT.rows("pages"))
    assert max(ids.values()) <= KILLS, "each kill repeats the page it hits, at most"
    assert ids.total() <= CONTENT.pages + KILLS * 50
    # airbyte-cdk 7.39.1 prints ten times a second, so what it read since then is read again.
    assert requests_for_lists(site) <= CONTENT.pages // 50 + 4 * KILLS


def requests_for_lists(site: RunningSite) -> int:
    return len([call for call in site.calls if call.path.endswith("/pages")])
