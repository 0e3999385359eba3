"""Check, discover and read a bit of every stream of a real site, and compare it with the schemas.

    scripts/test-live                     # every stream, with secrets/config.json
    scripts/test-live pages space         # some streams
    scripts/test-live --records 5000      # more of each

Nothing of what the site holds is printed: only counts, names of fields, and the connector's own
messages. Nothing is written to the site; every request to it is a GET. With OAuth 2.0 (3LO), the
file of settings is written anew when the connector has used up the refresh token in it.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from examples.kept_settings import keep, settings_in
from live_tests.comparison import undeclared, violations

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "integration_tests" / "sample_config.json"
CONFIG = ROOT / "secrets" / "config.json"
COMMAND = Path(sys.executable).parent / "source-confluence"
HOW_TO = f"""\
What to do: create an API token at https://id.atlassian.com/manage-profile/security/api-tokens
(docs/credentials.md says what else will do), and write your own values into a copy of the sample;
git and the container image leave the folder secrets out:

    mkdir -p {shlex.quote(str(CONFIG.parent))}
    cp {shlex.quote(str(SAMPLE))} {shlex.quote(str(CONFIG))}
    chmod 600 {shlex.quote(str(CONFIG))}
"""

Message = dict[str, Any]


class NoAnswerError(Exception):
    """A command ended without the answer it is there for; the text is what it said instead."""


@dataclass
class Sample:
    """What came of one stream.

    Args:
        limit: How many records are enough.
        records: How many records were read.
        ending: `COMPLETE`, `INCOMPLETE`, or that we stopped reading.
        failure: The connector's own words, if the stream failed.
        misfits: What broke the schema, and in how many records.
        new_fields: Fields that the schema does not have, and in how many records.
    """

    limit: int
    records: int = 0
    ending: str = "no status"
    failure: str = ""
    misfits: Counter[str] = field(default_factory=Counter)
    new_fields: Counter[str] = field(default_factory=Counter)

    @property
    def is_enough(self) -> bool:
        """Whether there are as many records as wanted."""
        return self.records >= self.limit

    @property
    def is_good(self) -> bool:
        """Whether the stream delivered, and fits its schema; new fields are Atlassian's right."""
        return (self.ending == "COMPLETE" or self.is_enough) and not self.misfits

    def take(self, message: Message, schema: dict[str, Any]) -> None:
        """Learn from one message of the connector."""
        if message["type"] == "RECORD":
            self.records += 1
            record = message["record"]["data"]
            self.misfits.update(set(violations(record, schema)))
            self.new_fields.update(set(undeclared(record, schema)))
        trace = message.get("trace", {})
        if "error" in trace:
            self.failure = self.failure or trace["error"]["message"]
        if "stream_status" in trace:
            self.ending = trace["stream_status"]["status"]

    def lines(self, name: str) -> Iterator[str]:
        """What is to be shown of it."""
        ending = f"the first {self.limit} are enough" if self.is_enough else self.ending
        yield f"read      {name:<12}{self.records:>7} records, {ending}"
        if self.failure:
            yield f"            {self.failure}"
        for what, count in sorted(self.misfits.items()):
            yield f"            breaks the schema: {what} ({count} of {self.records})"
        for what, count in sorted(self.new_fields.items()):
            yield f"            not in the schema: {what} ({count} of {self.records})"


def main() -> int:
    """Try the site; the exit code, 0 when all is well."""
    parser = argparse.ArgumentParser(
        prog="scripts/test-live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("streams", nargs="*", help="all, unless some are named")
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--records", type=int, default=600, help="the most of each (%(default)s)")
    chosen = parser.parse_args()
    if chosen.records < 1:
        parser.error("--records: at least 1")
    if not chosen.config.is_file():
        parser.exit(1, f"There is no file {chosen.config}, so there is no site to try.\n{HOW_TO}")
    if chosen.config.read_bytes() == SAMPLE.read_bytes():
        parser.exit(1, f"{chosen.config} still holds the values of the sample.\n{HOW_TO}")
    try:
        return _try(chosen.config, chosen.streams, chosen.records)
    except NoAnswerError as error:
        parser.exit(1, f"{error}\n")
    except KeyboardInterrupt:
        parser.exit(130, "Interrupted.\n")


def _try(config: Path, names: list[str], limit: int) -> int:
    catalog = {stream["name"]: stream for stream in _discovered(config)}
    unknown = ", ".join(sorted(set(names) - set(catalog)))
    if unknown:
        raise NoAnswerError(f"There is no stream {unknown}; there are: {', '.join(catalog)}.")

    status = _answer("CONNECTION_STATUS", "check", config)["connectionStatus"]
    _say(f"check     {status['status']} {status.get('message', '')}".rstrip())
    if status["status"] != "SUCCEEDED":
        return 1

    _say(f"discover  {', '.join(catalog)}")
    good = 0
    for name in names or catalog:
        sample = _sample(config, catalog[name], limit)
        _say(*sample.lines(name))
        good += sample.is_good
    count = len(names or catalog)
    _say(f"{good} passed, {count - good} failed")
    return 0 if good == count else 1


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


def _discovered(config: Path) -> list[Message]:
    return list(_answer("CATALOG", "discover", config)["catalog"]["streams"])


def _answer(kind: str, command: str, config: Path) -> Message:
    """The one message that a command is there for.

    Raises:
        NoAnswerError: When it does not come, with the connector's own words.
    """
    said = Sample(limit=1)
    with _command(command, config) as messages:
        for message in messages:
            if message["type"] == kind:
                return message
            said.take(message, {})
    raise NoAnswerError(said.failure or f"The command '{command}' gave no answer.")


@contextmanager
def _command(name: str, config: Path, *more: str | Path) -> Iterator[Iterator[Message]]:
    """The messages of a command, which is ended when nobody wants more of them.

    Settings that it tells to keep are kept to its very end: a refresh token works once.
    """
    command = [COMMAND, name, "--config", config, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        messages = (_kept(line, config) for line in process.stdout or ())
        try:
            yield messages
        finally:
            process.terminate()
            deque(messages, maxlen=0)


def _kept(line: bytes, config: Path) -> Message:
    entered = settings_in(line)
    if entered is not None:
        keep(config, entered)
    return dict(json.loads(line))


def _sample(config: Path, stream: Message, limit: int) -> Sample:
    """Read one stream until it ends, or until there are enough records."""
    selected = {
        "stream": stream,
        "sync_mode": "full_refresh",
        "destination_sync_mode": "overwrite",
    }
    sample = Sample(limit=limit)
    with tempfile.TemporaryDirectory() as folder:
        catalog = Path(folder) / "catalog.json"
        catalog.write_text(json.dumps({"streams": [selected]}))
        with _command("read", config, "--catalog", catalog) as messages:
            for message in messages:
                sample.take(message, stream["json_schema"])
                if sample.is_enough:
                    break
    return sample


if __name__ == "__main__":
    sys.exit(main())
