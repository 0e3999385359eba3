"""Plan misbehaviour: which request is answered how wrongly."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_MARK = "what stands here is replaced"
_MEMBER_BYTES = 4 * 1024 * 1024
LOGIN_PAGE = b"<!doctype html><html><head><title>Log in with Atlassian</title></head></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, before it is written to the socket.

    Args:
        document: The body as JSON, or as it is when it is bytes.
        sent_part: The share of the announced bytes that is really sent before the connection ends.
        delay_seconds: How long nothing happens before the answer begins.
        is_gzip_broken: Whether the compressed body is damaged.
        packed: The body as it is sent, said to be packed with gzip; `document` does not count then.
        piece_seconds: How long nothing happens before each byte of the body.
    """

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    sent_part: float = 1.0
    delay_seconds: float = 0.0
    is_gzip_broken: bool = False
    packed: bytes = b""
    piece_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    r"""One thing that goes wrong.

    Args:
        kind: What goes wrong, one of `KINDS`.
        path: The end of the paths it concerns, `/pages`; every path when empty.
        first: The first request to that path that is concerned, counted from 1.
        count: How many requests in a row are concerned; None for all that follow.
        every: Concerns only every n-th of them.
        limit_above: Concerns only requests for more rows than that.
        status: For `status`: the HTTP status.
        headers: For `status`, and for `headers` on an answer that is sound: `{"Retry-After": "1"}`.
        body: For `status`: what stands in the answer; an error as v2 words it when empty.
        seconds: For `slow`: how long; for `trickle` and `status`: before each byte.
        row: For `poison`, `odd` and `gone`: which row of the list, counted from 0.
        row_count: For `poison` and `gone`: how many rows, from that one on; for `few_ids`: how many
            of the ids that were asked for are looked at; for `added`: how many groups.
        raw: For `odd`: what stands in that row as the value of "odd", in JSON: `"\ud800"`.
        size_bytes: For `huge` and `bomb`: how much it is, unpacked.
        location: For `redirect`: where to.
    """

    kind: str
    path: str = ""
    first: int = 1
    count: int | None = 1
    every: int = 1
    limit_above: int = 0
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0
    location: str = "https://elsewhere.invalid/wiki/login.action"
    row: int = 0
    row_count: int = 1
    raw: str = "null"
    size_bytes: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}, only: {', '.join(sorted(KINDS))}.")

    def concerns(self, path: str, number: int, limit: int) -> bool:
        """Whether this is one of the requests to go wrong."""
        behind = number - self.first
        in_time = behind >= 0 and (self.count is None or behind < self.count)
        is_meant = path.endswith(self.path) and limit > self.limit_above
        return in_time and behind % self.every == 0 and is_meant


class Plan:
    """Counts the requests to each path and finds the first fault that concerns one."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(faults)
        self._numbers: Counter[str] = Counter()

    def next(self, path: str, limit: int = 1) -> Fault | None:
        """The fault for the request to `path` that has just come, if there is one.

        Args:
            path: Where it came to.
            limit: The rows it asks for.
        """
        self._numbers[path] += 1
        number = self._numbers[path]
        concerned = (fault for fault in self._faults if fault.concerns(path, number, limit))
        return next(concerned, None)


def _status(reply: Reply, fault: Fault) -> Reply:
    return replace(
        reply,
        status=fault.status,
        headers=fault.headers,
        document=fault.body.encode() or error_body(fault.status),
        piece_seconds=fault.seconds,
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


def _no_limit(reply: Reply, _: Fault) -> Reply:
    """An answer of v1 that says neither its limit nor where it goes on."""
    document = {name: value for name, value in reply.document.items() if name != "limit"}
    links = {name: link for name, link in document["_links"].items() if name != "next"}
    return replace(reply, document={**document, "_links": links})


def _poison(reply: Reply, fault: Fault) -> Reply:
    """Fails when one of the rows is asked for with its body, or with its description."""
    given = ("body", "description", "icon")
    rows = reply.document.get("results", [])
    heavy = [row for row in rows if any(row.get(name) for name in given)]
    titles = [row["title"] if "title" in row else row["name"] for row in heavy]
    numbers = [int(title.rpartition(" ")[2]) - 1 for title in titles]
    is_in_it = any(0 <= number - fault.row < fault.row_count for number in numbers)
    return _status(reply, fault) if is_in_it else reply


def _odd(reply: Reply, fault: Fault) -> Reply:
    """The answer with one member more in one of its rows; Python could not make it otherwise."""
    rows = [dict(row) for row in reply.document["results"]]
    if fault.row < len(rows):
        rows[fault.row]["odd"] = _MARK
    text = json.dumps({**reply.document, "results": rows}, ensure_ascii=False)
    body = text.replace(json.dumps(_MARK), fault.raw).encode("utf-8", "surrogatepass")
    return replace(reply, document=body)


def _huge(reply: Reply, fault: Fault) -> Reply:
    return replace(reply, document=b'{"results": [' + b" " * fault.size_bytes + b"]}")


def _bomb(reply: Reply, fault: Fault) -> Reply:
    """Spaces, packed a thousand times smaller: members of gzip that follow each other."""
    member = gzip.compress(b" " * _MEMBER_BYTES)
    return replace(reply, packed=member * (fault.size_bytes // _MEMBER_BYTES))


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
    "trickle": lambda reply, fault: replace(reply, piece_seconds=fault.seconds),
    "poison": _poison,
    "odd": _odd,
    "huge": _huge,
    "bomb": _bomb,
    "no_results": lambda reply, _: replace(reply, document={"statusCode": 200}),
    "no_cursor": _no_cursor,
    "no_limit": _no_limit,
    "foreign_next": _foreign_next,
    # These need to know what was asked for, so the service itself does them.
    "unrecognised": lambda reply, _: reply,
    "repeat_cursor": lambda reply, _: reply,
    "empty_page": lambda reply, _: reply,
    "ignore_position": lambda reply, _: reply,
    "ignore_ids": lambda reply, _: reply,
    "few_ids": lambda reply, _: reply,
    "gone": lambda reply, _: reply,
    "added": lambda reply, _: reply,
}
"""Every kind of fault: a status; headers; a credential that is not recognised; an address
elsewhere; a delay; a connection that ends before, or within, an answer; a body that is damaged,
broken off, a login page, no list, huge, huge when unpacked, or comes byte by byte; a row that fails
with its body, or holds something odd; a next link without a cursor, or to another host, or that
repeats the cursor that was asked for; a page without rows but with a next link; an answer that
ignores `cursor` or `start`; one to `id=…` that ignores it, looks at the first ids only, or lacks
rows that were deleted since they were listed; one of v1 that names no limit; groups that were added
before all others."""


def error_body(status: int, title: str = "planned fault", *, code: str = "FAULT") -> dict[str, Any]:
    """An error as v2 words it."""
    return {"errors": [{"status": status, "code": code, "title": title, "detail": None}]}


def unrecognised(path: str) -> Reply:
    """How real sites refuse a credential they do not know, where they do not answer 401.

    A path of v2 with a 404 that names nothing, any other with a 403.
    """
    if path.startswith("/wiki/api/v2/"):
        return Reply(status=404, document=error_body(404, "Not Found", code="NOT_FOUND"))
    message = (
        "com.atlassian.confluence.mvc.rest.common.exception.StacklessResponseStatusException: "
        '403 FORBIDDEN "Request rejected because caller cannot access Confluence"'
    )
    return Reply(status=403, document={"statusCode": 403, "message": message})
