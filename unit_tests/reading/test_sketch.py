"""A sketch names what differs from what was told, or says that it cannot."""

import gzip
import json
import random
import tracemalloc
from base64 import b64decode, b64encode
from collections.abc import Iterable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from source_confluence.exceptions import TooManyDifferencesError
from source_confluence.reading.sketch import CELLS, Sketch

FEW = 40  # cells, so that some sets can be named and others cannot
ALWAYS_NAMED = 2_100
"""So many differences at the default size, 0.7 a cell: see benchmarks/README.md."""

ELEMENTS = st.integers(0, 2**96 - 1)
SETS = st.sets(ELEMENTS, max_size=30)
CHANCE = st.integers(0, 2**32).map(random.Random)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda trees: st.lists(trees) | st.dictionaries(st.text(), trees),
    max_leaves=8,
)


def sketch_of(elements: Iterable[int], cells: int = FEW) -> Sketch:
    sketch = Sketch(cells)
    for element in elements:
        sketch.add(element)
    return sketch


def some(chance: random.Random, count: int) -> set[int]:
    return {chance.getrandbits(96) for _ in range(count)}


def unpacked(text: str) -> bytes:
    return gzip.decompress(b64decode(text))


def packed(raw: bytes) -> str:
    return b64encode(gzip.compress(raw)).decode()


@given(SETS, SETS, SETS)
def test_the_differences_are_named_on_both_sides(both: set[int], a: set[int], b: set[int]) -> None:
    now, then = both | a, both | b
    assert sketch_of(now, CELLS).minus(sketch_of(then, CELLS)) == (now - then, then - now)


@given(SETS, SETS, SETS)
def test_where_cells_are_few_all_differences_are_named_or_none(
    both: set[int], a: set[int], b: set[int]
) -> None:
    now, then = both | a, both | b
    try:
        found = sketch_of(now).minus(sketch_of(then))
    except TooManyDifferencesError:
        return
    assert found == (now - then, then - now)


@given(CHANCE, st.integers(FEW + 1, 3 * FEW), st.integers(0, FEW))
def test_more_differences_than_cells_are_too_many(
    chance: random.Random, count: int, gone_count: int
) -> None:
    elements = list(some(chance, count))
    now, then = sketch_of(elements[gone_count:]), sketch_of(elements[:gone_count])
    with pytest.raises(TooManyDifferencesError, match="more than 40 cells can name"):
        now.minus(then)


def test_differences_are_named_among_100_000_rows_that_are_the_same() -> None:
    chance = random.Random(14)  # noqa: S311 (the same elements each time)
    same = list(some(chance, 100_000))
    created, gone = some(chance, ALWAYS_NAMED // 2), some(chance, ALWAYS_NAMED // 2)
    now, then = sketch_of([*created, *same], CELLS), sketch_of([*reversed(same), *gone], CELLS)
    assert now.minus(then) == (created, gone)
    assert (now.count, then.count) == (101_050, 101_050)


@given(SETS, CHANCE)
def test_the_order_of_entries_does_not_matter(elements: set[int], chance: random.Random) -> None:
    shuffled = chance.sample(sorted(elements), len(elements))
    assert sketch_of(shuffled).saved() == sketch_of(elements).saved()


@given(SETS, CHANCE)
def test_what_is_added_and_removed_has_never_been_there(
    elements: set[int], chance: random.Random
) -> None:
    """In whichever order."""
    sketch = sketch_of({7 << 32})
    acts = [(act, element) for act in (sketch.add, sketch.remove) for element in sorted(elements)]
    chance.shuffle(acts)
    for act, element in acts:
        act(element)
    assert sketch.saved() == sketch_of({7 << 32}).saved()
    assert sketch.count == 1


@given(SETS)
def test_the_count_is_that_of_the_elements(elements: set[int]) -> None:
    assert sketch_of(elements).count == len(elements)


def test_sketches_of_two_sizes_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="is longer than"):
        Sketch(FEW).minus(Sketch(FEW + 4))


def test_a_moved_row_is_named_as_it_was_and_as_it_is() -> None:
    """With the largest id there can be."""
    row = 2**64 - 1
    here, there = row << 32 | 1, row << 32 | 2**32 - 1
    assert sketch_of({there}).minus(sketch_of({here})) == ({there}, {here})


@given(SETS, st.integers(0, FEW - 1), st.integers(-2, 2), st.just(0) | st.integers(0, 2**128 - 1))
def test_of_a_sketch_with_a_damaged_cell_nothing_is_named(
    elements: set[int], cell: int, step: int, mask: int
) -> None:
    assume(step or mask)
    damaged = sketch_of(elements)
    damaged.tallies[cell] += step
    damaged.sums[cell] ^= mask
    with pytest.raises(TooManyDifferencesError):
        damaged.minus(Sketch(FEW))


def test_an_element_that_appears_again_and_again_comes_to_an_end() -> None:
    """In one of its cells only: taken out there, it stands in the others, the other way round."""
    sketch = sketch_of({7 << 32})
    _, *others = [cell for cell, tally in enumerate(sketch.tallies) if tally]
    for cell in others:
        sketch.tallies[cell] = sketch.sums[cell] = 0
    with pytest.raises(TooManyDifferencesError):
        sketch.minus(Sketch(FEW))


PARTS = st.tuples(ELEMENTS, st.integers(-2, 2), st.lists(st.booleans(), min_size=4, max_size=4))


@given(st.lists(PARTS))
def test_whatever_stands_in_the_cells_what_is_named_explains_all_of_it(
    parts: list[tuple[int, int, list[bool]]],
) -> None:
    """Elements of which some cells are missing, or that were entered twice."""
    odd = Sketch(FEW)
    for element, step, is_there in parts:
        whole = sketch_of({element})
        cells = [cell for cell, tally in enumerate(whole.tallies) if tally]
        for cell in [cell for cell, is_in in zip(cells, is_there, strict=True) if is_in]:
            odd.tallies[cell] += step
            odd.sums[cell] ^= whole.sums[cell]
    try:
        added, removed = odd.minus(Sketch(FEW))
    except TooManyDifferencesError:
        return
    again = sketch_of(added)
    for element in removed:
        again.remove(element)
    assert again.saved() == odd.saved()


@given(SETS, SETS)
def test_a_saved_sketch_is_the_same_after_it_was_in_a_state(
    added: set[int], gone: set[int]
) -> None:
    sketch = sketch_of(added)
    for element in gone:
        sketch.remove(element)
    again = Sketch.of(json.loads(json.dumps(sketch.saved())), FEW)
    assert again is not None
    assert (again.tallies, again.sums) == (sketch.tallies, sketch.sums)


@given(JSON)
def test_what_is_no_saved_sketch_is_none(value: object) -> None:
    assert Sketch.of(value) is None


@given(st.binary() | st.binary(max_size=80).map(lambda b: b"\1" * 17 + b))
def test_what_is_packed_like_a_sketch_is_none_unless_it_has_the_size(raw: bytes) -> None:
    assert Sketch.of(packed(raw), FEW) is None
    assert Sketch.of(b64encode(raw).decode(), FEW) is None


@given(SETS, st.integers(0, 2_000), st.integers(0, 3), st.text(max_size=3))
def test_a_saved_sketch_that_was_changed_is_none_or_still_the_same(
    elements: set[int], at: int, cut: int, put: str
) -> None:
    text = sketch_of(elements).saved()
    at %= len(text)
    changed = Sketch.of(text[:at] + put + text[at + cut :], FEW)
    assert changed is None or changed.saved() == text


RAW = unpacked(sketch_of({7 << 32}).saved())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(sketch_of({7 << 32}, FEW + 4).saved(), id="of more cells"),
        pytest.param(sketch_of({7 << 32}, FEW - 4).saved(), id="of fewer cells"),
        pytest.param(packed(b"\2" + RAW[1:]), id="in another format"),
        pytest.param(packed(RAW + b"\0"), id="with more behind it"),
        pytest.param(packed(RAW[:-1]), id="without its last byte"),
        pytest.param(b64encode(b64decode(packed(RAW)) * 2).decode(), id="twice"),
        pytest.param(b64encode(b64decode(packed(RAW))[:-8] + bytes(8)).decode(), id="CRC"),
        pytest.param(b64encode(b64decode(packed(RAW))[:-1]).decode(), id="cut"),
        pytest.param(b64encode(RAW).decode(), id="not compressed"),
        pytest.param("", id="empty"),
        pytest.param("\ud800", id="no text"),
    ],
)
def test_a_sketch_that_is_not_whole_or_of_another_kind_is_none(text: str) -> None:
    assert Sketch.of(packed(RAW), FEW) is not None
    assert Sketch.of(text, FEW) is None


def test_what_would_fill_the_memory_is_not_unpacked() -> None:
    bomb = packed(bytes(50_000_000))
    tracemalloc.start()
    try:
        assert Sketch.of(bomb) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_the_text_for_a_state_is_limited_and_short_for_a_small_site() -> None:
    chance = random.Random(14)  # noqa: S311 (the same elements each time)
    full = Sketch()
    full.tallies = [chance.randrange(-(2**31), 2**31) for _ in range(CELLS)]
    full.sums = [chance.getrandbits(128) for _ in range(CELLS)]
    assert len(full.saved()) <= 82_000
    assert len(sketch_of(some(chance, 100), CELLS).saved()) <= 6_000
    assert len(Sketch().saved()) <= 200
