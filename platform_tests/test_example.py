"""The example that uses the connector in PyAirbyte; `scripts/test-pyairbyte`."""

import csv
import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pendulum
import pytest

from fake_confluence import Content, Service, serve
from platform_tests.pyairbyte import ROOT, printed_by, run_pyairbyte, with_config

EXAMPLE = ROOT / "examples" / "pages_to_duckdb.py"
CONTENT = Content(pages=1240)  # of the site that the example starts
SPACES = {row["id"]: row["name"] for row in CONTENT.rows("space") if row["status"] == "current"}


def current(kind: str) -> list[dict[str, Any]]:
    """What is neither archived nor in an archived space."""
    rows = CONTENT.rows(kind)
    return [row for row in rows if row["status"] == "current" and row["spaceId"] in SPACES]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the example leaves when it is run as the README says, on its fake site."""
    folder = tmp_path_factory.mktemp("example")
    printed = printed_by(run_pyairbyte(EXAMPLE, folder=folder))
    assert "\nWhich pages are edited most" in printed
    return folder / "demo"


def answer(results: Path, name: str) -> list[dict[str, str]]:
    with (results / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_tables_can_be_looked_into_as_the_readme_says(results: Path) -> None:
    [command] = re.findall(
        r"^scripts/pyairbyte -c .*", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    printed = printed_by(run_pyairbyte(*shlex.split(command)[1:], folder=results.parent))
    assert "spaceid" in printed
    assert f"{CONTENT.pages} rows" in printed.replace(",", "")


def test_it_finds_the_stale_pages(results: Path) -> None:
    year_ago = pendulum.today().subtract(years=1).to_date_string()
    pages = current("pages")
    stale = [row for row in pages if row["version"]["createdAt"] < year_ago]
    in_space, stale_in_space = (
        Counter(SPACES[row["spaceId"]] for row in rows) for rows in (pages, stale)
    )
    found = answer(results, "stale_pages_by_space")
    assert {row["space"]: (int(row["stale"]), int(row["pages"])) for row in found} == {
        name: (stale_in_space[name], in_space[name]) for name in SPACES.values()
    }


def test_it_finds_the_most_edited_pages(results: Path) -> None:
    most = sorted((row["version"]["number"] for row in current("pages")), reverse=True)
    links = {row["title"]: row["_links"]["webui"] for row in current("pages")}
    found = answer(results, "most_edited_pages")
    assert [int(row["versions"]) for row in found] == most[:100]
    assert [row["link"] for row in found] == [links[row["title"]] for row in found]


@pytest.mark.parametrize("kind", ["pages", "blog_posts"])
def test_it_finds_who_writes_where(kind: str, results: Path) -> None:
    written = Counter((row["authorId"], SPACES[row["spaceId"]]) for row in current(kind))
    found = answer(results, "who_writes_where")
    assert +Counter({(row["author"], row["space"]): int(row[kind]) for row in found}) == written


def test_it_draws_a_chart(results: Path) -> None:
    chart = (results / "stale_pages_by_space.png").read_bytes()
    assert chart.startswith(b"\x89PNG\r\n")
    assert len(chart) > 10_000


def test_git_leaves_its_results_out(results: Path) -> None:
    assert (results / ".gitignore").read_text() == "*\n"


def test_it_reads_the_site_whose_settings_are_given_once_more_each_time(tmp_path: Path) -> None:
    folder = tmp_path / "confluence"
    for pages in (30, 0):
        with serve(Service(Content(pages=pages, blog_posts=0))) as site:
            done = run_pyairbyte(
                EXAMPLE, *with_config(site, tmp_path), folder=tmp_path, trust=site.ca_file
            )
        printed = printed_by(done)
        found = answer(folder, "who_writes_where")
        assert bool(found) == bool(pages)
        assert ("There is no page, so there is no chart." in printed) == (not pages)
        chart = folder / "stale_pages_by_space.png"
        assert chart.exists() == bool(pages), "no chart of an earlier run stays"


def test_it_says_what_the_connector_says_of_wrong_settings(tmp_path: Path) -> None:
    with serve(Service(Content())) as site:
        arguments = with_config(site, tmp_path, api_token="expired")
        done = run_pyairbyte(EXAMPLE, *arguments, folder=tmp_path, trust=site.ca_file)
    assert done.returncode == 1
    assert "did not accept the credentials" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "config.json is not JSON"), ("", "is not JSON"), ('["a"]', "holds no JSON object")],
)
def test_it_says_what_is_wrong_with_the_file(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    done = run_pyairbyte(EXAMPLE, "--config", "config.json", folder=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
