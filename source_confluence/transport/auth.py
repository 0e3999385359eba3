"""Sign requests, and keep the credentials out of all output."""

from airbyte_cdk.sources.streams.http.requests_native_auth import BasicHttpAuthenticator
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets

from source_confluence.settings.config import Config


def authenticator_for(settings: Config) -> BasicHttpAuthenticator:
    """Sign with e-mail address and token; both forms of the secret are masked in all output.

    airbyte-cdk 7.39.1 masks the token as it was entered, but not its Base64 form, which the CDK's
    own client logs, and forgets what was registered before a command began.
    """
    authenticator = BasicHttpAuthenticator(settings.email, settings.api_token)
    add_to_secrets(settings.api_token)
    add_to_secrets(authenticator.token.removeprefix("Basic "))
    return authenticator
