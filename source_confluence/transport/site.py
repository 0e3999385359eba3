"""Say where a Confluence site answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """A Confluence Cloud site, reached through its own host name with HTTPS, and nothing else.

    Args:
        host: Host name with an optional port, as `Config` leaves it: `acme.atlassian.net`.
    """

    host: str

    @property
    def base_url(self) -> str:
        """Where every path begins: `https://acme.atlassian.net/`.

        It ends in a slash because `urljoin`, which the CDK uses, drops what follows the last one.
        """
        return f"https://{self.host}/"

    def url(self, path: str) -> str:
        """The whole address of a path such as `wiki/api/v2/pages`."""
        return self.base_url + path
