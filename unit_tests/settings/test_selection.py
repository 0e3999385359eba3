"""What the user wants of a site is understood, or refused with what to enter instead."""

from typing import Any

import jsonschema
import pytest

from source_confluence.settings.config import Config
from source_confluence.settings.selection import Selection
from unit_tests.protocol import check
from unit_tests.test_spec import SOUND, spec

STATUSES = (
    "content_statuses",
    "The content statuses are not a list",
    "one of current, archived, trashed",
)
FORMAT = (
    "body_format",
    "The body format is none that can be read",
    "one of storage, atlas_doc_format, none",
)
DATE = "start_date", "The start date is no date", "like 2026-01-31,"
JANUARY_31 = 1_769_817_600_000
WHERE = "The key is the part behind /spaces/ in the address of the space"
SPACES = "spaces", "The setting spaces is not a list of keys", WHERE
EXCLUDED = "excluded_spaces", "The setting excluded_spaces is not a list of keys", WHERE
ADDRESS = "https://acme.atlassian.net/wiki/spaces/ENG"
NO_KEY = "spaces", "The setting spaces holds what is no key", WHERE
PERSONAL = "personal_spaces", "The setting personal_spaces is neither", "Enter true or false"


@pytest.mark.parametrize(
    ("entered", "selection"),
    [
        ({}, Selection()),
        ({"content_statuses": None, "body_format": None}, Selection()),
        ({"content_statuses": ["trashed", "current"]}, Selection(statuses=("current", "trashed"))),
        ({"content_statuses": ["archived", "archived"]}, Selection(statuses=("archived",))),
        ({"body_format": "none"}, Selection(body_format="none")),
        ({"start_date": None}, Selection()),
        ({"start_date": "2026-01-31"}, Selection(start_date=JANUARY_31)),
        ({"start_date": "2026-01-31T00:00:00Z"}, Selection(start_date=JANUARY_31)),
        ({"start_date": "2026-01-31T01:00:02Z"}, Selection(start_date=JANUARY_31 + 3_602_000)),
        ({"start_date": "0001-01-01"}, Selection(start_date=0)),
        ({"spaces": ["ENG", " ~5fc9e78d ", "ENG"]}, Selection(spaces=("ENG", "~5fc9e78d"))),
        ({"spaces": ["Docs", "DOCS"]}, Selection(spaces=("Docs",))),
        ({"excluded_spaces": ["OPS"]}, Selection(excluded_spaces=("OPS",))),
        ({"excluded_spaces": []}, Selection()),
        ({"personal_spaces": False}, Selection(personal_spaces=False)),
        ({"spaces": None, "excluded_spaces": None, "personal_spaces": None}, Selection()),
    ],
)
def test_what_is_entered_is_understood(entered: dict[str, Any], selection: Selection) -> None:
    assert Config.parse({**SOUND, **entered}).selection == selection


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *((STATUSES, value) for value in ([], ["draft"], "current", ["current", 7], {"a": True})),
        *((FORMAT, value) for value in ("view", "", 7, ["storage"])),
        *((DATE, value) for value in ("31.01.2026", "2026-1-31", "2026-01-31T00:00", "", 7)),
        *((SPACES, value) for value in ([], "ENG", [7], {"ENG": True}, 7)),
        *((EXCLUDED, value) for value in ("ENG", [None], 7)),
        *((NO_KEY, [key]) for key in ("", " ", "Human Resources", "ENG,OPS", ADDRESS)),
        *((PERSONAL, value) for value in ("false", 0, [True])),
    ],
)
def test_other_values_are_refused_with_what_to_enter(
    setting: tuple[str, str, str], value: object
) -> None:
    name, happened, what_to_do = setting
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**SOUND, name: value}, spec())
    status, message = check({**SOUND, name: value})
    assert status == "FAILED"
    assert message.startswith(happened)
    assert what_to_do in message


@pytest.mark.parametrize("day", ["2026-02-30", "0000-01-01", "2026-01-31T24:00:01Z"])
def test_a_day_or_a_time_that_does_not_exist_is_refused(day: str) -> None:
    status, message = check({**SOUND, "start_date": day})
    assert status == "FAILED"
    assert message.startswith(DATE[1])
    assert DATE[2] in message


def test_the_form_shows_the_defaults() -> None:
    shown = {name: field.get("default") for name, field in spec()["properties"].items()}
    assert Config.parse({**shown, **SOUND}).selection == Selection()


@pytest.mark.parametrize(
    "entered",
    [
        {"spaces": ["ENG", "OPS"], "excluded_spaces": ["ops"]},
        {"spaces": ["~5fc9e78d", "OPS"], "personal_spaces": False},
    ],
    ids=str,
)
def test_what_is_both_selected_and_left_out_is_refused(entered: dict[str, Any]) -> None:
    status, message = check({**SOUND, **entered})
    assert status == "FAILED"
    named = next(key for key in entered["spaces"] if key != "ENG")
    assert message.startswith(f"The space {named} is both selected and left out: ")
    assert message.endswith("What to do: Remove one of the two.")
