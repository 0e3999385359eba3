"""What a person reads who gives a command something it cannot use."""

import re
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import FailureType

from unit_tests.conftest import StartSite
from unit_tests.protocol import Outcome, check, run
from unit_tests.streams_under_test import BY_CURSOR

CONFIG = {"email": "ada@acme.com", "api_token": "t0ken", "domain_name": "acme.atlassian.net"}
CATALOG: dict[str, object] = {"streams": []}


def message(outcome: Outcome) -> str:
    """The message of a command that fails, as it must be: in three parts, for the user."""
    text = str(outcome.exception)
    assert getattr(outcome.exception, "failure_type", None) is FailureType.config_error
    assert re.fullmatch(r"\S.*\. Likely cause: \S.*\. What to do: \S.*\.", text, re.DOTALL), text
    return text


@pytest.mark.parametrize("command", ["check", "discover", "read"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is not JSON"),
        ('{"email": "ada@acme.com",}', "it is not JSON"),
        ("email: ada@acme.com", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it holds no JSON object"),
    ],
)
def test_a_file_that_is_no_configuration(command: str, text: str, words: str) -> None:
    documents: dict[str, object] = {"config": text}
    if command == "read":
        documents["catalog"] = CATALOG
    assert words in message(run(command, **documents))


def test_a_configuration_with_a_byte_order_mark_is_read(start_site: StartSite) -> None:
    text = "\ufeff" + str(start_site().config).replace("'", '"')
    [status] = [m for m in run("check", config=text).messages if m["type"] == "CONNECTION_STATUS"]
    assert status["connectionStatus"]["status"] == "SUCCEEDED"


def test_a_file_that_is_not_there() -> None:
    outcome = run("check", config=Path("no/such/file.json"))
    assert "The file no/such/file.json of --config cannot be used: No such file" in message(outcome)


@pytest.mark.parametrize(
    ("catalog", "words"),
    [
        ("not JSON", "it is not JSON"),
        ([], "it holds no JSON object"),
        ({}, '"streams" is a required property'),
        ({"streams": [{"name": BY_CURSOR}]}, '"stream" is a required property'),
    ],
)
def test_a_file_that_is_no_catalog(catalog: object, words: str) -> None:
    text = message(run("read", config=CONFIG, catalog=catalog))
    assert words in text
    assert "'destination_sync_mode'" in text


@pytest.mark.parametrize("text", ["", "cursor", '[{"type": "STREAM"},]', "[" * 200_000])
def test_a_file_that_is_no_state(text: str) -> None:
    told = message(run("read", config=CONFIG, catalog=CATALOG, state=text))
    assert " of --state cannot be used: it is not JSON" in told
    assert "leave --state out" in told


def test_a_state_that_cannot_be_read(tmp_path: Path) -> None:
    torn = tmp_path / "state.json"
    torn.write_bytes(b'[{"type": "STREAM\xff')
    for path, words in [
        (Path("no/such/file.json"), "No such file"),
        (tmp_path, "Is a directory"),
        (torn, "it is not JSON"),
    ]:
        told = message(run("read", config=CONFIG, catalog=CATALOG, state=path))
        assert f"The file {path} of --state cannot be used: {words}" in told


@pytest.mark.parametrize("setting", sorted(CONFIG))
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("missing", "The setting {} is missing"),
        (None, "The setting {} is missing"),
        (7, "The value of the setting {} is not a text"),
        (["a"], "The value of the setting {} is not a text"),
        ({"a": "b"}, "The value of the setting {} is not a text"),
    ],
)
def test_a_setting_that_is_missing_or_no_text(setting: str, value: object, words: str) -> None:
    incomplete: dict[str, Any] = {**CONFIG, setting: value}
    if value == "missing":
        del incomplete[setting]
    told = f"{words.format(setting)}. Likely cause: "
    assert check(incomplete)[0] == "FAILED"
    assert check(incomplete)[1].startswith(told)
    assert message(run("discover", config=incomplete)).startswith(told)


@pytest.mark.parametrize("command", ["discover", "read"])
def test_other_commands_say_the_same_of_settings_as_check(command: str) -> None:
    wrong = {**CONFIG, "domain_name": "acme.com/jira"}
    documents: dict[str, object] = {"config": wrong}
    if command == "read":
        documents["catalog"] = CATALOG
    assert message(run(command, **documents)) == check(wrong)[1]
