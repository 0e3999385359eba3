"""The sample files are what they say: settings, states and records that the connector knows."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fake_confluence import RunningSite, Service, serve
from integration_tests.connector import Connector, counts, endings, messages
from integration_tests.expected_records import expected_records
from source_confluence.settings.config import Config
from unit_tests.streams_under_test import BY_CURSOR, CURSOR_FIELDS, contents, row_counts

FOLDER = Path(__file__).parent
SPEC = yaml.safe_load((FOLDER.parent / "source_confluence" / "spec.yaml").read_text())
CONTENT = contents({BY_CURSOR: 260})
ROWS = row_counts(CONTENT)


def sample(name: str) -> Any:  # noqa: ANN401 (whatever JSON the file holds)
    return json.loads((FOLDER / name).read_text())


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with serve(Service(CONTENT)) as site:
        yield site


@pytest.fixture
def connector(site: RunningSite, tmp_path: Path) -> Connector:
    return Connector(tmp_path, site)


def here(name: str, site: RunningSite) -> dict[str, Any]:
    """The settings of a file, for the fake site."""
    return {**sample(name), "domain_name": site.host}


@pytest.mark.parametrize(
    "file", sorted(FOLDER.glob("*_config*.json")), ids=lambda file: str(file.stem)
)
def test_the_settings_fit_the_form(file: Path) -> None:
    jsonschema.validate(sample(file.name), SPEC["connectionSpecification"])


def test_there_are_settings_of_every_kind_of_credentials() -> None:
    field = SPEC["connectionSpecification"]["properties"]["credentials"]
    kinds = {option["properties"]["auth_type"]["const"] for option in field["oneOf"]}
    kinds.remove(field["default"])  # sample_config.json, which needs no credentials
    samples = [sample(file.name) for file in FOLDER.glob("sample_config_*.json")]
    assert {each["credentials"]["auth_type"] for each in samples} == kinds
    for each in samples:
        Config.parse(each)


def test_the_sample_settings_work(connector: Connector, site: RunningSite) -> None:
    assert connector.check(here("sample_config.json", site)) == {"status": "SUCCEEDED"}


def test_the_invalid_settings_are_refused_by_a_site(
    connector: Connector, site: RunningSite
) -> None:
    status = connector.check(here("invalid_config.json", site))
    assert status["status"] == "FAILED"
    assert "did not accept the credentials" in status["message"]


def test_the_invalid_settings_fail_without_any_site(connector: Connector) -> None:
    status = connector.check(sample("invalid_config.json"))
    assert status["status"] == "FAILED"
    assert "refused the connection" in status["message"]


def test_the_sample_state_is_what_a_read_prints_at_last(connector: Connector) -> None:
    done = connector.read()
    states = [m["state"] for m in messages(done) if m["type"] == "STATE"]
    last = {s["stream"]["stream_descriptor"]["name"]: s for s in states}
    assert [{k: s[k] for k in ("type", "stream")} for s in last.values()] == sample(
        "sample_state.json"
    )


@pytest.mark.parametrize("name", ["sample_state.json", "abnormal_state.json"])
def test_a_read_that_is_given_a_state_delivers_everything(name: str, connector: Connector) -> None:
    """A state of a read that is over, and states that no read of ours has printed."""
    done = connector.read("--state", FOLDER / name)
    assert done.returncode == 0
    assert counts(done) == Counter(ROWS)
    assert endings(done) == dict.fromkeys(ROWS, "COMPLETE")


@pytest.mark.parametrize("name", ["sample_state.json", "abnormal_state.json"])
def test_an_incremental_read_that_is_given_such_a_state_begins_with_everything(
    name: str, connector: Connector
) -> None:
    catalog = FOLDER / "incremental_catalog.json"
    done = connector.run(
        "read", "--config", connector.config, "--catalog", catalog, "--state", FOLDER / name
    )
    assert done.returncode == 0
    assert counts(done) == {stream: ROWS[stream] for stream in CURSOR_FIELDS}


def test_the_expected_records_are_what_a_read_prints() -> None:
    expected = (FOLDER / "expected_records.jsonl").read_text().splitlines()
    assert expected == list(expected_records()), "if that is meant, see expected_records.py"
