"""Declare what people write: pages and blog posts."""

from source_confluence.paging.by_cursor import ByCursor
from source_confluence.paging.listing import BODY, Changes, Filters, Listing, SpaceFilter
from source_confluence.streams.base import ConfluenceStream

_IN_SPACES = SpaceFilter(parameter="space-id", max_ids=100, field="spaceId")


class Pages(ConfluenceStream):
    """Every page the account may view, of the selected spaces and statuses, with its body.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/#api-pages-get
    """

    listing = Listing(
        path="wiki/api/v2/pages",
        paging=ByCursor(max_rows=250, fetch_by="id"),
        heavy=(BODY,),
        filters=Filters(statuses=("current", "archived", "trashed"), spaces=_IN_SPACES),
        changes=Changes(newest_first="-modified-date"),
    )
    permission = "permission to use Confluence and to view the pages"
    scope = "read:page:confluence"
    shown_to_visitors = True


class BlogPosts(ConfluenceStream):
    """Every blog post the account may view, of the selected spaces and statuses, with its body.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-blog-post/#api-blogposts-get
    """

    listing = Listing(
        path="wiki/api/v2/blogposts",
        paging=ByCursor(max_rows=250, fetch_by="id"),
        heavy=(BODY,),
        filters=Filters(statuses=("current", "trashed"), spaces=_IN_SPACES),
        changes=Changes(newest_first="-modified-date"),
    )
    permission = "permission to use Confluence and to view the blog posts"
    scope = "read:page:confluence"
    shown_to_visitors = True
