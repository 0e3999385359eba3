"""Say how a list is paged, sorted and filtered: by cursor in v2, by offset in v1."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fake_confluence.request import Parameters, RefusedError, whole_number
from fake_confluence.rows import Row

_MAX_IDS = 250

Value = int | str
Fact = Callable[[Row], Value]
"""What of a row it is sorted or filtered by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A parameter of v2 that selects rows by one fact.

    Several values are separated by commas, or the parameter is repeated.

    Args:
        fact: The fact.
        values: The values that are understood; any when empty.
        default: The values where the parameter is not given; all rows when empty.
        generated: The values of generated rows, if these are few: it spares looking at each row.
        is_number: Whether values must be digits.
        max_values: The most values of one request.
        ignores_case: Whether small letters stand for capital ones; the fact must be in small ones.
    """

    fact: Fact
    values: frozenset[str] = frozenset()
    default: frozenset[Value] = frozenset()
    generated: frozenset[Value] = frozenset()
    is_number: bool = False
    max_values: int = 250
    ignores_case: bool = False

    def wanted(self, name: str, params: Mapping[str, str]) -> frozenset[Value]:
        """The values that a request asks for; none when it is for all rows."""
        if name not in params:
            return self.default
        parts = params[name].split(",")
        if len(parts) > self.max_values:
            raise _too_many(name, len(parts), self.max_values)
        for part in parts:
            if not self._understands(part):
                raise RefusedError(f"Provided value {{{part}}} for '{name}' is not allowed.")
        return frozenset(map(str.lower, parts) if self.ignores_case else parts)

    def _understands(self, value: str) -> bool:
        is_sound = not self.is_number or (value.isascii() and value.isdigit())
        return is_sound and bool(value) and (not self.values or value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByCursor:
    """How a list of v2 is paged; visitors see no rows.

    Args:
        max_rows: The largest `limit`; a larger one is refused.
        default_rows: The `limit` where none is given.
        ids: The ids of its rows; they increase with the index.
        id_name: The parameter for rows by id, `id=65538,4259830`; none when empty.
        sorts: What `sort` understands besides `id`: `{"created-date": …}`.
        filters: Its other parameters that select rows.
    """

    max_rows: int = 250
    default_rows: int = 25
    ids: range = range(1, 2**62)
    id_name: str = ""
    sorts: Mapping[str, Fact] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)

    @property
    def parameters(self) -> Parameters:
        """Those of every list of v2, and its own."""
        orders = [f"{sign}{name}" for name in ("id", *self.sorts) for sign in ("", "-")]
        known: Parameters = dict.fromkeys(("limit", "cursor", *self.repeatable))
        return {**known, "sort": orders} if self.sorts else known

    @property
    def repeatable(self) -> tuple[str, ...]:
        """The parameters that may be given several times."""
        return (*((self.id_name,) if self.id_name else ()), *self.filters)

    def facts(self, row: Row) -> dict[str, Value]:
        """What a row is sorted and filtered by."""
        facts = {name: fact(row) for name, fact in self.sorts.items()}
        return facts | {name: each.fact(row) for name, each in self.filters.items()}

    def limit(self, params: Mapping[str, str]) -> int:
        """How many rows are asked for."""
        limit = whole_number(params, "limit", self.default_rows)
        if limit > self.max_rows:
            raise _too_many("limit", limit, self.max_rows)
        if limit < 1:
            raise RefusedError("'limit' is less than 1.")
        return limit

    def number(self, own_id: int) -> int:
        """How many rows of the list may have an id up to this one."""
        return bisect_right(self.ids, own_id)

    def indices(self, text: str) -> list[int]:
        """The rows whose ids are `65538,4259830`, in the order of the list; -1 is no row."""
        parts = text.split(",")
        if len(parts) > _MAX_IDS or not all(part.isascii() and part.isdigit() for part in parts):
            raise RefusedError(f"'{self.id_name}' is not a list of at most {_MAX_IDS} ids.")
        wanted = map(int, parts)
        return sorted({self.ids.index(own) if own in self.ids else -1 for own in wanted})


def _too_many(name: str, given: int, allowed: int) -> RefusedError:
    return RefusedError(
        f"Provided size {{{given}}} for '{name}' is greater than the max allowed: {allowed}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ByOffset:
    """How a list of v1 is paged; visitors get a 403.

    Args:
        max_rows: The most rows in one response; a larger `limit` is lowered silently.
        has_next_link: Whether a response has a next link.
        size_is_total: Whether `size` counts the whole list instead of the response. Real sites
            differ in this.
        date_field: The field of a row that `startDate` and `endDate` filter by.
    """

    max_rows: int
    has_next_link: bool = True
    size_is_total: bool = False
    date_field: str = ""

    @property
    def parameters(self) -> Parameters:
        """Those of every list of v1, and two more where rows have dates."""
        dates = ("startDate", "endDate") if self.date_field else ()
        return dict.fromkeys(("start", "limit", *dates))

    def limit(self, params: Mapping[str, str]) -> int:
        """How many rows are asked for, or the most that the site gives."""
        return min(whole_number(params, "limit", self.max_rows), self.max_rows)
