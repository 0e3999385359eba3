"""Get in: at the site itself, or at Atlassian's gateway, whatever credentials the user has."""

import base64
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import requests
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets

from source_confluence.exceptions import NotJsonError, ResponseError
from source_confluence.failures import classify, table
from source_confluence.failures.failure import Failure
from source_confluence.failures.table import NO_CLOUD_ID, NOT_ATLASSIAN, UNAUTHORIZED, UNFORESEEN
from source_confluence.settings.credentials import ApiToken, Credentials, ServiceAccountToken
from source_confluence.transport.body import decompressed
from source_confluence.transport.entry import API_HOST, Entry
from source_confluence.transport.exchange import Answer, Bounds, new_session, send
from source_confluence.transport.site import Site

BOUNDS_ON_THE_WAY = Bounds(read_seconds=15, max_bytes=1024 * 1024, max_seconds=15)
"""Of a question on the way in, whose answer is a few lines."""

_TENANT_INFO = "_edge/tenant_info"
_CLOUD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOGGER = logging.getLogger("airbyte")

_OF_ANY_HOST = (
    table.RATE_LIMITED,
    table.WAIT_TOO_LONG,
    table.UNAVAILABLE,
    table.UNKNOWN_HOST,
    table.NAME_LOOK_UP,
    table.PROXY,
    table.TRUST_STORE,
    table.PRIVATE_HOST,
    table.REFUSED,
    table.CERTIFICATE,
    table.TIMEOUT,
    table.CONNECTION_LOST,
)
"""The rows whose words are true of any host; all others speak of a list of Confluence."""
_NOT_OF_SIZE = {table.SERVER_ERROR: table.UNAVAILABLE, table.SLOW_ANSWER: table.TIMEOUT}
"""No page is the smaller for a question that fails."""

Found = TypeVar("Found")


class Access(ABC):
    """How the connector gets in. `entry` is for any thread, all else for the one that reads.

    Args:
        site: Which site is meant.
        credentials: With what.
    """

    def __init__(self, site: Site, credentials: Credentials) -> None:
        self.site = site
        self.credentials = credentials
        self._session = new_session(keeps_cookies=False)
        self._entry: Entry | None = None
        self._cloud_id = ""

    @property
    def entry(self) -> Entry:
        """With what the next request is sent.

        Raises:
            RuntimeError: Before `open`.
        """
        if self._entry is None:
            raise RuntimeError("The access is not open.")
        return self._entry

    @abstractmethod
    def open(self) -> Answer | None:
        """Make `entry` fit for the next request.

        Returns:
            None, or the answer that stands in the way.
        """

    def renew(self, answer: Answer) -> bool:
        """Whether a request that was refused may succeed with another entry.

        Call `open` before it is sent again.

        Args:
            answer: The refusal; usually only HTTP 401 is about the entry.
        """
        refused, failure = answer.entry, answer.failure
        return refused is not None and failure is not None and self._has_another(refused, failure)

    @abstractmethod
    def _has_another(self, refused: Entry, failure: Failure) -> bool:
        """Whether there may be an entry that is let in, in place of one that was refused."""

    def _find_site(self) -> Answer | None:
        """Find the cloud id of the site, for the gateway; anybody may ask.

        Source: https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id/
        """
        if self._cloud_id:
            return None
        found = understood(self._ask(self.site.url(_TENANT_INFO)), _cloud_id_in)
        if isinstance(found, str):
            self._cloud_id = found
            return None
        return replace(found, failure=NO_CLOUD_ID) if found.failure is NOT_ATLASSIAN else found

    def _tell(self, address: str) -> None:
        """Say what was found out: where the credentials go."""
        what = "Going to %s through %s (cloud id %s), which takes tokens with scopes."
        _LOGGER.info(what, address, API_HOST, self._cloud_id)

    def _ask(
        self, url: str, entry: Entry | None = None, document: Mapping[str, Any] | None = None
    ) -> Answer:
        """Ask a question on the way in."""
        _LOGGER.debug("Sending %s %s.", "GET" if document is None else "POST", url)
        answer = send(self._session, url, entry, document=document, bounds=BOUNDS_ON_THE_WAY)
        return replace(answer, is_on_the_way=True)


class TokenAccess(Access):
    """A token as it is: it goes to the site and, when that refuses it, to the gateway.

    The site answers a token with scopes as it does a wrong one, with HTTP 401, so such a token is
    tried at both. What is known to have scopes goes to the gateway at once.

    Args:
        site: Which site is meant.
        credentials: The token.
    """

    def __init__(self, site: Site, credentials: ApiToken | ServiceAccountToken) -> None:
        super().__init__(site, credentials)
        add_to_secrets(credentials.token)
        self._header = f"Bearer {credentials.token}"
        if isinstance(credentials, ApiToken):
            pair = f"{credentials.email}:{credentials.token}"
            signed = base64.b64encode(pair.encode()).decode()
            add_to_secrets(signed)
            self._header = f"Basic {signed}"
        if not credentials.has_scopes:
            self._entry = Entry(base_url=site.base_url, header=self._header)

    def open(self) -> Answer | None:
        """Find the way through the gateway, if that is the one."""
        if self._entry is not None:
            return None
        failed = self._find_site()
        if failed is None:
            self._entry = Entry.at_gateway(self._cloud_id, self._header)
            self._tell(self.site.host)
        return failed

    def _has_another(self, refused: Entry, failure: Failure) -> bool:
        """Whether the gateway may accept what the site has refused."""
        if failure is not UNAUTHORIZED:
            return False
        if refused is not self._entry:
            return True
        if refused.base_url != self.site.base_url or refused.was_accepted:
            return False
        self._entry = None
        failed = self.open()
        if failed is not None and failed.failure is NO_CLOUD_ID:
            self._entry = refused  # there is no gateway to it
        return self._entry is not refused


def understood(answer: Answer, understand: Callable[[object], Found]) -> "Found | Answer":
    """What the body of an answer says, or the answer with the reason why it says nothing.

    Args:
        answer: Of a question on the way in.
        understand: Takes the JSON document, None for what is none; raises ResponseError when it is
            not what was asked for.
    """
    if answer.body is None:
        row = answer.failure or UNFORESEEN
        row = _NOT_OF_SIZE.get(row, row)
        is_of_any_host = row in _OF_ANY_HOST
        detail = answer.detail if is_of_any_host else answer.summary
        return replace(answer, failure=row if is_of_any_host else NOT_ATLASSIAN, detail=detail)
    try:
        return understand(classify.document_in(decompressed(answer.body)))
    except (ResponseError, requests.RequestException) as error:
        detail = str(error) or type(error).__name__
        return replace(answer, body=None, failure=NOT_ATLASSIAN, detail=detail)


def _cloud_id_in(document: object) -> str:
    """Read `{"cloudId": "af818fbb-efc6-45da-95ad-cd3ccea971f5"}`."""
    cloud_id = document.get("cloudId") if isinstance(document, dict) else None
    if not isinstance(cloud_id, str) or not _CLOUD_ID.fullmatch(cloud_id.lower()):
        raise NotJsonError("no cloud id")
    return cloud_id.lower()
