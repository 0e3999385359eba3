"""Build the streams and what they share from a Config."""

import logging

from source_confluence.failures.failure import by_stream
from source_confluence.identity import CheckFailedError, check
from source_confluence.limits.adaptive_rate import AdaptiveRate
from source_confluence.limits.backoff import ConfluenceBackoff
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.permissions import refusals
from source_confluence.reading.space_check import SpaceCheck
from source_confluence.reading.sync import SyncContext
from source_confluence.settings.config import Config
from source_confluence.shutdown import Stop
from source_confluence.streams.base import ConfluenceStream
from source_confluence.streams.catalog import STREAMS
from source_confluence.transport.auth import access_for
from source_confluence.transport.client import Client
from source_confluence.transport.workers import Workers


def check_result(settings: Config) -> tuple[bool, str | None]:
    """Whether the settings work, and what the user should know.

    Returns:
        `(True, None)`; True with the streams that cannot be read; or False. A text says what
        happened, the likely cause, what to do.
    """
    sync = _sync_of(settings, Stop())
    try:
        check(sync.client)
    except CheckFailedError as error:
        return False, str(error)
    spaces = SpaceCheck(sync.client, settings.selection)
    streams = [each for each in (stream(sync) for stream in STREAMS) if not each.selected.is_empty]
    refused = refusals(sync.client, streams)
    if spaces.complaint:
        return False, spaces.complaint
    if not refused:
        return True, None
    well = "All is well" if 2 * len(refused) < len(streams) else "The account is known"
    which = f"{len(refused)} of {len(streams)} streams cannot be read: {', '.join(refused)}"
    text = "\n".join([f"{well}, but {which}.", *by_stream(refused)])
    return len(refused) < len(streams), text


def streams_of(settings: Config, stop: Stop) -> tuple[list[ConfluenceStream], Workers]:
    """The streams, ready to be read, and the workers that they share; no request is sent."""
    sync = _sync_of(settings, stop)
    return [stream(sync) for stream in STREAMS], sync.workers


def _sync_of(settings: Config, stop: Stop) -> SyncContext:
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings come from any thread
    rate_limit = RateLimit(AdaptiveRate() if settings.num_workers > 1 else None)
    client = Client(access_for(settings), rate_limit)
    return SyncContext(
        client=client,
        session=client.open_session(),
        identity_session=client.open_session(keeps_cookies=False),
        backoff=ConfluenceBackoff(),
        rate_limit=rate_limit,
        workers=Workers(settings.num_workers, client.open_session),
        stop=stop,
        selection=settings.selection,
        census=settings.census,
    )
