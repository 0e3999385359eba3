"""Choose the way in for the credentials of the user."""

from source_confluence.settings.config import Config
from source_confluence.settings.credentials import ApiToken, ServiceAccountToken
from source_confluence.transport.access import Access, TokenAccess
from source_confluence.transport.oauth import OAuthAccess
from source_confluence.transport.site import Site


def access_for(settings: Config) -> Access:
    """The way in; no request is sent. All secrets are masked in all output from now on.

    airbyte-cdk 7.39.1 masks what was entered, but not its Base64 form, and forgets what was
    registered before a command began.
    """
    site, credentials = Site(settings.host), settings.credentials
    if isinstance(credentials, ApiToken | ServiceAccountToken):
        return TokenAccess(site, credentials)
    return OAuthAccess(site, credentials, settings.entered)
