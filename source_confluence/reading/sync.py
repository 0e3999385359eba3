"""Hold together what all streams of a sync share."""

from dataclasses import dataclass, field

import requests

from source_confluence.limits.backoff import ConfluenceBackoff
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.paging.spaces import SelectedSpaces
from source_confluence.settings.census import Census
from source_confluence.settings.selection import Selection
from source_confluence.shutdown import Stop
from source_confluence.transport.client import Client
from source_confluence.transport.workers import Workers


@dataclass(slots=True, kw_only=True)
class RememberedSpaces:
    """Which spaces are read, once the site was asked.

    Args:
        selected: None before.
    """

    selected: SelectedSpaces | None = None


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
        selection: Which part of the site is read.
        census: How incremental reads find out what is gone or moved.
        spaces: Which spaces that comes to.
    """

    client: Client
    session: requests.Session
    identity_session: requests.Session
    backoff: ConfluenceBackoff
    rate_limit: RateLimit
    workers: Workers
    stop: Stop
    selection: Selection
    census: Census
    spaces: RememberedSpaces = field(default_factory=RememberedSpaces)
