"""The example that splits a site by its spaces: the connections cover it once, and completely."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from unit_tests.streams_under_test import NAMES

EXAMPLES = Path(__file__).parents[1] / "examples"
STREAMS = [{"name": name} for name in NAMES]
SIZES = st.dictionaries(st.text("ABCD~", min_size=1), st.integers(0, 1_000) | st.just(0))
PARTS = st.integers(1, 8)


def example() -> ModuleType:
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    return import_module("split_by_spaces")


def connections(
    sizes: dict[str, int], parts: int, config: dict[str, Any]
) -> list[tuple[dict[str, Any], set[str]]]:
    """The settings and the streams of each connection."""
    split = example()
    made = split.connected(split.balanced(sizes, parts), config, STREAMS)
    return [
        (each.config, {stream["stream"]["name"] for stream in each.catalog["streams"]})
        for each in made
    ]


def reads(config: dict[str, Any], key: str) -> bool:
    """Whether a connection reads a space, as the connector understands its settings."""
    named = config.get("spaces")
    return (named is None or key in named) and key not in config.get("excluded_spaces", [])


@given(sizes=SIZES, parts=PARTS)
def test_each_space_is_read_once_and_a_later_one_too(sizes: dict[str, int], parts: int) -> None:
    configs = [config for config, _ in connections(sizes, parts, {"email": "ada@acme.com"})]
    assert 1 <= len(configs) <= parts
    for key in [*sizes, "created later"]:
        assert sum(reads(config, key) for config in configs) == 1
    assert all(config["email"] == "ada@acme.com" for config in configs)
    assert all(config.get("spaces") != [] for config in configs), "the connector refuses that"


@given(sizes=SIZES, parts=PARTS, most=st.integers(1, 100))
def test_no_part_exceeds_its_fair_share_by_more_than_the_largest_space(
    sizes: dict[str, int], parts: int, most: int
) -> None:
    made = example().balanced(sizes, parts, most)
    share, largest = sum(sizes.values()) / parts, max(sizes.values(), default=0)
    for part in made:
        assert part.size == sum(sizes[key] for key in part.spaces)
        assert part.size <= share + largest
    if len(sizes) <= most * parts:
        assert made[-1].size == min(part.size for part in made), "room for what comes later"
        assert len(made) < parts or made[0].size - made[-1].size <= largest


def test_it_knows_every_stream() -> None:
    assert set(example().STREAMS) == set(NAMES)


@given(sizes=SIZES, parts=PARTS)
def test_one_connection_reads_what_belongs_to_no_space(sizes: dict[str, int], parts: int) -> None:
    read = [names for _, names in connections(sizes, parts, {})]
    for name in NAMES:
        count = len(read) if name in example().OF_SPACES else 1
        assert sum(name in names for names in read) == count


@given(sizes=SIZES.filter(bool), parts=PARTS)
def test_a_choice_of_spaces_is_split_and_stays_a_choice(sizes: dict[str, int], parts: int) -> None:
    made = connections(sizes, parts, {"spaces": [*sizes]})
    for key in sizes:
        assert sum(reads(config, key) for config, _ in made) == 1
    assert not any(reads(config, "created later") for config, _ in made)
    assert [names for _, names in made][-1] == set(NAMES)


@given(sizes=SIZES, parts=PARTS)
def test_what_was_left_out_before_stays_left_out(sizes: dict[str, int], parts: int) -> None:
    configs = [c for c, _ in connections(sizes, parts, {"excluded_spaces": ["OLD"]})]
    assert not any(reads(config, "OLD") for config in configs)


def test_few_spaces_are_dealt_out_by_size() -> None:
    sizes = {"BIG": 50, "MID": 30, "LOW": 25, "A": 1, "B": 2, "C": 3}
    made = [part.spaces for part in example().balanced(sizes, 3)]
    assert made == [("BIG",), ("MID", "A"), ("LOW", "C", "B")]


def test_many_small_spaces_leave_the_named_parts_to_what_confluence_filters() -> None:
    big = {f"ENG{number}": 10_000 for number in range(30)}
    personal = {f"~{number}": number % 5 for number in range(5_000)}
    *named, last = example().balanced({**big, **personal}, 3)
    assert all(len(part.spaces) <= 100 for part in named)
    assert last.size <= sum(part.size for part in (*named, last)) / 3 + 10_000
