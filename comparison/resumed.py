"""List the reads that resume others, from the states that these have printed."""

import json
from concurrent.futures import Executor
from itertools import product

from comparison.catalog import WORKERS, state_entry
from comparison.scenario import HOST, Printed, Scenario, printed
from comparison.starter import Starters
from comparison.versions import Versions
from unit_tests.streams_under_test import NAMES

_SOURCES = (
    Scenario(name="12 rows by fives"),
    Scenario(name="12 rows by fives", num_workers=8),
)


def resumed(versions: Versions, pool: Executor, starters: Starters) -> list[Scenario]:
    """Both versions resume from each state that one of them prints; once where both print it."""
    runs = list(product(_SOURCES, (versions.other, versions.this)))
    found = pool.map(lambda run: _states(printed(run[0], run[1], starters)), runs)
    names: dict[str, str] = {}
    for (source, version), states in zip(runs, found, strict=True):
        for number, state in enumerate(states, 1):
            name = f"state {number} of {version.name}, {source.num_workers} workers"
            names.setdefault(state, name)
    return [
        Scenario(name=f"resume: {name}, by {workers}", state=state, num_workers=workers)
        for state, name in names.items()
        for workers in WORKERS
    ]


def _states(one: Printed) -> list[str]:
    """What `--state` gives when each stream has printed so many states, or all that it prints."""
    found: dict[str, list[object]] = {name: [] for name in NAMES}
    for line in one.stdout:
        if line.startswith('{"type":"STATE"'):
            stream = json.loads(line)["state"]["stream"]
            found[stream["stream_descriptor"]["name"]].append(stream.get("stream_state"))
    return [
        _state_after(found, count).replace(one.host, HOST)
        for count in range(1, max(map(len, found.values())) + 1)
    ]


def _state_after(found: dict[str, list[object]], count: int) -> str:
    last = {name: states[:count][-1] for name, states in found.items() if states}
    return json.dumps([state_entry(name, state) for name, state in last.items()])
