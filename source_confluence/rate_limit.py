"""Ask no faster than the site allows: one view of its limit, for all streams."""

import logging
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from airbyte_cdk.sources.streams.call_rate import APIBudget

from source_confluence.backoff import asked_seconds, seconds_until
from source_confluence.pace import Pace
from source_confluence.stopping import Stop
from source_confluence.waits import now_seconds, wait

LONGEST_ASKED_WAIT_SECONDS = 2 * 60 * 60
"""Longer than any wait Confluence announces: its quotas are renewed at the top of each hour.

Source: https://developer.atlassian.com/cloud/confluence/rate-limiting/
"""

_SHORTEST_WAIT_SECONDS = 2.0  # after a refusal that does not say how long
_CAUTIOUS_PAUSE_SECONDS = 2.0  # between requests, when the limit is near and nobody says how near
_NEAR = 0.2  # the part of a limit below which Confluence itself calls it near
_ENTRY = re.compile(r'"(?P<name>[^"]*)"(?P<parameters>[^,"]*)')
_PARAMETER = re.compile(r";\s*(?P<name>[rtq])=(?P<value>[0-9]{1,12})(?![0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What is left of a limit.

    Args:
        name: Which limit: `global-app-quota`.
        left: Points, or requests, that may still be used.
        reset_seconds: Until all of it may be used again.
    """

    name: str
    left: int
    reset_seconds: float


def budgets(headers: Mapping[str, str]) -> list[Budget]:
    """What the answer says is left, of each limit that is nearly used up.

    `RateLimit: "global-app-quota";r=100;t=50` (r appears when little is left), or
    `X-RateLimit-Limit: 1000`, `X-RateLimit-Remaining: 100`, `X-RateLimit-Reset: 2026-03-26T16:00Z`.
    The headers that begin with `Beta-` announce limits that are not in force, and are not read.

    Source: https://developer.atlassian.com/cloud/confluence/rate-limiting/
    """
    found = []
    for entry in _ENTRY.finditer(headers.get("RateLimit", "")):
        values = {p["name"]: int(p["value"]) for p in _PARAMETER.finditer(entry["parameters"])}
        if "r" in values and "t" in values:
            found.append(Budget(name=entry["name"], left=values["r"], reset_seconds=values["t"]))
    left = _whole_number(headers.get("X-RateLimit-Remaining", ""))
    if left is not None and _is_near(headers, left):
        until = seconds_until(headers.get("X-RateLimit-Reset", ""), headers)
        found.append(Budget(name="X-RateLimit", left=left, reset_seconds=until or 0.0))
    return [budget for budget in found if 0 < budget.reset_seconds <= LONGEST_ASKED_WAIT_SECONDS]


def _is_near(headers: Mapping[str, str], left: int) -> bool:
    limit = _whole_number(headers.get("X-RateLimit-Limit", ""))
    return _says_near(headers) or (limit is not None and left < limit * _NEAR)


def _says_near(headers: Mapping[str, str]) -> bool:
    return headers.get("X-RateLimit-NearLimit", "").strip().lower() == "true"


def _whole_number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None  # noqa: PLR2004


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that tells us to wait.

    Args:
        seconds: How long.
        reason: Why, where it says so: `confluence-quota-tenant-based`.
        is_of_rate: Whether it was for too many requests; a site can also be overloaded.
    """

    seconds: float
    reason: str | None
    is_of_rate: bool

    @classmethod
    def of(cls, response: requests.Response) -> "Refusal | None":
        """The refusal that an answer is, or None: a 429, or a 503 that says how long."""
        asked = asked_seconds(response)
        is_of_rate = response.status_code == requests.codes.too_many_requests
        if asked is None and not is_of_rate:
            return None
        seconds = _SHORTEST_WAIT_SECONDS if asked is None else asked
        reason = response.headers.get("RateLimit-Reason")
        return cls(seconds=seconds, reason=reason, is_of_rate=is_of_rate)


class RateLimit:
    """What the site has said about its limit, to any stream.

    Two things are remembered: until when nobody may ask, and, near the limit, how much time must
    pass between two requests so that what is left lasts until the limit is renewed.

    Args:
        pace: How often it has let us ask, where several requests are under way.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace
        self.reason: str | None = None
        self.pause_seconds = 0.0
        self._not_before = 0.0
        self._asked_at = 0.0
        self._pause_until = math.inf
        self._last: dict[str, Budget] = {}
        self._costs: dict[str, int] = {}

    def seconds_to_wait(self) -> float:
        """Until the next request may be made."""
        slowly = min(self._asked_at + self.pause_seconds, self._pause_until)
        earliest = max(self._not_before, slowly)
        in_step = self.pace.seconds_to_wait() if self.pace else 0.0
        return max(earliest - now_seconds(), in_step)

    def asking(self) -> float:
        """A request is about to be made; the next one comes after the pause.

        Returns:
            When that was.
        """
        self._asked_at = now_seconds()
        if self.pace:
            self.pace.asking()
        return self._asked_at

    def refused(self, refusal: "Refusal", asked_at: float, answered_at: float) -> bool:
        """The site has told one of us to wait, so all of us do.

        Returns:
            Whether we ask less often from now on.
        """
        if refusal.seconds > LONGEST_ASKED_WAIT_SECONDS:  # no concern of the others
            return False
        self._not_before = max(self._not_before, answered_at + refusal.seconds)
        self.reason = refusal.reason
        if self.pace is None or not refusal.is_of_rate:
            return False
        return self.pace.refused(asked_at, answered_at, refusal.seconds)

    def answered(self, headers: Mapping[str, str]) -> None:
        """Set the pause by what an answer says is left; it lasts until that is renewed."""
        left = budgets(headers)
        pauses = [self._pause(budget) for budget in left]
        until = max((budget.reset_seconds for budget in left), default=math.inf)
        if not pauses and _says_near(headers):
            pauses = [_CAUTIOUS_PAUSE_SECONDS]
        self._last = {budget.name: budget for budget in left}
        self.pause_seconds = max(pauses, default=0.0)
        self._pause_until = now_seconds() + until
        if pauses:
            self.reason = headers.get("RateLimit-Reason", "its request limit is nearly used up")

    def _pause(self, budget: Budget) -> float:
        """Seconds between requests: all that is left to wait, shared among those we can afford.

        Requests cost points, a full page many, so the price is what the last one has cost. Where
        not one can be afforded, the next waits until the limit is renewed; when the same is said
        again after that wait, it is no countdown, and we only go slowly.
        """
        before = self._last.get(budget.name)
        is_later = before is not None and before.reset_seconds >= budget.reset_seconds
        if before is not None and is_later and before.left > budget.left:
            self._costs[budget.name] = before.left - budget.left
        cost = self._costs.get(budget.name, 1)
        if budget.left >= cost:
            return budget.reset_seconds / (budget.left // cost)
        if before is None or before.left >= cost or before.reset_seconds > budget.reset_seconds:
            self._not_before = max(self._not_before, now_seconds() + budget.reset_seconds)
        return _CAUTIOUS_PAUSE_SECONDS


class Throttle(APIBudget):
    """Holds back the requests of one stream; the CDK asks it before each, and shows it each answer.

    Args:
        limit: What all streams know.
        stream: The name of the stream.
        before: What it asks for, for the log: `acme.atlassian.net/wiki/api/v2/pages`.
        logger: Gets a line when we begin to ask more slowly, and each minute of a long wait.
        stop: Ends a wait at once when we are told to stop.
    """

    def __init__(
        self, limit: RateLimit, stream: str, before: str, logger: logging.Logger, stop: Stop
    ) -> None:
        super().__init__(policies=[])
        self._limit = limit
        self._stream = stream
        self._before = before
        self._logger = logger
        self._stop = stop
        self._pause_seconds = 0.0
        self._asked_at = 0.0

    def acquire_call(
        self,
        request: Any,  # noqa: ANN401, ARG002 (the CDK's signature, here and below)
        block: bool = True,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002
    ) -> None:
        """Wait until a request may be made; what then comes from the network can be interrupted.

        What was read so far is printed first: it may be in a buffer, the wait may be long, and a
        process that is killed in it would have to read that again.
        """
        self._stop.end_interruptible()
        sys.stdout.flush()
        self.wait(self._limit.seconds_to_wait())
        self._asked_at = self._limit.asking()
        self._stop.begin_interruptible()

    def wait(self, seconds: float) -> None:
        """Let the next request wait."""
        wait(
            seconds,
            before=self._before,
            reason=self._limit.reason,
            stream=self._stream,
            logger=self._logger,
            stop=self._stop,
        )

    def update_from_response(self, request: Any, response: requests.Response) -> None:  # noqa: ANN401, ARG002
        """Learn from an answer."""
        self._stop.end_interruptible()
        refusal = Refusal.of(response)
        if refusal is not None:
            self.refused(refusal, self._asked_at, now_seconds())
        elif response.status_code == requests.codes.ok:
            self.answered(response.headers)

    def refused(self, refusal: Refusal, asked_at: float, answered_at: float) -> None:
        """Let all wait; say so when we ask less often from now on."""
        if self._limit.refused(refusal, asked_at, answered_at) and self._limit.pace:
            self._logger.info(
                "%s refuses requests; asking no more often than every %.2f seconds, "
                "and slowly more often again.",
                self._before,
                self._limit.pace.interval_seconds,
            )

    def answered(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer that was none."""
        self._limit.answered(headers)
        self._tell_once()

    def get_matching_policy(self, request: Any) -> None:  # noqa: ANN401, ARG002
        """None: there is one limit for all requests."""
        return

    def _tell_once(self) -> None:
        """Say when we begin to ask more slowly, and when we stop doing so."""
        slower, was_slower = self._limit.pause_seconds, self._pause_seconds
        self._pause_seconds = slower
        if slower and not was_slower:
            self._logger.info(
                "Asking %s no more often than every %.1f seconds: its request limit is near.",
                self._before,
                slower,
            )
        elif was_slower and not slower:
            self._logger.info("Asking %s at full speed again.", self._before)
