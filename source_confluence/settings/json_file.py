"""Read the JSON files a command is given, or say what is wrong with one."""

import json
from pathlib import Path
from typing import Any

from source_confluence.exceptions import BadFileError

_REMEDIES = {
    "--config": 'Write a JSON object: {"email": "…", "api_token": "…", "domain_name": "…"}.',
    "--catalog": "Write an object with a list of 'streams', each with a stream as discover gives "
    "it under 'stream', and its 'sync_mode' and 'destination_sync_mode'.",
    "--state": "Write a list of the states that an earlier read printed, the last one of each "
    "stream, or leave --state out to read from the beginning.",
}


def bad_file(option: str, path: str, reason: str) -> BadFileError:
    """The error for a file that cannot be used.

    Args:
        option: The option that named it, `--config`.
        path: Where it is.
        reason: What is wrong with it: `it holds no JSON object`.
    """
    return BadFileError(
        f"The file {path} of {option} cannot be used: {reason}. "
        "Likely cause: a wrong path, or a file that was written by hand. "
        f"What to do: {_REMEDIES[option]}"
    )


def json_document(option: str, path: str) -> Any:  # noqa: ANN401 (JSON)
    """The JSON document in a file; a byte order mark, as some editors write it, is skipped.

    Args:
        option: The option that named the file, `--config`.
        path: Where it is.

    Raises:
        BadFileError: When it cannot be read, or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise bad_file(option, path, error.strerror or "it cannot be read") from None
    except (ValueError, RecursionError) as error:
        raise bad_file(option, path, f"it is not JSON ({error})") from None


def json_object(option: str, path: str) -> dict[str, Any]:
    """The JSON object in a file, read as `json_document` does.

    Raises:
        BadFileError: When it cannot be read, or holds something else.
    """
    document = json_document(option, path)
    if not isinstance(document, dict):
        raise bad_file(option, path, "it holds no JSON object")
    return document
