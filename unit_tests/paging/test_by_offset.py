"""A list by offset is read to its end, however short its answers are and however its rows move."""

from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_confluence.exceptions import BrokenPagingError
from source_confluence.paging.by_offset import OffsetPager
from source_confluence.paging.page import Page, Row
from source_confluence.paging.pager import Position

LIMIT = 10
Answer = Callable[[int], list[Row]]


def row(number: int) -> Row:
    return {"id": str(number)}


def ids(rows: list[Row]) -> list[str]:
    return [str(each["id"]) for each in rows]


class Reader:
    """Reads a list as the connector's `Reader` does, with nothing in between.

    Args:
        answer: The rows from an offset on.
    """

    def __init__(self, answer: Answer, *, limit: int = LIMIT) -> None:
        self.warnings: list[str] = []
        self.pager = OffsetPager(warn=self.warnings.append)
        self.limit = limit
        self.starts: list[int] = []
        self.position: Position | None = {}
        self._answer = answer

    def pages(self) -> Iterator[list[Row]]:
        while self.position is not None:
            page = self._asked(self.pager.ask_at(self.position))
            while (another := self.pager.ask_again(page)) is not None:
                page = self._asked(another)
            page = self.pager.settle(page)
            yield self.pager.admit(page)
            self.position = self.pager.position_after(page)

    def read(self) -> list[Row]:
        return [each for page in self.pages() for each in page]

    def _asked(self, token: Position) -> Page:
        self.starts.append(int(token.get("start", 0)))
        assert len(self.starts) < 1_000, "it ends"
        return Page(rows=self._answer(self.starts[-1]), asked_rows=self.limit)


def listed(rows: list[Row], cap: int = LIMIT) -> Answer:
    return lambda start: rows[start : start + cap]


@pytest.mark.parametrize("cap", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11, 20, 45])
def test_a_site_may_give_fewer_rows_than_it_says(cap: int, count: int) -> None:
    rows = [row(number) for number in range(count)]
    assert Reader(listed(rows, cap)).read() == rows


def test_a_row_that_is_pushed_on_between_the_last_two_requests_comes_once() -> None:
    there = [row(number) for number in range(12)]
    rows = [*there]

    def answer(start: int) -> list[Row]:
        found = rows[start : start + LIMIT]
        if start == 11 and len(rows) == 12:
            rows.insert(5, row(99))
        return found

    assert Reader(answer).read() == there


@pytest.mark.parametrize(
    ("count", "starts"), [(0, [0]), (3, [0, 2, 3]), (13, [0, 9, 12, 13]), (10, [0, 9, 10])]
)
def test_the_end_is_believed_when_the_last_row_is_in_its_place_and_nothing_behind_it(
    count: int, starts: list[int]
) -> None:
    reader = Reader(listed([row(number) for number in range(count)]))
    reader.read()
    assert reader.starts == starts


@given(seed=st.integers(0, 2**32), count=st.integers(0, 60))
def test_answers_of_any_length_are_followed(seed: int, count: int) -> None:
    chance = Random(seed)  # noqa: S311 (a test)
    rows = [row(number) for number in range(count)]
    reader = Reader(lambda start: rows[start : start + chance.randint(1, LIMIT)])
    assert reader.read() == rows


def change(rows: list[Row], chance: Random, added: float) -> None:
    """Let a row come, or go."""
    if chance.random() < added:
        rows.insert(chance.randint(0, len(rows)), row(10_000 + chance.randrange(10**6)))
    elif rows:
        rows.pop(chance.randrange(len(rows)))


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 80),
    cap=st.integers(5, LIMIT),
    often=st.floats(0, 0.5),
    added=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_rows_that_stay_are_not_lost_when_a_few_are_removed_or_added_before_them(
    seed: int, count: int, cap: int, often: float, added: float
) -> None:
    """Between two requests a few rows go, or others come, at any place, and then not for three."""
    chance = Random(seed)  # noqa: S311 (a test)
    rows = [row(number) for number in range(count)]
    there = list(rows)
    quiet = [0]

    def moving(start: int) -> list[Row]:
        quiet[0] -= 1
        if quiet[0] < 0 and chance.random() < often:
            quiet[0] = 3
            for _ in range(chance.randint(1, cap // 2)):
                change(there, chance, added)
        return there[start : start + cap]

    reader = Reader(moving, limit=cap)
    try:
        found = ids(reader.read())
    except BrokenPagingError:
        return  # so many that they emptied the list, or that a page looks like the one before
    stayed = [each for each in ids(rows) if each in ids(there)]
    assert reader.warnings or set(stayed) <= set(found)
    if not added and not reader.warnings:
        assert [each for each in found if each in stayed] == stayed, "once, in order"


def test_rows_that_slipped_past_are_fetched_from_a_page_earlier() -> None:
    rows = [row(number) for number in range(30)]
    reader = Reader(lambda start: rows[start : start + 5])
    pages = reader.pages()
    before = [*next(pages), *next(pages)]
    del rows[2:5]
    assert ids([*before, *(each for page in pages for each in page)]) == [str(n) for n in range(30)]
    assert reader.starts[:4] == [0, 4, 8, 4]
    assert reader.warnings == []


def test_when_the_last_row_itself_is_removed_the_one_before_it_shows_the_place() -> None:
    rows = [row(number) for number in range(30)]
    reader = Reader(lambda start: rows[start : start + 5])
    pages = reader.pages()
    before = [*next(pages), *next(pages)]
    del rows[8]
    after = [each for page in pages for each in page]
    assert ids([*before, *after]) == [str(number) for number in range(30)]
    assert reader.warnings == []


@given(seed=st.integers(0, 2**32), behind=st.integers(1, 3))
@pytest.mark.parametrize(("limit", "count"), [(10, 60), (200, 450)])
def test_two_replicas_that_differ_lose_no_row_that_both_have(
    limit: int, count: int, seed: int, behind: int
) -> None:
    """One of them lacks the first rows; either may answer."""
    chance = Random(seed)  # noqa: S311 (a test)
    rows = [row(number) for number in range(count)]
    replicas = (rows, rows[behind:])
    reader = Reader(lambda start: chance.choice(replicas)[start : start + limit], limit=limit)
    try:
        found = ids(reader.read())
    except BrokenPagingError:
        return
    assert reader.warnings or set(ids(rows[behind:])) <= set(found)


@pytest.mark.parametrize("first", [3, 5, 7, 9, 11, 13])
def test_at_one_row_a_page_a_removed_row_hides_no_other(first: int) -> None:
    rows = [row(number) for number in range(9)]
    asked = [0]

    def removing(start: int) -> list[Row]:
        asked[0] += 1
        if asked[0] == first:
            del rows[0]
        return rows[start : start + 1]

    reader = Reader(removing, limit=1)
    assert set(ids(reader.read())) >= {str(number) for number in range(1, 9)} or reader.warnings


def test_a_short_page_just_before_rows_are_removed_is_not_the_end() -> None:
    """One of the second page is left out, and the one that is left at the end slips forward."""
    rows = [row(number) for number in range(399)]
    asked = [0]

    def answer(start: int) -> list[Row]:
        asked[0] += 1
        if asked[0] == 3:
            del rows[0]
        return rows[start : start + (199 if asked[0] == 2 else 200)]

    reader = Reader(answer, limit=200)
    assert ids(reader.read()) == [str(number) for number in range(399)]


def test_a_list_without_an_order_ends_and_says_so() -> None:
    chance = Random(1)  # noqa: S311 (a test)
    rows = [row(number) for number in range(100)]

    def shuffled(start: int) -> list[Row]:
        chance.shuffle(rows)
        return rows[start : start + 5]

    reader = Reader(shuffled)
    try:
        reader.read()
    except BrokenPagingError:
        pytest.fail("it is read to its end")
    assert len(reader.starts) < 400
    assert len(reader.warnings) == 1
    assert "in another order each time" in reader.warnings[0]


def test_a_list_that_shrinks_by_more_than_a_page_is_not_at_its_end() -> None:
    rows = [row(number) for number in range(40)]
    reader = Reader(lambda start: rows[start : start + 5])
    pages = reader.pages()
    for _ in range(6):
        next(pages)
    del rows[:20]
    with pytest.raises(BrokenPagingError, match="ends before the place"):
        list(pages)


@pytest.mark.parametrize("cap", [1, 2, 3, 10])
def test_a_site_that_ignores_the_offset_is_an_error(cap: int) -> None:
    rows = [row(number) for number in range(40)]
    with pytest.raises(BrokenPagingError):
        Reader(lambda _: rows[:cap]).read()


def test_pages_that_come_again_later_are_an_error_at_once() -> None:
    """A circle of three: nothing leaves twice."""
    rows = [row(number) for number in range(15)]
    reader = Reader(lambda start: rows[start % 12 :][:5])
    with pytest.raises(BrokenPagingError, match="same rows again"):
        reader.read()
    assert len(reader.starts) < 7


@given(st.lists(st.integers(0, 2), max_size=60), st.integers(0, 2**32))
def test_of_rows_that_are_alike_none_is_left_out(numbers: list[int], seed: int) -> None:
    """Events of one millisecond that agree in everything have the same key."""
    chance = Random(seed)  # noqa: S311 (a test)
    rows = [row(number) for number in numbers]
    found = Reader(lambda start: rows[start : start + chance.randint(2, 5)])
    try:
        came = ids(found.read())
    except BrokenPagingError:
        return  # rows that are alike for pages look like a site that ignores the offset
    assert came == ids(rows)
