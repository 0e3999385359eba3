"""The example that writes pages as Markdown; `scripts/test-pyairbyte`."""

import json
from pathlib import Path
from typing import Any

import pytest

from fake_confluence import Content, Fault, Service, serve
from platform_tests.pyairbyte import ROOT, printed_by, run_pyairbyte, with_config

EXAMPLE = ROOT / "examples" / "pages_to_text.py"
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
import pages_to_text
called = json.load(open(sys.argv[2]))
print(json.dumps([getattr(pages_to_text, name)(*given) for name, given in called]))
"""


def macro(kind: str, inside: str = "", /, **parameters: str) -> str:
    given = "".join(
        f'<ac:parameter ac:name="{key}">{value}</ac:parameter>' for key, value in parameters.items()
    )
    return f'<ac:structured-macro ac:name="{kind}">{given}{inside}</ac:structured-macro>'


def rich(text: str) -> str:
    return f"<ac:rich-text-body>{text}</ac:rich-text-body>"


def plain(text: str) -> str:
    return f"<ac:plain-text-body><![CDATA[{text}]]></ac:plain-text-body>"


def link(target: str, body: str = "") -> str:
    return f"<ac:link>{target}{body}</ac:link>"


def tasks(*items: tuple[str, str]) -> str:
    together = "".join(
        f"<ac:task><ac:task-id>7</ac:task-id><ac:task-uuid>8</ac:task-uuid><ac:task-status>{status}"
        f"</ac:task-status><ac:task-body>{body}</ac:task-body></ac:task>\n"
        for status, body in items
    )
    return f"<ac:task-list>\n{together}</ac:task-list>"


def table(*rows: list[str]) -> str:
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<table><tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table>"


PAGE = '<ri:page ri:space-key="ENG" ri:content-title="Release plan" />'
USER = '<ri:user ri:account-id="712020:ada" />'
FILE = '<ri:attachment ri:filename="wiring.png" />'

MARKDOWN = {
    "paragraphs": ("<p>A <strong>b</strong>&nbsp;&rarr; <em>c</em></p><p />", "A **b** → *c*"),
    "headings": ("<h1>A</h1><h3>B</h3>", "# A\n\n### B"),
    "names": ("<p>snake_case * 2</p>", "snake_case * 2"),
    "lists": (
        "<ul><li><p>a</p><ol><li>b</li><li>c</li></ol></li><li>d</li></ul>",
        "- a\n\n  1. b\n  2. c\n- d",
    ),
    "code": (
        macro(
            "code", plain("if a < b && c:\n    print('&nbsp; <p>')"), language="py", title="run.py"
        ),
        "**run.py**\n\n```py\nif a < b && c:\n    print('&nbsp; <p>')\n```",
    ),
    "code with the end of CDATA": (
        macro("noformat", plain("a[b[0]]]]><![CDATA[>1")),
        "```\na[b[0]]>1\n```",
    ),
    "code with a fence": (
        macro("code", plain("\n```sh\nls\n```\n"), language="md"),
        "````md\n```sh\nls\n```\n````",
    ),
    "info": (macro("info", rich("<p>a</p>")), "> **Info**\n>\n> a"),
    "note with a title": (
        macro("note", rich("<p>a</p><p>b</p>"), title="T"),
        "> **Note: T**\n>\n> a\n>\n> b",
    ),
    "code in a warning": (
        macro("warning", rich(macro("code", plain("x = 1")))),
        "> **Warning**\n>\n> ```\n> x = 1\n> ```",
    ),
    "panel": (macro("panel", rich("<p>a</p>"), title="T", bgColor="#fff"), "**T**\n\na"),
    "expand": (macro("expand", rich("<ul><li>a</li></ul>"), title="T"), "**T**\n\n- a"),
    "excerpt": (macro("excerpt", rich("<p>a</p>")), "a"),
    "old macro": (f'<ac:macro ac:name="details">{rich("<p>a</p>")}</ac:macro>', "a"),
    "toc": (f"<p>a</p>{macro('toc', maxLevel='2')}<p>b</p>", "a\n\nb"),
    "status": (f"<p>{macro('status', title='DONE', colour='Green')}: a</p>", "DONE: a"),
    "jira": (f"<p>{macro('jira', server='S', key='ENG-7')}</p>", "ENG-7"),
    "jira query": (macro("jira", jqlQuery="a = b", columns="key"), "a = b"),
    "include": (
        (
            f'<ac:structured-macro ac:name="include"><ac:parameter ac:name="">{link(PAGE)}'
            "</ac:parameter></ac:structured-macro>"
        ),
        "Release plan",
    ),
    "a file shown": (macro("view-file", name=FILE, height="250"), "wiring.png"),
    "a macro without anything to read": (macro("recently-updated", max="5"), ""),
    "tasks": (
        tasks(("complete", "a"), ("incomplete", f"<span>b {link(USER)}</span>")),
        "- [x] a\n- [ ] b @712020:ada",
    ),
    "link to a page": (f"<p>See {link(PAGE)}.</p>", "See Release plan."),
    "link with a body": (
        f"<p>See {link(PAGE, '<ac:link-body><em>the</em> plan</ac:link-body>')}.</p>",
        "See *the* plan.",
    ),
    "link with a plain body": (
        link(PAGE, "<ac:plain-text-link-body><![CDATA[a & b]]></ac:plain-text-link-body>"),
        "a & b",
    ),
    "link to a file": (link(FILE), "wiring.png"),
    "link to an anchor": ('<ac:link ac:anchor="top" />', "top"),
    "link to the web": ('<a href="https://acme.example">A</a>', "[A](https://acme.example)"),
    "mention of old": (link('<ri:user ri:userkey="ff80" />'), "@ff80"),
    "image": (f'<ac:image ac:alt="How">{FILE}</ac:image>', "![How](wiring.png)"),
    "image from the web": (
        '<ac:image><ri:url ri:value="https://acme.example/a.png" /></ac:image>',
        "![a.png](https://acme.example/a.png)",
    ),
    "caption": (
        f"<ac:image>{FILE}<ac:caption><p>Of it</p></ac:caption></ac:image>",
        "![wiring.png](wiring.png)\n\nOf it",
    ),
    "emoji": ('<ac:emoticon ac:name="blue-star" ac:emoji-fallback="🎯" />', "🎯"),
    "emoji with a name": ('<p>a <ac:emoticon ac:name="tick" /></p>', "a :tick:"),
    "date": ('<p>On <time datetime="2026-04-18" />.</p>', "On 2026-04-18."),
    "layout": (
        (
            "<ac:layout><ac:layout-section><ac:layout-cell><p>a</p></ac:layout-cell><ac:layout-cell>"
            "<p>b</p></ac:layout-cell></ac:layout-section></ac:layout>"
        ),
        "a\n\nb",
    ),
    "table": (
        (
            '<table><colgroup><col style="width: 9px;" /></colgroup><tbody><tr><th><p>H</p></th>'
            "<th>I</th></tr><tr><td><p>a | b</p></td><td><p>c</p><p>d</p></td></tr></tbody></table>"
        ),
        "| H | I |\n| --- | --- |\n| a \\| b | c  d |",
    ),
    "table with names on the left": (
        "<table><tbody><tr><th>H</th><td>a</td></tr><tr><th>I</th><td>b</td></tr></tbody></table>",
        "|  |  |\n| --- | --- |\n| H | a |\n| I | b |",
    ),
    "code in a table": (
        table([macro("code", plain("a | b\n``c``"), language="sh"), "d"]),
        "|  |  |\n| --- | --- |\n| ``` a \\| b ``c`` ``` | d |",
    ),
    "table in a table": (
        table(["a", table(["b", "<p>c</p>"], ["<em>d</em>", table(["e", "f"])]), "g"]),
        "|  |  |  |\n| --- | --- | --- |\n| a | b \\|  c  *d* \\|  e \\| f | g |",
    ),
    "comment in the text": (
        '<p>a <ac:inline-comment-marker ac:ref="1">b</ac:inline-comment-marker> c</p>',
        "a b c",
    ),
    "hint of a template": ("<p>a<ac:placeholder>Type here</ac:placeholder></p>", "a"),
    "panel of the new editor": (
        (
            '<ac:adf-extension><ac:adf-node type="panel"><ac:adf-attribute key="panel-type">note'
            "</ac:adf-attribute><ac:adf-content><p>a</p></ac:adf-content></ac:adf-node>"
            "<ac:adf-fallback><p>a</p></ac:adf-fallback></ac:adf-extension>"
        ),
        "a",
    ),
    "not well-formed": ("<p>a <b>b</b> & c<p>d", "a **b** & c\n\nd"),
}
UNREADABLE = ["", "without text: the body could not be read"]
OTHERS: dict[str, tuple[str, list[Any], Any]] = {
    "no body": ("text_of", [None], ["", "without text: Confluence could not give the body"]),
    "empty": ("text_of", ["<p />"], ["", "without text: the body is empty"]),
    "too deep": ("text_of", ["<div>" * 5_000], UNREADABLE),
    "a number that is no digit": ("text_of", ['<ol start="²"><li>a</li></ol>'], UNREADABLE),
    "a width that is no digit": (
        "text_of",
        ['<table><tr><th colspan="²">a</th></tr></table>'],
        UNREADABLE,
    ),
    "a number too long": ("text_of", [f'<ol start="{"9" * 5_000}"><li>a</li></ol>'], UNREADABLE),
    "host": ("base_url", ["acme.atlassian.net"], "https://acme.atlassian.net/wiki"),
    "link": (
        "base_url",
        [" HTTPS://Acme.atlassian.net/wiki/x "],
        "https://acme.atlassian.net/wiki",
    ),
    "two above": (
        "ancestors",
        ["2", {"1": ["Home", None], "2": ["Plans", "1"], "3": ["Else", "1"]}],
        ["Home", "Plans"],
    ),
    "none above": ("ancestors", [None, {"1": ["Home", None]}], []),
    "below a folder": ("ancestors", ["2", {"2": ["Plans", "a folder"]}], ["Plans"]),
    "in a folder": ("ancestors", ["a folder", {"2": ["Plans", None]}], []),
    "ten ids": ("first", [[*"0123456789"]], "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
    "eleven ids": ("first", [[*"0123456789a"]], "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …"),
    "in a circle": ("ancestors", ["1", {"1": ["A", "2"], "2": ["B", "1"]}], ["B", "A"]),
}
CALLS = {
    **{name: ("to_markdown", [body], text) for name, (body, text) in MARKDOWN.items()},
    **OTHERS,
}


@pytest.fixture(scope="module")
def returned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the functions of the example return, called in PyAirbyte's environment."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "calls.json").write_text(json.dumps([call[:2] for call in CALLS.values()]))
    done = run_pyairbyte("-c", PROGRAM, EXAMPLE.parent, folder / "calls.json", folder=folder)
    return dict(zip(CALLS, json.loads(printed_by(done).splitlines()[-1]), strict=True))


@pytest.mark.parametrize("name", CALLS)
def test_it_makes_markdown_of_a_body(name: str, returned: dict[str, Any]) -> None:
    assert returned[name] == CALLS[name][2]


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "pages.jsonl").read_text().splitlines()]


FAULTS = [
    Fault(kind="poison", path="/pages", row=3, count=None),
    Fault(kind="odd_body", path="/blogposts", row=1, raw='{"storage": {"value": ""}}', count=None),
]


def test_it_writes_a_line_for_each_page_and_blog_post(tmp_path: Path) -> None:
    content = Content(pages=300, blog_posts=3)
    with serve(Service(content, faults=FAULTS)) as site:
        arguments = with_config(site, tmp_path)
        done = run_pyairbyte(EXAMPLE, *arguments, folder=tmp_path, trust=site.ca_file)
    lines = written(tmp_path / "confluence")
    posts = content.rows("blog_posts")
    expected = content.rows("pages") + posts
    assert [line["id"] for line in lines] == [row["id"] for row in expected]
    assert [line["url"] for line in lines] == [
        f"https://{site.config['domain_name']}/wiki{row['_links']['webui']}" for row in expected
    ]
    assert [line["kind"] for line in lines[-len(posts) :]] == ["blog post"] * len(posts)
    assert {line["id"] for line in lines if not line["text"]} == {lines[3]["id"], posts[1]["id"]}
    printed = printed_by(done)
    assert "303 pages and blog posts" in printed
    assert "301 with text" in printed
    assert f"1 without text: Confluence could not give the body: {lines[3]['id']}\n" in printed
    assert f"1 without text: the body is empty: {posts[1]['id']}\n" in printed


def test_it_writes_all_of_the_demo_without_an_account(tmp_path: Path) -> None:
    printed_by(run_pyairbyte(EXAMPLE, folder=tmp_path))
    content = Content(pages=1240)
    spaces = {row["id"]: row for row in content.rows("space")}
    pages = {row["id"]: row for row in content.rows("pages")}
    lines = written(tmp_path / "demo")
    assert len(lines) == len(pages) + content.blog_posts
    for line in lines[: len(pages)]:
        row = pages[line["id"]]
        space = spaces[row["spaceId"]]
        above = pages.get(row["parentId"])
        assert (line["title"], line["status"]) == (row["title"], row["status"])
        assert (line["space_key"], line["space_name"]) == (space["key"], space["name"])
        assert line["created_at"][:19] == row["createdAt"][:19]
        assert line["updated_at"][:19] == row["version"]["createdAt"][:19]
        assert line["ancestors"][-1:] == ([above["title"]] if above else [])
        assert line["text"]
        assert "ac:" not in line["text"]
    assert max(len(line["ancestors"]) for line in lines) > 3
    assert not [entry for entry in (tmp_path / "demo").iterdir() if entry.is_dir()]
