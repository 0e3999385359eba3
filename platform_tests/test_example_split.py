"""The example that splits a site by its spaces; `scripts/test-pyairbyte`."""

import json
from collections import Counter
from pathlib import Path

import pytest

from fake_confluence import Content, RunningSite, Service, serve
from integration_tests.connector import Connector, endings, messages
from platform_tests.pyairbyte import ROOT, printed_by, run_pyairbyte, with_config

EXAMPLE = ROOT / "examples" / "split_by_spaces.py"
STREAMS = ("pages", "blog_posts", "space", "audit", "group")
LATER = Content(pages=700, blog_posts=40, spaces=7, audit=1_100, groups=5)


def test_the_connections_cover_the_site_when_it_has_got_another_space(tmp_path: Path) -> None:
    with serve(Service(Content(pages=300, spaces=6))) as site:
        arguments = with_config(site, tmp_path)
        done = run_pyairbyte(
            EXAMPLE, *arguments, "--streams", *STREAMS, folder=tmp_path, trust=site.ca_file
        )
    assert "; also what is created later" in printed_by(done)
    read: Counter[tuple[str, str]] = Counter()
    with serve(Service(LATER)) as site:
        for part in ("1", "2", "3"):
            read += read_by(tmp_path / "confluence" / "parts" / part, site)
    for name in STREAMS[:3]:
        expected = Counter((name, row["id"]) for row in LATER.rows(name))
        assert Counter({key: count for key, count in read.items() if key[0] == name}) == expected
    assert sum(read[key] for key in read if key[0] == "group") == LATER.groups


def read_by(part: Path, site: RunningSite) -> Counter[tuple[str, str]]:
    """What the connector reads with the files of a part, pointed to another site."""
    assert (part / "config.json").stat().st_mode & 0o077 == 0, "the token is for its owner alone"
    config = json.loads((part / "config.json").read_text())
    connector = Connector(part, site)
    connector.written(connector.config, {**config, "domain_name": site.config["domain_name"]})
    done = connector.run("read", "--config", connector.config, "--catalog", part / "catalog.json")
    assert set(endings(done).values()) == {"COMPLETE"}
    records = [m["record"] for m in messages(done) if m["type"] == "RECORD"]
    return Counter((r["stream"], str(r["data"].get("id"))) for r in records)


def test_it_needs_no_account(tmp_path: Path) -> None:
    printed_by(run_pyairbyte(EXAMPLE, folder=tmp_path))
    parts = tmp_path / "demo" / "parts"
    assert {entry.name for entry in parts.iterdir()} == {"1", "2", "3"}


def test_it_says_what_the_connector_says_of_wrong_settings(tmp_path: Path) -> None:
    with serve(Service(Content())) as site:
        arguments = with_config(site, tmp_path, api_token="expired")
        done = run_pyairbyte(EXAMPLE, *arguments, folder=tmp_path, trust=site.ca_file)
    assert done.returncode == 1
    assert "did not accept the credentials" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "confluence" / "parts").exists()


@pytest.mark.parametrize("parts", ["0", "two"])
def test_it_says_how_many_parts_there_can_be(parts: str, tmp_path: Path) -> None:
    done = run_pyairbyte(EXAMPLE, "--parts", parts, folder=tmp_path)
    assert done.returncode == 2
    assert f"'{parts}' is not a whole number, 1 or more" in done.stderr
