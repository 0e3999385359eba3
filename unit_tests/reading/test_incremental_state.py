"""The state of an incremental read stays small, and what is none is not taken for one."""

import json
import random

from source_confluence.reading.groups import MAX_NAMED
from source_confluence.reading.incremental_state import (
    MAX_EMITTED,
    MAX_RECENT,
    IncrementalState,
    Run,
)
from source_confluence.reading.ledger import MAX_TOLD
from source_confluence.reading.sketch import Sketch

LONG_ID = 4_194_304_000
SEED = 1


def full_sketch() -> Sketch:
    """One of a million rows, of which nothing is left that could be packed well."""
    chance = random.Random(SEED)  # noqa: S311 (nothing is kept secret by it)
    sketch = Sketch()
    for _ in range(100_000):
        sketch.add(chance.getrandbits(95))
    return sketch


def at_rest() -> IncrementalState:
    """The largest state that the next sync may begin with."""
    return IncrementalState(
        of="acme.atlassian.net/wiki/api/v2/pages",
        newest=1_795_608_000_000,
        watermark=1_795_607_000_000,
        recent={LONG_ID + number: 12 for number in range(3 * MAX_RECENT)},
        counted=1_795_607_000_000,
        counted_at=1_795_608_000_000,
        rows=1_000_000,
        sketch=full_sketch(),
        told={LONG_ID + number: (12, 3_735_928_559) for number in range(MAX_TOLD)},
    )


def size_of(state: IncrementalState) -> int:
    return len(json.dumps(state.saved(), separators=(",", ":")))


def test_at_rest_it_has_at_most_100_kilobytes() -> None:
    assert size_of(at_rest()) <= 100_000


def test_while_a_census_runs_it_has_at_most_twice_that() -> None:
    state = at_rest()
    run = Run(mode="census", until=1_795_607_500_000, sketch=full_sketch(), cursor="e" * 200)
    run.emitted = {LONG_ID + number: (12, 3_735_928_559) for number in range(3 * MAX_EMITTED)}
    state.told |= dict.fromkeys(range(2 * LONG_ID, 2 * LONG_ID + MAX_NAMED))
    state.run = run
    assert size_of(state) <= 200_000


def test_what_was_saved_is_understood() -> None:
    state = at_rest()
    state.run = Run(mode="census", until=7, ids=[5, 6], emitted={4: None, 5: (1, 2)})
    saved = json.loads(json.dumps(state.saved()))
    again = IncrementalState.of_saved(saved)
    assert again is not None
    assert json.loads(json.dumps(again.saved())) == saved
