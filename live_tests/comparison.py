"""Compare a record with the schema of its stream, and never tell what is in it."""

from collections.abc import Iterator
from typing import Any

import jsonschema


def undeclared(value: object, schema: dict[str, Any], where: str = "") -> Iterator[str]:
    """The places of all fields, at any depth, that the schema does not name: `.version.by`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            declared = schema.get("properties", {}).get(name)
            if declared is None:
                yield f"{where}.{name}"
            else:
                yield from undeclared(inner, declared, f"{where}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from undeclared(inner, schema.get("items", {}), f"{where}[]")


def violations(record: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """What does not fit: `.version.number is not of type null or integer`."""
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    for error in validator.iter_errors(record):
        where = "".join("[]" if isinstance(step, int) else f".{step}" for step in error.path)
        wanted = error.validator_value
        words = " or ".join(wanted) if isinstance(wanted, list) else str(wanted)
        yield f"{where} is not of {error.validator} {words}"
