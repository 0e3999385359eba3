"""Find out, within half a minute, whether the credentials work."""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from http.cookiejar import DefaultCookiePolicy
from threading import Thread
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase

from source_confluence.failures import table as errors
from source_confluence.failures.classify import (
    FinalFailureError,
    detail_of,
    failure_of,
    of_exception,
)
from source_confluence.limits.backoff import asked_seconds
from source_confluence.paging.page import NotJsonError, Page
from source_confluence.transport.body import body_of
from source_confluence.transport.site import Site

DEADLINE_SECONDS = 30
"""For the whole check, whatever the network does."""

_CURRENT_USER = "wiki/rest/api/user/current"
_SPACES = "wiki/api/v2/spaces"

_TIMEOUT_SECONDS = 10
_LARGEST_BYTES = 1024 * 1024
_PAUSE_SECONDS = 1
_LONGEST_PAUSE_SECONDS = 5

_NOT_KNOWN = (errors.UNAUTHORIZED, errors.ANONYMOUS, errors.UNRECOGNISED)

Answer = requests.Response | Exception
Retries = Callable[[errors.Failure], int]
Decoded = TypeVar("Decoded")


class CheckFailedError(Exception):
    """The credentials do not work, or it cannot be found out; its text is for the user.

    Args:
        message: What happened, the likely cause, what to do.
        failure: The row of the table it was made from.
        was_answered: Whether the site said anything at all.
    """

    def __init__(self, message: str, failure: errors.Failure, *, was_answered: bool) -> None:
        super().__init__(message)
        self.failure = failure
        self.was_answered = was_answered


def check(site: Site, authenticator: AuthBase) -> None:
    """Prove that the site knows the account or, where it does not say, shows it a space.

    Confluence treats a credential it does not know as an anonymous visitor wherever visitors are
    allowed, so a list that answers proves nothing; who the current user is, does. Only when that
    question gets another answer, but not that it does not know the credential (a token may lack the
    scope for it), the list of spaces decides.

    Raises:
        CheckFailedError: In every other case, within `DEADLINE_SECONDS`; nothing else is raised.

    Source: https://developer.atlassian.com/cloud/confluence/basic-auth-for-rest-apis/
    """
    with questioner(authenticator) as session:
        _within_deadline(_prove, site, session)


def questioner(authenticator: AuthBase) -> requests.Session:
    """What asks: it keeps its connection, and no cookie, so that each answer is about the token.

    A new connection would take 1.5 ms each time.
    """
    session = requests.Session()
    session.auth = authenticator
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def require_to_be_known(site: Site, session: requests.Session, *, saw_rows: bool) -> None:
    """Ask whether the site still knows the account, after a list that visitors may see a part of.

    Args:
        site: Where to ask.
        session: Asks; from `questioner`.
        saw_rows: Whether the list had any; one that had none, on a site that refuses to say who we
            are, is believed when a space is visible.

    Raises:
        FinalFailureError: When it says that it does not, again and again where that comes for
            moments under load; no answer is taken for a yes.
    """
    try:
        _within_deadline(_require_to_be_known, site, session, saw_rows)
    except CheckFailedError as error:
        if error.failure in (*_NOT_KNOWN, errors.NO_VISIBLE_SPACE):
            raise FinalFailureError(error.failure, str(error), "") from None


def _within_deadline(act: Callable[..., None], site: Site, *arguments: object) -> None:
    """Do it in a thread of its own, and raise what it raises, as a CheckFailedError.

    Only a thread can be left behind when a name look-up hangs or an answer trickles in byte by
    byte: no timeout of requests ends those.
    """
    outcome: Future[None] = Future()
    Thread(target=_settle, args=(outcome, act, site, *arguments), daemon=True).start()
    try:
        outcome.result(timeout=DEADLINE_SECONDS)
    except CheckFailedError:
        raise
    except FutureTimeoutError:
        raise _failed(errors.TIMEOUT, site, _CURRENT_USER) from None
    except Exception as error:  # noqa: BLE001 (a check that ends without an answer helps nobody)
        failure, detail = of_exception(error), detail_of(error)
        raise _failed(failure, site, _CURRENT_USER, detail=detail) from None


def _settle(outcome: "Future[None]", act: Callable[..., None], *arguments: object) -> None:
    try:
        act(*arguments)
        outcome.set_result(None)
    except BaseException as error:  # noqa: BLE001 (raised again by the thread that waits)
        outcome.set_exception(error)


def _prove(site: Site, session: requests.Session) -> None:
    try:
        _require_a_known_user(site, session)
    except CheckFailedError as error:
        if error.failure in _NOT_KNOWN or not error.was_answered:
            raise
        _require_a_space(site, session)


def _require_to_be_known(site: Site, session: requests.Session, saw_rows: bool) -> None:
    try:
        _require_a_known_user(site, session, _retries_at_the_end)
    except CheckFailedError as error:
        if error.failure in _NOT_KNOWN:
            raise
        # On a site that is closed to the public, an unknown caller may get empty lists and this.
        if error.failure is errors.FORBIDDEN and not saw_rows:
            _require_a_space(site, session)


def _retries(failure: errors.Failure) -> int:
    """How many more attempts are worth making, while somebody waits for the check.

    One, but all where the credentials would be blamed for what comes in moments under load.
    """
    return failure.retries if failure in _NOT_KNOWN else min(failure.retries, 1)


def _retries_at_the_end(failure: errors.Failure) -> int:
    """How many at the end of a list: only to be sure of what takes back the stream's state."""
    return failure.retries if failure in _NOT_KNOWN else 0


def _require_a_known_user(
    site: Site, session: requests.Session, retries: Retries = _retries
) -> None:
    """Raise unless the current user is one; what is no user at all counts as no answer to that."""
    user = _ask(site, session, _CURRENT_USER, _user, retries=retries)
    if user.get("type") == "anonymous":
        raise _failed(errors.ANONYMOUS, site, _CURRENT_USER)
    if user.get("type") != "known" or not user.get("accountId"):
        raise _failed(errors.UNFORESEEN, site, _CURRENT_USER, status=200, detail="no known user")


def _require_a_space(site: Site, session: requests.Session) -> None:
    if not _ask(site, session, _SPACES, _spaces, limit="1"):
        raise _failed(errors.NO_VISIBLE_SPACE, site, _SPACES)


def _ask(
    site: Site,
    session: requests.Session,
    path: str,
    decode: Callable[[requests.Response], Decoded],
    *,
    retries: Retries = _retries,
    **params: str,
) -> Decoded:
    """What the site answers; what may pass in a moment is asked for again.

    Raises:
        CheckFailedError: When it does not answer, or not with what was asked for.
    """
    answer = _get(site.url(path), params, session)
    decoded: list[Decoded] = []
    failure, detail = failure_of(
        answer, lambda response: decoded.append(decode(response)), _LONGEST_PAUSE_SECONDS
    )
    if failure is not None and retries(failure) > 0:
        time.sleep(max(_PAUSE_SECONDS, asked_seconds(answer) or 0))
        return _ask(site, session, path, decode, retries=lambda row: retries(row) - 1, **params)
    if not isinstance(answer, requests.Response):
        raise _failed(failure or errors.CONNECTION_LOST, site, path, detail=detail)
    if failure is not None:
        raise _failed(failure, site, path, status=answer.status_code, detail=detail)
    return decoded[0]


def _get(url: str, params: Mapping[str, str], session: requests.Session) -> Answer:
    try:
        return session.get(
            url,
            params=params,
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
            stream=True,
        )
    except Exception as error:  # noqa: BLE001 (whatever comes instead of an answer has its row)
        return error


def _user(response: requests.Response) -> Mapping[str, Any]:
    """The current user: `{"type": "known", "accountId": "557058:…"}`."""
    try:
        user = json.loads(body_of(response, _LARGEST_BYTES))
    except (ValueError, RecursionError):
        raise NotJsonError("no user") from None
    if not isinstance(user, dict):
        raise NotJsonError("no user")
    return user


def _spaces(response: requests.Response) -> list[Mapping[str, Any]]:
    return Page.parse(body_of(response, _LARGEST_BYTES)).rows


def _failed(
    failure: errors.Failure, site: Site, path: str, *, status: int | None = None, detail: str = ""
) -> CheckFailedError:
    request = errors.Request(
        host=site.host,
        path=f"/{path}",
        permission="permission to use Confluence and to view a space",
        otherwise="use the API token of another account",
    )
    message = failure.message(request, status=status, detail=detail)
    return CheckFailedError(message, failure, was_answered=status is not None)
