"""The metadata keep the rules of Airbyte's registry; each test is one rule.

Source: https://docs.airbyte.com/platform/connector-development/connector-metadata-file
"""

import re
import uuid
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "metadata.yaml").read_text())
DATA: dict[str, Any] = DOCUMENT["data"]
SPEC = yaml.safe_load((ROOT / "source_confluence" / "spec.yaml").read_text())
DOCS = ROOT / "docs"

REQUIRED = {
    "name",
    "definitionId",
    "connectorType",
    "dockerRepository",
    "dockerImageTag",
    "license",
    "documentationUrl",
    "githubIssueLabel",
    "connectorSubtype",
    "releaseStage",
}
ALLOWED = REQUIRED | {
    "allowedHosts",
    "connectorBuildOptions",
    "connectorTestSuitesOptions",
    "externalDocumentationUrls",
    "icon",
    "maxSecondsBetweenMessages",
    "registryOverrides",
    "releaseDate",
    "releases",
    "remoteRegistries",
    "suggestedStreams",
    "supportLevel",
    "tags",
}
"""Of what the registry allows, what we use."""


def test_the_document_has_a_version_and_data_and_nothing_else() -> None:
    assert DOCUMENT == {"metadataSpecVersion": "1.0", "data": DATA}


def test_what_is_required_is_there_and_nothing_is_that_is_not_allowed() -> None:
    assert set(DATA) >= REQUIRED
    assert set(DATA) <= ALLOWED


def test_it_is_the_confluence_source_of_the_registry() -> None:
    assert DATA["definitionId"] == "cf40a7f8-71f8-45ce-a7fa-fca053e4028c"
    assert uuid.UUID(DATA["definitionId"])
    assert DATA["dockerRepository"] == "airbyte/source-confluence"
    assert DATA["githubIssueLabel"] == "source-confluence"
    assert (DATA["connectorType"], DATA["connectorSubtype"]) == ("source", "api")
    assert date.fromisoformat(DATA["releaseDate"]) == date(2021, 11, 5)


def test_stage_and_level_are_not_below_the_published_ones() -> None:
    assert DATA["releaseStage"] in {"beta", "generally_available"}
    assert DATA["supportLevel"] in {"community", "certified"}


def test_it_is_published_to_pypi_under_the_name_that_it_is_built_with() -> None:
    """PyAirbyte installs a connector by this name."""
    pyproject = (ROOT / "pyproject.toml").read_text()
    [name] = re.findall(r'^name = "(.+)"$', pyproject, re.MULTILINE)
    assert DATA["remoteRegistries"] == {"pypi": {"enabled": True, "packageName": name}}


@pytest.mark.parametrize("prefix", ["language:", "cdk:"])
def test_there_is_one_tag_of_each_kind(prefix: str) -> None:
    assert [tag for tag in DATA["tags"] if tag.startswith(prefix)] == [f"{prefix}python"]


def test_the_licence_is_the_one_we_have() -> None:
    assert DATA["license"] in {"MIT", "ELv2"}
    assert (ROOT / "LICENSE").read_text().startswith(f"{DATA['license']} License")


def test_the_test_suites_are_ones_the_registry_knows() -> None:
    suites = [option["suite"] for option in DATA["connectorTestSuitesOptions"]]
    assert set(suites) <= {"unitTests", "integrationTests", "acceptanceTests", "liveTests"}
    assert len(set(suites)) == len(suites)


def test_the_version_is_a_semantic_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", DATA["dockerImageTag"])


def test_the_base_image_is_named_by_digest_and_nothing_else_is_said_of_the_build() -> None:
    assert list(DATA["connectorBuildOptions"]) == ["baseImage"]
    image = DATA["connectorBuildOptions"]["baseImage"]
    assert re.fullmatch(
        r"docker\.io/airbyte/python-connector-base:[\d.]+@sha256:[0-9a-f]{64}", image
    )
    assert f"ARG BASE_IMAGE={image}" in (ROOT / "Dockerfile").read_text().splitlines()


def test_the_allowed_hosts_are_those_that_are_asked() -> None:
    from source_confluence.transport.entry import API_HOST  # noqa: PLC0415 (the one test that needs it)
    from source_confluence.transport.oauth import TOKEN_URL  # noqa: PLC0415

    site, *others = DATA["allowedHosts"]["hosts"]
    assert re.fullmatch(r"\$\{\w+\}", site)
    assert site[2:-1] in SPEC["connectionSpecification"]["required"]
    assert others == [API_HOST, urlsplit(TOKEN_URL).hostname]


@pytest.mark.parametrize(
    "folder",
    ["benchmarks", "comparison", "docs", "examples", "fake_confluence", "source_confluence"],
)
def test_no_file_names_an_address_without_tls(folder: str) -> None:
    """Airbyte's check reads what is neither a test nor a picture, and passes these two over."""
    files = [
        file for kind in ("json", "md", "py", "yaml") for file in (ROOT / folder).rglob(f"*.{kind}")
    ]
    assert files
    passed_over = re.compile(r"http://(json-schema\.org|localhost)|.*# ignore-https-check$")
    for file in files:
        for line in file.read_text().splitlines():
            assert "http://" not in passed_over.sub("", line), file


def test_the_icon_is_there_square_and_small() -> None:
    icon = (ROOT / DATA["icon"]).read_text()
    [(width, height)] = re.findall(r'viewBox="0 0 (\d+) (\d+)"', icon)
    assert width == height
    assert len(icon) < 10_000
    assert "<image" not in icon


def test_suggested_streams_exist() -> None:
    names = {file.stem for file in (ROOT / "source_confluence" / "schemas").glob("*.json")}
    assert set(DATA["suggestedStreams"]["streams"]) <= names


def test_silence_is_allowed_for_as_long_as_the_longest_wait() -> None:
    from source_confluence.limits.headers import MAX_ASKED_WAIT_SECONDS  # noqa: PLC0415

    assert isinstance(DATA["maxSecondsBetweenMessages"], int)
    assert DATA["maxSecondsBetweenMessages"] > MAX_ASKED_WAIT_SECONDS


def test_every_major_version_has_a_breaking_change_with_a_message_and_a_deadline() -> None:
    releases = DATA["releases"]
    assert set(releases) <= {"breakingChanges", "migrationDocumentationUrl", "rolloutConfiguration"}
    major = int(DATA["dockerImageTag"].split(".")[0])
    changes = releases["breakingChanges"]
    assert list(changes) == [f"{number}.0.0" for number in range(1, major + 1)]
    for change in changes.values():
        assert set(change) == {"message", "upgradeDeadline"}
        assert date.fromisoformat(change["upgradeDeadline"])


def test_a_published_breaking_change_keeps_its_deadline() -> None:
    assert DATA["releases"]["breakingChanges"]["1.0.0"]["upgradeDeadline"] == "2025-04-30"


def test_every_breaking_change_has_a_section_in_the_migration_guide_the_newest_first() -> None:
    url = DATA["releases"]["migrationDocumentationUrl"]
    assert url == f"{DATA['documentationUrl']}-migrations"
    guide = (DOCS / "confluence-migrations.md").read_text()
    assert guide.startswith("# Confluence Migration Guide\n")
    sections = re.findall(r"^## Upgrading to (.+)$", guide, re.MULTILINE)
    assert sections == sorted(DATA["releases"]["breakingChanges"], reverse=True)


def test_the_migration_guide_speaks_of_every_stream_that_was_there_before() -> None:
    guide = (DOCS / "confluence-migrations.md").read_text()
    published = (ROOT / "benchmarks" / "manifest.yaml").read_text()
    names = set(re.findall(r"^ +name: (\w+)$", published, re.MULTILINE))
    assert len(names) == 5
    for name in names:
        assert f"`{name}`" in guide, name


def test_documentation_urls_are_the_same_in_metadata_and_form() -> None:
    assert DATA["documentationUrl"] == SPEC["documentationUrl"]
    for link in DATA["externalDocumentationUrls"]:
        assert set(link) == {"title", "type", "url"}
        assert link["type"] in {"api_reference", "authentication_guide", "rate_limits"}
        assert link["url"].startswith("https://developer.atlassian.com/")


# Airbyte's own headings and sentences, which its checks look for word by word.
# Source: https://docs.airbyte.com/platform/contributing-to-airbyte/resources/qa-checks
HEADINGS = [
    "# Confluence",
    "## Prerequisites",
    "## Setup guide",
    "### Set up Confluence",
    "### Set up the Confluence connector in Airbyte",
    "#### For Airbyte Cloud:",
    "#### For Airbyte Open Source:",
    "## Supported sync modes",
    "## Supported Streams",
    "## Performance considerations",
    "## Data type map",
    "## Limitations & Troubleshooting",
    "## IP allow list",
    "## Changelog",
]
BEGINNINGS = {
    "# Confluence": "<HideInUI>\n\nThis page contains the setup guide and reference information "
    "for the [Confluence](https://www.atlassian.com/software/confluence) source connector.\n\n"
    "</HideInUI>\n\n",
    "#### For Airbyte Cloud:": "1. [Log into your Airbyte Cloud]"
    "(https://cloud.airbyte.com/workspaces) account.\n"
    "2. Click Sources and then click + New source.\n"
    "3. On the Set up the source page, select Confluence from the Source type dropdown.\n"
    "4. Enter a name for the Confluence connector.\n",
    "#### For Airbyte Open Source:": "1. Navigate to the Airbyte Open Source dashboard.\n",
    "## Supported sync modes": "The Confluence source connector supports the following "
    "[sync modes](https://docs.airbyte.com/cloud/core-concepts/#connection-sync-modes):\n\n",
    "## IP allow list": "If you use Airbyte Cloud and your organization restricts access to "
    "specific IPs, add the [Airbyte Cloud IP addresses]"
    "(https://docs.airbyte.com/platform/operating-airbyte/ip-allowlist) to your allow list.\n",
    "## Changelog": "<details>\n  <summary>Expand to review</summary>\n\n"
    "| Version | Date | Pull Request | Subject |\n",
}


def test_the_documentation_has_airbytes_headings_in_order() -> None:
    lines = (DOCS / "confluence.md").read_text().splitlines()
    assert [line for line in lines if line in HEADINGS] == HEADINGS


@pytest.mark.parametrize("heading", BEGINNINGS)
def test_a_section_begins_with_airbytes_sentences(heading: str) -> None:
    text = (DOCS / "confluence.md").read_text()
    _, found, section = text.partition(f"{heading}\n\n")
    assert found
    assert section.startswith(BEGINNINGS[heading])


def test_the_prerequisites_name_every_required_field_by_its_title() -> None:
    text = (DOCS / "confluence.md").read_text()
    prerequisites = text.split("## Prerequisites")[1].split("## Setup guide")[0]
    specification = SPEC["connectionSpecification"]
    for name in specification["required"]:
        assert specification["properties"][name]["title"] in prerequisites
