from pathlib import Path
from typing import Any

import jsonschema
import pytest

from source_confluence import SourceConfluence
from source_confluence.settings.config import Config
from unit_tests.protocol import check, run

SOUND = {"email": "ada@acme.com", "api_token": "t0ken", "domain_name": "acme.example"}


def spec() -> dict[str, Any]:
    [message] = [m for m in run("spec").messages if m["type"] == "SPEC"]
    return dict(message["spec"]["connectionSpecification"])


def test_it_asks_for_email_token_and_domain_in_this_order() -> None:
    properties = spec()["properties"]
    by_order = sorted(properties, key=lambda name: properties[name]["order"])
    assert spec()["required"] == ["email", "api_token", "domain_name"]
    optional = ["content_statuses", "body_format", "spaces", "excluded_spaces", "personal_spaces"]
    optional += ["start_date"]
    optional += ["census", "allow_mass_removal", "num_workers"]
    assert by_order == ["email", "api_token", "domain_name", *optional]


@pytest.mark.parametrize("number", [1, 16, 25])
def test_form_and_command_take_up_to_25_workers(number: int) -> None:
    jsonschema.validate({**SOUND, "num_workers": number}, spec())
    assert Config.parse({**SOUND, "num_workers": number}).num_workers == number


@pytest.mark.parametrize("number", [0, 26, -1, 2.5, "8", [8]])
def test_form_and_command_refuse_other_numbers_of_workers(number: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**SOUND, "num_workers": number}, spec())
    status, message = check({**SOUND, "num_workers": number})
    assert status == "FAILED"
    assert message.startswith("The number of workers is not a whole number from 1 to 25. ")


def test_without_a_number_of_workers_it_is_what_the_form_shows() -> None:
    shown = spec()["properties"]["num_workers"]["default"]
    assert Config.parse(SOUND).num_workers == shown
    assert Config.parse({**SOUND, "num_workers": None}).num_workers == shown


def test_every_setting_has_a_title_a_description_and_an_example() -> None:
    for setting in spec()["properties"].values():
        assert setting["title"]
        assert len(setting["description"]) > 40
        assert setting["examples"]


def test_only_the_token_is_a_secret() -> None:
    secret = [
        name for name, setting in spec()["properties"].items() if setting.get("airbyte_secret")
    ]
    assert secret == ["api_token"]


def test_the_examples_are_settings_that_work() -> None:
    example = {name: setting["examples"][0] for name, setting in spec()["properties"].items()}
    jsonschema.validate(example, spec())
    assert Config.parse(example).host == "acme.atlassian.net"


ADDRESSES = [
    "acme.atlassian.net",
    " acme.atlassian.net ",
    "https://acme.atlassian.net/wiki/spaces/ENG/pages/42/Hello+world...?x=1#top",
    "HTTPS://ACME.ATLASSIAN.NET/WIKI/",
    "https://acme.atlassian.net/?atlOrigin=x",
    "https://acme.atlassian.net//wiki",
    "acme.atlassian.net.:443//",
    "[::1]:8443",
    "wiki.bücher.example",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_form_takes_the_addresses_that_are_understood(address: str) -> None:
    entered = {**SOUND, "domain_name": address}
    jsonschema.validate(entered, spec())
    assert Config.parse(entered)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("email", ""),
        ("email", "ada"),
        ("email", "acme.atlassian.net"),
        ("domain_name", ""),
        ("domain_name", "ada@acme.com"),
        ("domain_name", "https://ada:hush@acme.atlassian.net"),
        ("domain_name", "acme atlassian net"),
        ("domain_name", "acme.atlassian.net/jira"),
        ("domain_name", "acme.atlassian.net/wikis"),
        ("domain_name", "ftp://acme.atlassian.net"),
        ("domain_name", "acme..atlassian.net"),
        ("domain_name", "acme.atlassian,net"),
        ("domain_name", "acme.atlassian.net:https"),
        ("domain_name", "https:acme.atlassian.net"),
        ("domain_name", "-"),
    ],
)
def test_what_the_form_refuses_the_command_refuses_in_words(setting: str, value: str) -> None:
    entered = {**SOUND, setting: value}
    with pytest.raises(jsonschema.ValidationError, match="does not match"):
        jsonschema.validate(entered, spec())
    status, message = check(entered)
    assert status == "FAILED"
    assert "What to do: Enter the " in message


def test_the_form_wants_the_whole_host_name() -> None:
    """Somewhere it might be the name of a host, so on the command line only the check can tell."""
    with pytest.raises(jsonschema.ValidationError, match="does not match"):
        jsonschema.validate({**SOUND, "domain_name": "acme"}, spec())


def test_without_a_form_the_settings_stay_as_they_are(tmp_path: Path) -> None:
    assert SourceConfluence().configure({"email": 7}, str(tmp_path)) == {"email": 7}


def test_every_pattern_comes_with_words_for_it() -> None:
    for setting in spec()["properties"].values():
        assert ("pattern" in setting) == ("pattern_descriptor" in setting)


def test_the_token_has_no_pattern_because_a_refusal_would_show_it() -> None:
    """Validators of JSON schemas print the value that does not match."""
    assert "pattern" not in spec()["properties"]["api_token"]


def test_the_source_needs_no_arguments() -> None:
    assert SourceConfluence().name == "SourceConfluence"
