"""Read one answer of a list: its rows, its next link, and whether anything in it is odd."""

import codecs
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_INTEGER = 38
"""Digits of an integer: as many as the widest number of a warehouse has digits."""

_ODD_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ODD_BYTES = re.compile(rb"\xed[\xa0-\xbf]")

Row = Mapping[str, Any]


class NotJsonError(ValueError):
    """The body is not JSON, or not all of it."""


class NotAListError(ValueError):
    """The body is JSON, but not a list of results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of a list endpoint.

    Args:
        rows: The records, in the order they came.
        next_link: The link to what follows, `/wiki/api/v2/pages?cursor=eyJpZCI6…&limit=250`, or
            None at the end. v2 always has it, v1 only sometimes.
        limit: The most rows the site gives in one answer, where it says so (v1).
        is_odd: Whether there is a character or a number in it that no record may hold.
    """

    rows: list[Row]
    next_link: str | None
    limit: int | None
    is_odd: bool = False

    @classmethod
    def parse(cls, body: bytes | bytearray) -> "Page":
        """Read `{"results": […], "limit": 200, "_links": {"next": "…"}}`.

        Numbers and texts stay exactly what they were, so the standard library's parser is used:
        orjson turns integers beyond 64 bits into floats and refuses lone surrogates. Of a key that
        is given twice, the last value counts. An `Unfit` stands for what no record may hold.

        Raises:
            NotJsonError: When the body is not JSON, or was cut off.
            NotAListError: When there is no list of objects under `results`.
        """
        numbers = _Numbers()
        try:
            document = json.loads(
                _text(body),
                parse_int=numbers.integer,
                parse_float=numbers.real,
                parse_constant=numbers.no,
            )
        except (ValueError, RecursionError) as error:
            raise NotJsonError(_what_it_is(body)) from error
        return cls(
            rows=_rows(document),
            next_link=_next_link(document),
            limit=_positive(document, "limit"),
            is_odd=numbers.are_odd or _has_odd_text(body),
        )


def _text(body: bytes | bytearray) -> str:
    """The body as text; JSON is UTF-8, and Python would take UTF-16 and 32 for JSON, too.

    Source: https://www.rfc-editor.org/rfc/rfc8259#section-8.1
    """
    return body.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogatepass")


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


def _has_odd_text(body: bytes | bytearray) -> bool:
    """Whether a NUL, or what may be half of a surrogate pair, stands in it, escaped or raw."""
    return (b"\\u" in body and _ODD_ESCAPE.search(body) is not None) or (
        b"\xed" in body and _ODD_BYTES.search(body) is not None
    )


def _rows(document: object) -> list[Row]:
    if not isinstance(document, dict) or "results" not in document:
        raise NotAListError("no 'results'")
    rows = document["results"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotAListError("'results' is not a list of objects")
    return rows


def _next_link(document: Mapping[str, Any]) -> str | None:
    links = document.get("_links") or {}
    if not isinstance(links, dict):
        raise NotAListError("'_links' is not an object")
    link = links.get("next")
    if link is not None and not isinstance(link, str):
        raise NotAListError("the next link is not a text")
    return link


def _positive(document: Mapping[str, Any], key: str) -> int | None:
    value = document.get(key)
    return value if isinstance(value, int) and value > 0 else None


def _what_it_is(body: bytes | bytearray) -> str:
    start = bytes(body[:100].lstrip()[:1])
    if not start:
        return "an empty body"
    if start == b"<":
        return "an HTML page"
    return "JSON that breaks off or is malformed" if start in b"{[" else "plain text"
