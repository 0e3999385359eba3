"""Stop cleanly on SIGTERM and Ctrl-C: between two messages, never within one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from source_confluence.exceptions import StoppedError

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def postponed() -> Iterator[None]:
    """Let a signal to stop come into effect when the block is over, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread only
        return
    came: list[int] = []
    before = {each: signal.signal(each, lambda number, _: came.append(number)) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in came[:1]:
            signal.raise_signal(number)


class Stop:
    """Whether the process was told to stop; one object for all streams.

    A signal may arrive in the middle of a line that is being printed. So the handler only makes a
    note, which is read before each page and each request. A wait for the site or for the clock,
    during which nothing is printed, is ended at once.

    Attributes:
        is_interruptible: Whether nothing can be printed at the moment.
    """

    def __init__(self) -> None:
        self._signal_name = ""
        self.is_interruptible = False

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take SIGTERM and Ctrl-C as a request to stop; a second one kills the process."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread only
            return
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self._signal_name = signal.Signals(number).name
        if self.is_interruptible:
            self.raise_if_asked()

    def raise_if_asked(self) -> None:
        """End the read if the process was told to stop.

        Raises:
            StoppedError: When it was.
        """
        if self._signal_name:
            self.is_interruptible = False
            raise StoppedError(self._signal_name)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal end the block anywhere; nothing may be printed within it."""
        self.is_interruptible = True
        self.raise_if_asked()
        try:
            yield
        finally:
            self.is_interruptible = False
