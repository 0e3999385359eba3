"""Guards of the design: what a review would forget to look at."""

import ast
import re
from abc import ABCMeta
from pathlib import Path

import pytest

import source_confluence
from source_confluence.failures import table as errors
from source_confluence.settings.config import Config, ConfigError
from source_confluence.streams import catalog as streams
from source_confluence.streams.base import ConfluenceStream
from unit_tests.streams_under_test import NAMES

PACKAGE = Path(source_confluence.__file__).parent
ROOT = Path(__file__).parents[1]
# Each module may import those in the lines below its own, never one in the same line or above.
FLOORS = [
    {"run"},
    {"entrypoint", "source", "__init__"},
    {"assembly"},
    {"streams.catalog"},
    {"streams.base"},
    {"identity", "reading.reader"},
    {"reading.lookahead", "reading.page_size", "records.records"},
    {"reading.context"},
    {"transport.workers"},
    {"failures.classify"},
    {"limits.rate_limit"},
    {"limits.headers"},
    {"limits.backoff", "limits.adaptive_rate"},
    {"limits.waiting", "paging.plan"},
    {"paging.by_offset", "transport.decoder"},
    {"paging.pager", "failures.recognition"},
    {"settings.config", "settings.json_file", "transport.site", "failures.table"}
    | {"transport.body", "paging.page", "reading.state", "shutdown"},
]


def floor(module: str) -> int:
    [number] = [n for n, modules in enumerate(FLOORS) if module in modules]
    return number


def imported(module: Path) -> set[str]:
    """The modules of the package that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            imports = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            names |= {name.removeprefix("source_confluence.") for name in imports}
    return names & {name_of(module) for module in MODULES}


def name_of(module: Path) -> str:
    """`paging.page`."""
    return ".".join(module.relative_to(PACKAGE).with_suffix("").parts)


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_imports_point_downward(module: Path) -> None:
    if module.stem != "__init__":
        assert all(floor(name_of(module)) < floor(name) for name in imported(module))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_is_short_and_says_in_one_line_what_it_is_for(module: Path) -> None:
    text = module.read_text()
    first_line = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
    assert first_line.endswith(".")
    assert len(text.splitlines()) <= 310


def test_a_stream_is_two_levels_below_http_stream() -> None:
    for stream in streams.STREAMS:
        assert stream.__mro__[1] is ConfluenceStream
        assert stream.__mro__[2].__name__ == "HttpStream"


def test_the_catalogue_holds_every_stream_class() -> None:
    classes = [
        value
        for value in vars(streams).values()
        if type(value) is ABCMeta and issubclass(value, ConfluenceStream)
    ]
    assert set(classes) - {ConfluenceStream} == set(streams.STREAMS)


@pytest.mark.parametrize("stream", NAMES)
def test_every_stream_has_a_row_in_the_documentation(stream: str) -> None:
    text = (ROOT / "docs" / "confluence.md").read_text()
    assert re.search(rf"^\| `{stream}` ", text, re.MULTILINE)


@pytest.mark.parametrize(
    "failure",
    [row for row in vars(errors).values() if isinstance(row, errors.Failure)],
    ids=lambda failure: failure.happened,
)
def test_every_message_is_in_the_documentation(failure: errors.Failure) -> None:
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


def test_the_message_for_a_missing_setting_is_in_the_documentation() -> None:
    with pytest.raises(ConfigError) as refused:
        Config.parse({})
    happened = str(refused.value).partition(". Likely cause: ")[0].replace("email", "…")
    assert happened in (ROOT / "docs" / "confluence.md").read_text()


def test_every_module_is_on_the_map() -> None:
    text = (ROOT / "docs" / "design.md").read_text()
    for module in MODULES:
        if module.stem != "__init__":
            assert f"`{name_of(module)}`" in text, name_of(module)


def test_every_file_the_documents_name_exists() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        text = document.read_text()
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
        for script in re.findall(r"`(scripts/[\w-]+)`", text):
            assert (ROOT / script).exists(), f"{document.name}: {script}"
