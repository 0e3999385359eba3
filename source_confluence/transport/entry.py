"""Say where requests go and how they are signed: together, so no credential goes elsewhere."""

from dataclasses import dataclass, field

import requests

API_HOST = "api.atlassian.com"
"""Atlassian's gateway: it takes tokens with scopes and access tokens, for any site."""


@dataclass(slots=True, kw_only=True, eq=False)
class Entry:
    """An address, and what is let in there.

    Args:
        base_url: Where every path begins: `https://acme.atlassian.net/`.
        header: The value of `Authorization`; never shown.

    Attributes:
        was_accepted: Whether a request that it signed was answered with HTTP 200.
    """

    base_url: str
    header: str = field(repr=False)
    was_accepted: bool = False

    @classmethod
    def at_gateway(cls, cloud_id: str, header: str) -> "Entry":
        """The way through the gateway to the site with this cloud id.

        Source: https://developer.atlassian.com/cloud/confluence/oauth-2-3lo-apps/
        """
        return cls(base_url=f"https://{API_HOST}/ex/confluence/{cloud_id}/", header=header)

    def url(self, path: str) -> str:
        """The whole address of a path such as `wiki/api/v2/pages`."""
        return self.base_url + path

    def sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = self.header
        return request
