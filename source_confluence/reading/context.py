"""Hold together what the parts of one read share."""

import logging
from dataclasses import dataclass

from source_confluence.failures.failure import Request
from source_confluence.limits.throttle import Throttle
from source_confluence.paging.listing import Listing
from source_confluence.paging.pager import Key
from source_confluence.reading.progress import Progress
from source_confluence.reading.sync import SyncContext


@dataclass(frozen=True, slots=True, kw_only=True)
class ListContext:
    """What the parts of a read share: which list is read, for which stream.

    Args:
        sync: What all streams share.
        listing: The list.
        key: Tells a row of it from the others.
        stream: The name of the stream.
        request: What is asked for, in words, for messages.
        throttle: Waits for the site's limit, and says so.
        progress: Tells how far the read is.
        logger: Gets what users should know of the read.
    """

    sync: SyncContext
    listing: Listing
    key: Key
    stream: str
    request: Request
    throttle: Throttle
    progress: Progress
    logger: logging.Logger

    @property
    def subject(self) -> str:
        """Host and path: `acme.atlassian.net/wiki/api/v2/pages`."""
        return self.request.subject

    @property
    def of(self) -> str:
        """What a position is in: the subject, and what of it is selected."""
        return f"{self.request.host}/{self.listing.name}"
