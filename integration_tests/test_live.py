"""What `scripts/test-live` says of a site; here the site is the fake one."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fake_confluence import Content, Fault, RunningSite, Service, serve
from fake_confluence.cloud import AUTH_HOST, Cloud, CloudSite
from fake_confluence.cloud_server import serve_cloud
from fake_confluence.credentials import CREDENTIALS, OAUTH
from live_tests.comparison import undeclared, violations
from unit_tests.streams_under_test import (
    BY_CURSOR,
    BY_OFFSET,
    NAMES,
    PATHS,
    PINNED,
    content,
    contents,
    sizes,
)

ROOT = Path(__file__).parents[1]
CONTENT = contents({BY_CURSOR: 620})


def live(config: Path, *arguments: str, site: RunningSite | None = None) -> tuple[int, str]:
    """The exit code and what is printed."""
    if site:
        config.write_text(json.dumps(site.config))
    return live_with(config, *arguments, environment=site.environment if site else {})


def live_with(config: Path, *arguments: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """The same, with the settings that are in the file."""
    done = subprocess.run(
        [ROOT / "scripts" / "test-live", "--config", config, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_without_settings_it_says_how_to_make_them(tmp_path: Path) -> None:
    code, printed = live(tmp_path / "config.json")
    assert code == 1
    assert "What to do: create an API token" in printed
    assert f"cp {ROOT}/integration_tests/sample_config.json {ROOT}/secrets/config.json" in printed


def test_a_copy_of_the_sample_is_not_enough(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text((ROOT / "integration_tests" / "sample_config.json").read_text())
    code, printed = live(config)
    assert code == 1
    assert "still holds the values of the sample" in printed


@pytest.mark.parametrize("text", [b"{", '{"email": ""}'.encode("utf-16")])
def test_a_file_that_is_no_configuration_is_told_in_the_words_of_the_connector(
    text: bytes, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_bytes(text)
    code, printed = live(config)
    assert code == 1
    assert printed.startswith(f"The file {config} of --config cannot be used: it ")
    assert "What to do: " in printed
    assert "Traceback" not in printed


def test_a_file_is_found_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with serve(Service(CONTENT)) as site:
        code, printed = live(Path("config.json"), BY_OFFSET, site=site)
    assert code == 0, printed


def test_at_least_one_record_is_wanted(tmp_path: Path) -> None:
    code, printed = live(tmp_path / "config.json", "--records", "0")
    assert code == 2
    assert "at least 1" in printed


def test_a_bit_of_every_stream_is_read_and_nothing_of_it_is_shown(tmp_path: Path) -> None:
    with serve(Service(content(BY_CURSOR, 20_000))) as site:
        code, printed = live(tmp_path / "config.json", "--records", "300", site=site)
    assert code == 0, printed
    ended = dict.fromkeys(NAMES, "      3 records, COMPLETE")
    ended[BY_CURSOR] = "    300 records, the first 300 are enough"
    assert printed.splitlines() == [
        "check     SUCCEEDED",
        f"discover  {', '.join(NAMES)}",
        *(f"read      {name:<12}{ended[name]}" for name in NAMES),
        f"{len(NAMES)} passed, 0 failed",
    ]
    assert len([call for call in site.calls if call.path == PATHS[BY_CURSOR]]) <= 60, "of 160"


def test_settings_that_do_not_work_end_it_at_once(tmp_path: Path) -> None:
    with serve(Service(CONTENT, faults=[Fault(kind="status", status=401, count=None)])) as site:
        code, printed = live(tmp_path / "config.json", site=site)
    assert code == 1
    assert printed.startswith(f"check     FAILED {site.host} did not accept the credentials")
    assert "read" not in printed


def test_a_stream_that_is_refused_fails_with_the_words_of_the_connector(tmp_path: Path) -> None:
    refused = Fault(kind="status", status=403, path=PATHS[PINNED], count=None)
    with serve(Service(CONTENT, faults=[refused])) as site:
        code, printed = live(tmp_path / "config.json", BY_OFFSET, PINNED, site=site)
    assert code == 1
    assert f"read      {PINNED:<12}      0 records, INCOMPLETE\n" in printed
    assert f"refused {PATHS[PINNED]} (HTTP 403)" in printed
    assert "What to do: " in printed
    assert printed.endswith("1 passed, 1 failed\n")


def test_a_stream_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with serve(Service(CONTENT)) as site:
        code, printed = live(tmp_path / "config.json", "comments", site=site)
    assert code == 1
    assert printed == f"There is no stream comments; there are: {', '.join(NAMES)}.\n"
    assert site.calls == []


class Odd(Content):
    """A site with a list that is not as the schema says."""

    def row(self, name: str, index: int, *parents: str) -> dict[str, Any]:
        row = super().row(name, index, *parents)
        return {**row, "name": 7, "members": ["ada"]} if name == BY_OFFSET and index else row


def test_what_breaks_the_schema_fails_and_new_fields_are_told(tmp_path: Path) -> None:
    with serve(Service(Odd(**sizes({})))) as site:
        code, printed = live(tmp_path / "config.json", BY_OFFSET, site=site)
    assert code == 1
    assert printed.splitlines()[-3:] == [
        "            breaks the schema: .name is not of type null or string (2 of 3)",
        "            not in the schema: .members (2 of 3)",
        "0 passed, 1 failed",
    ]
    assert "ada" not in printed


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "at": {"type": ["null", "string"], "format": "date-time"},
        "list": {"type": ["null", "array"], "items": {"type": ["null", "object"]}},
    },
}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"at": "2026-03-19T14:26:45.468Z"}, []),
        ({"at": None, "list": [None, {}]}, []),
        ({"at": "yesterday"}, [".at is not of format date-time"]),
        ({"list": [{}, 7]}, [".list[] is not of type null or object"]),
    ],
)
def test_violations_name_the_place_and_not_the_value(
    record: dict[str, Any], expected: list[str]
) -> None:
    assert list(violations(record, SCHEMA)) == expected


def test_undeclared_fields_are_found_at_any_depth() -> None:
    assert list(undeclared({"list": [{"a": 1}], "b": {}}, SCHEMA)) == [".list[].a", ".b"]


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_it_gets_in_with_each_kind_of_credentials(kind: str, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    site = CloudSite(host="acme.atlassian.net", service=Service(CONTENT))
    with serve_cloud(Cloud(site)) as running:
        config.write_text(json.dumps(running.config(kind)))
        code, printed = live_with(config, BY_OFFSET, environment=running.environment)
    assert code == 0, printed
    assert printed.endswith("1 passed, 0 failed\n")


def test_a_refresh_token_that_was_used_is_replaced_in_the_file(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    cloud = Cloud(CloudSite(host="acme.atlassian.net", service=Service(CONTENT)))
    with serve_cloud(cloud) as running:
        entered = running.config(OAUTH, access="none")
        config.write_text(json.dumps(entered))
        code, printed = live_with(config, BY_OFFSET, environment=running.environment)
    assert code == 0, printed
    kept = json.loads(config.read_text())
    assert {**kept, "credentials": None} == {**entered, "credentials": None}
    assert kept["credentials"]["refresh_token"] != entered["credentials"]["refresh_token"]
    assert kept["credentials"]["access_token"]
    assert len(running.calls[AUTH_HOST]) == 1, "what the check was given serves the read"
    assert kept["credentials"]["refresh_token"] not in printed
