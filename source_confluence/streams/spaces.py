"""Declare the spaces."""

from source_confluence.paging.by_cursor import ByCursor
from source_confluence.paging.listing import Filters, Heavy, Listing, SpaceFilter
from source_confluence.streams.base import ConfluenceStream


class Space(ConfluenceStream):
    """Every selected space, personal and archived ones too, with description and icon.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-space/#api-spaces-get
    """

    listing = Listing(
        path="wiki/api/v2/spaces",
        paging=ByCursor(max_rows=250),
        heavy=(
            Heavy(field="description", parameter="description-format", value="plain"),
            Heavy(field="icon", parameter="include-icon", value="true"),
        ),
        filters=Filters(spaces=SpaceFilter(parameter="ids", max_ids=250, field="id")),
    )
    permission = "permission to use Confluence and to view the spaces"
    scope = "read:space:confluence"
    shown_to_visitors = True
