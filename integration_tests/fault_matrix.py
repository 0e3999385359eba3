"""The table of faults: what the site does, what the connector does about it, and how a stream ends.

`docs/reliability.md` shows it; `test_fault_matrix.py` runs each row on each stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from unit_tests.streams_under_test import (
    LEFT_OUT,
    LINKED,
    NAMES,
    OFFSETS,
    PAGE_SIZES,
    UNPINNED,
    WITH_BODIES,
)

FOR_EVER = None
ALL = 12
FIRST_PAGE = 5
"""The fault begins at the second page, of 12 rows that come 5 at a time."""

COMPLETE_REQUESTS = {name: 3 if name in LINKED else 5 for name in NAMES}
"""Of a list by offset, two show where it ends: the last row in its place, and nothing behind it."""
HALVINGS = {name: size.bit_length() - 1 for name, size in PAGE_SIZES.items()}
"""250 → 125 → 62 → 31 → 15 → 7 → 3 → 1 are 7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table.

    Args:
        site: What the site does, from the second page on.
        connector: What the connector does about it.
        fault: The plan for the fake site, for the path of every stream.
        ends: COMPLETE or INCOMPLETE.
        error: Who must act, when it is INCOMPLETE: `config_error`, `transient_error` …
        requests: How many more requests for the list there are than without the fault, or, for a
            stream that fails, after its first page; None when that depends on where pages end.
        waits: Least and most seconds that each stream waits, on average.
        concerns: The streams that it happens to; for the others, the site has no such fault.
        marks: The field, and how it is marked in one record, or nothing.
        is_of_credential: Whether an access token is renewed for it, which takes one more request.
    """

    site: str
    connector: str
    fault: dict[str, Any]
    ends: str = "COMPLETE"
    error: str = ""
    requests: int | Mapping[str, int] | None = 0
    waits: tuple[float, float] = (0, 0)
    concerns: tuple[str, ...] = NAMES
    marks: Mapping[str, tuple[tuple[str, str, str], ...]] = field(default_factory=dict)
    is_of_credential: bool = False


def _status(status: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"kind": "status", "status": status, **more}


_ODD = (("odd", "TRUNCATED", "SOURCE_SERIALIZATION_ERROR"),)
_UNFIT = (("odd", "NULLED", "SOURCE_SERIALIZATION_ERROR"),)
_NO_BODY = {
    name: tuple((left_out, "NULLED", "SOURCE_RETRIEVAL_ERROR") for left_out in LEFT_OUT[name])
    for name in WITH_BODIES
}
_ALWAYS = {"count": FOR_EVER}
_REPEATED = "asks again, up to five times, after about 2, 4, 8, 16 and 30 seconds"
_SMALLER = "asks for half the rows, down to one, from the same place; the size grows back"
_FAILS = "fails the stream, which resumes there next time"

MATRIX: tuple[Row, ...] = (
    Row(
        site="429, once, with `Retry-After: 7`",
        connector="waits 7 seconds, all streams do",
        fault=_status(429, headers={"Retry-After": "7"}),
        requests=1,
        waits=(7, 9),
    ),
    Row(
        site="429, once, without a word how long",
        connector="asks again, up to thirty times, after about 2, 4, 8, 16, 30, 30 … seconds",
        fault=_status(429),
        requests=1,
        waits=(1.4, 4),
    ),
    Row(
        site="429 to every third request",
        connector="waits as long as it is told, each time",
        fault=_status(429, headers={"Retry-After": "1"}, first=3, every=3, **_ALWAYS),
        requests={name: 1 if name in LINKED else 2 for name in NAMES},
        waits=(1, 3),
    ),
    Row(
        site="429, once, with `Retry-After: 3600`",
        connector="waits an hour, and says so every minute, in the log and to the heartbeat",
        fault=_status(429, headers={"Retry-After": "3600"}),
        requests=1,
        waits=(3_598, 3_602),
    ),
    Row(
        site="429 with a wait of more than two hours",
        connector=_FAILS,
        fault=_status(429, headers={"Retry-After": "7201"}, **_ALWAYS),
        ends="INCOMPLETE",
        error="transient_error",
        requests=1,
    ),
    Row(
        site="429, for ever",
        connector="asks 31 times, then fails the stream",
        fault=_status(429, headers={"Retry-After": "1"}, **_ALWAYS),
        ends="INCOMPLETE",
        error="transient_error",
        requests=31,
        waits=(30, 80),
    ),
    Row(
        site="`X-RateLimit-NearLimit: true`",
        connector="lets two seconds pass between requests, of all streams",
        fault={"kind": "headers", "headers": {"X-RateLimit-NearLimit": "true"}, **_ALWAYS},
        waits=(1.8, 9),
    ),
    Row(
        site='`RateLimit: "quota";r=10;t=60`',
        connector="shares the 60 seconds among the requests it can still afford",
        fault={"kind": "headers", "headers": {"RateLimit": '"quota";r=10;t=60'}, **_ALWAYS},
        waits=(5, 20),
    ),
    Row(
        site="503, once, with `Retry-After: 7`",
        connector="waits 7 seconds, all streams do",
        fault=_status(503, headers={"Retry-After": "7"}),
        requests=1,
        waits=(7, 9),
    ),
    Row(
        site="503, for ever",
        connector=_REPEATED + "; then fails the stream",
        fault=_status(503, **_ALWAYS),
        ends="INCOMPLETE",
        error="transient_error",
        requests=6,
        waits=(30, 90),
    ),
    *(
        Row(
            site=f"{status} to requests for more than two rows",
            connector=_SMALLER,
            fault=_status(status, limit_above=2, **_ALWAYS),
            requests=None,
            waits=(12, 40),
        )
        for status in (413, 500, 502, 504)
    ),
    Row(
        site="no answer in time to requests for more than a hundred rows",
        connector=_SMALLER,
        fault={"kind": "slow", "seconds": 5, "limit_above": 100, **_ALWAYS},
        requests=None,
        waits=(1.4, 20),
    ),
    Row(
        site="500 in every size, for ever",
        connector="halves the rows down to one, then fails the stream",
        fault=_status(500, **_ALWAYS),
        ends="INCOMPLETE",
        error="transient_error",
        # a row alone twice, and then without its body six times; where there is none, six times
        requests={name: HALVINGS[name] + (8 if name in WITH_BODIES else 6) for name in NAMES},
        waits=(30, 120),
    ),
    Row(
        site="500 to one row, whenever its body is asked for",
        connector="delivers that row without the body (or description), marked, and warns",
        fault={"kind": "poison", "row": 7, **_ALWAYS},
        requests=None,
        waits=(10, 50),
        concerns=WITH_BODIES,
        marks=_NO_BODY,
    ),
    Row(
        site="a connection that ends before the answer, once",
        connector=_REPEATED,
        fault={"kind": "drop"},
        requests=1,
        waits=(1.4, 5),
    ),
    Row(
        site="a connection that ends before the answer, for ever",
        connector=_REPEATED + "; then fails the stream",
        fault={"kind": "drop", **_ALWAYS},
        ends="INCOMPLETE",
        error="transient_error",
        requests=6,
        waits=(30, 90),
    ),
    *(
        Row(
            site=f"{words}, once",
            connector=_REPEATED,
            fault={"kind": kind},
            requests=1,
            waits=(1.4, 5),
        )
        for kind, words in (
            ("cut", "a body that is cut off"),
            ("bad_gzip", "a body that is compressed wrongly"),
            ("half_json", "half of a JSON text"),
            ("html", "a login page with status 200"),
        )
    ),
    Row(
        site="a login page with status 200, for ever",
        connector=_REPEATED + "; then fails the stream",
        fault={"kind": "html", **_ALWAYS},
        ends="INCOMPLETE",
        error="transient_error",
        requests=6,
        waits=(30, 90),
    ),
    Row(
        site="JSON that is no list, for ever",
        connector="asks three times, then fails the stream",
        fault={"kind": "no_results", **_ALWAYS},
        ends="INCOMPLETE",
        error="system_error",
        requests=3,
        waits=(4, 14),
    ),
    Row(
        site="links that are null instead of an object, once",
        connector="asks again: it cannot be told whether there is more",
        fault={"kind": "links", "raw": "null"},
        requests=1,
        waits=(1.3, 5),
        concerns=LINKED,
    ),
    Row(
        site="a next link in the header `Link` only",
        connector="follows it",
        fault={"kind": "next_in_header", **_ALWAYS},
        concerns=LINKED,
    ),
    Row(
        site="a next link in the header `Link` that is another one than in the body",
        connector="follows the body, and warns once",
        fault={"kind": "other_next_in_header", **_ALWAYS},
        concerns=LINKED,
    ),
    Row(
        site="an empty page without a next link in the middle of the list, once",
        connector="asks for it a second time before it takes it for the end",
        fault={"kind": "cut_list"},
        requests=1,
        concerns=LINKED,
    ),
    Row(
        site="a page that is shorter than the others, and no word that there is more",
        connector="reads until a response is empty",
        fault={"kind": "short", "row_count": 2},
        requests=None,
        concerns=OFFSETS,
    ),
    Row(
        site="groups that are removed before those that were not read yet",
        connector="sees that pages do not meet, and fetches what has slipped from a page earlier",
        fault={"kind": "removed", "first": 4, "row_count": 2, **_ALWAYS},
        requests=None,
        concerns=UNPINNED,
    ),
    *(
        Row(
            site=f"{status}, for ever",
            connector="asks three times, then fails the stream"
            if attempts > 1
            else "fails at once",
            fault=_status(status, **_ALWAYS),
            ends="INCOMPLETE",
            error=error,
            requests=attempts,
            waits=(0, 0) if attempts == 1 else (4, 14),
            is_of_credential=status == HTTPStatus.UNAUTHORIZED,
        )
        for status, error, attempts in (
            (400, "system_error", 1),
            (401, "config_error", 1),
            (403, "config_error", 3),
            (404, "config_error", 3),
            (410, "system_error", 1),
        )
    ),
    Row(
        site="a credential that is refused with 404 (v2) or 403 (v1), for ever",
        connector="asks three times, then fails the stream and names the token first",
        fault={"kind": "unrecognised", **_ALWAYS},
        ends="INCOMPLETE",
        error="config_error",
        requests=3,
        waits=(4, 14),
    ),
    Row(
        site="a credential that is refused with 404 (v2) or 403 (v1), once",
        connector="asks again, up to twice, after about 2 and 4 seconds",
        fault={"kind": "unrecognised"},
        requests=1,
        waits=(1.4, 5),
    ),
    Row(
        site="an answer for an anonymous visitor",
        connector="fails the stream at once: it would pass for everything there is",
        fault={
            "kind": "headers",
            "headers": {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"},
            **_ALWAYS,
        },
        ends="INCOMPLETE",
        error="config_error",
        requests=1,
    ),
    Row(
        site="a redirect to another host",
        connector="does not follow it, and fails the stream",
        fault={"kind": "redirect", **_ALWAYS},
        ends="INCOMPLETE",
        error="config_error",
        requests=1,
    ),
    Row(
        site="a next link that names another host",
        connector="takes nothing but the cursor from it",
        fault={"kind": "foreign_next", **_ALWAYS},
    ),
    Row(
        site="a page without rows that has a next link",
        connector="reads on",
        fault={"kind": "empty_page"},
        requests=1,
        concerns=LINKED,
    ),
    Row(
        site="pages without rows that lead on to others, for ever",
        connector="fails the stream when they were asked for 25,000 rows",
        fault={"kind": "empty_page", **_ALWAYS},
        ends="INCOMPLETE",
        error="system_error",
        requests={name: 25_000 // PAGE_SIZES[name] for name in NAMES},
        concerns=LINKED,
    ),
    Row(
        site="the same rows for every position",
        connector="fails the stream",
        fault={"kind": "ignore_position", **_ALWAYS},
        ends="INCOMPLETE",
        error="system_error",
        requests=1,
    ),
    Row(
        site="300 MB where a list should be",
        connector="takes no more than 64 MB into memory, asks for less, then fails the stream",
        fault={"kind": "huge", "size_bytes": 12 * 1024 * 1024, **_ALWAYS},
        ends="INCOMPLETE",
        error="system_error",
        requests={name: HALVINGS[name] + (2 if name in WITH_BODIES else 1) for name in NAMES},
        waits=(12, 30),
    ),
    Row(
        site="a gzip bomb",
        connector="unpacks no more than 64 MB, asks for less, then fails the stream",
        fault={"kind": "bomb", "size_bytes": 64 * 1024 * 1024, **_ALWAYS},
        ends="INCOMPLETE",
        error="system_error",
        requests={name: HALVINGS[name] + (2 if name in WITH_BODIES else 1) for name in NAMES},
        waits=(12, 30),
    ),
    Row(
        site="a body that comes byte by byte, once",
        connector="cuts it off after five minutes, and asks for less",
        fault={"kind": "trickle", "seconds": 0.05},
        requests=1,
        waits=(2, 2),
    ),
    Row(
        site="a body that is nested 5,000 deep",
        connector="delivers that row without the body (or description), marked, and warns",
        fault={"kind": "odd_body", "row": 7, "raw": "[" * 5_000 + "]" * 5_000, **_ALWAYS},
        requests=None,
        waits=(10, 50),
        concerns=WITH_BODIES,
        marks=_NO_BODY,
    ),
    Row(
        site="rows that cannot be decoded even without their bodies",
        connector="asks for less, then fails the stream, and names the place",
        fault={"kind": "odd", "row": 0, "raw": "[" * 200_000, **_ALWAYS},
        ends="INCOMPLETE",
        error="system_error",
        requests={name: HALVINGS[name] + (4 if name in WITH_BODIES else 2) for name in NAMES},
        waits=(12, 50),
    ),
    Row(
        site="bytes that are no UTF-8",
        connector="puts U+FFFD in their place, and marks the field",
        fault={"kind": "odd", "raw": '"caf\udce9"'},
        marks=dict.fromkeys(NAMES, _ODD),
    ),
    Row(
        site="a NUL character",
        connector="puts U+FFFD in its place, and marks the field",
        fault={"kind": "odd", "raw": r'"a\u0000b"'},
        marks=dict.fromkeys(NAMES, _ODD),
    ),
    Row(
        site="half a surrogate pair",
        connector="puts U+FFFD in its place, and marks the field",
        fault={"kind": "odd", "raw": r'"a\ud800b"'},
        marks=dict.fromkeys(NAMES, _ODD),
    ),
    Row(
        site="a number that is not finite, or has more than 38 digits",
        connector="makes it null, and marks the field",
        fault={"kind": "odd", "raw": "1e999"},
        marks=dict.fromkeys(NAMES, _UNFIT),
    ),
    Row(
        site="an object nested more than 100 deep",
        connector="makes the field null, and marks it",
        fault={"kind": "odd", "raw": '{"a": ' * 400 + "1" + "}" * 400},
        marks=dict.fromkeys(NAMES, _UNFIT),
    ),
    Row(
        site="an integer beyond 64 bits",
        connector="delivers it as it is",
        fault={"kind": "odd", "raw": "123456789012345678901234567890"},
    ),
    Row(
        site="a key that is given twice",
        connector="takes the last value",
        fault={"kind": "odd", "raw": '1, "odd": 2'},
    ),
)
