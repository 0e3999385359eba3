"""Read what an answer says of the limit of the site: wait, or what is left."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from source_confluence.limits.backoff import asked_seconds, seconds_until
from source_confluence.limits.waiting import now_seconds

LONGEST_ASKED_WAIT_SECONDS = 2 * 60 * 60
"""Longer than any wait Confluence announces: its quotas are renewed at the top of each hour.

Source: https://developer.atlassian.com/cloud/confluence/rate-limiting/
"""

_SHORTEST_WAIT_SECONDS = 2.0  # after a refusal that does not say how long
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
    return says_near(headers) or (limit is not None and left < limit * _NEAR)


def says_near(headers: Mapping[str, str]) -> bool:
    """Whether the answer says that the limit is near: `X-RateLimit-NearLimit: true`."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one answer says of the limit.

    Args:
        asked_at: When it was asked for.
        answered_at: When it came.
        refusal: The wait it tells us, when it does.
        headers: What it says, when it is sound.
    """

    asked_at: float
    answered_at: float
    refusal: Refusal | None = None
    headers: Mapping[str, str] | None = None

    @classmethod
    def of(cls, response: requests.Response, asked_at: float) -> "Heard":
        """What an answer says that has just come."""
        return cls(
            asked_at=asked_at,
            answered_at=now_seconds(),
            refusal=Refusal.of(response),
            headers=response.headers if response.status_code == requests.codes.ok else None,
        )
