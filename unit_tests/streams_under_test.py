"""What the tests know of each stream, written down apart from the streams themselves.

A further stream is one row of `STREAMS`. Tests take their lists from here, and name a kind of
stream where they need one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

import pytest

from fake_confluence import Call, Content, RunningSite
from source_confluence.streams.audit import event_id
from unit_tests.protocol import Message, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream, as users and the fake site see it.

    Args:
        name: What users select.
        path: Where its list is.
        version: Of the REST API: 2 is read by cursor, 1 by offset.
        scope: One that opens it to a token with scopes.
        page_size: The most rows of one request.
        counted_by: The argument of `Content` that says how many rows the site has.
        schema: What Atlassian's OpenAPI document calls a row.
        recorded_row_count: At least so many rows of real sites have been recorded.
        key: The field of a record that no other record has.
        own_key: The field that tells rows apart as the fake site gives them.
        asked_for: The parameters that ask for the fields that a light request leaves out.
        left_out: These fields.
        is_fetched_by_id: Whether its pages are prefetched: their ids first, then rows by id.
        is_pinned: Whether rows that come in during a read are kept out of it.
        is_shown_to_visitors: Whether anonymous visitors may see a part of it.
        cursor_field: By which it can be read incrementally; empty where it cannot.
        is_in_spaces: Whether each row is in a space.
    """

    name: str
    path: str
    version: int
    scope: str
    page_size: int
    counted_by: str
    schema: str
    recorded_row_count: int = 0
    key: str = "id"
    own_key: str = "id"
    asked_for: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    is_fetched_by_id: bool = False
    is_pinned: bool = False
    is_shown_to_visitors: bool = False
    cursor_field: str = ""
    is_in_spaces: bool = False


STREAMS = (
    Stream(
        name="pages",
        path="/wiki/api/v2/pages",
        version=2,
        scope="read:page:confluence",
        page_size=250,
        counted_by="pages",
        schema="PageBulk",
        recorded_row_count=70,
        asked_for={"body-format": "storage"},
        left_out=("body",),
        is_fetched_by_id=True,
        is_shown_to_visitors=True,
        cursor_field="readAt",
        is_in_spaces=True,
    ),
    Stream(
        name="blog_posts",
        path="/wiki/api/v2/blogposts",
        version=2,
        scope="read:page:confluence",
        page_size=250,
        counted_by="blog_posts",
        schema="BlogPostBulk",
        recorded_row_count=20,
        asked_for={"body-format": "storage"},
        left_out=("body",),
        is_fetched_by_id=True,
        is_shown_to_visitors=True,
        cursor_field="readAt",
        is_in_spaces=True,
    ),
    Stream(
        name="space",
        path="/wiki/api/v2/spaces",
        version=2,
        scope="read:space:confluence",
        page_size=250,
        counted_by="spaces",
        schema="SpaceBulk",
        recorded_row_count=14,
        asked_for={"description-format": "plain", "include-icon": "true"},
        left_out=("description", "icon"),
        is_shown_to_visitors=True,
    ),
    Stream(
        name="audit",
        path="/wiki/rest/api/audit",
        version=1,
        scope="read:audit-log:confluence",
        page_size=1000,
        counted_by="audit",
        schema="AuditRecord",
        recorded_row_count=46,
        key="event_id",
        own_key="creationDate",
        is_pinned=True,
        cursor_field="creationDate",
    ),
    Stream(
        name="group",
        path="/wiki/rest/api/group",
        version=1,
        scope="read:group:confluence",
        page_size=200,
        counted_by="groups",
        schema="Group",
        recorded_row_count=10,
    ),
)

TABLE = {stream.name: stream for stream in STREAMS}
NAMES = tuple(TABLE)
PATHS = {stream.name: stream.path for stream in STREAMS}
PAGE_SIZES = {stream.name: stream.page_size for stream in STREAMS}
KEYS = {stream.name: stream.key for stream in STREAMS}
CURSOR_FIELDS = {stream.name: stream.cursor_field for stream in STREAMS if stream.cursor_field}
ASKED_FOR = {stream.name: stream.asked_for for stream in STREAMS}
LEFT_OUT = {stream.name: stream.left_out for stream in STREAMS}
OTHERS = {name: next(other for other in NAMES if other != name) for name in NAMES}

LINKED = tuple(stream.name for stream in STREAMS if stream.version == 2)
OFFSETS = tuple(stream.name for stream in STREAMS if stream.version == 1)
UNPINNED = tuple(name for name in OFFSETS if not TABLE[name].is_pinned)
WITH_BODIES = tuple(stream.name for stream in STREAMS if stream.left_out)
PREFETCHED = tuple(stream.name for stream in STREAMS if stream.is_fetched_by_id)
AHEAD = (*PREFETCHED, *OFFSETS)
"""Several workers ask for several pages of them at the same time."""
SHOWN_TO_VISITORS = tuple(stream.name for stream in STREAMS if stream.is_shown_to_visitors)

BY_CURSOR = LINKED[0]
BY_ID = PREFETCHED[0]
WITH_BODY = WITH_BODIES[0]
SEQUENTIAL = next(name for name in NAMES if name not in AHEAD)
"""One page after the other, whatever the number of workers."""
BY_OFFSET = UNPINNED[0]
SPACES = next(stream.name for stream in STREAMS if stream.schema == "SpaceBulk")
IN_SPACES = tuple(stream.name for stream in STREAMS if stream.is_in_spaces)
PINNED = next(stream.name for stream in STREAMS if stream.is_pinned)
WITHOUT_ID = next(stream.name for stream in STREAMS if stream.key != stream.own_key)
"""The connector makes its key."""

every_stream = pytest.mark.parametrize("stream", NAMES)
linked_stream = pytest.mark.parametrize("stream", LINKED)
offset_stream = pytest.mark.parametrize("stream", OFFSETS)


def sizes(counts: Mapping[str, int], others: int = 3) -> dict[str, int]:
    """The arguments of `Content` for so many rows of some streams, and of the others."""
    return {stream.counted_by: counts.get(stream.name, others) for stream in STREAMS}


def contents(counts: Mapping[str, int], others: int = 3) -> Content:
    """A site with so many rows of some streams, and little else."""
    return Content(**sizes(counts, others), body_bytes=60)


def content(stream: str, count: int) -> Content:
    """A site with so many rows of one stream, and little else."""
    return contents({stream: count})


def row_counts(content: Content) -> dict[str, int]:
    """How many rows of each stream a site has."""
    return {name: content.count(name) for name in NAMES}


def key_of(stream: str, row: Message) -> str:
    """The key of the record that is made of a row."""
    return event_id(row) if stream == WITHOUT_ID else str(row[KEYS[stream]])


def request_count(stream: str, row_count: int, num_workers: int = 1) -> int:
    """How many requests for a list it takes to read all rows of it, in full pages.

    Of a list by offset, two more show where it ends: the last row in its place, and nothing behind
    it. A page that is prefetched takes two requests.
    """
    page_count = max(ceil(row_count / PAGE_SIZES[stream]), 1)
    if stream in OFFSETS:
        return page_count + 2 if row_count else 1
    return page_count * (2 if num_workers > 1 and stream in PREFETCHED else 1)


def account_questions(content: Content) -> int:
    """How often a read asks who the account is: after the first page of many, and at the end."""
    return sum(1 + (content.count(n) > PAGE_SIZES[n]) for n in SHOWN_TO_VISITORS)


def without_key(records: list[Message]) -> list[Message]:
    """The records as Confluence sent them."""
    made = KEYS[WITHOUT_ID]
    return [{k: v for k, v in record.items() if k != made} for record in records]


def on_the_wire(rows: list[Message]) -> list[Message]:
    """The rows as airbyte-cdk 7.39.1 prints them: fields that are null are left out.

    Fields within objects stay, null or not. For a destination, absent and null are the same.
    """
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


def list_calls(site: RunningSite) -> list[Call]:
    """The requests for lists; not those that ask who we are, or what time it is."""
    lists = [call for call in site.calls if not call.path.endswith("/user/current")]
    return [call for call in lists if not asks_for_the_time(call)]


def nth_page(stream: str, number: int) -> int:
    """Which request a page is when nothing else is read, as planned faults count them."""
    return number + TABLE[stream].is_pinned


def asks_for_the_time(call: Call) -> bool:
    """Whether it is for one row of a list that is to end at the site's time."""
    pinned = {stream.path for stream in STREAMS if stream.is_pinned}
    return call.path in pinned and dict(call.params) == {"limit": "1"}


def completed(outcome: Outcome, stream: str) -> bool:
    return outcome.exception is None and outcome.ending(stream) == "COMPLETE"


def whole(outcome: Outcome, site: RunningSite, stream: str, extra: str = "") -> bool:
    """Whether a stream was read to its end, each row once and in order.

    Args:
        extra: A field that a test has added to rows on their way.
    """
    found = [{k: v for k, v in row.items() if k != extra} for row in outcome.records(stream)]
    rows = site.service.content.rows(stream)
    return completed(outcome, stream) and without_key(found) == on_the_wire(rows)
