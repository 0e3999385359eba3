"""Make requests side by side: threads that ask, and do nothing else."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import requests
from requests.auth import AuthBase

from source_confluence.failures.classify import failure_of
from source_confluence.failures.table import TOO_LARGE
from source_confluence.limits.headers import LONGEST_ASKED_WAIT_SECONDS, Refusal
from source_confluence.limits.waiting import now_seconds
from source_confluence.transport.body import PackedBody, packed_body_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one request.

    Args:
        body: What was answered.
        refusal: The wait it tells us, when it does.
        failure: What is wrong, when there is no body: `HTTP 500`.
        is_too_large: Whether that is its size.
        seconds: How long it took to come.
    """

    body: PackedBody | None = None
    refusal: Refusal | None = None
    failure: str = ""
    is_too_large: bool = False
    seconds: float = 0.0

    @classmethod
    def of(cls, ask: Callable[[], requests.Response], largest_bytes: int) -> "Answer":
        """The answer to a request, made once; nothing is raised.

        Args:
            ask: Makes it.
            largest_bytes: How large the body may be, as it comes.
        """
        bodies: list[PackedBody] = []
        began = now_seconds()
        try:
            response = ask()
            failure, detail = failure_of(
                response,
                lambda sound: bodies.append(packed_body_of(sound, largest_bytes)),
                LONGEST_ASKED_WAIT_SECONDS,
            )
            return cls(
                body=bodies[0] if bodies else None,
                refusal=Refusal.of(response),
                failure=f"HTTP {response.status_code} {detail}".strip(),
                is_too_large=failure is TOO_LARGE,
                seconds=now_seconds() - began,
            )
        except Exception as error:  # noqa: BLE001 (whoever asks again meets it again)
            return cls(failure=type(error).__name__)


Ask = Callable[[requests.Session], Answer]
Settle = Callable[[Answer], None]


class Workers:
    """Up to so many threads, each with connections of its own; one object for all streams.

    They print nothing, log nothing, wait for nothing but answers, and decide nothing. They are
    daemons, so a process that is to end does not wait for them. All methods are for one thread.

    Args:
        count: How many requests may be under way at a time.
        authenticator: Signs each request.
    """

    def __init__(self, count: int, authenticator: AuthBase) -> None:
        self.count = count
        self._authenticator = authenticator
        self._tasks: SimpleQueue[tuple[Ask, Settle] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[Settle, Answer]] = SimpleQueue()
        self._came: deque[tuple[Settle, Answer]] = deque()
        self._under_way_count = 0
        self._threads: list[threading.Thread] = []

    @property
    def is_busy(self) -> bool:
        """Whether one of them has something to do."""
        return self._under_way_count > 0

    @property
    def is_free(self) -> bool:
        """Whether one of them has nothing to do, whichever stream the others ask for."""
        return self._under_way_count < self.count

    def submit(self, ask: Ask, settle: Settle) -> None:
        """Have a request made by the next thread that is free.

        Args:
            ask: Makes it, with the session of the thread; it must not raise.
            settle: Is given the answer by `settle`.

        Raises:
            RuntimeError: When the machine does not give us another thread.
        """
        if len(self._threads) < self.count:
            thread = threading.Thread(target=self._work, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._tasks.put((ask, settle))
        self._under_way_count += 1

    def wait(self, seconds: float | None) -> None:
        """Wait for an answer, so long at most; None is as long as it takes."""
        with suppress(Empty):
            self._came.append(self._answers.get(timeout=seconds))

    def settle(self) -> None:
        """Hand out the answers that came."""
        with suppress(Empty):
            while True:
                self._came.append(self._answers.get_nowait())
        while self._came:
            settle, answer = self._came.popleft()
            self._under_way_count -= 1
            settle(answer)

    def close(self) -> None:
        """Let each thread end after what it is at."""
        for _ in self._threads:
            self._tasks.put(None)
        self._threads = []

    def _work(self) -> None:
        with requests.Session() as session:
            session.auth = self._authenticator
            while (task := self._tasks.get()) is not None:
                ask, settle = task
                self._answers.put((settle, ask(session)))
