"""Know what time it is at the site; this machine's clock may be hours off."""

from contextlib import suppress
from email.utils import parsedate_to_datetime

import pendulum

from source_confluence.limits.waiting import now_seconds


class SiteClock:
    """The site's time, by the `Date` of its responses; between two of them it goes on by itself.

    It never goes back, although the machines of a site differ a little.

    Source: https://www.rfc-editor.org/rfc/rfc9110#name-date
    """

    def __init__(self) -> None:
        self._newest: int | None = None
        self._seen_at = 0.0

    def observe(self, date: str | None) -> None:
        """Take the `Date` of a response: `Wed, 25 Nov 2026 12:00:00 GMT`; others say nothing."""
        with suppress(ValueError, TypeError, OverflowError):
            instant = int(parsedate_to_datetime(date or "").timestamp()) * 1000
            if self._newest is None or instant > self._newest:
                self._newest, self._seen_at = instant, now_seconds()

    @property
    def latest(self) -> int:
        """The latest `Date` so far, in milliseconds since 1970; this machine's time without one."""
        return int(pendulum.now("UTC").timestamp() * 1000) if self._newest is None else self._newest

    @property
    def now(self) -> int | None:
        """The same, and what has passed since; None before the first `Date`."""
        if self._newest is None:
            return None
        return self._newest + int((now_seconds() - self._seen_at) * 1000)
