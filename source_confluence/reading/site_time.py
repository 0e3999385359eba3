"""Ask a site what time it is, when nothing that it has answered says so yet."""

from source_confluence.reading.context import ListContext
from source_confluence.reading.retrying import RetryingClient


def site_now(context: ListContext) -> int:
    """The site's time in milliseconds since 1970, at most a second behind it, never ahead of it.

    The first time in a process that takes a request, for one row of the list. Where responses have
    no `Date`, which they should, this machine's clock is all there is.

    Raises:
        FinalFailureError: When the site does not answer.
        StoppedError: When the process is told to stop.
    """
    clock = context.sync.client.site_clock
    if clock.now is None:
        request = context.listing.request({}, 1, is_light=True)
        RetryingClient(context).batch(
            request, place=context.request.place, max_retries=lambda failure: failure.max_retries
        )
    return clock.latest if clock.now is None else clock.now
