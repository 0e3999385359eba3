"""The connector in PyAirbyte, and the example that uses it; `scripts/test-pyairbyte`."""

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pendulum
import pytest

from fake_confluence import Content, RunningSite, Service, serve

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).parent / "source-confluence"
CONTENT = Content(pages=620, blog_posts=40, spaces=12, audit=1300, groups=30)
COUNTS = {"pages": 620, "blog_posts": 40, "space": 12, "audit": 1300, "group": 30}


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSite]:
    with serve(Service(CONTENT)) as site:
        yield site


def pyairbyte(*arguments: str | Path, folder: Path, trust: Path | None = None) -> str:
    """Run a program in PyAirbyte's environment, in a folder of its own; what it printed."""
    environment = dict(os.environ)
    if trust:  # the site's certificate and all others: packages are installed over TLS, too
        usual = Path(os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where())
        bundle = folder / "certificates.pem"
        bundle.write_text(usual.read_text() + trust.read_text())
        environment["REQUESTS_CA_BUNDLE"] = str(bundle)
    done = subprocess.run(
        [ROOT / "scripts" / "pyairbyte", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(
    scope="module",
    params=[
        ("local_executable", str(COMMAND)),
        ("pip_url", str(ROOT)),
        ("pip_url", f"git+file://{ROOT}"),
    ],
    ids=["local_executable", "pip_url-path", "pip_url-git"],
)
def session(
    request: pytest.FixtureRequest, site: RunningSite, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("session")
    config = folder / "config.json"
    config.write_text(json.dumps(site.config))
    script = Path(__file__).parent / "pyairbyte_session.py"
    printed = pyairbyte(script, config, *request.param, folder=folder, trust=site.ca_file)
    return dict(json.loads(printed.splitlines()[-1]))


def test_every_stream_is_there(session: dict[str, Any]) -> None:
    assert session["streams"] == list(COUNTS)


def test_a_second_read_has_every_record_again(session: dict[str, Any]) -> None:
    assert session["reads"] == [COUNTS, COUNTS]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("pages.id", "VARCHAR"),
        ("pages.spaceid", "VARCHAR"),
        ("pages.parentid", "VARCHAR"),
        ("pages.createdat", "TIMESTAMP"),
        ("pages.position", "BIGINT"),
        ("pages.body", "JSON"),
        ("blog_posts.createdat", "TIMESTAMP"),
        ("space.id", "VARCHAR"),
        ("space.createdat", "TIMESTAMP"),
        ("audit.event_id", "VARCHAR"),
        ("audit.creationdate", "BIGINT"),
        ("audit.sysadmin", "BOOLEAN"),
        ("group.id", "VARCHAR"),
    ],
)
def test_columns_have_the_types_a_user_expects(
    column: str, kind: str, session: dict[str, Any]
) -> None:
    assert session["types"][column] == kind


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the example leaves when it is run as the README says, on its fake site."""
    folder = tmp_path_factory.mktemp("example")
    printed = pyairbyte(ROOT / "examples" / "pages_to_duckdb.py", folder=folder)
    assert "-- Which pages are edited most" in printed
    return folder / "confluence"


EXAMPLE = Content(pages=1240)  # the site that the example starts
SPACES = {row["id"]: row["name"] for row in EXAMPLE.rows("space")}


def answer(results: Path, name: str) -> list[dict[str, str]]:
    with (results / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_example_finds_the_stale_pages(results: Path) -> None:
    year_ago = pendulum.today("UTC").subtract(years=1).to_date_string()
    current = [row for row in EXAMPLE.rows("pages") if row["status"] == "current"]
    stale = Counter(
        SPACES[row["spaceId"]] for row in current if row["version"]["createdAt"] < year_ago
    )
    found = {row["space"]: int(row["stale"]) for row in answer(results, "stale_pages")}
    assert found == {name: stale[name] for name in SPACES.values()}


def test_the_example_finds_the_most_edited_pages(results: Path) -> None:
    most = sorted((row["version"]["number"] for row in EXAMPLE.rows("pages")), reverse=True)
    found = [int(row["versions"]) for row in answer(results, "most_edited_pages")]
    assert found == most[:10]


def test_the_example_finds_who_writes_where(results: Path) -> None:
    rows = EXAMPLE.rows("pages")
    pages = Counter((row["authorId"], SPACES[row["spaceId"]]) for row in rows)
    found = answer(results, "who_writes_where")
    assert {(r["author"], r["space"]): int(r["pages"]) for r in found if r["pages"] != "0"} == pages
    assert sum(int(row["blog_posts"]) for row in found) == EXAMPLE.blog_posts


def test_the_example_reads_the_site_whose_settings_are_given(
    site: RunningSite, tmp_path: Path
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "config.json").write_text(json.dumps(site.config))
    example = ROOT / "examples" / "pages_to_duckdb.py"
    pyairbyte(example, "--config", "secrets/config.json", folder=tmp_path, trust=site.ca_file)
    found = answer(tmp_path / "confluence", "who_writes_where")
    assert sum(int(row["pages"]) for row in found) == CONTENT.pages


def test_the_example_draws_a_chart(results: Path) -> None:
    chart = (results / "stale_pages.png").read_bytes()
    assert chart.startswith(b"\x89PNG\r\n")
    assert len(chart) > 10_000
