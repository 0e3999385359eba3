"""Airbyte's standard tests for sources, on the fake site.

They run what `acceptance-test-config.yml` says, with the settings of the fake site in place of
`secrets/config.json`, and want records of every stream, of those too that a real site may lack.
Those of the container image are run by `scripts/test-image`.

Source: https://docs.airbyte.com/platform/connector-development/testing-connectors
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from airbyte_cdk.test.standard_tests import ConnectorTestScenario, SourceTestSuiteBase

from fake_confluence import RunningSite, Service, serve
from fake_confluence.cloud import Cloud, CloudSite
from fake_confluence.cloud_server import RunningCloud, serve_cloud
from fake_confluence.credentials import CREDENTIALS
from source_confluence import SourceConfluence
from unit_tests.streams_under_test import BY_CURSOR, contents

ROOT = Path(__file__).parents[1]
SETTINGS = Path(tempfile.gettempdir()) / f"source-confluence-{uuid4()}" / "config.json"
"""Named when the tests are collected, written when they begin; *config* is always read."""
OF_KINDS = SETTINGS.parent.with_name(f"{SETTINGS.parent.name}-of-kinds")
"""The same, with a file for each kind of credentials."""


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSite]:
    with known_site() as site:
        yield site


@contextmanager
def known_site() -> Iterator[RunningSite]:
    """A site whose settings stand in the file as long as it runs."""
    with serve(Service(contents({BY_CURSOR: 260}))) as site:
        SETTINGS.parent.mkdir()
        SETTINGS.write_text(json.dumps(site.config))
        try:
            yield site
        finally:
            shutil.rmtree(SETTINGS.parent)


@pytest.mark.filterwarnings("error::airbyte_cdk.test.standard_tests.DiscoveredCatalogWarning")
class TestAirbyteStandards(SourceTestSuiteBase):
    connector = SourceConfluence

    @pytest.fixture(autouse=True)
    def reachable(self, site: RunningSite, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(site.ca_file))

    @classmethod
    def get_scenarios(cls) -> list[ConnectorTestScenario]:
        """Those of `acceptance-test-config.yml`, and for the fake site that of basic_read.

        It wants records of every stream, which fit the schema.
        """
        scenarios = super().get_scenarios()
        return [
            scenario.model_copy(
                update={"config_path": SETTINGS, "sections": (*scenario.sections, "basic_read")}
            )
            if scenario.requires_creds
            else scenario
            for scenario in scenarios
        ]

    def test_with_the_settings_of_the_fake_site_every_command_is_run(self) -> None:
        [scenario] = [s for s in self.get_scenarios() if s.config_path == SETTINGS]
        assert scenario.commands == {"check", "discover", "read"}
        assert scenario.is_basic_read_config

    def test_with_each_kind_of_credentials_settings_are_held_against_the_form(self) -> None:
        held = {str(s.config_path) for s in self.get_scenarios() if s.runs("spec")}
        samples = (ROOT / "integration_tests").glob("sample_config*.json")
        assert held == {str(file.relative_to(ROOT)) for file in samples}


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningCloud]:
    """A cloud with settings for each kind of credentials in files, as long as it runs.

    An `oauth` has no access token yet, so each command hands on settings.
    """
    site = CloudSite(host="acme.atlassian.net", service=Service(contents({BY_CURSOR: 260})))
    with serve_cloud(Cloud(site)) as running:
        OF_KINDS.mkdir()
        for kind in CREDENTIALS:
            config = running.config(kind, access="none")
            (OF_KINDS / f"{kind}.json").write_text(json.dumps(config))
        try:
            yield running
        finally:
            shutil.rmtree(OF_KINDS)


@pytest.mark.filterwarnings("error::airbyte_cdk.test.standard_tests.DiscoveredCatalogWarning")
class TestAirbyteStandardsWithEachKindOfCredentials(SourceTestSuiteBase):
    connector = SourceConfluence

    @pytest.fixture(autouse=True)
    def reachable(self, cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)

    @classmethod
    def get_scenarios(cls) -> list[ConnectorTestScenario]:
        """Settings fit the form, the check succeeds, and every stream has records."""
        sections = ("spec", "connection", "discovery", "basic_read")
        return [
            ConnectorTestScenario(config_path=OF_KINDS / f"{kind}.json", sections=sections)
            for kind in CREDENTIALS
        ]


# What the older tool takes in each section, as far as we use it; it refuses everything else, and
# wants a reason where there is nothing. In basic_read it wants expect_records at this strictness.
# Source: https://docs.airbyte.com/connector-development/testing-connectors/connector-acceptance-tests-reference
OLDER_KEYS = {
    "spec": {"backward_compatibility_tests_config", "config_path", "spec_path"},
    "connection": {"config_path", "status"},
    "discovery": {"backward_compatibility_tests_config", "config_path"},
    "basic_read": set(),
    "full_refresh": {"config_path", "configured_catalog_path"},
    "incremental": {"config_path", "configured_catalog_path", "future_state"},
}


def test_the_older_acceptance_tests_accept_the_configuration_at_strictness_high() -> None:
    document = yaml.safe_load((ROOT / "acceptance-test-config.yml").read_text())
    assert set(document) == {"acceptance_tests", "connector_image", "test_strictness_level"}
    assert document["test_strictness_level"] == "high"
    sections = document["acceptance_tests"]
    assert set(sections) == set(OLDER_KEYS), "what is left out needs a reason"
    for name, section in sections.items():
        assert set(section) == ({"tests"} if OLDER_KEYS[name] else {"bypass_reason"})
        for test in section.get("tests", []):
            assert set(test) <= OLDER_KEYS[name]
            for key in {"config_path", "configured_catalog_path", "spec_path"} & set(test):
                assert test[key].startswith("secrets/config") or (ROOT / test[key]).is_file()


def test_airbytes_command_for_connectors_can_be_pointed_at_the_repository(
    site: RunningSite, tmp_path: Path
) -> None:
    """`airbyte-cdk connector test`, in a folder named like a connector, with an account."""
    folder = tmp_path / "source-confluence"
    shutil.copytree(
        ROOT, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "secrets")
    )
    (folder / "secrets").mkdir()
    (folder / "secrets" / "config.json").write_text(json.dumps(site.config))
    done = subprocess.run(
        [Path(sys.executable).parent / "airbyte-cdk", "connector", "test"],
        cwd=folder,
        env={**os.environ, "REQUESTS_CA_BUNDLE": str(site.ca_file)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    [passed] = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) >= 4, "one for each command"
