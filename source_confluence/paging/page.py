"""Read one page of a list: its rows, its next links, and whether its rows need mending."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from requests.utils import parse_header_links

from source_confluence.exceptions import NotAListError
from source_confluence.paging.decoding import decoded
from source_confluence.paging.listed import Listed

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One response of a list endpoint.

    Args:
        rows: The rows, in the order they came.
        asked_rows: How many were asked for.
        next_link: The link to the next page, `/wiki/api/v2/pages?cursor=eyJpZCI6…&limit=250`, or
            None at the end of a list of v2.
        header_link: The same, as the header `Link` has it.
        needs_mending: Whether a row holds a character or a number that destinations do not take.
        size_bytes: How large the body was, decompressed.
        listed: What is kept of all rows of the list, when `rows` are only those that are wanted.
    """

    rows: list[Row]
    asked_rows: int
    next_link: str | None = None
    header_link: str | None = None
    needs_mending: bool = False
    size_bytes: int = field(default=0, compare=False)
    listed: Sequence[Listed] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the list has no rows here."""
        return not (self.rows or self.listed)

    @property
    def ends(self) -> tuple[int, Row, Row]:
        """How many rows the list has here, the first one and the last one; there must be some."""
        if self.listed:
            first, last = self.listed[0].own_id, self.listed[-1].own_id
            return len(self.listed), {"id": str(first)}, {"id": str(last)}
        return len(self.rows), self.rows[0], self.rows[-1]

    @classmethod
    def parse(
        cls,
        body: bytes,
        *,
        asked_rows: int,
        has_links: bool,
        link_header: str = "",
        ids_only: bool = False,
    ) -> "Page":
        """Read `{"results": […], "_links": {"next": "…"}}`.

        Numbers and texts stay exactly what they were. Of a key that is given twice, the last value
        counts. An `Unfit` stands for what destinations do not take.

        Args:
            body: The bytes, decompressed.
            asked_rows: How many rows were asked for.
            has_links: Whether the links of the list lead on (v2); else nothing but rows is read.
            link_header: `</wiki/api/v2/pages?cursor=eyJpZCI6…>; rel="next"`.
            ids_only: Whether the rows are not emitted, so that nobody needs to look through them.

        Raises:
            NotJsonError: When the body is not JSON, or was cut off.
            UndecodableError: When it is whole, but cannot be decoded.
            NotAListError: When there is no list of objects under `results`, or, in a list whose
                links lead on, none of them is where it must be.
        """
        document, needs_mending = decoded(body, ids_only=ids_only)
        rows = _rows(document)
        page = cls(
            rows=rows, asked_rows=asked_rows, needs_mending=needs_mending, size_bytes=len(body)
        )
        if not has_links:
            return page
        header_link = _next_in(link_header)
        is_silent = "_links" not in document and header_link is None
        if rows and is_silent and len(rows) >= asked_rows:
            raise NotAListError("a full page without '_links'")
        next_link = _next_link(document.get("_links", {}))
        return replace(page, next_link=next_link, header_link=header_link)


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
