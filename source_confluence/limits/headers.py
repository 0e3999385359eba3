"""Read what a response says of the site's request limit: wait, or what is left."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import pendulum
import requests

from source_confluence.limits.waiting import now_seconds

MAX_ASKED_WAIT_SECONDS = 2 * 60 * 60
"""Longer than any wait Confluence announces: its quotas are renewed at the top of each hour.

Source: https://developer.atlassian.com/cloud/confluence/rate-limiting/
"""

_STATUSES_THAT_SAY_HOW_LONG = (429, 503)
_MAX_ANNOUNCED_SECONDS = 1e9  # what is longer is as good as never
_DEFAULT_WAIT_SECONDS = 2.0  # after a refusal that does not say how long
_NEAR = 0.2  # the part of a limit below which Confluence itself calls it near
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:")
_ENTRY = re.compile(r'"(?P<name>[^"]*)"(?P<parameters>[^,"]*)')
_PARAMETER = re.compile(r";\s*(?P<name>[rtq])=(?P<value>[0-9]{1,12})(?![0-9])")


def asked_seconds(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds a 429 or 503 asks the caller to wait, or None when nothing does.

    `Retry-After: 1847` → 1847.0; `Retry-After: Wed, 21 Oct 2026 07:28:00 GMT` and
    `X-RateLimit-Reset: 2026-03-26T16:00Z` → seconds until then, counted from the `Date` of the
    response, so that a wrong clock on this machine does not shorten the wait. The headers that
    begin with `Beta-` announce limits that are not in force, and are not read.
    """
    if status not in _STATUSES_THAT_SAY_HOW_LONG:
        return None
    retry_after = headers.get("Retry-After", "").strip()
    seconds = _seconds(retry_after)
    if seconds is None:
        seconds = seconds_until(retry_after, headers)
    if seconds is None:
        seconds = seconds_until(headers.get("X-RateLimit-Reset", ""), headers)
    return None if seconds is None else min(seconds, _MAX_ANNOUNCED_SECONDS)


def seconds_until(text: str, headers: Mapping[str, str]) -> float | None:
    """Seconds until an instant, counted from the `Date` of the response; None when it is none."""
    until = _instant(text)
    if until is None:
        return None
    now = _instant(headers.get("Date", "")) or pendulum.now("UTC")
    return float((until - now).total_seconds())


def _seconds(text: str) -> float | None:
    """`1847` → 1847.0; of a header that was sent twice, `5, 10`, the longest: 10.0."""
    parts = [part.strip() for part in text.split(",")]
    if not all(_SECONDS.fullmatch(part) for part in parts):
        return None
    return max(float(part) for part in parts)


def _instant(text: str) -> pendulum.DateTime | None:
    """An HTTP date, or an ISO 8601 time whose seconds may be missing.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
    """
    with suppress(ValueError, OverflowError):
        if not _ISO_TIME.match(text):
            moment = parsedate_to_datetime(text.replace(":60 ", ":59 "))  # a leap second
            return pendulum.instance(moment, tz="UTC").in_timezone("UTC")
        instant = pendulum.parse(text)
        return instant.in_timezone("UTC") if isinstance(instant, pendulum.DateTime) else None
    return None


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
    """What the response says is left, of each limit that is nearly used up.

    `RateLimit: "global-app-quota";r=100;t=50` (r appears when little is left), or
    `X-RateLimit-Limit: 1000`, `X-RateLimit-Remaining: 100`, `X-RateLimit-Reset: 2026-03-26T16:00Z`.

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
    return [budget for budget in found if 0 < budget.reset_seconds <= MAX_ASKED_WAIT_SECONDS]


def _is_near(headers: Mapping[str, str], left: int) -> bool:
    limit = _whole_number(headers.get("X-RateLimit-Limit", ""))
    return says_near(headers) or (limit is not None and left < limit * _NEAR)


def says_near(headers: Mapping[str, str]) -> bool:
    """Whether the response says that the limit is near: `X-RateLimit-NearLimit: true`."""
    return headers.get("X-RateLimit-NearLimit", "").strip().lower() == "true"


def _whole_number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None  # noqa: PLR2004


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A response that tells the caller to wait.

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
        """The refusal that a response is, or None: a 429, or a 503 that says how long."""
        asked = asked_seconds(response.status_code, response.headers)
        is_of_rate = response.status_code == requests.codes.too_many_requests
        if asked is None and not is_of_rate:
            return None
        seconds = _DEFAULT_WAIT_SECONDS if asked is None else asked
        reason = response.headers.get("RateLimit-Reason")
        return cls(seconds=seconds, reason=reason, is_of_rate=is_of_rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReport:
    """What one response says of the limit.

    Args:
        asked_at: When its request was sent.
        answered_at: When it came.
        refusal: The wait it orders, when it does.
        headers: Those of a response with status 200.
    """

    asked_at: float
    answered_at: float
    refusal: Refusal | None = None
    headers: Mapping[str, str] | None = None

    @classmethod
    def of(
        cls, response: requests.Response, refusal: Refusal | None, asked_at: float
    ) -> "LimitReport":
        """The report of a response that has just come, and of the wait that it orders."""
        return cls(
            asked_at=asked_at,
            answered_at=now_seconds(),
            refusal=refusal,
            headers=response.headers if response.status_code == requests.codes.ok else None,
        )
