"""Read one answer of a list: its rows, its next links, and whether anything in it is odd."""

import codecs
import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from requests.utils import parse_header_links

LONGEST_INTEGER = 38
"""Digits of an integer: as many as the widest number of a warehouse has digits."""

DEEPEST = 100
"""Objects and lists within each other; what is deeper no destination unpacks."""

_EXACT_BELOW = 2.0**63  # orjson makes floats of integers that are larger
_CONTAINERS = (dict, list)
_NUL = re.compile(rb"\\u0000")
_ODD_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")

Row = Mapping[str, Any]


class NotJsonError(ValueError):
    """The body is not JSON, or not all of it."""


class UnreadableError(NotJsonError):
    """The body is whole, but something in one of its rows cannot be decoded."""


class NotAListError(ValueError):
    """The body is JSON, but not a list of results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of a list endpoint.

    Args:
        rows: The records, in the order they came.
        next_link: The link to what follows, `/wiki/api/v2/pages?cursor=eyJpZCI6…&limit=250`, or
            None at the end of a list of v2.
        header_link: The same, as the header `Link` has it.
        is_odd: Whether there is a character or a number in it that no record may hold.
    """

    rows: list[Row]
    next_link: str | None = None
    header_link: str | None = None
    is_odd: bool = False

    @classmethod
    def parse(
        cls, body: bytes, *, asked: int | None = None, header: str = "", is_listing: bool = False
    ) -> "Page":
        """Read `{"results": […], "_links": {"next": "…"}}`.

        Numbers and texts stay exactly what they were. Of a key that is given twice, the last value
        counts. An `Unfit` stands for what no record may hold.

        Args:
            body: The bytes.
            asked: The rows that were asked for, in a list whose links lead on (v2); of others
                nothing but the rows is read.
            header: The header `Link`: `</wiki/api/v2/pages?cursor=eyJpZCI6…>; rel="next"`.
            is_listing: Whether the rows do not leave, so that nobody needs to look through them.

        Raises:
            NotJsonError: When the body is not JSON, or was cut off.
            UnreadableError: When it is whole, but cannot be decoded.
            NotAListError: When there is no list of objects under `results`, or, in a list whose
                links lead on, none of them is where it must be.
        """
        document, is_odd = _decoded(body, is_listing=is_listing)
        rows = _rows(document)
        if asked is None:
            return cls(rows=rows, is_odd=is_odd)
        header_link = _next_in(header)
        is_silent = "_links" not in document and header_link is None
        if rows and is_silent and len(rows) >= asked:
            raise NotAListError("a full page without '_links'")
        next_link = _next_link(document.get("_links", {}))
        return cls(rows=rows, next_link=next_link, header_link=header_link, is_odd=is_odd)


def _decoded(body: bytes, *, is_listing: bool) -> tuple[Any, bool]:
    """The document, and whether there is anything in it that no record may hold.

    orjson takes half the time of the standard library's parser (1.7 and 3.3 ms for 250 pages of
    8 KB), and to make sure of it 0.9 (0.4 for 250 without bodies). It makes floats of integers
    beyond 64 bits, and refuses halves of surrogate pairs and numbers that are not finite; then the
    other one is asked.
    """
    try:
        document = orjson.loads(body)
    except ValueError:
        return _exactly_decoded(body)
    if is_listing:
        return document, False
    # A search for the bytes without `re` takes twice as long.
    if _NUL.search(body) is not None or _is_remarkable(document, DEEPEST):
        return _exactly_decoded(body)
    return document, False


def _exactly_decoded(body: bytes) -> tuple[Any, bool]:
    numbers = _Numbers()
    text, is_sound = _text(body)
    try:
        document = json.loads(
            text,
            parse_int=numbers.integer,
            parse_float=numbers.real,
            parse_constant=numbers.no,
            strict=False,  # a line break that is not escaped is no reason to lose a row
        )
    except RecursionError as error:
        raise _not_json(body, "nested too deep to be decoded", is_whole=True) from error
    except json.JSONDecodeError as error:
        is_at_the_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        raise _not_json(body, "malformed JSON", is_whole=not is_at_the_end) from error
    is_odd = numbers.are_odd or not is_sound or _has_odd_text(body)
    return document, is_odd or _is_remarkable(document, DEEPEST)


def _not_json(body: bytes, within: str, *, is_whole: bool) -> NotJsonError:
    """What to say of a body that cannot be decoded.

    One that was cut off passes, and is asked for again. One that begins and ends as a list does,
    and is wrong somewhere in between, does not: then it is a matter of one of its rows.
    """
    bare = body.removeprefix(codecs.BOM_UTF8).strip()
    if is_whole and bare.startswith(b"{") and bare.endswith(b"}"):
        return UnreadableError(within)
    return NotJsonError(_what_it_is(body))


def _is_remarkable(value: Any, levels: int) -> bool:  # noqa: ANN401 (JSON)
    """Whether it is nested deeper, or holds a number that may have been a long integer.

    It looks at every value of every row, so it does without `isinstance`: that would double it.
    """
    if not levels or type(value) not in _CONTAINERS:
        return not levels
    for child in value.values() if type(value) is dict else value:
        kind = type(child)
        if kind is dict or kind is list:
            if _is_remarkable(child, levels - 1):
                return True
        elif kind is float and abs(child) >= _EXACT_BELOW:
            return True
    return False


def _text(body: bytes) -> tuple[str, bool]:
    """The body as text, and whether it is UTF-8, as JSON must be.

    Python would take UTF-16 and 32 for JSON, too. For what is no UTF-8, halves of surrogate pairs
    stand in the text, which `records` puts U+FFFD for.

    Source: https://www.rfc-editor.org/rfc/rfc8259#section-8.1
    """
    bare = body.removeprefix(codecs.BOM_UTF8)
    for errors in ("strict", "surrogatepass"):
        with suppress(UnicodeDecodeError):
            return bare.decode(errors=errors), errors == "strict"
    return bare.decode(errors="surrogateescape"), False


class Unfit:
    """Stands where something was that no record may hold: a number too long, or not finite."""


class _Numbers:
    """Reads numbers, and remembers whether one of them was unfit."""

    def __init__(self) -> None:
        self.are_odd = False

    def integer(self, text: str) -> int | Unfit:
        return int(text) if len(text.lstrip("-")) <= LONGEST_INTEGER else self.no(text)

    def real(self, text: str) -> float | Unfit:
        number = float(text)
        return number if math.isfinite(number) else self.no(text)

    def no(self, _: str) -> Unfit:
        self.are_odd = True
        return Unfit()


def _has_odd_text(body: bytes) -> bool:
    """Whether a NUL stands in it, or what may be half of a surrogate pair, escaped."""
    return b"\0" in body or (b"\\u" in body and _ODD_ESCAPE.search(body) is not None)


def _rows(document: object) -> list[Row]:
    if not isinstance(document, dict) or "results" not in document:
        raise NotAListError("no 'results'")
    rows = document["results"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotAListError("'results' is not a list of objects")
    return rows


def _next_link(links: object) -> str | None:
    if not isinstance(links, dict):
        raise NotAListError("'_links' is not an object")
    link = links.get("next")
    if link is not None and not isinstance(link, str):
        raise NotAListError("the next link is not a text")
    return link


def _next_in(header: str) -> str | None:
    """`</wiki/api/v2/pages?cursor=eyJ…>; rel="next", <https://…/wiki>; rel="base"` → the first.

    Source: https://www.rfc-editor.org/rfc/rfc8288#section-3
    """
    for link in parse_header_links(header):
        relations = " ".join(value for name, value in link.items() if name.lower() == "rel")
        if "next" in relations.lower().split():
            return link["url"]
    return None


def _what_it_is(body: bytes) -> str:
    start = bytes(body[:100].lstrip()[:1])
    if not start:
        return "an empty body"
    if start == b"<":
        return "an HTML page"
    return "JSON that breaks off or is malformed" if start in b"{[" else "plain text"
