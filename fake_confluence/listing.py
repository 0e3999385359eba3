"""Walk through a list of v2 in any order, from any position, over rows that change meanwhile."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from heapq import merge

from fake_confluence.paging import Value
from fake_confluence.query import Key, Query
from fake_confluence.table import Table

Tests = dict[str, Callable[[Value], bool]]
"""What each fact of a row must pass."""


def walk(query: Query, table: Table, hidden_spaces: Collection[str] = ()) -> Iterator[Key]:
    """The positions of the rows that a request is for, in its order.

    Generated rows were sorted once. Those that have changed are sorted at each request, and merged.
    """
    tests: Tests = {name: wanted.__contains__ for name, wanted in query.wanted.items()}
    if hidden_spaces and "space-id" in table.paging.filters:
        wanted = query.wanted.get("space-id")
        tests["space-id"] = lambda space: (
            space not in hidden_spaces and (wanted is None or space in wanted)
        )
    generated, altered = _generated(query, table, tests), _altered(query, table, tests)
    return merge(generated, altered, reverse=query.is_descending)


def _generated(query: Query, table: Table, tests: Tests) -> Iterator[Key]:
    facts, ids = table.generated, table.paging.ids
    kinds = {name: each.generated for name, each in table.paging.filters.items() if each.generated}
    wanted = query.wanted
    if any(kinds[name].isdisjoint(wanted[name]) for name in kinds.keys() & wanted):
        return
    sure = {name for name in kinds.keys() & wanted if kinds[name] <= wanted[name]}
    needed = [(name, test) for name, test in tests.items() if name not in sure]

    def key(index: int) -> Key:
        return facts.value(query.fact, index), ids[index]

    for index in _after(query, _order(query, table, key), key):
        is_as_generated = index not in table.altered
        if is_as_generated and all(test(facts.value(name, index)) for name, test in needed):
            yield key(index)


def _order(query: Query, table: Table, key: Callable[[int], Key]) -> Sequence[int]:
    """The generated rows that may be meant, least first."""
    if query.indices is None:
        return table.generated.order(query.fact)
    return sorted((each for each in query.indices if 0 <= each < table.generated.count), key=key)


def _altered(query: Query, table: Table, tests: Tests) -> Iterator[Key]:
    named = table.listed if query.indices is None else table.listed.keys() & query.indices

    def key(index: int) -> Key:
        return table.listed[index][query.fact], table.paging.ids[index]

    found = [i for i in named if all(test(table.listed[i][name]) for name, test in tests.items())]
    return (key(index) for index in _after(query, sorted(found, key=key), key))


def _after(query: Query, order: Sequence[int], key: Callable[[int], Key]) -> Iterator[int]:
    """The sorted rows behind the position of the request, in its direction."""
    if query.is_descending:
        end = len(order) if query.after is None else bisect_left(order, query.after, key=key)
        return (order[place] for place in range(end - 1, -1, -1))
    begin = 0 if query.after is None else bisect_right(order, query.after, key=key)
    return (order[place] for place in range(begin, len(order)))
