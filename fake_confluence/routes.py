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
        scopes=frozenset({"read:label:confluence"}),
    )

For a list below another row, the value of the placeholder is the last argument of both functions:

    Route(
        path="/wiki/rest/api/group/{groupId}/membersByGroupId",
        name="group_members",
        count=lambda sizes, group_id: 5,
        make=member,
        paging=ByOffset(max_rows=200),
        scopes=frozenset({"read:confluence-groups"}),
    )
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from fake_confluence.clock import milliseconds
from fake_confluence.paging import ByCursor, ByOffset, Fact, Filter
from fake_confluence.request import Parameters
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
        scopes: Any one of them opens it for a token with scopes, as Atlassian documents.
        parameters: The parameters it accepts besides those of its paging.
        make_new: Makes the n-th row that is added while the list is read, `make_new(n, instant)`.
    """

    path: str
    name: str
    count: Callable[..., int]
    make: Callable[..., Row]
    paging: ByCursor | ByOffset
    scopes: frozenset[str]
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


def _field(name: str) -> Fact:
    """What stands in one field of a row."""
    return lambda row: str(row[name])


_DATES: dict[str, Fact] = {
    "created-date": lambda row: milliseconds(row["createdAt"]),
    "modified-date": lambda row: milliseconds(row["version"]["createdAt"]),
}
_NAMES: dict[str, Fact] = {"key": _field("key"), "name": _field("name")}
_IN_SPACES = Filter(fact=_field("spaceId"), is_number=True, max_values=100)
# Generated pages are current or archived, and generated blog posts are current.
_PAGE_STATUSES = Filter(
    fact=_field("status"),
    values=frozenset({"current", "archived", "trashed", "deleted"}),
    default=frozenset({"current", "archived"}),
    generated=frozenset({"current", "archived"}),
)
_BLOG_POST_STATUSES = Filter(
    fact=_field("status"),
    values=frozenset({"current", "trashed", "deleted"}),
    default=frozenset({"current"}),
    generated=frozenset({"current"}),
)
_SPACE_FILTERS = {
    "keys": Filter(fact=lambda row: str(row["key"]).lower(), ignores_case=True),
    "type": Filter(
        fact=_field("type"),
        values=frozenset({"global", "collaboration", "knowledge_base", "personal", "system"}),
        max_values=1,
    ),
    "status": Filter(
        fact=_field("status"),
        values=frozenset({"current", "archived", "trashed"}),
        max_values=1,
    ),
}


ROUTES: tuple[Route, ...] = (
    Route(
        path="/wiki/api/v2/pages",
        name="pages",
        count=lambda sizes: sizes.pages,
        make=page,
        paging=ByCursor(
            ids=PAGE_IDS,
            id_name="id",
            sorts=_DATES,
            filters={"space-id": _IN_SPACES, "status": _PAGE_STATUSES},
        ),
        scopes=frozenset({"read:page:confluence"}),
        parameters={"body-format": ("storage", "atlas_doc_format")},
    ),
    Route(
        path="/wiki/api/v2/blogposts",
        name="blog_posts",
        count=lambda sizes: sizes.blog_posts,
        make=blog_post,
        paging=ByCursor(
            ids=BLOG_POST_IDS,
            id_name="id",
            sorts=_DATES,
            filters={"space-id": _IN_SPACES, "status": _BLOG_POST_STATUSES},
        ),
        scopes=frozenset({"read:page:confluence"}),
        parameters={"body-format": ("storage", "atlas_doc_format")},
    ),
    Route(
        path="/wiki/api/v2/spaces",
        name="space",
        count=lambda sizes: sizes.spaces,
        make=space,
        paging=ByCursor(ids=SPACE_IDS, id_name="ids", sorts=_NAMES, filters=_SPACE_FILTERS),
        scopes=frozenset({"read:space:confluence"}),
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
        scopes=frozenset({"read:audit-log:confluence"}),
        make_new=new_event,
    ),
    Route(
        path="/wiki/rest/api/group",
        name="group",
        count=lambda sizes: sizes.groups,
        make=group,
        paging=ByOffset(max_rows=200),
        scopes=frozenset({"read:confluence-groups", "read:group:confluence"}),
    ),
)

CURRENT_USER = "/wiki/rest/api/user/current"
"""The only other path that the site has."""

CURRENT_USER_SCOPES = frozenset({"read:confluence-user", "read:content-details:confluence"})
ALL_SCOPES = CURRENT_USER_SCOPES.union(*(route.scopes for route in ROUTES))


def scopes_at(path: str, routes: Iterable[Route]) -> frozenset[str]:
    """The scopes of which any one opens a path; none where the site has nothing."""
    if path == CURRENT_USER:
        return CURRENT_USER_SCOPES
    found = (route.scopes for route in routes if route.parents(path) is not None)
    return next(found, frozenset())
