"""Declare who uses the site: its groups."""

from source_confluence.paging.by_offset import ByOffset
from source_confluence.paging.listing import Listing
from source_confluence.streams.base import ConfluenceStream


class Group(ConfluenceStream):
    """Every user group of the site.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-group/#api-wiki-rest-api-group-get
    """

    listing = Listing(path="wiki/rest/api/group", paging=ByOffset(max_rows=200))
    permission = "permission to use Confluence"
    scope = "read:group:confluence or read:confluence-groups"
