"""Declare what people write: pages and blog posts."""

from source_confluence.paging.by_cursor import ByCursor
from source_confluence.paging.listing import Heavy, Listing
from source_confluence.streams.base import ConfluenceStream

_BODY = (Heavy(field="body", parameter="body-format", value="storage"),)


class Pages(ConfluenceStream):
    """Every page the account may view, current and archived, with its body in storage format.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/#api-pages-get
    """

    listing = Listing(
        path="wiki/api/v2/pages", paging=ByCursor(max_rows=250, fetch_by="id"), heavy=_BODY
    )
    permission = "permission to use Confluence and to view the pages"
    shown_to_visitors = True


class BlogPosts(ConfluenceStream):
    """Every current blog post the account may view, with its body in storage format.

    Source: https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-blog-post/#api-blogposts-get
    """

    listing = Listing(
        path="wiki/api/v2/blogposts", paging=ByCursor(max_rows=250, fetch_by="id"), heavy=_BODY
    )
    permission = "permission to use Confluence and to view the blog posts"
    shown_to_visitors = True
