"""Say which lists the site has: each is one row of `ROUTES`.

To add a list, add one row, a function that makes the rows of the list, and a field of `Sizes`:

    def badge(_: Sizes, index: int, random: Random) -> Row:
        return {"id": str(index + 1), "name": f"badge-{index}", "prefix": random.choice(PREFIXES)}

    Route(
        path="/wiki/api/v2/badges",
        name="badges",
        count=lambda sizes: sizes.badges,
        make=badge,
        paging=ByCursor(),
    )

For a list below another row, the value of the placeholder is the last argument of both functions:

    Route(
        path="/wiki/rest/api/group/{groupId}/membersByGroupId",
        name="group_members",
        count=lambda sizes, group_id: 5,
        make=member,
        paging=ByOffset(max_rows=200),
    )
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from fake_confluence.request import Parameters, RefusedError, whole_number
from fake_confluence.rows import (
    BLOG_POST_IDS,
    PAGE_IDS,
    SPACE_IDS,
    Row,
    blog_post,
    event,
    group,
    new_event,
    page,
    space,
)

_PLACEHOLDER = re.compile(r"\{\w+\}")
_MAX_IDS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class ByCursor:
    """How a list of v2 is paged; visitors see no rows.

    Args:
        max_rows: The largest `limit`; a larger one is refused.
        default_rows: The `limit` where none is given.
        ids: The ids of its rows; cursors are made from them.
        has_id_filter: Whether `id=65538,4259830` is understood.
    """

    max_rows: int = 250
    default_rows: int = 25
    ids: range = range(1, 2**62)
    has_id_filter: bool = False

    @property
    def parameters(self) -> Parameters:
        """Those of every list of v2."""
        ids = ("id",) if self.has_id_filter else ()
        return dict.fromkeys(("limit", "cursor", *ids))

    def limit(self, params: Mapping[str, str]) -> int:
        """How many rows are asked for."""
        limit = whole_number(params, "limit", self.default_rows)
        if limit > self.max_rows:
            raise RefusedError(
                f"Provided size {{{limit}}} for 'limit' is greater than the max allowed: "
                f"{self.max_rows}"
            )
        if limit < 1:
            raise RefusedError("'limit' is less than 1.")
        return limit

    def index_after(self, last_id: int) -> int:
        """The index of the first row whose id is greater than `last_id`."""
        return bisect_right(self.ids, last_id)

    def indices(self, text: str) -> list[int]:
        """The rows whose ids are `65538,4259830`, in the order of the list; -1 is no row."""
        parts = text.split(",")
        if len(parts) > _MAX_IDS or not all(part.isascii() and part.isdigit() for part in parts):
            raise RefusedError(f"'id' is not a list of at most {_MAX_IDS} ids.")
        wanted = map(int, parts)
        return sorted({self.ids.index(own) if own in self.ids else -1 for own in wanted})


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A list of the site.

    Args:
        path: Its path; `{groupId}` stands for any id.
        name: Its name in `Content` and in refusals.
        count: How many rows it has: `count(sizes, *parents)`.
        make: Makes one row: `make(sizes, index, random, *parents)`. Every made-up value must come
            from `random`.
        paging: How it is paged.
        parameters: The parameters it accepts besides those of its paging.
        make_new: Makes the n-th row that is added while the list is read, `make_new(n, instant)`.
    """

    path: str
    name: str
    count: Callable[..., int]
    make: Callable[..., Row]
    paging: ByCursor | ByOffset
    parameters: Parameters = field(default_factory=dict)
    make_new: Callable[[int, int], Row] | None = None

    @property
    def all_parameters(self) -> Parameters:
        """All parameters it accepts."""
        return {**self.paging.parameters, **self.parameters}

    def parents(self, path: str) -> tuple[str, ...] | None:
        """The values of the placeholders in a path of this list; None for other paths."""
        found = _pattern(self.path).fullmatch(path)
        return found.groups() if found else None


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_PLACEHOLDER.sub("([^/]+)", path))


ROUTES: tuple[Route, ...] = (
    Route(
        path="/wiki/api/v2/pages",
        name="pages",
        count=lambda sizes: sizes.pages,
        make=page,
        paging=ByCursor(ids=PAGE_IDS, has_id_filter=True),
        parameters={"body-format": ("storage",)},
    ),
    Route(
        path="/wiki/api/v2/blogposts",
        name="blog_posts",
        count=lambda sizes: sizes.blog_posts,
        make=blog_post,
        paging=ByCursor(ids=BLOG_POST_IDS, has_id_filter=True),
        parameters={"body-format": ("storage",)},
    ),
    Route(
        path="/wiki/api/v2/spaces",
        name="space",
        count=lambda sizes: sizes.spaces,
        make=space,
        paging=ByCursor(ids=SPACE_IDS),
        parameters={"description-format": ("plain",), "include-icon": ("true", "false")},
    ),
    Route(
        path="/wiki/rest/api/audit",
        name="audit",
        count=lambda sizes: sizes.audit,
        make=event,
        paging=ByOffset(
            max_rows=1000, has_next_link=False, size_is_total=True, date_field="creationDate"
        ),
        make_new=new_event,
    ),
    Route(
        path="/wiki/rest/api/group",
        name="group",
        count=lambda sizes: sizes.groups,
        make=group,
        paging=ByOffset(max_rows=200),
    ),
)
