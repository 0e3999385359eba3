"""Wire the parts together: of settings, make what a sync needs."""

import logging
from typing import Any

import requests
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.streams.http.requests_native_auth import BasicHttpAuthenticator
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets

from source_confluence.identity import CheckFailedError, check, questioner
from source_confluence.limits.adaptive_rate import Pace
from source_confluence.limits.backoff import ConfluenceBackoff
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.reading.context import Sync
from source_confluence.settings.config import Config
from source_confluence.shutdown import Stop
from source_confluence.streams.catalog import STREAMS
from source_confluence.transport.site import Site
from source_confluence.transport.workers import Workers


def failure_of(settings: Config) -> str | None:
    """What happened, the likely cause, what to do; None when the settings work."""
    try:
        check(Site(settings.host), authenticator_for(settings))
    except CheckFailedError as error:
        return str(error)
    return None


def streams_of(settings: Config, stop: Stop) -> tuple[list[Stream], Workers]:
    """The streams, ready to be read, and the workers that they share; no request is made."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings come from any thread
    authenticator = authenticator_for(settings)
    sync = Sync(
        site=Site(settings.host),
        authenticator=authenticator,
        questioner=questioner(authenticator),
        backoff=ConfluenceBackoff(stop),
        rate_limit=RateLimit(Pace() if settings.num_workers > 1 else None),
        workers=Workers(settings.num_workers, authenticator),
        stop=stop,
    )
    return [stream(sync) for stream in STREAMS], sync.workers


class _Authenticator(BasicHttpAuthenticator):
    """Signs a request, and takes from a redirect where it leads.

    requests 2.34 looks there even when it is not to follow, and reads the whole body first, however
    large it is and however long it takes.
    """

    def __call__(self, request: Any) -> Any:  # noqa: ANN401 (the CDK's signature)
        request.hooks["response"] = [_without_location]
        return super().__call__(request)


def _without_location(response: requests.Response, **_: object) -> None:
    response.headers.pop("Location", None)


def authenticator_for(settings: Config) -> BasicHttpAuthenticator:
    """Sign with e-mail address and token; both forms of the secret are masked in all output.

    airbyte-cdk 7.39.1 masks the token as it was entered, but not its Base64 form, which its debug
    log prints, and forgets what was registered before a command began.
    """
    authenticator = _Authenticator(settings.email, settings.api_token)
    add_to_secrets(settings.api_token)
    add_to_secrets(authenticator.token.removeprefix("Basic "))
    return authenticator
