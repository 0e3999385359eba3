"""What the user wants of a site is understood, or refused with what to enter instead."""

from typing import Any

import jsonschema
import pytest

from source_confluence.settings.config import Config
from source_confluence.settings.selection import Selection
from unit_tests.protocol import check, run

SOUND = {"email": "ada@acme.com", "api_token": "t0ken", "domain_name": "acme.example"}


def form() -> dict[str, Any]:
    [message] = [m for m in run("spec").messages if m["type"] == "SPEC"]
    return dict(message["spec"]["connectionSpecification"])


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


@pytest.mark.parametrize("statuses", [[], ["draft"], "current", ["current", 7], {"current": True}])
def test_other_statuses_are_refused_with_what_to_enter(statuses: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**SOUND, "content_statuses": statuses}, form())
    status, message = check({**SOUND, "content_statuses": statuses})
    assert status == "FAILED"
    assert message.startswith("The content statuses are not a list of statuses that Confluence has")
    assert "current, archived, trashed" in message


@pytest.mark.parametrize("body_format", ["view", "", 7, ["storage"]])
def test_other_body_formats_are_refused_with_what_to_enter(body_format: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**SOUND, "body_format": body_format}, form())
    status, message = check({**SOUND, "body_format": body_format})
    assert status == "FAILED"
    assert message.startswith("The body format is none that can be read. ")
    assert "storage, atlas_doc_format, none" in message


def test_the_form_shows_the_defaults() -> None:
    shown = {name: field.get("default") for name, field in form()["properties"].items()}
    selected = Selection.parse({name: shown[name] for name in ("content_statuses", "body_format")})
    assert selected == Selection()
