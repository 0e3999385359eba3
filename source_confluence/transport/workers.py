"""Send requests in parallel: threads that send, and do nothing else."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

import requests

from source_confluence.failures import classify
from source_confluence.transport.exchange import Answer

Send = Callable[[requests.Session], Answer]
Settle = Callable[[Answer], None]


class Workers:
    """Up to so many threads, each with connections of its own; one object for all streams.

    They print nothing, log nothing, wait only for responses, and decide nothing. They are daemons,
    so the end of the process does not wait for them. All methods are for one thread.

    Args:
        count: How many requests may be in flight at a time.
        open_session: Opens the connections of a thread.

    Attributes:
        in_flight_count: How many requests have not been answered, for whichever stream.
    """

    def __init__(self, count: int, open_session: Callable[[], requests.Session]) -> None:
        self.count = count
        self._open_session = open_session
        self._tasks: SimpleQueue[tuple[Send, Settle] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[Settle, Answer]] = SimpleQueue()
        self._came: deque[tuple[Settle, Answer]] = deque()
        self.in_flight_count = 0
        self._threads: list[threading.Thread] = []

    @property
    def is_busy(self) -> bool:
        """Whether a request is in flight, for whichever stream."""
        return self.in_flight_count > 0

    @property
    def is_free(self) -> bool:
        """Whether one of the threads has nothing to do."""
        return self.in_flight_count < self.count

    def submit(self, send: Send, settle: Settle) -> None:
        """Have a request sent by the next thread that is free.

        Args:
            send: Sends it, with the session of the thread.
            settle: Is given the answer by `settle`.

        Raises:
            RuntimeError: When the machine does not give the process another thread.
        """
        if len(self._threads) < self.count:
            thread = threading.Thread(target=self._work, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._tasks.put((send, settle))
        self.in_flight_count += 1

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
            self.in_flight_count -= 1
            settle(answer)

    def close(self) -> None:
        """Let each thread end after its present request."""
        for _ in self._threads:
            self._tasks.put(None)
        self._threads = []

    def _work(self) -> None:
        with self._open_session() as session:
            while (task := self._tasks.get()) is not None:
                send, settle = task
                self._answers.put((settle, _answer_to(send, session)))


def _answer_to(send: Send, session: requests.Session) -> Answer:
    """The answer; whatever is raised is one too, because whoever retries it meets it again."""
    try:
        return send(session)
    except Exception as error:  # noqa: BLE001 (a thread that dies would leave the reader waiting)
        failure, detail = classify.of_exception(error)
        return Answer(failure=failure, detail=detail, cause=type(error).__name__)
