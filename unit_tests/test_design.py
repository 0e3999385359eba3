"""Guards of the design: what a review would forget to look at."""

import ast
import re
from pathlib import Path

import pytest

import source_confluence
from source_confluence.exceptions import ConfigError
from source_confluence.failures import table
from source_confluence.failures.failure import Failure
from source_confluence.settings.config import Config
from source_confluence.streams.base import ConfluenceStream
from source_confluence.streams.catalog import STREAMS
from unit_tests.streams_under_test import NAMES, TABLE

PACKAGE = Path(source_confluence.__file__).parent
ROOT = Path(__file__).parents[1]
# From top to bottom: a folder, or a module beside the folders, may import those behind its own.
ROOMS = ["__init__", "__main__", "run", "entrypoint", "source", "assembly", "permissions"]
ROOMS += ["streams", "reading", "identity", "transport", "failures", "records", "limits"]
ROOMS += ["paging", "settings", "output", "live_line", "shutdown", "exceptions"]
NAMING = {
    "unit_tests/streams_under_test.py": "the table of streams",
    "unit_tests/replies.py": "the lists of the fake site that change, each in its own way",
    "unit_tests/streams/test_audit.py": "what no other stream does",
    "unit_tests/streams/test_audit_incremental.py": "the same",
    "unit_tests/test_recorded_answers.py": "a sequence that was recorded of one of them",
    "integration_tests/test_benchmarks.py": "the published connector has these, and no others",
}
"""Tests that name a stream, and why they may."""


def name_of(module: Path) -> str:
    """`paging.page`."""
    return ".".join(module.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(module: str) -> set[str]:
    """The modules of the package that a module imports, wherever in it that stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            imports = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            names |= {name.removeprefix("source_confluence.") for name in imports}
    return names & MODULES.keys()


def room(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_a_folder_imports_only_those_below_it(module: str) -> None:
    here = ROOMS.index(room(module))
    below = set(ROOMS[here:])
    assert {room(name) for name in imported(module)} <= below


@pytest.mark.parametrize("module", MODULES)
def test_no_circle_leads_back_to_a_module(module: str) -> None:
    reached: set[str] = set()
    ahead = imported(module)
    while ahead - reached:
        reached |= ahead
        ahead = {name for each in ahead for name in imported(each)}
    assert module not in reached


@pytest.mark.parametrize("folder", sorted({room(name) for name in MODULES if "." in name}))
def test_a_folder_says_what_belongs_there_and_hands_on_no_names(folder: str) -> None:
    [docstring] = ast.parse((PACKAGE / folder / "__init__.py").read_text()).body
    assert isinstance(docstring, ast.Expr)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short_and_says_in_one_line_what_it_is_for(module: str) -> None:
    text = MODULES[module].read_text()
    first_line = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
    assert first_line.endswith(".")
    assert len(text.splitlines()) <= 300


@pytest.mark.parametrize("module", [name for name in MODULES if name != "transport.exchange"])
def test_only_one_module_sends_requests(module: str) -> None:
    text = MODULES[module].read_text()
    assert not re.search(r"session\.(get|post|request|send)\(|requests\.(get|post|request)\(", text)


@pytest.mark.parametrize("module", [name for name in MODULES if name != "output"])
def test_only_the_output_writes_to_standard_output(module: str) -> None:
    assert not re.search(r"\bprint\(|sys\.(__)?stdout", MODULES[module].read_text())


def test_a_stream_is_two_levels_below_http_stream() -> None:
    for stream in STREAMS:
        assert stream.__mro__[1] is ConfluenceStream
        assert stream.__mro__[2].__name__ == "HttpStream"


def test_the_catalogue_holds_every_stream_class() -> None:
    declared = "".join(path.read_text() for path in (PACKAGE / "streams").glob("*.py"))
    names = re.findall(r"^class (\w+)\(ConfluenceStream\)", declared, re.MULTILINE)
    assert sorted(names) == sorted(stream.__name__ for stream in STREAMS)


@pytest.mark.parametrize("stream", NAMES)
def test_every_stream_has_a_row_in_the_documentation(stream: str) -> None:
    text = (ROOT / "docs" / "confluence.md").read_text()
    assert re.search(rf"^\| `{stream}` ", text, re.MULTILINE)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("document", ["confluence.md", "credentials.md"])
def test_the_scope_of_every_stream_is_in_the_documentation(
    document: str, stream: type[ConfluenceStream]
) -> None:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", stream.__name__).lower()
    text = (ROOT / "docs" / document).read_text()
    rows = re.findall(rf"^\| `{name}` \|.+`read:.+$", text, re.MULTILINE)
    assert len(rows) == 1
    assert re.findall(r"`(read:[\w:-]+)`", rows[0]) == stream.scope.split(" or ")


@pytest.mark.parametrize(
    "failure",
    [row for row in vars(table).values() if isinstance(row, Failure)],
    ids=lambda failure: failure.happened,
)
def test_every_message_is_in_the_documentation(failure: Failure) -> None:
    """Where a person who searches for the message finds it, with `…` for what differs."""
    words = re.sub(r"\{\w+\}", "…", failure.happened)
    assert words in (ROOT / "docs" / "confluence.md").read_text()


@pytest.mark.parametrize("setting", ["email", "api_token", "domain_name"])
def test_the_message_for_a_blank_setting_is_in_the_documentation(setting: str) -> None:
    sound = {"email": "ada@acme.com", "api_token": "t0ken", "domain_name": "acme.atlassian.net"}
    with pytest.raises(ConfigError) as refused:
        Config.parse({**sound, setting: ""})
    happened = str(refused.value).partition(". Likely cause: ")[0]
    assert happened in (ROOT / "docs" / "confluence.md").read_text()


@pytest.mark.parametrize("key", ["client_id", "client_secret", "refresh_token", "access_token"])
def test_the_message_for_a_blank_credential_is_in_the_documentation(key: str) -> None:
    sound = dict.fromkeys(["client_id", "client_secret", "refresh_token"], "x")
    entered = {"auth_type": "oauth2.0", **sound, key: " "}
    with pytest.raises(ConfigError) as refused:
        Config.parse({"domain_name": "acme.atlassian.net", "credentials": entered})
    happened = str(refused.value).partition(" Likely cause: ")[0]
    text = (ROOT / "docs" / "confluence.md").read_text()
    [(first, others, end)] = re.findall(
        r"^\| The (client id) \(or ([\w ,]+)\) (.+?) \|", text, re.MULTILINE
    )
    assert happened in {f"The {name} {end}" for name in [first, *others.split(", ")]}


def test_the_message_for_credentials_of_no_kind_is_in_the_documentation() -> None:
    with pytest.raises(ConfigError) as refused:
        Config.parse({"domain_name": "acme.atlassian.net", "credentials": "t0ken"})
    happened = str(refused.value).partition(" Likely cause: ")[0]
    assert f"\n| {happened} |" in (ROOT / "docs" / "confluence.md").read_text()


@pytest.mark.parametrize("raw", [{}, {"email": 7}], ids=["missing", "no text"])
def test_the_message_for_a_setting_that_cannot_be_read_is_documented(raw: dict[str, int]) -> None:
    with pytest.raises(ConfigError) as refused:
        Config.parse(raw)
    happened = str(refused.value).partition(". Likely cause: ")[0].replace("email", "…")
    assert happened in (ROOT / "docs" / "confluence.md").read_text()


def test_every_module_is_on_the_map() -> None:
    text = (ROOT / "docs" / "design.md").read_text()
    for module in MODULES:
        if not module.endswith("__init__"):
            assert f"`{module}`" in text, module


def test_every_file_the_documents_name_exists() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        text = document.read_text()
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
        for script in re.findall(r"`(scripts/[\w-]+)`", text):
            assert (ROOT / script).exists(), f"{document.name}: {script}"


def test_every_heading_the_documents_lead_to_exists() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target, anchor in re.findall(
            r"\]\((?!https?:)([^)#]*)#([^)]+)\)", document.read_text()
        ):
            text = (document.parent / target if target else document).read_text()
            assert anchor in anchors(text), f"{document.name}: {target}#{anchor}"


def anchors(text: str) -> set[str]:
    """What links to the headings of a document end with, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_tests_know_streams_from_one_table() -> None:
    files = [*(ROOT / "unit_tests").rglob("*.py"), *(ROOT / "integration_tests").rglob("*.py")]
    assert {str(file.relative_to(ROOT)) for file in files if names_a_stream(file)} == set(NAMING)


def names_a_stream(file: Path) -> bool:
    """Whether it has the name of one as a text, or says how many rows of it a site has."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    sites = [call for call in calls if "'Content'" in ast.dump(call.func)]
    arguments = {keyword.arg for site in sites for keyword in site.keywords}
    return bool(texts & set(NAMES) or arguments & {row.counted_by for row in TABLE.values()})
