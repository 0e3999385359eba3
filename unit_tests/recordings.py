"""Read recorded answers of real sites, where they are at hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unit_tests.streams_under_test import PATHS


def recording(api_notes: Path, name: str) -> dict[str, Any]:
    """One recording: `{"request": …, "status": 200, "headers": …, "body": …}`."""
    document: dict[str, Any] = json.loads((api_notes / "samples" / f"{name}.json").read_text())
    return document


def recorded_lists(api_notes: Path, stream: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The name and the rows of each recorded list of a stream, those within one space too."""
    ending = PATHS[stream].removeprefix("/wiki")
    of_a_space = f"/{ending.rpartition('/')[2]}"
    for file in sorted((api_notes / "samples").glob("*.json")):
        recorded = json.loads(file.read_text())
        path = recorded["request"]["path"]
        is_list = path.endswith(ending) or ("/spaces/" in path and path.endswith(of_a_space))
        if is_list and recorded["status"] == 200 and recorded["body"]:
            yield file.stem, recorded["body"]["results"]
