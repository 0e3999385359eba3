"""Walk through a list of v2 in any order, from any position, over rows that change meanwhile."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

from fake_confluence.facts import Facts
from fake_confluence.paging import ByCursor, Value
from fake_confluence.query import Key, Query

Test = Callable[[Value], bool]


def walk(query: Query, paging: ByCursor, facts: Facts) -> Iterator[Key]:
    """The positions of the rows that a request is for, in its order."""
    return _generated(query, paging, facts)


def _generated(query: Query, paging: ByCursor, facts: Facts) -> Iterator[Key]:
    tests = _tests(query, paging)
    if tests is None:
        return

    def key(index: int) -> Key:
        return facts.value(query.fact, index), paging.ids[index]

    order = _named(query.indices, facts.count, key) if query.indices is not None else None
    order = facts.order(query.fact) if order is None else order
    for place in _places(order, query, key):
        index = order[place]
        if all(test(facts.value(name, index)) for name, test in tests):
            yield key(index)


def _named(indices: list[int], count: int, key: Callable[[int], Key]) -> Sequence[int]:
    return sorted((index for index in indices if 0 <= index < count), key=key)


def _places(order: Sequence[int], query: Query, key: Callable[[int], Key]) -> range:
    """The places in the sorted rows where the walk goes, one after the other."""
    if query.is_descending:
        end = len(order) if query.after is None else bisect_left(order, query.after, key=key)
        return range(end - 1, -1, -1)
    begin = 0 if query.after is None else bisect_right(order, query.after, key=key)
    return range(begin, len(order))


def _tests(query: Query, paging: ByCursor) -> list[tuple[str, Test]] | None:
    """What must be asked of a generated row; None where no generated row can be wanted."""
    tests: list[tuple[str, Test]] = []
    for name, wanted in query.wanted.items():
        generated = paging.filters[name].generated
        if generated and not generated.intersection(wanted):
            return None
        if not generated or not generated.issubset(wanted):
            tests.append((name, wanted.__contains__))
    return tests
