"""Turn a body in Confluence's storage format into Markdown.

Confluence's own tags are first replaced by HTML that means the same: a task is an item of a list,
a note is a quotation, a mention is `@` and an account id. Then markdownify does the rest.

Source: https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html
"""

import re
from collections.abc import Callable
from html import escape

from bs4 import BeautifulSoup, NavigableString, Tag
from bs4.exceptions import ParserRejectedMarkup
from markdownify import MarkdownConverter

# Storage format is XML that need not be well-formed, with the entities of HTML: `&nbsp;`. The
# parser for HTML takes it, once CDATA is escaped, which HTML does not know.
CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
LABELS = {"info": "Info", "note": "Note", "tip": "Tip", "warning": "Warning"}
SHOWN = {  # the parameters of macros without a body that readers see: the first that is set
    "excerpt-include": ("", "default-parameter"),
    "include": ("",),
    "jira": ("key", "jqlQuery"),
    "status": ("title",),
    "view-file": ("name",),
}


class Converter(MarkdownConverter):
    """markdownify, whose fences around code are longer than any backticks in it."""

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        """`<pre>a</pre>` → a line of three or more backticks, `a`, and that line again."""
        code = text.strip("\n")
        fence = "`" + max(["``", *re.findall("`+", code)])
        return f"\n\n{fence}{el.get('data-language', '')}\n{code}\n{fence}\n\n" if code else ""


MARKDOWN = Converter(
    bullets="-",
    escape_asterisks=False,  # it is text to be searched and read by models: `snake_case`
    escape_underscores=False,
    heading_style="atx",
)


class UnreadableError(ValueError):
    """The body cannot be converted, for example because it is nested too deeply."""


def to_markdown(storage: str) -> str:
    """Markdown of a body: `<p>A <strong>b</strong></p>` → `A **b**`.

    Raises:
        UnreadableError: When the parser or markdownify gives up.
    """
    try:
        page = BeautifulSoup(CDATA.sub(lambda part: escape(part[1]), storage), "html.parser")
        for tag in reversed(page.find_all(list(HTML))):  # the inner ones first
            HTML[tag.name](tag)
        flatten_cells(page)
        escape_cells(page)
        text = MARKDOWN.convert_soup(page)
    except (ParserRejectedMarkup, RecursionError, ValueError) as error:  # `<ol start="²">`
        raise UnreadableError(type(error).__name__) from None
    return text.replace("\N{NO-BREAK SPACE}", " ").strip()


def macro(tag: Tag) -> None:
    """`<ac:structured-macro ac:name="code">` → `<pre>`; other macros are their title and body."""
    name = tag.get("ac:name", "")
    parameters = {
        parameter.get("ac:name", ""): parameter.extract().get_text().strip()
        for parameter in tag.find_all("ac:parameter", recursive=False)
    }
    if tag.find("ac:plain-text-body", recursive=False):
        code(tag, parameters.get("language", ""))
    elif tag.find("ac:rich-text-body", recursive=False):
        tag.find("ac:rich-text-body", recursive=False).name = "div"
        tag.name = "blockquote" if name in LABELS else "div"
    else:
        seen = (parameters.get(parameter) for parameter in SHOWN.get(name, ()))
        tag.replace_with(next(filter(None, seen), ""))
        return
    title = ": ".join(filter(None, [LABELS.get(name), parameters.get("title")]))
    if title and tag.name == "pre":
        tag.insert_before(bold(title))
    elif title:
        tag.insert(0, bold(title))


def code(tag: Tag, language: str) -> None:
    """Make a tag a block of code."""
    text = tag.get_text()
    tag.clear()
    tag.name = "pre"
    tag["data-language"] = language
    tag.append(text)


def bold(title: str) -> Tag:
    """`<p><strong>title</strong></p>`."""
    paragraph, strong = Tag(name="p"), Tag(name="strong")
    strong.append(title)
    paragraph.append(strong)
    return paragraph


def task(tag: Tag) -> None:
    """`<ac:task>` → `<li>`, with `[x]` when it is done, else `[ ]`."""
    status, body = tag.find("ac:task-status"), tag.find("ac:task-body")
    is_done = status is not None and status.get_text().strip() == "complete"
    for part in tag.find_all(["ac:task-id", "ac:task-uuid", "ac:task-status"], recursive=False):
        part.decompose()
    tag.name = "li"
    (body or tag).insert(0, "[x] " if is_done else "[ ] ")


def link(tag: Tag) -> None:
    """`<ac:link>` → its text, or else what it leads to."""
    body = tag.find(["ac:link-body", "ac:plain-text-link-body"], recursive=False)
    if body is None or not body.get_text().strip():
        tag.replace_with(tag.get_text().strip() or tag.get("ac:anchor", ""))
    else:
        tag.replace_with(body)


def image(tag: Tag) -> None:
    """`<ac:image>` → `<img>`, and its caption."""
    caption = tag.find("ac:caption")
    if caption is not None:
        caption.name = "p"
        tag.insert_after(caption.extract())
    source = tag.get_text().strip()
    alt = tag.get("ac:alt") or source.rpartition("/")[2]
    tag.replace_with(Tag(name="img", attrs={"alt": alt, "src": source}) if source else "")


def emoticon(tag: Tag) -> None:
    """`<ac:emoticon>` → the character, or else its name between colons."""
    character = tag.get("ac:emoji-fallback", "")
    name = tag.get("ac:emoji-shortname") or f":{tag.get('ac:name', '')}:"
    tag.replace_with(name if character.isascii() else character)


def extension(tag: Tag) -> None:
    """`<ac:adf-extension>` → its content; older editors show its fallback instead."""
    fallback = tag.find("ac:adf-fallback")
    if fallback is not None and tag.find("ac:adf-content"):
        fallback.decompose()
    tag.name = "div"


def shown(attribute: str) -> Callable[[Tag], object]:
    """Show an attribute in place of the tag: `<time datetime="2026-04-18"/>` → `2026-04-18`."""
    return lambda tag: tag.replace_with(tag.get(attribute, ""))


def person(tag: Tag) -> None:
    """`<ri:user>` → `@` and the account id."""
    tag.replace_with(f"@{tag.get('ri:account-id') or tag.get('ri:userkey', '')}")


def named(name: str) -> Callable[[Tag], object]:
    """Give the tag the name of the one in HTML."""
    return lambda tag: setattr(tag, "name", name)


def flatten_cells(page: BeautifulSoup) -> None:
    """Make what is in the cells of tables fit into a line.

    Code becomes inline code, and a table in a cell becomes text: `a | b`, row after row.
    """
    for code_block in page.select("td pre, th pre"):
        code_block.name = "code"
    for cell in page.select(":is(td, th) :is(td, th)"):
        cell.name = "span"
        if cell.find_next_sibling(["td", "th"]):
            cell.append(" | ")
    for part in page.select(":is(td, th) :is(table, thead, tr)"):
        part.name = "div"


def escape_cells(page: BeautifulSoup) -> None:
    """Escape the `|` in the cells of tables, where Markdown would begin a cell."""
    for text in page.find_all(string=re.compile(r"\|")):
        if text.find_parent(["td", "th"]):
            text.replace_with(NavigableString(text.replace("|", "\\|")))


HTML: dict[str, Callable[[Tag], object]] = {
    "ac:adf-attribute": Tag.decompose,
    "ac:adf-extension": extension,
    "ac:emoticon": emoticon,
    "ac:image": image,
    "ac:layout": named("div"),
    "ac:layout-cell": named("div"),
    "ac:layout-section": named("div"),
    "ac:link": link,
    "ac:macro": macro,
    "ac:placeholder": Tag.decompose,  # a hint of a template, for writers
    "ac:structured-macro": macro,
    "ac:task": task,
    "ac:task-list": named("ul"),
    "ri:attachment": shown("ri:filename"),
    "ri:blog-post": shown("ri:content-title"),
    "ri:content-entity": shown("ri:content-id"),
    "ri:page": shown("ri:content-title"),
    "ri:space": shown("ri:space-key"),
    "ri:url": shown("ri:value"),
    "ri:user": person,
    "time": shown("datetime"),
}
