"""Read a site with the connector over the Airbyte protocol, one record at a time."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Settings = Mapping[str, Any]
"""`{"email": …, "api_token": …, "domain_name": …, "spaces": ["ENG", "OPS"]}`"""
Message = dict[str, Any]
"""`{"type": "RECORD", "record": {"stream": "pages", "data": {"id": "65538", …}, …}}`"""


class IncompleteError(Exception):
    """The connector could not read everything; its own words say why, and what to do."""


def discovered(connector: str | Path, config: Settings) -> list[dict[str, Any]]:
    """The streams of the site: `[{"name": "pages", "json_schema": {…}, …}, …]`."""
    return [
        stream
        for message in messages(connector, "discover", config=config)
        if message["type"] == "CATALOG"
        for stream in message["catalog"]["streams"]
    ]


def full_refresh(streams: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The catalog of a connection that reads these streams anew each time.

    Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol/#configuredairbytecatalog
    """
    how = {"sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
    return {"streams": [{"stream": stream, **how} for stream in streams]}


def records(
    connector: str | Path, config: Settings, catalog: Settings
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The stream and the fields of each record: `("pages", {"id": "65538", …})`.

    Raises:
        IncompleteError: At the end, unless every stream of the catalog is complete.
    """
    incomplete = {stream["stream"]["name"] for stream in catalog["streams"]}
    for message in messages(connector, "read", config=config, catalog=catalog):
        if message["type"] == "RECORD":
            yield message["record"]["stream"], message["record"]["data"]
        status = message.get("trace", {}).get("stream_status", {})
        if status.get("status") == "COMPLETE":
            incomplete.discard(status["stream_descriptor"]["name"])
    if incomplete:
        raise IncompleteError(f"Not read to the end: {', '.join(sorted(incomplete))}.")


def messages(connector: str | Path, command: str, **files: Settings) -> Iterator[Message]:
    """What the connector prints, line by line; it is stopped when no more is wanted.

    Raises:
        IncompleteError: When it fails.
    """
    errors: list[str] = []
    with TemporaryDirectory() as name:  # for its owner alone: the settings hold the token
        folder = Path(name)
        said = folder / "stderr"
        command_line = [connector, command, *written(files, folder)]
        with (
            said.open("w") as stderr,
            subprocess.Popen(
                command_line, stdout=subprocess.PIPE, stderr=stderr, encoding="utf-8"
            ) as started,
        ):
            try:
                for line in started.stdout:
                    message = json.loads(line)
                    yield message
                    errors += errors_in(message)
                code = started.wait()
            finally:
                started.kill()
        if errors or code:
            raise IncompleteError(
                errors[-1] if errors else said.read_text() or f"Exit code {code}."
            )


def errors_in(message: Message) -> list[str]:
    """The words of an error, if the message is one; a warning is printed."""
    if message.get("log", {}).get("level") == "WARN":
        print(message["log"]["message"], file=sys.stderr)
    error = message.get("trace", {}).get("error")
    return [error["message"]] if error else []


def written(files: Mapping[str, Settings], folder: Path) -> Iterator[str | Path]:
    """Write each file, and name it on the command line: `--config`, its path."""
    for name, content in files.items():
        file = folder / f"{name}.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        yield from (f"--{name}", file)
