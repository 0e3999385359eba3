"""Answer a request as Confluence Cloud would; no sockets here."""

import base64
import binascii
import json
import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

import pendulum

from fake_confluence.content import (
    Content,
    Row,
    audit_event,
    content_id,
    index_after,
    index_of,
)
from fake_confluence.faults import KINDS, Fault, Plan
from fake_confluence.network import Latency, Refuser
from fake_confluence.reply import Reply, error_body, link_header, unrecognised

EMAIL = "ada@acme.com"
API_TOKEN = "ATATT3x-not-a-real-token"  # noqa: S105 (it opens nothing but this fake)

_LARGEST_LIMIT = 250
_MOST_IDS = 250
_V2 = {"/wiki/api/v2/pages": "pages", "/wiki/api/v2/blogposts": "blog_posts"}
_V2 |= {"/wiki/api/v2/spaces": "space"}
_V1 = {"/wiki/rest/api/audit": "audit", "/wiki/rest/api/group": "group"}
_CURRENT_USER = "/wiki/rest/api/user/current"
_LARGEST_V1_LIMITS = {"audit": 1000, "group": 200}

_PARAMETERS: Mapping[str, Mapping[str, Sequence[str] | None]] = {
    "pages": {"limit": None, "cursor": None, "id": None, "body-format": ("storage",)},
    "blog_posts": {"limit": None, "cursor": None, "id": None, "body-format": ("storage",)},
    "space": {
        "limit": None,
        "cursor": None,
        "description-format": ("plain",),
        "include-icon": ("true", "false"),
    },
    "audit": {"start": None, "limit": None, "startDate": None, "endDate": None},
    "group": {"start": None, "limit": None},
    "user": {},
}
"""For each list the parameters it knows; None where any value goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that came.

    Args:
        path: `/wiki/api/v2/pages`.
        params: The query, decoded: `(("limit", "250"), ("cursor", "eyJpZCI6…"))`.
        headers: With names in lower case.
    """

    method: str
    path: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str] = field(repr=False)


class _RefusedError(Exception):
    """The request is answered with 400."""


class Service:
    """A site that answers.

    Args:
        content: What it holds.
        faults: What goes wrong, and when.
        page_cap: The most rows it gives in one answer, however many are asked for. Lists by offset
            do not say so: they name the limit that was asked for, and have no next link.
        welcomes_visitors: Whether a wrong credential is an anonymous visitor (who sees nothing)
            instead of a 401, as on sites that are open to the public.
        refuses_with_401: Whether a wrong credential is answered with 401. If not, v2 answers 404
            and v1 answers 403, as real sites do as well.
        events_per_call: How many new audit events happen before each look at the audit log.
        latency: How long its answers take.
        limiter: Which requests it refuses; none when there is no limiter.
    """

    def __init__(  # noqa: PLR0913 (each is a way for sites to be different)
        self,
        content: Content,
        *,
        faults: Iterable[Fault] = (),
        page_cap: int | None = None,
        welcomes_visitors: bool = False,
        refuses_with_401: bool = True,
        events_per_call: int = 0,
        latency: Latency | None = None,
        limiter: Refuser | None = None,
    ) -> None:
        self.content = content
        self.calls: list[Call] = []
        self._plan = Plan(faults)
        self.page_cap = page_cap
        self._welcomes_visitors = welcomes_visitors
        self._refuses_with_401 = refuses_with_401
        self._events_per_call = events_per_call
        self._latency = latency or Latency()
        self._limiter = limiter
        self._new_events: list[Row] = []
        self._lock = threading.Lock()

    def recover(self) -> None:
        """Let nothing go wrong from now on."""
        with self._lock:
            self._plan = Plan(())

    def reply(self, call: Call) -> Reply:
        """The answer, planned faults included."""
        with self._lock:
            self.calls.append(call)
            fault = self._plan.next(call.path, _limit_of(call))
            if call.path.endswith("/audit"):
                self._let_events_happen()
        refusal = self._limiter.refusal() if self._limiter else None
        reply = refusal or self._honest_reply(call, fault)
        reply = replace(reply, delay_seconds=self._latency.seconds(_body_count(reply)))
        return KINDS[fault.kind](reply, fault) if fault else reply

    def _honest_reply(self, call: Call, fault: Fault | None) -> Reply:
        if call.method != "GET":
            return Reply(status=405, document=error_body(405, "Method not allowed"))
        if fault and fault.kind == "unrecognised":
            return unrecognised(call.path)
        known = call.headers.get("authorization") == _authorization()
        if not known and not self._welcomes_visitors:
            return self._refusal(call)
        try:
            return self._answer(call, fault, known=known)
        except _RefusedError as error:
            return Reply(status=400, document=error_body(400, str(error)))

    def _refusal(self, call: Call) -> Reply:
        if self._refuses_with_401:
            return Reply(status=401, document=b"<!doctype html><title>HTTP Status 401</title>")
        return unrecognised(call.path)

    def _answer(self, call: Call, fault: Fault | None, *, known: bool) -> Reply:
        if call.path == _CURRENT_USER:
            _checked("user", call)
            return _current_user(known=known)
        if call.path in _V2:
            return self._v2(_V2[call.path], call, fault, known=known)
        if call.path in _V1:
            return self._v1(_V1[call.path], call, fault, known=known)
        return Reply(status=404, document=error_body(404, "Not Found"))

    def _v2(self, kind: str, call: Call, fault: Fault | None, *, known: bool) -> Reply:
        params = _checked(kind, call)
        given = min(_v2_limit(params), self.page_cap or _LARGEST_LIMIT)
        fails = fault.kind if fault else ""
        asked = "" if fails == "ignore_position" else params.get("cursor", "")
        first = index_after(kind, _last_id(asked)) if asked else 0
        found = self._found(kind, params, fault) if known else []
        start = bisect_left(found, first)
        end = min(start + (0 if fails == "empty_page" else given), len(found))
        links = {"base": f"https://{call.headers.get('host', 'site.invalid')}/wiki"}
        if end < len(found):
            salt = len(self.calls) if fails == "empty_page" else 0
            after = found[end - 1] + 1 if end else 0
            repeated = asked if fails == "repeat_cursor" else ""
            cursor = repeated or _cursor(kind, after, salt=salt)
            links["next"] = _next_link(call.path, params, cursor, style=after // given)
        rows = [_as_asked(self.content.row(kind, i), params) for i in found[start:end]]
        document = {"results": rows, "_links": links}
        return Reply(status=200, document=document, headers={"Link": link_header(links)})

    def _found(self, kind: str, params: Mapping[str, str], fault: Fault | None) -> Sequence[int]:
        """The rows that a request is about, by their numbers: all, or those whose ids it names."""
        everything = range(self.content.count(kind))
        fails = fault.kind if fault else ""
        if "id" not in params or fails == "ignore_ids":
            return everything
        numbers = sorted({index_of(kind, content_id) for content_id in _ids(params["id"])})
        if fault and fails == "few_ids":
            del numbers[fault.row_count :]
        gone = range(fault.row, fault.row + fault.row_count) if fault and fails == "gone" else ()
        return [number for number in numbers if number in everything and number not in gone]

    def _v1(self, kind: str, call: Call, fault: Fault | None, *, known: bool) -> Reply:
        if not known:
            message = "Current user not permitted to use Confluence"
            return Reply(status=403, document={"message": message, "statusCode": 403})
        params = _checked(kind, call)
        largest = _LARGEST_V1_LIMITS[kind]
        limit = min(_whole_number(params, "limit", largest), largest)
        is_ignored = fault is not None and fault.kind == "ignore_position"
        start = 0 if is_ignored else _whole_number(params, "start", 0)
        given = min(limit, self.page_cap or limit)
        added = {"added": 1, "removed": -1}.get(fault.kind, 0) * fault.row_count if fault else 0
        rows, total = self._v1_rows(kind, params, range(start, start + given), added)
        base = f"https://{call.headers.get('host', 'site.invalid')}/wiki"
        links = {"base": base, "context": "/wiki", "self": f"{base}{call.path[5:]}"}
        is_group = kind == "group"
        if is_group and not self.page_cap and start + given < total:
            links["next"] = f"/rest/api/group?next=true&limit={limit}&start={start + limit}"
        document = {
            "results": rows,
            "start": start,
            "limit": limit,
            "size": len(rows) if is_group else total,  # real sites disagree on it, too
            "_links": links,
        }
        return Reply(status=200, document=document)

    def _v1_rows(
        self, kind: str, params: Mapping[str, str], places: range, added: int
    ) -> tuple[list[Row], int]:
        if kind == "group":
            total = self.content.count(kind) + added
            numbers = [place - added for place in places if place < total]
            return [self.content.row(kind, number) for number in numbers], total
        earliest = _whole_number(params, "startDate", 0)
        latest = _whole_number(params, "endDate", 2**63)
        events = [
            event
            for event in [*reversed(self._new_events), *self._old_events]
            if earliest <= event["creationDate"] <= latest
        ]
        return events[places.start : places.stop], len(events)

    @cached_property
    def _old_events(self) -> list[Row]:
        return self.content.rows("audit")

    def _let_events_happen(self) -> None:
        for _ in range(self._events_per_call):
            number = len(self._new_events)
            self._new_events.append(
                audit_event(
                    creation_date=int(pendulum.now("UTC").timestamp() * 1000) + 1,
                    author=None,
                    summary="User added to group",
                    category="Users and groups",
                    affected={"name": f"new-{number}", "objectType": "Group"},
                    changed=[],
                )
            )


def _limit_of(call: Call) -> int:
    """The rows a request asks for, as far as planned faults care."""
    text = dict(call.params).get("limit", "25")
    return int(text) if text.isdigit() else 25


def _authorization() -> str:
    return "Basic " + base64.b64encode(f"{EMAIL}:{API_TOKEN}".encode()).decode()


def _current_user(*, known: bool) -> Reply:
    if not known:
        return Reply(status=200, document={"type": "anonymous", "displayName": "Anonymous"})
    user = {
        "type": "known",
        "accountId": "557058:1d9e9f9a-8046-4c58-839e-ec2cf675b021",
        "accountType": "atlassian",
        "displayName": "Ada",
        "publicName": "Ada",
        "_links": {"self": "https://site.invalid/wiki/rest/api/user"},
    }
    return Reply(status=200, document=user)


def _checked(kind: str, call: Call) -> dict[str, str]:
    """The parameters, each known to this list, each once, each with a value it knows."""
    params = dict(call.params)
    if len(params) != len(call.params):
        raise _RefusedError("A parameter is given twice, which this fake does not imitate.")
    for name, value in params.items():
        if name not in _PARAMETERS[kind]:
            raise _RefusedError(f"This fake does not imitate the parameter '{name}' of {kind}.")
        values = _PARAMETERS[kind][name]
        if values is not None and value not in values:
            raise _RefusedError(f"This fake does not imitate {name}={value}.")
    return params


def _whole_number(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise _RefusedError(f"'{name}' is not a whole number.")
    return int(text)


def _v2_limit(params: Mapping[str, str]) -> int:
    limit = _whole_number(params, "limit", 25)
    if limit > _LARGEST_LIMIT:
        raise _RefusedError(
            f"Provided size {{{limit}}} for 'limit' is greater than the max allowed: 250"
        )
    if limit < 1:
        raise _RefusedError("'limit' is less than 1.")
    return limit


def _ids(text: str) -> list[int]:
    """The ids of `65538,4259830`."""
    parts = text.split(",")
    if len(parts) > _MOST_IDS or not all(part.isascii() and part.isdigit() for part in parts):
        raise _RefusedError(f"'id' is not a list of at most {_MOST_IDS} ids.")
    return [int(part) for part in parts]


def _body_count(reply: Reply) -> int:
    """How many pages or blog posts with a body are in an answer."""
    rows = reply.document.get("results", []) if isinstance(reply.document, dict) else []
    return sum(1 for row in rows if row.get("body"))


def _as_asked(row: Row, params: Mapping[str, str]) -> Row:
    """The row without what must be asked for."""
    if "body" in row and "body-format" not in params:
        return {**row, "body": {}}
    if "description" in row and "description-format" not in params:
        row = {**row, "description": None}
    if "icon" in row and params.get("include-icon") != "true":
        row = {**row, "icon": None}
    return row


def _cursor(kind: str, index: int, *, salt: int) -> str:
    """A position as v2 gives it: Base64 of JSON, here always with `+` and `/`, often with `=`."""
    last_id = content_id(kind, index - 1) if index else 0
    position: dict[str, Any] = {"id": str(last_id), "contentOrder": "id"}
    position |= {"contentOrderValue": last_id, "salt": f">>>>>???{salt}"}
    return base64.b64encode(json.dumps(position, separators=(",", ":")).encode()).decode()


def _last_id(cursor: str) -> int:
    try:
        return int(json.loads(base64.b64decode(cursor, validate=True))["contentOrderValue"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise _RefusedError(
            "Provided value for 'cursor' is not the correct type. Expected type is Cursor."
        ) from None


def _next_link(path: str, params: Mapping[str, str], cursor: str, *, style: int) -> str:
    """The link to the next page; real ones differ in escaping, and in where the cursor stands."""
    others = [(name, value) for name, value in params.items() if name != "cursor"]
    escaped = quote(cursor, safe="") if style % 2 else cursor
    place = style % (len(others) + 1)
    query = [urlencode([other]) for other in others]
    query.insert(place, f"cursor={escaped}")
    return f"{path}?{'&'.join(query)}"
