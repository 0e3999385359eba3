"""Hold together what all streams of a sync share."""

from dataclasses import dataclass

import requests
from requests.auth import AuthBase

from source_confluence.limits.backoff import ConfluenceBackoff
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.shutdown import Stop
from source_confluence.transport.site import Site
from source_confluence.transport.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """What all streams of a sync share.

    Args:
        site: Where to ask.
        authenticator: Signs each request.
        questioner: Asks who we are.
        backoff: How long to wait before a request is repeated.
        rate_limit: What the site has said about its limit.
        workers: They fetch what comes next.
        stop: Whether we were told to stop.
    """

    site: Site
    authenticator: AuthBase
    questioner: requests.Session
    backoff: ConfluenceBackoff
    rate_limit: RateLimit
    workers: Workers
    stop: Stop
