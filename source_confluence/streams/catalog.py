"""List the streams, in the order in which they are offered."""

from source_confluence.streams.audit import Audit
from source_confluence.streams.base import ConfluenceStream
from source_confluence.streams.content import BlogPosts, Pages
from source_confluence.streams.people import Group
from source_confluence.streams.spaces import Space

STREAMS: tuple[type[ConfluenceStream], ...] = (Pages, BlogPosts, Space, Audit, Group)
"""All streams."""
