"""The pictures of the documentation show what is; `scripts/pictures` makes them."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from unit_tests.streams_under_test import CURSOR_FIELDS

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
PACKAGE = ROOT / "source_confluence"
ROOMS = (PICTURES / "rooms.dot").read_text()
MODULES_OF = {
    "run": ["run", "entrypoint", "source"],
    "ground": ["output", "shutdown", "exceptions"],
}
DIAGRAM = (PICTURES / "streams.dot").read_text()
TABLES: dict[str, list[tuple[str, str]]] = {
    name: re.findall(r'PORT="(\w+)" .*?COLOR="#5e6c84">(\w+)<', body)
    for name, body in re.findall(
        r'^  "?(\w+)"? \[label=<<TABLE(.*?)</TABLE>>\]', DIAGRAM, re.MULTILINE | re.DOTALL
    )
}
assert TABLES.pop("people") == [("accountId", "text")], "what others refer to, and no stream"
JOINS: list[tuple[str, str, str, str]] = re.findall(
    r"^  (\w+):(\w+?)_?:\w -> (\w+):(\w+?)_?:\w(?: \[.+\])?$", DIAGRAM, re.MULTILINE
)


def schema(stream: str) -> dict[str, Any]:
    file = ROOT / "source_confluence" / "schemas" / f"{stream}.json"
    return dict(json.loads(file.read_text())["properties"])


def kind(field: dict[str, Any]) -> str:
    if field.get("format") == "date-time":
        return "timestamp"
    [type_] = {field["type"]} if isinstance(field["type"], str) else set(field["type"]) - {"null"}
    return {"string": "text"}.get(type_, type_)


def test_the_diagram_has_every_stream() -> None:
    files = (ROOT / "source_confluence" / "schemas").glob("*.json")
    assert set(TABLES) == {file.stem for file in files}


@pytest.mark.parametrize("stream", TABLES)
def test_the_columns_of_the_diagram_are_fields_of_the_stream(stream: str) -> None:
    fields = schema(stream)
    assert TABLES[stream] == [
        (name, kind(fields[name]) if "$ref" not in fields[name] else "object")
        for name, _ in TABLES[stream]
    ]


def test_the_cursor_fields_of_the_diagram_are_those_of_the_streams() -> None:
    green = re.findall(r'<TD PORT="(\w+)" ALIGN="LEFT" BGCOLOR="#e3fcef"><I>\1</I>', DIAGRAM)
    assert sorted(green) == sorted(CURSOR_FIELDS.values())
    for stream, cursor_field in CURSOR_FIELDS.items():
        assert cursor_field in dict(TABLES[stream])


def test_the_joins_of_the_diagram_lead_from_ids_to_keys() -> None:
    joins = [join for join in JOINS if join[2] != "people"]
    assert len(joins) == 4
    for _, column, to_table, to_column in joins:
        assert column.endswith("Id")
        assert to_column == "id"
        assert to_table in TABLES


def test_every_account_id_of_the_diagram_leads_to_the_people() -> None:
    shown = [(name, column) for name, columns in TABLES.items() for column, _ in columns]
    people = [(name, column) for name, column in shown if holds_a_person(schema(name)[column])]
    assert len(people) == 5
    assert sorted(people) == sorted(join[:2] for join in JOINS if join[2] == "people")


def holds_a_person(field: dict[str, Any]) -> bool:
    """Whether a field is an account id, or an object whose `accountId` is one."""
    inner = field.get("properties", {}).get("accountId", field)
    return str(inner.get("description")).startswith("Atlassian account ID")


def test_the_picture_is_of_this_diagram() -> None:
    svg = ET.parse(PICTURES / "streams.svg")  # noqa: S314 (our own file)
    space = "{http://www.w3.org/2000/svg}"
    shown = sorted(text.text or "" for text in svg.iter(f"{space}text"))
    words = [word for name, columns in TABLES.items() for pair in columns for word in pair]
    people = ["people (no stream)", "account id", "text", "accountId"]
    assert shown == sorted([*words, *TABLES, *people])
    edges = [g for g in svg.iter(f"{space}g") if g.get("class") == "edge"]
    assert len(edges) == len(JOINS)


def test_the_drawing_of_the_rooms_shows_every_folder_and_real_imports() -> None:
    folders = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert {name for name in folders if f'label="{name}/"' in ROOMS} == folders
    arrows = re.findall(r"^  (\w+) -> (\w+)", ROOMS, re.MULTILINE)
    assert len(arrows) > 10
    for above, below in arrows:
        assert imports_of(above) & set(MODULES_OF.get(below, [below])), f"{above} -> {below}"


def imports_of(room: str) -> set[str]:
    """The rooms, and modules beside them, whose names a room imports."""
    names = MODULES_OF.get(room, [room])
    files = [PACKAGE / f"{name}.py" for name in names]
    text = "".join(f.read_text() for f in [*files, *(PACKAGE / room).glob("*.py")] if f.exists())
    found = re.findall(r"from source_confluence(?:\.| import )(\w+)", text)
    return set(found)


def test_the_drawing_of_the_rooms_is_of_this_diagram() -> None:
    svg = ET.parse(PICTURES / "rooms.svg")  # noqa: S314 (our own file)
    space = "{http://www.w3.org/2000/svg}"
    shown = {(text.text or "").strip() for text in svg.iter(f"{space}text")}
    assert shown - {"assembly", "permissions", "identity"} == {
        label.strip() for label in re.findall(r'label="([^"]*)"', ROOMS)
    }


def test_the_pictures_of_the_form_are_of_this_form() -> None:
    lines = (PICTURES / "form.sha256").read_text().splitlines()
    digests = {name: digest for digest, name in map(str.split, lines)}
    drawn = {file.name for file in PICTURES.glob("form*") if file.suffix != ".sha256"}
    assert set(digests) == {"../../source_confluence/spec.yaml", "package.json", *drawn}
    for name, digest in digests.items():
        assert hashlib.sha256((PICTURES / name).read_bytes()).hexdigest() == digest, name


def test_the_form_is_drawn_with_each_kind_of_credentials() -> None:
    form = yaml.safe_load((PACKAGE / "spec.yaml").read_text())["connectionSpecification"]
    field = form["properties"]["credentials"]
    kinds = [option["properties"]["auth_type"]["const"] for option in field["oneOf"]]
    kinds.remove(field["default"])  # form.png, with an email and an API token
    source = (PICTURES / "form.jsx").read_text()
    drawn = re.findall(r'auth_type: "([\w.]+)"', source)
    assert sorted(drawn) == sorted(kinds)
    states = re.findall(r'"#([\w-]+)": \{\s*\.\.\.site,\s*credentials', source)
    assert len(states) == len(kinds)
    shown = (ROOT / "docs" / "credentials.md").read_text()
    for state in states:
        assert (PICTURES / f"form-{state}.png").exists()
        assert f"](pictures/form-{state}.png)" in shown
