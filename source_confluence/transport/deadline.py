"""Cut off a body that does not come in time."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import requests


class _Watch:
    """Cuts connections whose time is over; one thread, which sleeps while nothing is read.

    A thread for each body would take as long as 20 rows.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: dict[requests.Response, float] = {}
        self._is_running = False

    def begin(self, response: requests.Response, seconds: float) -> None:
        with self._changed:
            self._deadlines[response] = time.monotonic() + seconds
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, daemon=True).start()
            self._changed.notify()

    def is_in_time(self, response: requests.Response) -> bool:
        return response in self._deadlines

    def end(self, response: requests.Response) -> bool:
        """Whether it was in time."""
        with self._changed:
            return self._deadlines.pop(response, None) is not None

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for response in [each for each, end in self._deadlines.items() if end <= now]:
                    del self._deadlines[response]
                    with suppress(Exception):  # it may have ended just now
                        response.raw.shutdown()
                earliest = min(self._deadlines.values(), default=None)
                self._changed.wait(None if earliest is None else earliest - now)


_WATCH = _Watch()


@contextmanager
def deadline(response: requests.Response, seconds: float) -> Iterator[None]:
    """Cut the connection when the time is over; a timeout of requests starts anew with each byte.

    `shutdown` is urllib3's own means for that, from its version 2.3 on; before, it is only noticed
    at the end.
    """
    _WATCH.begin(response, seconds)
    is_in_time = True
    try:
        yield
    except requests.RequestException:
        if _WATCH.is_in_time(response):
            raise
    finally:
        is_in_time = _WATCH.end(response)
    if not is_in_time:  # also when it seems to be whole: not every body says how long it is
        raise requests.ReadTimeout("the body trickles in")
