"""Read the five lists with nothing but requests and orjson: the floor for what a read must cost.

    python -m benchmarks.bare_loop config.json

It prints the same records as messages of the Airbyte protocol, and nothing else: no checks, no
states, no second attempts.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
import requests

_V2 = {
    "pages": ("wiki/api/v2/pages", {"body-format": "storage"}),
    "blog_posts": ("wiki/api/v2/blogposts", {"body-format": "storage"}),
    "space": ("wiki/api/v2/spaces", {"description-format": "plain", "include-icon": "true"}),
}
_V1 = {"audit": ("wiki/rest/api/audit", 1000), "group": ("wiki/rest/api/group", 200)}

Ask = Callable[[str, dict[str, Any]], Any]


def by_cursor(ask: Ask, path: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a list of v2."""
    position: dict[str, Any] = {}
    while True:
        document = ask(path, {"limit": 250, **params, **position})
        yield from document["results"]
        link = document["_links"].get("next")
        if link is None:
            return
        position = {"cursor": unquote(link.partition("cursor=")[2].partition("&")[0])}


def by_offset(ask: Ask, path: str, limit: int) -> Iterator[dict[str, Any]]:
    """The rows of a list of v1."""
    start = 0
    while rows := ask(path, {"limit": limit, "start": start})["results"]:
        yield from rows
        start += len(rows)
        if len(rows) < limit:
            return


def main() -> None:
    """Read all lists and print what they hold."""
    config = json.loads(Path(sys.argv[1]).read_text())
    session = requests.Session()
    session.auth = (config["email"], config["api_token"])

    def ask(path: str, params: dict[str, Any]) -> Any:  # noqa: ANN401 (JSON)
        url = f"https://{config['domain_name']}/{path}"
        response = session.get(url, params=params, timeout=90)
        response.raise_for_status()
        return orjson.loads(response.content)

    out = sys.stdout.buffer
    lists = {name: by_cursor(ask, *list_) for name, list_ in _V2.items()}
    lists |= {name: by_offset(ask, *list_) for name, list_ in _V1.items()}
    for name, rows in lists.items():
        for row in rows:
            record = {"stream": name, "data": row, "emitted_at": int(time.time() * 1000)}
            out.write(orjson.dumps({"type": "RECORD", "record": record}) + b"\n")


if __name__ == "__main__":
    main()
