"""Ask the fake site without a socket: one call, or a whole list, page by page."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fake_confluence import Call, Service
from fake_confluence.reply import Reply
from fake_confluence.service import AUTHORIZATION
from unit_tests.protocol import Message
from unit_tests.streams_under_test import PATHS

PAGES, BLOG_POSTS, SPACES = "pages", "blog_posts", "space"


def ask(service: Service, stream: str, **params: object) -> Reply:
    """The response to a request for a list; `space_id=(1, 2)` is `space-id=1&space-id=2`."""
    several = {k: v if isinstance(v, tuple) else (v,) for k, v in params.items()}
    pairs = [(k.replace("_", "-"), str(value)) for k, v in several.items() for value in v]
    return ask_link(service, PATHS[stream], pairs)


def ask_link(service: Service, link: str, pairs: list[tuple[str, str]] | None = None) -> Reply:
    """The response to a request for a next link."""
    parts = urlsplit(link.replace("+", "%2B"))  # a raw plus sign means a space
    params = tuple(pairs or parse_qsl(parts.query))
    headers = {"authorization": AUTHORIZATION, "host": "site.invalid"}
    return service.reply(Call(method="GET", path=parts.path, params=params, headers=headers))


def pages_of(service: Service, stream: str, **params: object) -> Iterator[list[Message]]:
    """The rows of each response, as the next links lead from one to the other."""
    reply = ask(service, stream, **params)
    while True:
        assert reply.status == 200, json.dumps(reply.document)
        yield reply.document["results"]
        if "next" not in reply.document["_links"]:
            return
        reply = ask_link(service, reply.document["_links"]["next"])


def rows_of(service: Service, stream: str, **params: object) -> list[Message]:
    """All rows of a list."""
    return [row for rows in pages_of(service, stream, **params) for row in rows]


def ids_of(rows: list[dict[str, Any]]) -> list[int]:
    """Their ids."""
    return [int(row["id"]) for row in rows]
