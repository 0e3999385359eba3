"""List the streams: one short class each, saying where its list is and how it is paged."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pendulum

from source_confluence.paging.by_offset import OffsetPager
from source_confluence.paging.page import Row
from source_confluence.paging.pager import CursorPager, Pager
from source_confluence.paging.plan import ListedPart, OffsetPart, Part
from source_confluence.streams.base import ConfluenceStream


class Pages(ConfluenceStream):
    """Every page the account may view, current and archived, with its body in storage format.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/#api-pages-get
    """

    endpoint = "wiki/api/v2/pages"
    query: ClassVar[Mapping[str, str]] = {"body-format": "storage"}
    heavy: ClassVar[Mapping[str, str]] = {"body-format": "body"}
    pager: ClassVar[type[Pager]] = CursorPager
    part: ClassVar[type[Part] | None] = ListedPart
    page_size = 250
    permission = "permission to use Confluence and to view the pages"
    shown_to_visitors = True


class BlogPosts(ConfluenceStream):
    """Every current blog post the account may view, with its body in storage format.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-blog-post/#api-blogposts-get
    """

    endpoint = "wiki/api/v2/blogposts"
    query: ClassVar[Mapping[str, str]] = {"body-format": "storage"}
    heavy: ClassVar[Mapping[str, str]] = {"body-format": "body"}
    pager: ClassVar[type[Pager]] = CursorPager
    part: ClassVar[type[Part] | None] = ListedPart
    page_size = 250
    permission = "permission to use Confluence and to view the blog posts"
    shown_to_visitors = True


class Space(ConfluenceStream):
    """Every space the account may view, personal and archived ones too, with description and icon.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-space/#api-spaces-get
    """

    endpoint = "wiki/api/v2/spaces"
    query: ClassVar[Mapping[str, str]] = {"description-format": "plain", "include-icon": "true"}
    heavy: ClassVar[Mapping[str, str]] = {
        "description-format": "description",
        "include-icon": "icon",
    }
    pager: ClassVar[type[Pager]] = CursorPager
    page_size = 250
    permission = "permission to use Confluence and to view the spaces"
    shown_to_visitors = True


class Group(ConfluenceStream):
    """Every user group of the site.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-group/#api-wiki-rest-api-group-get
    """

    endpoint = "wiki/rest/api/group"
    pager: ClassVar[type[Pager]] = OffsetPager
    part: ClassVar[type[Part] | None] = OffsetPart
    page_size = 200
    permission = "permission to use Confluence"


class Audit(ConfluenceStream):
    """Every event of the audit log up to the start of the read, newest first.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-audit/#api-wiki-rest-api-audit-get
    """

    endpoint = "wiki/rest/api/audit"
    pager: ClassVar[type[Pager]] = OffsetPager
    part: ClassVar[type[Part] | None] = OffsetPart
    page_size = 1000
    permission = (
        "the global permission 'Confluence administrator', which the audit log needs (on the Free "
        "plan there is no audit log for anyone)"
    )
    primary_key = "event_id"

    def pinned(self) -> Mapping[str, int]:
        """The end of what is read: `{"endDate": 1795348800000}`, in epoch milliseconds.

        The log is newest first, so without a fixed end each new event would push the rows that are
        not read yet one offset further.
        """
        return {"endDate": int(pendulum.now("UTC").timestamp() * 1000)}

    def record(self, row: Row) -> Mapping[str, Any]:
        """The row with the key that Confluence does not give: `{…, "event_id": "9f86d081…"}`."""
        return {**row, "event_id": event_id(row)}

    def key(self, row: Row) -> str:
        """Its `event_id`, made of the row as it came."""
        return event_id(row)


_STABLE_PARTS = (
    "creationDate",
    "remoteAddress",
    "summary",
    "description",
    "category",
    "affectedObject",
    "changedValues",
    "associatedObjects",
)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
# `json.dumps` would make one for each event: 3.9 for 3.1 ms for 1,000.


def event_id(event: Row) -> str:
    """A key for an audit event: the SHA-256 of what does not change when it is read again.

    Events have no id, and two different ones may share a millisecond. The author is named by
    account id, because names are filled in when the log is read; the system has no id, only a name.
    Two events that agree in all of these parts cannot be told apart and get the same key.

    Returns:
        64 hexadecimal digits.
    """
    author = event.get("author") or {}
    stable = [author.get("accountId") or author.get("displayName")]
    stable += [event.get(part) for part in _STABLE_PARTS]
    return hashlib.sha256(_CANONICAL.encode(stable).encode("ascii")).hexdigest()


STREAMS: tuple[type[ConfluenceStream], ...] = (Pages, BlogPosts, Space, Audit, Group)
"""All streams, in the order in which they are offered."""
