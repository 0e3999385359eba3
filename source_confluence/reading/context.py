"""Hold together what all streams of a sync share, and what the parts of one read do."""

import logging
from dataclasses import dataclass

import requests

from source_confluence.failures.failure import Request
from source_confluence.limits.backoff import ConfluenceBackoff
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.limits.throttle import Throttle
from source_confluence.paging.listing import Listing
from source_confluence.paging.pager import Key
from source_confluence.shutdown import Stop
from source_confluence.transport.client import Client
from source_confluence.transport.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncContext:
    """What all streams of a sync share.

    Args:
        client: Sends all requests.
        session: The connections of the thread that reads.
        identity_session: Those that ask who the account is.
        backoff: How long to wait before a request is retried.
        rate_limit: What the site has said about its limit.
        workers: They send what is fetched ahead.
        stop: Whether the process was told to stop.
    """

    client: Client
    session: requests.Session
    identity_session: requests.Session
    backoff: ConfluenceBackoff
    rate_limit: RateLimit
    workers: Workers
    stop: Stop


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
        logger: Gets what users should know of the read.
    """

    sync: SyncContext
    listing: Listing
    key: Key
    stream: str
    request: Request
    throttle: Throttle
    logger: logging.Logger

    @property
    def subject(self) -> str:
        """Host and path: `acme.atlassian.net/wiki/api/v2/pages`."""
        return self.request.subject
