"""Plan misbehaviour: which request is answered how wrongly."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

LOGIN_PAGE = b"<!doctype html><html><head><title>Log in with Atlassian</title></head></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, before it is written to the socket.

    Args:
        document: The body as JSON, or as it is when it is bytes.
        sent_part: The share of the announced bytes that is really sent before the connection ends.
        delay_seconds: How long nothing happens before the answer begins.
        is_gzip_broken: Whether the compressed body is damaged.
    """

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    sent_part: float = 1.0
    delay_seconds: float = 0.0
    is_gzip_broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    Args:
        kind: What goes wrong, one of `KINDS`.
        path: The end of the paths it concerns, `/pages`; every path when empty.
        first: The first request to that path that is concerned, counted from 1.
        count: How many requests in a row are concerned; None for all that follow.
        every: Concerns only every n-th of them.
        status: For `status`: the HTTP status.
        headers: For `status`, and for `headers` on an answer that is sound: `{"Retry-After": "1"}`.
        seconds: For `slow`: how long.
        location: For `redirect`: where to.
    """

    kind: str
    path: str = ""
    first: int = 1
    count: int | None = 1
    every: int = 1
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    location: str = "https://elsewhere.invalid/wiki/login.action"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}, only: {', '.join(sorted(KINDS))}.")

    def concerns(self, path: str, number: int) -> bool:
        """Whether this is one of the requests to go wrong."""
        behind = number - self.first
        in_time = behind >= 0 and (self.count is None or behind < self.count)
        return in_time and behind % self.every == 0 and path.endswith(self.path)


class Plan:
    """Counts the requests to each path and finds the first fault that concerns one."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(faults)
        self._numbers: Counter[str] = Counter()

    def next(self, path: str) -> Fault | None:
        """The fault for the request to `path` that has just come, if there is one."""
        self._numbers[path] += 1
        number = self._numbers[path]
        return next((fault for fault in self._faults if fault.concerns(path, number)), None)


def _status(reply: Reply, fault: Fault) -> Reply:
    return replace(
        reply, status=fault.status, headers=fault.headers, document=error_body(fault.status)
    )


def _redirect(reply: Reply, fault: Fault) -> Reply:
    return replace(reply, status=302, headers={"Location": fault.location}, document=b"")


def _half_json(reply: Reply, _: Fault) -> Reply:
    body = json.dumps(reply.document).encode()
    return replace(reply, document=body[: len(body) // 2])


def _html(reply: Reply, _: Fault) -> Reply:
    return replace(reply, document=LOGIN_PAGE, headers={"Content-Type": "text/html"})


def _with_next(reply: Reply, change: Callable[[str], str]) -> Reply:
    links = dict(reply.document["_links"])
    if "next" in links:
        links["next"] = change(links["next"])
    return replace(reply, document={**reply.document, "_links": links})


def _no_cursor(reply: Reply, _: Fault) -> Reply:
    return _with_next(reply, lambda link: link.partition("?")[0] + "?limit=250")


def _foreign_next(reply: Reply, _: Fault) -> Reply:
    def elsewhere(link: str) -> str:
        return urlunsplit(urlsplit(link)._replace(scheme="https", netloc="elsewhere.invalid"))

    return _with_next(reply, elsewhere)


KINDS: Mapping[str, Callable[[Reply, Fault], Reply]] = {
    "status": _status,
    "headers": lambda reply, fault: replace(reply, headers={**reply.headers, **fault.headers}),
    "redirect": _redirect,
    "slow": lambda reply, fault: replace(reply, delay_seconds=fault.seconds),
    "drop": lambda reply, _: replace(reply, sent_part=0.0),
    "cut": lambda reply, _: replace(reply, sent_part=0.5),
    "bad_gzip": lambda reply, _: replace(reply, is_gzip_broken=True),
    "half_json": _half_json,
    "html": _html,
    "no_results": lambda reply, _: replace(reply, document={"statusCode": 200}),
    "no_cursor": _no_cursor,
    "foreign_next": _foreign_next,
    # These need to know the position that was asked for, so the service itself does them.
    "repeat_cursor": lambda reply, _: reply,
    "empty_page": lambda reply, _: reply,
    "ignore_position": lambda reply, _: reply,
}
"""Every kind of fault: a status; headers; an address elsewhere; a delay; a connection that ends
before, or within, an answer; a body that is damaged, broken off, a login page, or no list; a next
link without a cursor, or to another host, or that repeats the cursor that was asked for; a page
without rows but with a next link; an answer that ignores `cursor` or `start`."""


def error_body(status: int, title: str = "planned fault") -> dict[str, Any]:
    """An error as v2 words it."""
    return {"errors": [{"status": status, "code": "FAULT", "title": title, "detail": None}]}
