"""The connector in PyAirbyte; `scripts/test-pyairbyte`."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_confluence import Content, Fault, RunningSite, Service, serve
from platform_tests.pyairbyte import ROOT, printed_by, run_pyairbyte
from unit_tests.streams_under_test import BY_OFFSET, PATHS, row_counts

COMMAND = Path(sys.executable).parent / "source-confluence"
CONTENT = Content()
COUNTS = row_counts(CONTENT)


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSite]:
    with serve(Service(CONTENT)) as site:
        yield site


@pytest.fixture(
    scope="module",
    params=[
        ("local_executable", str(COMMAND)),
        ("pip_url", str(ROOT)),
        ("pip_url", f"git+file://{ROOT}"),  # what is committed
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
    done = run_pyairbyte(script, config, *request.param, folder=folder, trust=site.ca_file)
    return dict(json.loads(printed_by(done).splitlines()[-1]))


def test_every_stream_is_there(session: dict[str, Any]) -> None:
    assert session["streams"] == list(COUNTS)


def test_after_a_second_read_every_record_is_in_its_table(session: dict[str, Any]) -> None:
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


PARTIAL = """
import json, sys
from pathlib import Path
import airbyte as ab
from sqlalchemy import inspect

config = json.loads(Path(sys.argv[1]).read_text())
source = ab.get_source("source-confluence", config=config, local_executable=sys.argv[2])
source.select_all_streams()
cache = ab.new_local_cache("confluence", cache_dir=Path("cache"))
try:
    source.read(cache=cache)
except ab.exceptions.AirbyteConnectorFailedError:
    print("tables:", inspect(cache.get_sql_engine()).get_table_names())
"""


def test_a_stream_that_fails_is_named_with_what_to_do_and_no_table_is_written(
    tmp_path: Path,
) -> None:
    """As the README says: PyAirbyte gives up, and shows the last error."""
    refused = Fault(kind="status", status=403, path=PATHS[BY_OFFSET], count=None)
    with serve(Service(CONTENT, faults=[refused])) as site:
        script, config = tmp_path / "partial.py", tmp_path / "config.json"
        script.write_text(PARTIAL)
        config.write_text(json.dumps(site.config))
        done = run_pyairbyte(script, config, COMMAND, folder=tmp_path, trust=site.ca_file)
    tables = json.loads(printed_by(done).rpartition("tables: ")[2].replace("'", '"'))
    shown = " ".join(done.stderr.split())  # PyAirbyte breaks lines
    first = f"1 of {len(COUNTS)} streams could not be read to the end; the others are complete."
    assert f"{first} {BY_OFFSET}: " in shown
    assert f"What to do: Grant that to the account, or deselect the stream '{BY_OFFSET}'." in shown
    assert tables, "its own"
    assert not set(tables) & set(COUNTS)


def test_the_snippet_of_the_documentation(site: RunningSite, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "confluence.md").read_text()
    [snippet] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for example, real in {
        "/path/to/.venv/bin/source-confluence": str(COMMAND),
        "ada@acme.com": site.config["email"],
        'ab.get_secret("CONFLUENCE_API_TOKEN")': repr(site.config["api_token"]),
        "acme.atlassian.net": site.host,
    }.items():
        assert example in snippet
        snippet = snippet.replace(example, real)
    script = tmp_path / "snippet.py"
    script.write_text(f"{snippet}\nprint('pages:', len(pages))\n")
    printed = printed_by(run_pyairbyte(script, folder=tmp_path, trust=site.ca_file))
    assert printed.endswith(f"pages: {CONTENT.pages}\n")
