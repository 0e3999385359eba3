"""Answer requests as Confluence Cloud would; no sockets here."""

import base64
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from urllib.parse import quote, urlencode

from fake_confluence.bodies import atlas_document
from fake_confluence.clock import Clock
from fake_confluence.content import Content, Rows
from fake_confluence.faults import KINDS, Fault, Plan
from fake_confluence.history import History
from fake_confluence.listing import walk
from fake_confluence.network import Latency, Refuser
from fake_confluence.paging import ByCursor, ByOffset
from fake_confluence.query import Key, Query, cursor, query
from fake_confluence.reply import Reply, error_body, link_header, unauthorized, unrecognised
from fake_confluence.request import Call, RefusedError, checked, whole_number
from fake_confluence.routes import CURRENT_USER, Route
from fake_confluence.row_faults import is_left
from fake_confluence.rows import Row
from fake_confluence.table import Table

EMAIL = "ada@acme.com"
API_TOKEN = "ATATT3x-not-a-real-token"  # noqa: S105 (it opens nothing but this fake)
AUTHORIZATION = "Basic " + base64.b64encode(f"{EMAIL}:{API_TOKEN}".encode()).decode()


class Service:
    """The site, without its socket: one response for each request.

    Args:
        content: What the site holds.
        faults: What goes wrong, and when.
        page_cap: The most rows in one response, however many are requested. Lists by offset do not
            say so: they repeat the requested limit, and have no next link.
        welcomes_visitors: Whether a wrong credential makes an anonymous visitor (who sees nothing)
            instead of a 401, as on sites that are open to the public.
        refuses_with_401: Whether a wrong credential gets a 401. If not, v2 responds with 404 and v1
            with 403, as some real sites do.
        events_per_call: How many new audit events are added before each request for the audit log.
        latency: How long responses take.
        limiter: Which requests the site refuses; none when there is no limiter.
        clock: The site's time; this machine's by default.
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
        clock: Clock | None = None,
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
        self.clock = clock or Clock()
        self.history = History(content, self.clock)
        self._old_rows: dict[str, list[Row]] = {}
        self._lock = threading.Lock()

    def recover(self) -> None:
        """Let nothing go wrong from now on."""
        self.misbehave()

    def misbehave(self, *faults: Fault) -> None:
        """Let this go wrong from now on; requests are counted from the next one."""
        with self._lock:
            self._plan = Plan(faults)

    def reply(self, call: Call) -> Reply:
        """The response, planned faults included."""
        rows = self.content.at(call.path)
        with self._lock:
            self.calls.append(call)
            fault = self._plan.next(call)
            if rows and rows.route.make_new:
                for _ in range(self._events_per_call):
                    self.history.log(late_seconds=-0.001)
        refusal = self._limiter.refusal() if self._limiter else None
        reply = refusal or self._honest_reply(call, rows, fault)
        reply = replace(reply, delay_seconds=self._latency.seconds(_body_count(reply)))
        reply = KINDS[fault.kind](reply, fault) if fault else reply
        return replace(reply, headers={"Date": self.clock.date, **reply.headers})

    def _honest_reply(self, call: Call, rows: Rows | None, fault: Fault | None) -> Reply:
        if call.method != "GET":
            return Reply(status=405, document=error_body(405, "Method not allowed"))
        if fault and fault.kind == "unrecognised":
            return unrecognised(call.path)
        known = call.headers.get("authorization") == AUTHORIZATION
        if not known and not self._welcomes_visitors:
            return self._refusal(call)
        try:
            return self._answer(call, rows, fault, known=known)
        except RefusedError as error:
            return Reply(status=400, document=error_body(400, str(error)))

    def _refusal(self, call: Call) -> Reply:
        if self._refuses_with_401:
            return unauthorized()
        return unrecognised(call.path)

    def _answer(self, call: Call, rows: Rows | None, fault: Fault | None, *, known: bool) -> Reply:
        if call.path == CURRENT_USER:
            checked(call, "user", {})
            return _current_user(known=known)
        if rows is None:
            return Reply(status=404, document=error_body(404, "Not Found"))
        if isinstance(rows.route.paging, ByOffset):
            return self._by_offset(call, rows, rows.route.paging, fault, known=known)
        table = self.history.table(rows, rows.route.paging)
        return self._by_cursor(call, rows.route, table, fault, known=known)

    def _by_cursor(
        self, call: Call, route: Route, table: Table, fault: Fault | None, *, known: bool
    ) -> Reply:
        paging = table.paging
        params = checked(call, route.name, route.all_parameters, paging.repeatable)
        given = min(paging.limit(params), self.page_cap or paging.max_rows)
        asked = _understood(params, paging, fault)
        fails = fault.kind if fault else ""
        with self.history.lock:
            found = _found(asked, table, fault, self.history.hidden_spaces)
            keys = [*islice(found, given + 1)] if known else []
            shown = [] if fails == "empty_page" else keys[:given]
            made = [table.row(paging.ids.index(own_id)) for _, own_id in shown]
        links = {"base": _base(call)}
        if len(keys) > len(shown):
            last = shown[-1] if shown else asked.after or asked.beginning
            fresh = cursor(asked.order, last, salt=len(self.calls) if not shown else 0)
            repeated = params.get("cursor", "") if fails == "repeat_cursor" else ""
            style = paging.number(last[1]) // given
            links["next"] = _next_link(call, repeated or fresh, style=style)
        document = {"results": [_as_asked(row, params) for row in made], "_links": links}
        return Reply(status=200, document=document, headers={"Link": link_header(links)})

    def _by_offset(
        self, call: Call, rows: Rows, paging: ByOffset, fault: Fault | None, *, known: bool
    ) -> Reply:
        if not known:
            message = "Current user not permitted to use Confluence"
            return Reply(status=403, document={"message": message, "statusCode": 403})
        params = checked(call, rows.route.name, rows.route.all_parameters)
        limit = paging.limit(params)
        is_ignored = fault is not None and fault.kind == "ignore_position"
        start = 0 if is_ignored else whole_number(params, "start", 0)
        given = min(limit, self.page_cap or limit)
        if paging.date_field:
            dated = self._dated(call, rows, paging.date_field, params)
            shown, total = dated[start : start + given], len(dated)
        else:
            shown, total = _shifted(rows, fault, range(start, start + given))
        links = {"base": _base(call), "context": "/wiki"}
        links["self"] = links["base"] + call.path.removeprefix("/wiki")
        if paging.has_next_link and not self.page_cap and start + given < total:
            query = f"next=true&limit={limit}&start={start + limit}"
            links["next"] = f"{call.path.removeprefix('/wiki')}?{query}"
        document = {
            "results": shown,
            "start": start,
            "limit": limit,
            "size": total if paging.size_is_total else len(shown),
            "_links": links,
        }
        return Reply(status=200, document=document)

    def _dated(self, call: Call, rows: Rows, field: str, params: Mapping[str, str]) -> list[Row]:
        """The rows between two dates, new ones first."""
        earliest = whole_number(params, "startDate", 0)
        latest = whole_number(params, "endDate", 2**63)
        if call.path not in self._old_rows:
            self._old_rows[call.path] = rows.all()
        with self.history.lock:
            there = [*reversed(self.history.events[call.path]), *self._old_rows[call.path]]
        within = (row for row in there if earliest <= row[field] <= latest)
        return sorted(within, key=lambda row: -row[field])


def _understood(params: Mapping[str, str], paging: ByCursor, fault: Fault | None) -> Query:
    """What a request asks for, without what a planned fault ignores of it."""
    fails = fault.kind if fault else ""
    ignored = {
        "ignore_position": ("cursor",),
        "ignore_ids": (paging.id_name,),
        "ignore_sort": ("sort",),
        "ignore_filters": tuple(paging.filters),
    }
    asked = query({k: v for k, v in params.items() if k not in ignored.get(fails, ())}, paging)
    if fault is None or asked.indices is None:
        return asked
    gone = range(fault.row, fault.row + fault.row_count) if fails == "gone" else ()
    looked_at = asked.indices[: fault.row_count] if fails == "few_ids" else asked.indices
    return replace(asked, indices=[index for index in looked_at if index not in gone])


def _found(
    asked: Query, table: Table, fault: Fault | None, hidden_spaces: Collection[str]
) -> Iterator[Key]:
    """The rows that are there, without what a planned fault hides of them."""
    keys = walk(asked, table, hidden_spaces)
    if fault is None or fault.kind != "part":
        return keys
    return (key for key in keys if is_left(key[1], fault.share))


def _shifted(rows: Rows, fault: Fault | None, places: range) -> tuple[list[Row], int]:
    """The rows at some offsets, and the total, after others were added or removed before them."""
    added = {"added": 1, "removed": -1}.get(fault.kind, 0) * fault.row_count if fault else 0
    total = rows.count + added
    return [rows.row(place - added) for place in places if place < total], total


def _base(call: Call) -> str:
    return f"https://{call.host}/wiki"


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


def _body_count(reply: Reply) -> int:
    """How many pages or blog posts with a body are in a response."""
    rows = reply.document.get("results", []) if isinstance(reply.document, dict) else []
    return sum(1 for row in rows if row.get("body"))


def _as_asked(row: Row, params: Mapping[str, str]) -> Row:
    """The row without the fields that were not requested."""
    if "body" in row:
        return {**row, "body": _body(row["body"], params.get("body-format", ""))}
    if "description" in row and "description-format" not in params:
        row = {**row, "description": None}
    if "icon" in row and params.get("include-icon") != "true":
        row = {**row, "icon": None}
    return row


def _body(body: Row, body_format: str) -> Row:
    """The body in the requested format; each format has its own field."""
    if body_format != "atlas_doc_format":
        return body if body_format else {}
    document = atlas_document(body["storage"]["value"])
    return {body_format: {"representation": body_format, "value": document}}


def _next_link(call: Call, position: str, *, style: int) -> str:
    """The link to the next page; as on real sites, escaping and the place of the cursor vary."""
    query = [urlencode([(name, value)]) for name, value in call.params if name != "cursor"]
    escaped = quote(position, safe="") if style % 2 else position
    query.insert(style % (len(query) + 1), f"cursor={escaped}")
    return f"{call.path}?{'&'.join(query)}"
