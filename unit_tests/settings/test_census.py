"""How often the census comes is understood, or refused with what to enter instead."""

from typing import Any

import jsonschema
import pytest

from source_confluence.settings.census import Census
from source_confluence.settings.config import Config
from unit_tests.protocol import check
from unit_tests.test_spec import SOUND, spec


@pytest.mark.parametrize(
    ("entered", "census"),
    [
        ({}, Census()),
        ({"census": None, "allow_mass_removal": None}, Census()),
        ({"census": "never"}, Census(frequency="never")),
        ({"census": "once_a_day"}, Census(frequency="once_a_day")),
        ({"allow_mass_removal": True}, Census(may_shrink=True)),
    ],
)
def test_what_is_entered_is_understood(entered: dict[str, Any], census: Census) -> None:
    assert Config.parse({**SOUND, **entered}).census == census


@pytest.mark.parametrize(
    ("entered", "advice"),
    [
        ({"census": "daily"}, "Enter one of every_sync, once_a_day, never"),
        ({"census": True}, "Enter one of every_sync, once_a_day, never"),
        ({"allow_mass_removal": "true"}, "Enter true or false without quotation marks"),
        ({"allow_mass_removal": 1}, "Enter true or false without quotation marks"),
    ],
)
def test_other_values_are_refused_with_what_to_enter(entered: dict[str, Any], advice: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**SOUND, **entered}, spec())
    status, message = check({**SOUND, **entered})
    assert status == "FAILED"
    assert advice in message


def test_the_form_shows_the_defaults() -> None:
    shown = {name: field.get("default") for name, field in spec()["properties"].items()}
    assert Config.parse({**shown, **SOUND}).census == Census()
