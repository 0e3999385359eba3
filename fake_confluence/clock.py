"""Tell the site's time, and write instants as Confluence does."""

import threading
from datetime import datetime, timezone
from email.utils import formatdate

import pendulum


class Clock:
    """The site's own clock: what it shows in `Date`, and when it says that something happened.

    Args:
        offset_seconds: How much it is ahead of this machine's clock; behind it, when negative.
        frozen_at: `2026-07-01T12:00:00Z`: it stands still there, and only `advance` moves it.
    """

    def __init__(self, offset_seconds: float = 0.0, *, frozen_at: str = "") -> None:
        self._ahead = round(offset_seconds * 1000)
        self._frozen = milliseconds(frozen_at) if frozen_at else None
        self._lock = threading.Lock()

    def now(self, skew_seconds: float = 0.0) -> int:
        """The time in milliseconds since 1970, on a machine whose clock is ahead of the site's."""
        with self._lock:
            base = _of_this_machine() if self._frozen is None else self._frozen
            return base + self._ahead + round(skew_seconds * 1000)

    def freeze(self) -> None:
        """Stand still from now on."""
        with self._lock:
            if self._frozen is None:
                self._frozen = _of_this_machine()

    def advance(self, seconds: float) -> None:
        """Move the clock, whether it is frozen or not; backwards, when negative."""
        with self._lock:
            self._ahead += round(seconds * 1000)

    @property
    def date(self) -> str:
        """What the header `Date` says: `Wed, 01 Jul 2026 12:00:00 GMT`."""
        return formatdate(self.now() // 1000, usegmt=True)


def _of_this_machine() -> int:
    return int(pendulum.now("UTC").timestamp() * 1000)


def timestamp(instant: int) -> str:
    """`2026-03-19T14:26:45.468Z`, of milliseconds since 1970."""
    seconds, rest = divmod(instant, 1000)
    whole = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def milliseconds(text: str) -> int:
    """The milliseconds since 1970 of `2026-03-19T14:26:45.468Z`, or of one without fractions."""
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(instant.timestamp() * 1000)
