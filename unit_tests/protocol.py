"""Run commands of the connector in this process, through the CDK's entry point."""

import json
import logging
import tempfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import AirbyteLogFormatter

from fake_confluence.catalog import configured_catalog
from source_confluence import SourceConfluence
from source_confluence.records.records import READ_AT

Message = dict[str, Any]


@dataclass
class Outcome:
    """What a command said, and the exception that ended it (None means exit code 0)."""

    messages: list[Message] = field(default_factory=list)
    exception: Exception | None = None

    @property
    def logs(self) -> list[str]:
        return [m["log"]["message"] for m in self.messages if m["type"] == "LOG"]

    def records(self, stream: str) -> list[Message]:
        """Without `readAt`: when a row was read is nothing that Confluence has sent."""
        dated = self.dated_records(stream)
        return [{k: v for k, v in record.items() if k != READ_AT} for record in dated]

    def dated_records(self, stream: str) -> list[Message]:
        records = [m["record"] for m in self.messages if m["type"] == "RECORD"]
        return [record["data"] for record in records if record["stream"] == stream]

    def statuses(self, stream: str) -> list[str]:
        traces = [m["trace"] for m in self.messages if m["type"] == "TRACE"]
        statuses = [t["stream_status"] for t in traces if t["type"] == "STREAM_STATUS"]
        return [s["status"] for s in statuses if s["stream_descriptor"]["name"] == stream]

    def ending(self, stream: str) -> str:
        """COMPLETE or INCOMPLETE; exactly one of them, at the end."""
        *before, last = self.statuses(stream)
        assert not {"COMPLETE", "INCOMPLETE"} & set(before)
        return last

    def error(self, stream: str) -> Message:
        """The one error trace of a stream: its `message`, `failure_type` and so on."""
        traces = [m["trace"] for m in self.messages if m["type"] == "TRACE"]
        errors = [t["error"] for t in traces if t["type"] == "ERROR"]
        [error] = [e for e in errors if e["stream_descriptor"]["name"] == stream]
        return dict(error)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []
        self.setFormatter(AirbyteLogFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def lines_of(command: str, **documents: object) -> Generator[str, None, None]:
    """Run `spec`, or another command with its files: `config`, `catalog`, `state`; line by line.

    A path is used as it is; of anything else a file is made: of a text as it is, else as JSON.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = [command]
        for name, document in documents.items():
            path = document if isinstance(document, Path) else Path(folder) / f"{name}.json"
            if not isinstance(document, Path):
                text = document if isinstance(document, str) else json.dumps(document)
                path.write_text(text, encoding="utf-8")
            arguments += [f"--{name}", str(path)]
        entrypoint = AirbyteEntrypoint(SourceConfluence())
        yield from entrypoint.run(entrypoint.parse_args(arguments))


def run(command: str, **documents: object) -> Outcome:
    """All that such a command says, to its end."""
    return run_until(None, command, **documents)


def run_until(line_count: int | None, command: str, **documents: object) -> Outcome:
    """What such a command says before it is killed, after so many lines; None for its end."""
    outcome = Outcome()
    logs = _Lines()
    logging.getLogger().addHandler(logs)
    lines: list[str] = []
    try:
        with closing(lines_of(command, **documents)) as printed:
            lines.extend(islice(printed, line_count))
    except Exception as error:  # noqa: BLE001 (any of them would end the process)
        outcome.exception = error
    finally:
        logging.getLogger().removeHandler(logs)
    outcome.messages = [json.loads(line) for line in [*lines, *logs.lines]]
    return outcome


def check(config: Mapping[str, object]) -> tuple[str, str]:
    """The status, SUCCEEDED or FAILED, and the message."""
    [status] = [
        m["connectionStatus"]
        for m in run("check", config=config).messages
        if m["type"] == "CONNECTION_STATUS"
    ]
    return status["status"], status.get("message") or ""


def discover(config: Mapping[str, object]) -> dict[str, Message]:
    """The streams, by name."""
    [catalog] = [
        m["catalog"] for m in run("discover", config=config).messages if m["type"] == "CATALOG"
    ]
    return {stream["name"]: stream for stream in catalog["streams"]}


def read(
    config: Mapping[str, object],
    streams: Iterable[str],
    state: object = None,
    *,
    is_incremental: bool = False,
) -> Outcome:
    """Read the streams, in the given order."""
    catalog = configured_catalog(*streams, is_incremental=is_incremental)
    documents: dict[str, object] = {"config": config, "catalog": catalog}
    if state is not None:
        documents["state"] = state
    return run("read", **documents)


def states(outcome: Outcome) -> list[Message]:
    """The states that were printed, in this order."""
    messages = [m["state"] for m in outcome.messages if m["type"] == "STATE"]
    return [message["stream"]["stream_state"] for message in messages]


def given(stream: str, state: object) -> list[Message]:
    """The state of one stream, as a platform hands it to the next read."""
    blob = {"stream_descriptor": {"name": stream}, "stream_state": state}
    return [{"type": "STREAM", "stream": blob}]
