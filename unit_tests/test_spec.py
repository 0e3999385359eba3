from typing import Any

import jsonschema

from source_confluence import SourceConfluence
from source_confluence.config import Config
from unit_tests.protocol import run


def spec() -> dict[str, Any]:
    [message] = [m for m in run("spec").messages if m["type"] == "SPEC"]
    return dict(message["spec"]["connectionSpecification"])


def test_it_asks_for_email_token_and_domain_in_this_order() -> None:
    properties = spec()["properties"]
    by_order = sorted(properties, key=lambda name: properties[name]["order"])
    assert by_order == ["email", "api_token", "domain_name"] == spec()["required"]


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


def test_the_source_needs_no_arguments() -> None:
    assert SourceConfluence().name == "SourceConfluence"
