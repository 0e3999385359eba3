"""What the user wants of a site is understood, or refused with what to enter instead."""

from typing import Any

import jsonschema
import pytest

from source_confluence.settings.config import Config
from source_confluence.settings.selection import Selection
from unit_tests.protocol import check
from unit_tests.test_spec import SOUND, spec

STATUSES = "content_statuses", "The content statuses are not a list", "current, archived, trashed"
FORMAT = (
    "body_format",
    "The body format is none that can be read",
    "storage, atlas_doc_format, none",
)


@pytest.mark.parametrize(
    ("entered", "selection"),
    [
        ({}, Selection()),
        ({"content_statuses": None, "body_format": None}, Selection()),
        ({"content_statuses": ["trashed", "current"]}, Selection(statuses=("current", "trashed"))),
        ({"content_statuses": ["archived", "archived"]}, Selection(statuses=("archived",))),
        ({"body_format": "none"}, Selection(body_format="none")),
    ],
)
def test_what_is_entered_is_understood(entered: dict[str, Any], selection: Selection) -> None:
    assert Config.parse({**SOUND, **entered}).selection == selection


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *((STATUSES, value) for value in ([], ["draft"], "current", ["current", 7], {"a": True})),
        *((FORMAT, value) for value in ("view", "", 7, ["storage"])),
    ],
)
def test_other_values_are_refused_with_what_to_enter(
    setting: tuple[str, str, str], value: object
) -> None:
    name, happened, choices = setting
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**SOUND, name: value}, spec())
    status, message = check({**SOUND, name: value})
    assert status == "FAILED"
    assert message.startswith(happened)
    assert f"one of {choices}" in message


def test_the_form_shows_the_defaults() -> None:
    shown = {name: field.get("default") for name, field in spec()["properties"].items()}
    assert Config.parse({**shown, **SOUND}).selection == Selection()
