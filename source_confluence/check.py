"""Find out, within half a minute, whether the credentials work."""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Thread
from typing import Any

import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from requests.auth import AuthBase

from source_confluence import errors
from source_confluence.backoff import asked_seconds
from source_confluence.pagination import NotAListError, NotJsonError, Page
from source_confluence.site import Site

DEADLINE_SECONDS = 30
"""For the whole check, whatever the network does."""

_CURRENT_USER = "wiki/rest/api/user/current"
_SPACES = "wiki/api/v2/spaces"

_TIMEOUT_SECONDS = 10
_TRIES = 2
_PAUSE_SECONDS = 1
_LONGEST_PAUSE_SECONDS = 5


class CheckFailedError(Exception):
    """The credentials do not work, or it cannot be found out; its text is for the user."""


def check(site: Site, authenticator: AuthBase) -> None:
    """Prove that the site knows the account or, where it does not say, shows it a space.

    Confluence treats a credential it does not know as an anonymous visitor wherever visitors are
    allowed, so a list that answers proves nothing; who the current user is, does. Only when that
    question gets another answer (a token may lack the scope for it) the list of spaces decides.

    Raises:
        CheckFailedError: In every other case, within `DEADLINE_SECONDS`.

    Source: https://developer.atlassian.com/cloud/confluence/basic-auth-for-rest-apis/
    """
    # In a thread of its own, because only a thread can be left behind when a name look-up hangs or
    # an answer trickles in byte by byte: no timeout of requests ends those.
    outcome: Future[None] = Future()
    Thread(target=_settle, args=(outcome, _Check(site, authenticator)), daemon=True).start()
    try:
        outcome.result(timeout=DEADLINE_SECONDS)
    except FutureTimeoutError:
        raise CheckFailedError(_message(errors.TIMEOUT, site, _CURRENT_USER)) from None
    except AirbyteTracedException as error:  # from the CDK: no private hosts on Airbyte Cloud
        raise CheckFailedError(error.message) from None


def _settle(outcome: "Future[None]", check: "_Check") -> None:
    try:
        check.run()
        outcome.set_result(None)
    except BaseException as error:  # noqa: BLE001 (raised again by the thread that waits)
        outcome.set_exception(error)


class _Check:
    def __init__(self, site: Site, authenticator: AuthBase) -> None:
        self._site = site
        self._authenticator = authenticator

    def run(self) -> None:
        response = self._get(_CURRENT_USER, {})
        if response.status_code == requests.codes.unauthorized:
            raise self._failed(errors.UNAUTHORIZED, _CURRENT_USER, status=401)
        user = _user(response)
        if user is None:
            self._require_a_space()
        elif user.get("type") != "known" or not user.get("accountId"):
            raise self._failed(errors.ANONYMOUS, _CURRENT_USER)

    def _require_a_space(self) -> None:
        response = self._get(_SPACES, {"limit": "1"})
        status = response.status_code
        if status != requests.codes.ok:
            raise self._failed(errors.of_status(status), _SPACES, status=status)
        try:
            page = Page.parse(response.content)
        except NotJsonError as error:
            raise self._failed(errors.NOT_JSON, _SPACES, detail=str(error)) from None
        except NotAListError as error:
            raise self._failed(errors.NOT_A_LIST, _SPACES, detail=str(error)) from None
        if not page.rows:
            raise self._failed(errors.NO_VISIBLE_SPACE, _SPACES)

    def _get(self, path: str, params: Mapping[str, str]) -> requests.Response:
        """One answer, of whatever status; what may pass in a moment gets a second try."""
        response, failure, detail = self._attempt(path, params)
        if failure is not None and failure.retries:
            asked = 0.0 if response is None else asked_seconds(response) or 0.0
            if asked <= _LONGEST_PAUSE_SECONDS:
                time.sleep(max(asked, _PAUSE_SECONDS))
                response, failure, detail = self._attempt(path, params)
        if response is None:
            raise self._failed(failure or errors.CONNECTION_LOST, path, detail=detail)
        if errors.is_login_refused(response.headers):
            raise self._failed(errors.ANONYMOUS, path)
        return response

    def _attempt(
        self, path: str, params: Mapping[str, str]
    ) -> tuple[requests.Response | None, errors.Failure | None, str]:
        try:
            response = requests.get(
                self._site.url(path),
                params=params,
                headers={"Accept": "application/json"},
                auth=self._authenticator,
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return None, errors.of_exception(error), type(error).__name__
        if response.status_code == requests.codes.ok:
            return response, None, ""
        return response, errors.of_status(response.status_code), ""

    def _failed(
        self, failure: errors.Failure, path: str, *, status: int | None = None, detail: str = ""
    ) -> CheckFailedError:
        return CheckFailedError(_message(failure, self._site, path, status=status, detail=detail))


def _user(response: requests.Response) -> Mapping[str, Any] | None:
    """The current user, `{"type": "known", "accountId": "557058:…"}`; None without an answer."""
    if response.status_code != requests.codes.ok:
        return None
    try:
        user = response.json()
    except requests.JSONDecodeError:
        return None
    return user if isinstance(user, dict) else None


def _message(
    failure: errors.Failure, site: Site, path: str, *, status: int | None = None, detail: str = ""
) -> str:
    request = errors.Request(
        host=site.host,
        path=f"/{path}",
        permission="permission to use Confluence and to view a space",
        otherwise="use the API token of another account",
    )
    return failure.message(request, status=status, detail=detail)
