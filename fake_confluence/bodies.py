"""Generate the bodies of pages and blog posts: storage format, or Atlassian documents."""

import html
import json
import re
from collections.abc import Iterator
from random import Random

_SENTENCES = (
    "The cache is warmed before the first request.",
    "We agreed to keep the old endpoint until March.",
    "Ask in the channel before you change this &amp; tell operations.",
    "Every number on this page comes from the dashboard.",
    "Größe und Zeit stehen in der Tabelle.",
)
# What real bodies have besides paragraphs. None is longer than the smallest body of the demo.
_ELEMENTS = (
    (
        "<h2>Hosts</h2><table><tbody><tr><th><p>Host</p></th><th><p>Owner</p></th></tr>"
        "<tr><td><p>db-1</p></td><td><p>Operations</p></td></tr>"
        "<tr><td><p>web-1</p></td><td><p>Web | API</p></td></tr></tbody></table>"
    ),
    (
        '<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">sql</ac:parameter>'
        "<ac:plain-text-body><![CDATA[SELECT id\nFROM hosts\nWHERE load > 0.9 AND name <> '';]]>"
        "</ac:plain-text-body></ac:structured-macro>"
    ),
    (
        "<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>"
        "<ac:task-body>Agree on a date</ac:task-body></ac:task><ac:task><ac:task-id>2</ac:task-id>"
        "<ac:task-status>incomplete</ac:task-status><ac:task-body>Tell the customers</ac:task-body>"
        "</ac:task></ac:task-list>"
    ),
    (
        '<ac:structured-macro ac:name="warning"><ac:rich-text-body><p>Stop it&nbsp;first: '
        '<ac:link><ri:page ri:content-title="Stop plan 7" /><ac:link-body>the plan</ac:link-body>'
        "</ac:link> says how.</p></ac:rich-text-body></ac:structured-macro>"
    ),
    (
        '<p>State: <ac:structured-macro ac:name="status"><ac:parameter ac:name="title">IN PROGRESS'
        "</ac:parameter></ac:structured-macro> &rarr; "
        '<ac:link><ri:user ri:account-id="712020:00000000-0000-4000-8000-000000001eef" /></ac:link>'
        ', until <time datetime="2026-09-30" /> <ac:emoticon ac:name="tick" /></p>'
    ),
    (
        '<ac:structured-macro ac:name="expand"><ac:parameter ac:name="title">Steps</ac:parameter>'
        "<ac:rich-text-body><ol><li><p>Build</p><ul><li><p>Image</p></li><li><p>Chart</p></li></ul>"
        "</li><li><p>Deploy</p></li></ol></ac:rich-text-body></ac:structured-macro>"
    ),
    (
        '<ac:structured-macro ac:name="toc" /><ac:layout><ac:layout-section><ac:layout-cell>'
        '<ac:image ac:alt="How it is wired"><ri:attachment ri:filename="wiring.png" /></ac:image>'
        "</ac:layout-cell></ac:layout-section></ac:layout>"
    ),
)


def body(index: int, wanted_size: int, random: Random) -> str:
    """An element, by the index, and sentences until the body is as long as wanted, or longer.

    An element that alone is longer is left out.
    """
    element = _ELEMENTS[index % len(_ELEMENTS)]
    parts = [element] if len(element) <= wanted_size else []
    missing = wanted_size - len("".join(parts))
    for paragraph in _paragraphs(wanted_size, random):
        if missing > 0:
            parts.append(paragraph)
            missing -= len(paragraph)
    return "".join(parts)


def _paragraphs(wanted_size: int, random: Random) -> Iterator[str]:
    """As many as a body without an element takes, so that what is drawn next is always the same."""
    while wanted_size > 0:
        paragraph = f"<p>{random.choice(_SENTENCES)}</p>"
        wanted_size -= len(paragraph)
        yield paragraph


_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_BLOCK_END = re.compile(r"</(?:p|h2|ac:task-body|ac:plain-text-body)>")
_TAG = re.compile(r"<[^>]*>")


def atlas_document(storage: str) -> str:
    """The text of a body in the Atlassian Document Format, a paragraph for each block.

    It is JSON, as text: `{"type": "doc", "version": 1, "content": [{"type": "paragraph", …}]}`.
    """
    escaped = _CDATA.sub(lambda found: html.escape(found[1]), storage)
    texts = (html.unescape(_TAG.sub("", block)) for block in _BLOCK_END.split(escaped))
    content = [
        {"type": "paragraph", "content": [{"type": "text", "text": text}]}
        for text in texts
        if text.strip()
    ]
    return json.dumps({"type": "doc", "version": 1, "content": content}, ensure_ascii=False)
