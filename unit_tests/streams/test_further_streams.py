"""A further list is a declaration: a plain one, and one for each row of another list."""

from dataclasses import dataclass, replace
from typing import ClassVar

from airbyte_cdk.models import AirbyteMessage, SyncMode

from source_confluence import SourceConfluence
from source_confluence.paging.by_cursor import ByCursor
from source_confluence.paging.by_offset import ByOffset
from source_confluence.paging.listing import Listing
from source_confluence.paging.page import Row
from source_confluence.reading.sync import SyncContext
from source_confluence.streams.base import ConfluenceStream
from source_confluence.streams.people import Group
from unit_tests.conftest import StartSite
from unit_tests.test_fake_confluence import WithFurtherLists


class Badges(ConfluenceStream):
    listing = Listing(path="wiki/api/v2/badges", paging=ByCursor(max_rows=250))
    permission = "permission to use Confluence"
    scope = "read:badge:confluence"
    shown_to_visitors = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildListing(Listing):
    """A list for each row of another one."""

    parent: type[ConfluenceStream]
    parent_key: str
    placeholder: str

    def under(self, row: Row) -> Listing:
        """The list of one parent."""
        return replace(self, path=self.path.format(**{self.placeholder: row[self.parent_key]}))


class GroupMembers(ConfluenceStream):
    listing: ClassVar[Listing] = ChildListing(
        path="wiki/rest/api/group/{groupId}/membersByGroupId",
        paging=ByOffset(max_rows=200),
        parent=Group,
        parent_key="id",
        placeholder="groupId",
    )
    permission = "permission to use Confluence"
    scope = "read:badge:confluence"
    primary_key = "accountId"


def sync_of(config: dict[str, object]) -> SyncContext:
    [stream, *_] = SourceConfluence().streams(config)
    assert isinstance(stream, ConfluenceStream)
    return stream._sync  # noqa: SLF001 (what a further stream is given)


def rows_of(stream: ConfluenceStream) -> list[Row]:
    messages = stream.read_records(SyncMode.full_refresh)
    return [m.record.data for m in messages if isinstance(m, AirbyteMessage) and m.record]


def test_a_plain_list_is_read(start_site: StartSite) -> None:
    site = start_site(WithFurtherLists(spaces=6), page_cap=5)
    badges = Badges(sync_of(site.config))
    assert badges.name == "badges"
    assert rows_of(badges) == site.service.content.rows("badges")


def test_a_list_is_read_for_each_row_of_another(start_site: StartSite) -> None:
    site = start_site(WithFurtherLists(groups=3), page_cap=10)
    sync = sync_of(site.config)
    listing = GroupMembers.listing
    assert isinstance(listing, ChildListing)
    for group in rows_of(listing.parent(sync)):
        members = type("GroupMembers", (GroupMembers,), {"listing": listing.under(group)})(sync)
        assert rows_of(members) == site.service.content.rows("group_members", group["id"])
        assert members.state
