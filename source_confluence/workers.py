"""Make requests side by side: threads that ask, and do nothing else."""

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import PriorityQueue

import requests
from requests.auth import AuthBase

from source_confluence.answers import failure_of
from source_confluence.body import PackedBody, packed_body_of
from source_confluence.errors import TOO_LARGE
from source_confluence.rate_limit import LONGEST_ASKED_WAIT_SECONDS, Refusal
from source_confluence.waits import now_seconds

Task = Callable[[requests.Session], None]

_NEVER = 2  # after whatever is urgent (0) or not (1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one request.

    Args:
        asked_at: When it was made.
        answered_at: When its answer was there.
        body: What was answered.
        headers: What else the site says.
        refusal: The wait it tells us, when it does.
        failure: What is wrong, when there is no body: `HTTP 500`.
        is_too_large: Whether that is its size.
    """

    asked_at: float
    answered_at: float
    body: PackedBody | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None
    failure: str = ""
    is_too_large: bool = False

    @classmethod
    def of(
        cls, ask: Callable[[], requests.Response], asked_at: float, largest_bytes: int
    ) -> "Answer":
        """The answer to a request, made once; nothing is raised.

        Args:
            ask: Makes it.
            asked_at: When it was begun.
            largest_bytes: How large the body may be, as it comes.
        """
        bodies: list[PackedBody] = []
        try:
            response = ask()
            failure, detail = failure_of(
                response,
                lambda sound: bodies.append(packed_body_of(sound, largest_bytes)),
                LONGEST_ASKED_WAIT_SECONDS,
            )
            return cls(
                asked_at=asked_at,
                answered_at=now_seconds(),
                body=bodies[0] if bodies else None,
                headers=response.headers,
                refusal=Refusal.of(response),
                failure=f"HTTP {response.status_code} {detail}".strip(),
                is_too_large=failure is TOO_LARGE,
            )
        except Exception as error:  # noqa: BLE001 (whoever asks again meets it again)
            name = type(error).__name__
            return cls(asked_at=asked_at, answered_at=now_seconds(), failure=name)


class Workers:
    """Up to so many threads, each with connections of its own; one object for all streams.

    They print nothing, log nothing, wait for nothing but answers, and decide nothing. They are
    daemons, so a process that is to end does not wait for them.

    Args:
        count: How many requests may be under way at a time.
        authenticator: Signs each request.
    """

    def __init__(self, count: int, authenticator: AuthBase) -> None:
        self.count = count
        self._authenticator = authenticator
        self._tasks: PriorityQueue[tuple[int, int, Task | None]] = PriorityQueue()
        self._numbers = itertools.count()
        self._threads: list[threading.Thread] = []

    def submit(self, task: Task, *, is_urgent: bool) -> None:
        """Have a task done by the next thread that is free; it must not raise.

        Args:
            task: Is given the session of the thread.
            is_urgent: Whether it goes before all that are not.

        Raises:
            RuntimeError: When the machine does not give us another thread.
        """
        self._tasks.put((0 if is_urgent else 1, next(self._numbers), task))
        if len(self._threads) < self.count:
            thread = threading.Thread(target=self._work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Let each thread end after what it is at."""
        for _ in self._threads:
            self._tasks.put((_NEVER, next(self._numbers), None))
        self._threads = []

    def _work(self) -> None:
        with requests.Session() as session:
            session.auth = self._authenticator
            while (task := self._tasks.get()[2]) is not None:
                task(session)
