"""Stop in good order when the process is told to: between two messages, never within one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoppedError(BaseException):
    """The process was told to stop; like KeyboardInterrupt, nobody else's `except` is to catch it.

    Args:
        signal_name: `SIGTERM`.
    """

    def __init__(self, signal_name: str) -> None:
        super().__init__(signal_name)
        self.signal_name = signal_name


class Stop:
    """Whether we were told to stop; one object for all streams.

    A signal comes at any moment, in the middle of a line that is being printed too. So it only
    leaves a note, which is looked at before each page and each request; a wait for the site or for
    the clock, during which nothing is printed, is ended at once.

    Attributes:
        is_interruptible: Whether nothing can be printed just now.
    """

    def __init__(self) -> None:
        self._signal_name = ""
        self.is_interruptible = False

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take SIGTERM and Ctrl-C as a request to stop; a second one ends the process hard."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread alone
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
        """End what is going on, when we were told to stop.

        Raises:
            StoppedError: When we were.
        """
        if self._signal_name:
            self.is_interruptible = False
            raise StoppedError(self._signal_name)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Nothing is printed within the block, so a signal may end it anywhere."""
        self.begin_interruptible()
        try:
            yield
        finally:
            self.end_interruptible()

    def begin_interruptible(self) -> None:
        """From here on nothing is printed until `end_interruptible`; for what is no block."""
        self.is_interruptible = True
        self.raise_if_asked()

    def end_interruptible(self) -> None:
        """From here on something may be printed."""
        self.is_interruptible = False
