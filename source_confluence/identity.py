"""Find out, within half a minute, whether the site knows the account."""

import itertools
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from threading import Thread
from typing import Any, TypeVar

import requests
from airbyte_cdk.models import FailureType

from source_confluence.exceptions import NotJsonError, ResponseError
from source_confluence.failures import classify, table
from source_confluence.failures.failure import Failure, FinalFailureError, Request
from source_confluence.paging.page import Page
from source_confluence.transport.body import decompressed
from source_confluence.transport.client import Client
from source_confluence.transport.exchange import Answer, Bounds

DEADLINE_SECONDS = 30
"""For the whole check, whatever the network does."""

READ_TIMEOUT_SECONDS = 10

_CURRENT_USER = "wiki/rest/api/user/current"
_SPACES = "wiki/api/v2/spaces"
_SCOPES = {
    _CURRENT_USER: "read:confluence-user or read:content-details:confluence",
    _SPACES: "read:space:confluence",
}

_MAX_BYTES = 1024 * 1024
_PAUSE_SECONDS = 1
_MAX_PAUSE_SECONDS = 5

_NOT_KNOWN = (table.UNAUTHORIZED, table.TOKEN_REFUSED, table.ANONYMOUS, table.UNRECOGNISED)

Waiting = Callable[[], AbstractContextManager[None]]
MaxRetries = Callable[[Failure], int]
Decoded = TypeVar("Decoded")


class CheckFailedError(Exception):
    """The credentials do not work, or it cannot be found out; its text is for the user.

    Args:
        message: What happened, the likely cause, what to do.
        failure: The row of the table it was made from.
        was_answered: Whether the site said anything at all.
    """

    def __init__(self, message: str, failure: Failure, *, was_answered: bool) -> None:
        super().__init__(message)
        self.failure = failure
        self.was_answered = was_answered

    @property
    def user_must_act(self) -> bool:
        """Whether the site has answered, and that answer changes only when somebody acts."""
        return self.was_answered and self.failure.failure_type is FailureType.config_error


def check(client: Client) -> None:
    """Prove that the site knows the account or, where it does not say, shows it a space.

    Confluence treats a credential it does not know as an anonymous visitor wherever visitors are
    allowed, so a list that answers proves nothing; who the current user is, does. Only when that
    question gets another answer, but not that the site does not know the credential, the list of
    spaces decides. A token that lacks the scope for a question has no answer to it, yet it is one
    that Atlassian knows: then it is left to the lists what it can read.

    Raises:
        CheckFailedError: In every other case, within `DEADLINE_SECONDS`, after what it took to get
            in; nothing else is raised.

    Source: https://developer.atlassian.com/cloud/confluence/basic-auth-for-rest-apis/
    """
    with client.open_session(keeps_cookies=False) as session:
        prove = partial(_within_deadline, client, partial(_prove, client, session))
        _when_let_in(client, prove, _retries_of_check)


def require_known_account(
    client: Client, session: requests.Session, *, saw_rows: bool, waiting: Waiting = nullcontext
) -> None:
    """Ask whether the site still knows the account, after a list that visitors may see a part of.

    Args:
        client: Sends the question.
        session: Its connections, without cookies.
        saw_rows: Whether the list had any. One that had none, on a site that refuses to say who the
            account is, is believed when a space is visible.
        waiting: Is entered while an answer is waited for, and nothing is printed.

    Raises:
        FinalFailureError: When it says that it does not, again and again where that comes for
            moments under load; no answer is taken for a yes.
    """
    prove = partial(_require_known_account, client, session, saw_rows)

    def ask_and_wait() -> None:
        with waiting():
            _within_deadline(client, prove)

    try:
        _when_let_in(client, ask_and_wait, _retries_at_end)
    except CheckFailedError as error:
        if error.failure in (*_NOT_KNOWN, table.NO_VISIBLE_SPACE):
            raise FinalFailureError(error.failure, str(error), "") from None


def _when_let_in(client: Client, act: Callable[[], None], max_retries: MaxRetries) -> None:
    """Do what sends requests; once more, when the credentials may be accepted in another way."""
    _open(client, max_retries)
    entry = client.access.entry
    try:
        act()
    except CheckFailedError as error:
        if not client.access.renew(Answer(entry=entry, failure=error.failure)):
            raise
        _open(client, max_retries)
        act()


def _open(client: Client, max_retries: MaxRetries) -> None:
    for attempt in itertools.count():
        answer = client.access.open()
        if answer is None:
            return
        failure = answer.failure or table.UNFORESEEN
        if attempt >= max_retries(failure) or failure is table.TIMEOUT:
            raise _failed(client, _CURRENT_USER, answer)
        time.sleep(_PAUSE_SECONDS)


def _within_deadline(client: Client, act: Callable[[], None]) -> None:
    """Do it in a thread of its own, and raise what it raises, as a CheckFailedError.

    Only a thread can be left behind when a name look-up hangs or a body trickles in byte by byte:
    no timeout of requests ends those.
    """
    outcome = in_thread(act)
    try:
        outcome.result(timeout=DEADLINE_SECONDS)
    except CheckFailedError:
        raise
    except FutureTimeoutError:
        raise _failed(client, _CURRENT_USER, Answer(failure=table.TIMEOUT)) from None
    except Exception as error:  # noqa: BLE001 (a check that ends without an answer helps nobody)
        failure, detail = classify.of_exception(error)
        answer = Answer(failure=failure, detail=detail)
        raise _failed(client, _CURRENT_USER, answer) from None


def in_thread(act: Callable[..., None], *arguments: object) -> "Future[None]":
    """Begin it in a thread that does not keep the process from ending."""
    outcome: Future[None] = Future()
    Thread(target=_settle, args=(outcome, act, *arguments), daemon=True).start()
    return outcome


def _settle(outcome: "Future[None]", act: Callable[..., None], *arguments: object) -> None:
    try:
        act(*arguments)
        outcome.set_result(None)
    except BaseException as error:  # noqa: BLE001 (raised again by the thread that waits)
        outcome.set_exception(error)


def _prove(client: Client, session: requests.Session) -> None:
    try:
        _require_known_user(client, session, _retries_of_check)
    except CheckFailedError as error:
        if error.failure in _NOT_KNOWN or not error.was_answered:
            raise
        _require_space_if_it_may_be_asked_for(client, session)


def _require_space_if_it_may_be_asked_for(client: Client, session: requests.Session) -> None:
    try:
        _require_space(client, session)
    except CheckFailedError as error:
        if error.failure is not table.SCOPE_MISSING:
            raise


def _require_known_account(client: Client, session: requests.Session, saw_rows: bool) -> None:
    try:
        _require_known_user(client, session, _retries_at_end)
    except CheckFailedError as error:
        if error.failure in _NOT_KNOWN:
            raise
        # On a site that is closed to the public, an unknown caller may get empty lists and this.
        if error.failure is table.FORBIDDEN and not saw_rows:
            _require_space(client, session)


def _retries_of_check(failure: Failure) -> int:
    """How many more attempts are worthwhile, while somebody waits for the check.

    One, but all where the credentials would be blamed for what comes for moments under load.
    """
    return failure.max_retries if failure in _NOT_KNOWN else min(failure.max_retries, 1)


def _retries_at_end(failure: Failure) -> int:
    """How many at the end of a list: only to be sure of what takes back the stream's state."""
    return failure.max_retries if failure in _NOT_KNOWN else 0


def _require_known_user(client: Client, session: requests.Session, max_retries: MaxRetries) -> None:
    """Raise unless the current user is one; what is no user at all is no answer to that."""
    request = _request(client, _CURRENT_USER)
    user = ask(client, session, request, {}, _user, max_retries)
    if user.get("type") == "anonymous":
        raise CheckFailedError(table.ANONYMOUS.message(request), table.ANONYMOUS, was_answered=True)
    if user.get("type") != "known" or not user.get("accountId"):
        text = table.UNFORESEEN.message(request, status=200, detail="no known user")
        raise CheckFailedError(text, table.UNFORESEEN, was_answered=True)


def _require_space(client: Client, session: requests.Session) -> None:
    request = _request(client, _SPACES)
    if not ask(client, session, request, {"limit": "1"}, _spaces, _retries_of_check):
        text = table.NO_VISIBLE_SPACE.message(request)
        raise CheckFailedError(text, table.NO_VISIBLE_SPACE, was_answered=True)


def ask(  # noqa: PLR0913, PLR0917 (a question, and how to understand the answer)
    client: Client,
    session: requests.Session,
    request: Request,
    query: Mapping[str, Any],
    decode: Callable[[bytes], Decoded],
    max_retries: MaxRetries,
) -> Decoded:
    """What the site answers; what may pass in a moment is asked for again.

    Raises:
        CheckFailedError: When it does not answer, or not with what was asked for.
    """
    bounds = Bounds(
        read_seconds=READ_TIMEOUT_SECONDS,
        max_bytes=_MAX_BYTES,
        max_wait_seconds=_MAX_PAUSE_SECONDS,
    )
    answer = client.get(session, request.path.removeprefix("/"), query, bounds=bounds)
    if answer.body is not None:
        try:
            return decode(decompressed(answer.body, _MAX_BYTES))
        except (ResponseError, requests.RequestException) as error:
            failure, detail = classify.of_exception(error)
            answer = replace(answer, failure=failure, detail=detail)
    failure = answer.failure or table.UNFORESEEN
    if max_retries(failure) > 0:
        asked = answer.refusal.seconds if answer.refusal else 0
        time.sleep(max(_PAUSE_SECONDS, asked))
        fewer: MaxRetries = lambda row: max_retries(row) - 1  # noqa: E731
        return ask(client, session, request, query, decode, fewer)
    raise _check_failed(answer, request)


def _user(body: bytes) -> Mapping[str, Any]:
    """The current user: `{"type": "known", "accountId": "557058:…"}`."""
    try:
        user = json.loads(body)
    except (ValueError, RecursionError):
        raise NotJsonError("no user") from None
    if not isinstance(user, dict):
        raise NotJsonError("no user")
    return user


def _spaces(body: bytes) -> list[Mapping[str, Any]]:
    return Page.parse(body, asked_rows=1, has_links=False).rows


def _request(client: Client, path: str) -> Request:
    return client.in_words(
        path,
        permission="permission to use Confluence and to view a space",
        otherwise="use the credentials of another account",
        scope=_SCOPES[path],
    )


def _failed(client: Client, path: str, answer: Answer) -> CheckFailedError:
    return _check_failed(answer, _request(client, path))


def _check_failed(answer: Answer, request: Request) -> CheckFailedError:
    failure, words = answer.failure or table.UNFORESEEN, answer.in_words(request)
    message = failure.message(words, status=answer.status, detail=answer.detail)
    return CheckFailedError(message, failure, was_answered=answer.status is not None)
