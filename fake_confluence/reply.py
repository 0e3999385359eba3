"""Describe a response until it is written to the socket, and word errors as real sites do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNAUTHORIZED_PAGE = (
    '<!doctype html><html lang="en"><head><title>HTTP Status 401 \N{EN DASH} Unauthorized</title>'
    '<style type="text/css">h1 {color: white;}</style></head><body>'
    '<h1>HTTP Status 401 \N{EN DASH} Unauthorized</h1><hr class="line" /><p><b>Type</b> Made up</p>'
    "<p><b>Description</b> This site does not take such a credential.</p></body></html>"
).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response, before it is written to the socket.

    Args:
        document: The body: a JSON document, or bytes that are sent as they are.
        sent_part: The share of the announced bytes that is sent before the connection ends.
        delay_seconds: The delay before the response begins.
        is_gzip_broken: Whether the compressed body is damaged.
        compressed: A body that is already compressed with gzip; it is sent in place of `document`.
        piece_seconds: The delay before each byte of the body.
    """

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    sent_part: float = 1.0
    delay_seconds: float = 0.0
    is_gzip_broken: bool = False
    compressed: bytes = b""
    piece_seconds: float = 0.0


def link_header(links: Mapping[str, str]) -> str:
    """`</wiki/api/v2/pages?cursor=eyJpZCI6…>; rel="next", <https://…/wiki>; rel="base"`."""
    return ", ".join(f'<{links[rel]}>; rel="{rel}"' for rel in sorted(links, reverse=True))


def error_body(status: int, title: str = "planned fault", *, code: str = "FAULT") -> dict[str, Any]:
    """An error as v2 words it."""
    return {"errors": [{"status": status, "code": code, "title": title, "detail": None}]}


def unauthorized() -> Reply:
    """How a site refuses a token that only the gateway takes, and some sites any wrong one."""
    headers = {"Content-Type": "text/html;charset=utf-8"}
    return Reply(status=401, document=UNAUTHORIZED_PAGE, headers=headers)


def unrecognised(path: str) -> Reply:
    """How real sites refuse an unknown credential where they do not respond with 401.

    For a path of v2 that is a 404 without details, for any other path a 403.
    """
    if path.startswith("/wiki/api/v2/"):
        return Reply(status=404, document=error_body(404, "Not Found", code="NOT_FOUND"))
    message = (
        "com.atlassian.confluence.mvc.rest.common.exception.StacklessResponseStatusException: "
        '403 FORBIDDEN "Request rejected because caller cannot access Confluence"'
    )
    return Reply(status=403, document={"statusCode": 403, "message": message})
