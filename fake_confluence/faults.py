"""Plan faults: which requests go wrong, and how."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from urllib.parse import urlsplit, urlunsplit

from fake_confluence import row_faults
from fake_confluence.reply import Reply, error_body, link_header
from fake_confluence.request import Call

_MEMBER_BYTES = 4 * 1024 * 1024
LOGIN_PAGE = b"<!doctype html><html><head><title>Log in with Atlassian</title></head></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    r"""One thing that goes wrong.

    Args:
        kind: What goes wrong, one of `KINDS`.
        path: The end of the paths it affects, `/pages`; every path when empty.
        host: The host it affects, `api.atlassian.com`; every host when empty.
        first: The first request to that path that is affected, counted from 1.
        count: How many requests in a row are affected; None for all that follow.
        every: Affects only every n-th of them.
        limit_above: Affects only requests for more rows than that.
        status: For `status`: the HTTP status.
        headers: For `status`, and for `headers` on a sound response: `{"Retry-After": "1"}`.
        body: For `status`: the body of the response; when empty, an error as v2 words it.
        seconds: For `slow`: the delay; for `trickle` and `status`: the delay before each byte; for
            `future`: how much later rows are dated.
        row: For `poison`, `odd`, `odd_body`, `undated`, `future` and `gone`: which row of the list,
            counted from 0.
        row_count: For `poison`, `undated`, `future` and `gone`: how many rows, from that one on;
            for `few_ids`: how many of the requested ids are looked at; for `added` and `removed`:
            how many groups; for `short`: how many rows remain.
        share: For `part`: which part of the rows is still there; the same ones at each request.
        raw: For `odd`: the value of "odd" in that row, as JSON: `"\ud800"`; U+DC80 to U+DCFF stand
            for bytes that are not UTF-8. For `odd_body`: its body. For `links`: the value of
            `_links`.
        size_bytes: For `huge` and `bomb`: the decompressed size.
        location: For `redirect`: where to.
    """

    kind: str
    path: str = ""
    host: str = ""
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
    share: float = 0.5
    raw: str = "null"
    size_bytes: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}, only: {', '.join(sorted(KINDS))}.")

    def concerns(self, call: Call, number: int) -> bool:
        """Whether this request is affected.

        Args:
            call: The request.
            number: How many requests have come to its path, with this one.
        """
        behind = number - self.first
        in_time = behind >= 0 and (self.count is None or behind < self.count)
        is_there = call.path.endswith(self.path) and self.host in ("", call.host)
        return in_time and behind % self.every == 0 and is_there and call.limit > self.limit_above


def planned_faults(document: object) -> list[Fault]:
    """The faults in a JSON document: `[{"kind": "status", "status": 503, "count": null}]`.

    Raises:
        ValueError: When it is no list of faults.
    """
    names = [each.name for each in fields(Fault)]
    if not isinstance(document, list) or not all(isinstance(each, dict) for each in document):
        raise ValueError('It is no list of objects such as [{"kind": "status", "status": 503}].')
    for each in document:
        if unknown := sorted(each.keys() - set(names)):
            raise ValueError(f"There is no {unknown[0]!r} in a fault, only: {', '.join(names)}.")
        if "kind" not in each:
            raise ValueError(f"A fault has no 'kind', one of: {', '.join(sorted(KINDS))}.")
    return [Fault(**each) for each in document]


class Plan:
    """Counts the requests to each path and finds the first fault that affects one."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(faults)
        self._numbers: Counter[tuple[str, str]] = Counter()

    def next(self, call: Call) -> Fault | None:
        """The fault for the request that has just come, if there is one."""
        self._numbers[call.host, call.path] += 1
        number = self._numbers[call.host, call.path]
        return next((fault for fault in self._faults if fault.concerns(call, number)), None)


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
    headers = {**reply.headers, "Link": link_header(links)} if "Link" in reply.headers else {}
    return replace(reply, document={**reply.document, "_links": links}, headers=headers)


def _no_cursor(reply: Reply, _: Fault) -> Reply:
    return _with_next(reply, lambda link: link.partition("?")[0] + "?limit=250")


def _foreign_next(reply: Reply, _: Fault) -> Reply:
    def elsewhere(link: str) -> str:
        return urlunsplit(urlsplit(link)._replace(scheme="https", netloc="elsewhere.invalid"))

    return _with_next(reply, elsewhere)


def _links(reply: Reply, fault: Fault) -> Reply:
    """Another value of `_links`, or none; the header has no next link either."""
    document = {name: value for name, value in reply.document.items() if name != "_links"}
    if fault.raw:
        document["_links"] = json.loads(fault.raw)
    return replace(reply, document=document, headers={})


def _next_in_header(reply: Reply, _: Fault) -> Reply:
    """The next link is in the header only."""
    links = {"base": reply.document["_links"]["base"]}
    return replace(reply, document={**reply.document, "_links": links})


def _other_next_in_header(reply: Reply, _: Fault) -> Reply:
    if "next" not in reply.document["_links"]:
        return reply
    links = {**reply.document["_links"], "next": "/wiki/api/v2/pages?cursor=b3RoZXI="}
    return replace(reply, headers={"Link": link_header(links)})


def _cut_list(reply: Reply, _: Fault) -> Reply:
    """No rows and no next link, though there are more rows."""
    links = {"base": reply.document["_links"]["base"]}
    document = {**reply.document, "results": [], "_links": links}
    return replace(reply, document=document, headers={"Link": link_header(links)})


def _short(reply: Reply, fault: Fault) -> Reply:
    """Fewer rows of v1 than there are, without any sign of it."""
    links = {name: link for name, link in reply.document["_links"].items() if name != "next"}
    rows = reply.document["results"][: fault.row_count]
    return replace(reply, document={**reply.document, "results": rows, "_links": links})


def _poison(reply: Reply, fault: Fault) -> Reply:
    """Fails when one of the rows is requested with its body or its description."""
    return _status(reply, fault) if row_faults.is_poisoned(reply, fault) else reply


def _huge(reply: Reply, fault: Fault) -> Reply:
    return replace(reply, document=b'{"results": [' + b" " * fault.size_bytes + b"]}")


def _bomb(reply: Reply, fault: Fault) -> Reply:
    """Spaces, compressed a thousandfold: gzip members, one after the other."""
    member = gzip.compress(b" " * _MEMBER_BYTES)
    return replace(reply, compressed=member * (fault.size_bytes // _MEMBER_BYTES))


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
    "odd": row_faults.odd,
    "odd_body": row_faults.odd_body,
    "undated": row_faults.undated,
    "future": row_faults.future,
    "huge": _huge,
    "bomb": _bomb,
    "no_results": lambda reply, _: replace(reply, document={"statusCode": 200}),
    "no_cursor": _no_cursor,
    "links": _links,
    "next_in_header": _next_in_header,
    "other_next_in_header": _other_next_in_header,
    "cut_list": _cut_list,
    "short": _short,
    "foreign_next": _foreign_next,
    # These need to know what was asked for, so the service itself does them.
    "unrecognised": lambda reply, _: reply,
    "repeat_cursor": lambda reply, _: reply,
    "empty_page": lambda reply, _: reply,
    "ignore_position": lambda reply, _: reply,
    "ignore_ids": lambda reply, _: reply,
    "ignore_sort": lambda reply, _: reply,
    "ignore_filters": lambda reply, _: reply,
    "part": lambda reply, _: reply,
    "few_ids": lambda reply, _: reply,
    "gone": lambda reply, _: reply,
    "added": lambda reply, _: reply,
    "removed": lambda reply, _: reply,
}
"""Every kind of fault.

- The response: another status or headers, a redirect, a delay, a credential that is not recognised.
- The connection: it ends before the response, or within it, or sends the body byte by byte.
- The body: damaged gzip, half a JSON text, a login page, no list, huge, huge when decompressed.
- A row: one that fails with its body, or holds something odd, or has no version; a version that is
  dated in the future (`History` can date it so that it is also sorted by that date).
- The next link: without a cursor, to another host, with the cursor of the request, malformed, in
  the header only, or another one there.
- The rows: none, with or without a next link; fewer than there are (v1); the same at any `cursor`
  or `start`; for `id=…`, all rows, only those of the first ids, or all but deleted ones; by id,
  whatever `sort` says; all, whatever `space-id`, `status` and the other filters say; a part of
  them, as if the account had lost a permission.
- The groups: some were added before all others, or removed from there.
"""
