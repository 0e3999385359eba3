"""Find out which streams the site refuses to the account, before the first sync does."""

from collections.abc import Iterable
from concurrent.futures import wait

from airbyte_cdk.models import FailureType

from source_confluence.failures.failure import Failure
from source_confluence.identity import CheckFailedError, ask, in_thread
from source_confluence.streams.base import ConfluenceStream
from source_confluence.transport.client import Client

DEADLINE_SECONDS = 10
"""For all of them together; one that has not answered by then is not refused."""


def refusals(client: Client, streams: Iterable[ConfluenceStream]) -> dict[str, str]:
    """Ask each list for one row of what is selected, all at once.

    Only what the user must change counts: a site that is busy, slow or down says nothing about
    permissions.

    Returns:
        By the name of each stream that is refused, what happened, the likely cause, what to do.
    """
    outcomes = {stream.name: in_thread(_ask_for_one_row, client, stream) for stream in streams}
    answered, _ = wait(outcomes.values(), timeout=DEADLINE_SECONDS)
    errors = {name: each.exception() for name, each in outcomes.items() if each in answered}
    return {name: str(error) for name, error in errors.items() if _is_refusal(error)}


def _ask_for_one_row(client: Client, stream: ConfluenceStream) -> None:
    listing = stream.selected
    query = listing.request({}, 1, is_light=True).query
    with client.open_session(keeps_cookies=False) as session:
        ask(client, session, stream.request, query, len, _retries)


def _retries(failure: Failure) -> int:
    """One more attempt where it matters: a refusal may come for a moment, under load."""
    is_of_user = failure.failure_type is FailureType.config_error
    return min(failure.max_retries, 1) if is_of_user else 0


def _is_refusal(error: BaseException | None) -> bool:
    return isinstance(error, CheckFailedError) and error.user_must_act
