r"""Sync a Confluence site, and write each page and blog post as Markdown, for search and models.

    scripts/pyairbyte examples/pages_to_text.py                               # a fake site
    scripts/pyairbyte examples/pages_to_text.py --config secrets/config.json  # your own

The file `pages.jsonl` in the folder `demo/` or `confluence/` has one line for each:

    {"id": "65538", "kind": "page", "status": "current", "title": "Release plan 7",
     "space_key": "ENG", "space_name": "Engineering",
     "url": "https://acme.atlassian.net/wiki/spaces/ENG/pages/65538",
     "created_at": "2026-01-05T09:14:00.000Z", "updated_at": "2026-03-19T14:26:45.468Z",
     "ancestors": ["Home", "Releases"], "text": "## Goals\n\n- [x] Agree on the date"}

`ancestors` are the titles of the pages above it, the topmost first. The list begins below a folder,
and below a page that you may not view. The text is empty if the page is, if Confluence could not
give its body, or if the body could not be read; the summary at the end names these pages.

LangChain (`pip install langchain-community jq`):

    from langchain_community.document_loaders import JSONLoader

    def metadata(page, loaded):
        loaded |= {name: value for name, value in page.items() if name != "text"}
        return {**loaded, "ancestors": " / ".join(page["ancestors"])}  # vector stores: no lists

    loader = JSONLoader(
        "demo/pages.jsonl", ".", content_key="text", json_lines=True, metadata_func=metadata
    )
    documents = [page for page in loader.lazy_load() if page.metadata["status"] == "current"]

LlamaIndex (`pip install llama-index-core`):

    import json
    from llama_index.core import Document

    documents = []
    for page in map(json.loads, open("demo/pages.jsonl", encoding="utf-8")):
        if page["status"] == "current":
            page["ancestors"] = " / ".join(page["ancestors"])
            documents.append(Document(id_=page["id"], text=page.pop("text"), metadata=page))
"""

import json
import re
from collections import defaultdict
from pathlib import Path

import duckdb
from running import replacing, run, settings, site
from storage_markdown import UnreadableError, to_markdown
from syncing import sync

RESULT = "pages.jsonl"
WITH_TEXT = "with text"
CONTENT = """
    SELECT content.id, kind, content.status, title,
           space.key AS space_key, space.name AS space_name,
           ? || (content._links ->> '$.webui') AS url,
           strftime(content.createdat, '%Y-%m-%dT%H:%M:%S.%gZ') AS created_at,
           strftime(try_cast(version ->> '$.createdAt' AS TIMESTAMP),
                    '%Y-%m-%dT%H:%M:%S.%gZ') AS updated_at,
           parentid,
           body ->> '$.storage.value' AS body
    FROM (SELECT 'page' AS kind, * FROM pages
          UNION ALL BY NAME SELECT 'blog post' AS kind, * FROM blog_posts) AS content
    LEFT JOIN space ON space.id = content.spaceid
"""
Pages = dict[str, tuple[str, str | None]]
"""The title of each page, and the id of the page above it."""


def main() -> None:
    """Sync the site, and write the file."""
    config, folder = settings(__doc__)
    with replacing(folder, [RESULT]) as unfinished:
        with site(config) as reachable:
            database = sync(reachable, unfinished)
        outcomes = write(database, base_url(reachable["domain_name"]), unfinished / RESULT)
    print(f"\n{sum(map(len, outcomes.values()))} pages and blog posts are in {folder / RESULT}")
    for outcome, ids in outcomes.items():
        print(f"{len(ids):7} {outcome}" + ("" if outcome == WITH_TEXT else f": {first(ids)}"))


def base_url(domain_name: str) -> str:
    """What all links begin with: `acme.atlassian.net` → `https://acme.atlassian.net/wiki`."""
    host = re.sub(r"^\s*(https?://)?([^/?#\s]*).*", r"\2", domain_name, flags=re.IGNORECASE)
    return f"https://{host.lower()}/wiki"


def write(database: Path, url: str, file: Path) -> dict[str, list[str]]:
    """Write the lines, and return the ids by outcome.

    It takes a hundred bodies at a time: those of a large site do not fit into memory.
    """
    outcomes: dict[str, list[str]] = defaultdict(list)
    with duckdb.connect(database) as connection, file.open("w", encoding="utf-8") as lines:
        every_page = connection.execute("SELECT id, title, parentid FROM pages").fetchall()
        pages = {page: (title, parent) for page, title, parent in every_page}
        rows = connection.execute(CONTENT, [url])
        names = [name for name, *_ in rows.description]
        while some := rows.fetchmany(100):
            for row in some:
                *about, parent, body = zip(names, row, strict=True)
                text, outcome = text_of(body[1])
                document = {**dict(about), "ancestors": ancestors(parent[1], pages), "text": text}
                lines.write(json.dumps(document, ensure_ascii=False) + "\n")
                outcomes[outcome].append(document["id"])
    return outcomes


def ancestors(parent: str | None, pages: Pages) -> list[str]:
    """The titles of the pages above, the topmost first; each once, should they form a circle."""
    above: dict[str, str] = {}
    while parent in pages and parent not in above:
        above[parent], parent = pages[parent]
    return [*above.values()][::-1]


def first(ids: list[str]) -> str:
    """The first ten: `1, 2, 3`, with `…` when there are more."""
    return ", ".join(ids[:10]) + (", …" if ids[10:] else "")


def text_of(body: str | None) -> tuple[str, str]:
    """A body as Markdown, and what to report of it."""
    if body is None:
        return "", "without text: Confluence could not give the body"
    try:
        text = to_markdown(body)
    except UnreadableError:
        return "", "without text: the body could not be read"
    return text, WITH_TEXT if text else "without text: the body is empty"


if __name__ == "__main__":
    run(main)
