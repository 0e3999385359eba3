"""Build the streams and what they share from a Config."""

import logging

from source_confluence.identity import CheckFailedError, check
from source_confluence.limits.adaptive_rate import AdaptiveRate
from source_confluence.limits.backoff import ConfluenceBackoff
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.reading.sync import SyncContext
from source_confluence.settings.config import Config
from source_confluence.shutdown import Stop
from source_confluence.streams.base import ConfluenceStream
from source_confluence.streams.catalog import STREAMS
from source_confluence.transport.auth import authenticator_for
from source_confluence.transport.client import Client
from source_confluence.transport.site import Site
from source_confluence.transport.workers import Workers


def failure_of(settings: Config) -> str | None:
    """What happened, the likely cause, what to do; None when the settings work."""
    try:
        check(Client(Site(settings.host), authenticator_for(settings), RateLimit()))
    except CheckFailedError as error:
        return str(error)
    return None


def streams_of(settings: Config, stop: Stop) -> tuple[list[ConfluenceStream], Workers]:
    """The streams, ready to be read, and the workers that they share; no request is sent."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings come from any thread
    rate_limit = RateLimit(AdaptiveRate() if settings.num_workers > 1 else None)
    client = Client(Site(settings.host), authenticator_for(settings), rate_limit)
    context = SyncContext(
        client=client,
        session=client.open_session(),
        identity_session=client.open_session(keeps_cookies=False),
        backoff=ConfluenceBackoff(),
        rate_limit=rate_limit,
        workers=Workers(settings.num_workers, client.open_session),
        stop=stop,
    )
    return [stream(context) for stream in STREAMS], context.workers
