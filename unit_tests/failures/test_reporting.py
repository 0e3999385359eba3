"""Where a message sends a person to report it, in both states of the address in pyproject.toml."""

import runpy
from pathlib import Path

import pytest

from source_confluence.failures import table
from source_confluence.failures.reporting import report_to

ADDRESS = "https://git.example.org/acme/source-confluence/issues"
PLACEHOLDER = "https://HOST/OWNER/REPO/issues"


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    """Install a package of that name whose metadata have these URLs, before the real one."""
    metadata = folder / "airbyte_source_confluence-9.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    lines = ["Metadata-Version: 2.4", "Name: airbyte-source-confluence", "Version: 9.0"]
    metadata.write_text("\n".join([*lines, *(f"Project-URL: {url}" for url in urls), "", ""]))
    monkeypatch.syspath_prepend(folder)


def test_the_address_that_was_filled_in_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(
        tmp_path, monkeypatch, "Documentation, https://docs.example.org", f"Issues, {ADDRESS}"
    )
    assert report_to() == f"at {ADDRESS}"


@pytest.mark.parametrize(
    "urls",
    [
        [],
        ["Documentation, https://docs.example.org"],
        [f"Issues, {PLACEHOLDER}"],
        ["Issues, https://git.example.org/OWNER/REPO/issues"],
        ["Issues, to be filled in"],
        ["Issues, "],
    ],
)
def test_without_an_address_it_is_the_maintainers(
    urls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, *urls)
    assert report_to() == "to its maintainers"


def test_without_an_installed_package_it_is_the_maintainers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.path", [])
    assert report_to() == "to its maintainers"


@pytest.mark.parametrize(
    ("url", "words"), [(ADDRESS, f"at {ADDRESS}"), (PLACEHOLDER, "to its maintainers")]
)
def test_the_messages_say_the_same(
    url: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, f"Issues, {url}")
    gone = runpy.run_path(table.__file__)["GONE"]
    assert f"report this message, and the log before it, {words}. Until then" in gone.remedy
