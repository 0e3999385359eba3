"""What the tests know of each stream, written down apart from the streams themselves."""

import pytest

from fake_confluence import Call, Content, RunningSite
from unit_tests.protocol import Message, Outcome

NAMES = ["pages", "blog_posts", "space", "audit", "group"]
OFFSETS = ["audit", "group"]
LINKED = ["pages", "blog_posts", "space"]
PAGE_SIZES = {"pages": 250, "blog_posts": 250, "space": 250, "audit": 1000, "group": 200}
PATHS = {
    "pages": "/wiki/api/v2/pages",
    "blog_posts": "/wiki/api/v2/blogposts",
    "space": "/wiki/api/v2/spaces",
    "audit": "/wiki/rest/api/audit",
    "group": "/wiki/rest/api/group",
}
KEYS = {**dict.fromkeys(NAMES, "id"), "audit": "event_id"}

every_stream = pytest.mark.parametrize("stream", NAMES)


def content(stream: str, count: int) -> Content:
    """A site with so many rows of one stream, and little else."""
    counts = {"pages": 3, "blog_posts": 3, "spaces": 3, "audit": 3, "groups": 3}
    counts[{"space": "spaces", "group": "groups"}.get(stream, stream)] = count
    return Content(**counts, body_bytes=60)


def without_key(records: list[Message]) -> list[Message]:
    """The records as Confluence sent them."""
    return [{k: v for k, v in record.items() if k != "event_id"} for record in records]


def on_the_wire(rows: list[Message]) -> list[Message]:
    """The rows as airbyte-cdk 7.39.1 prints them: fields that are null are left out.

    Fields within objects stay, null or not. For a destination, absent and null are the same.
    """
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


def list_calls(site: RunningSite) -> list[Call]:
    """The requests for lists; besides, each stream of v2 asks at its end who the account is."""
    return [call for call in site.calls if not call.path.endswith("/user/current")]


def completed(outcome: Outcome, stream: str) -> bool:
    return outcome.exception is None and outcome.ending(stream) == "COMPLETE"
