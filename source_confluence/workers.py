"""Make requests side by side: threads that ask, and do nothing else."""

import itertools
import threading
from collections.abc import Callable
from queue import PriorityQueue

import requests
from requests.auth import AuthBase

Task = Callable[[requests.Session], None]

_NEVER = 2  # after whatever is urgent (0) or not (1)


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
        """
        self._tasks.put((0 if is_urgent else 1, next(self._numbers), task))
        if len(self._threads) < self.count:
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()

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
