"""Check, discover and read a bit of every stream of a real site, and compare it with the schemas.

    scripts/test-live                     # every stream, with secrets/config.json
    scripts/test-live pages space         # some streams
    scripts/test-live --records 5000      # more of each

Nothing of what the site holds is printed: only counts, names of fields, and the connector's own
messages. Nothing is written to the site; every request is a GET.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from live_tests.comparison import undeclared, violations

COMMAND = Path(sys.executable).parent / "source-confluence"
HOW_TO = """\
There is no file {config}, so there is no site to try.
What to do: create an API token at https://id.atlassian.com/manage-profile/security/api-tokens
(without scopes), and write your own values into a copy of the sample; git and the container image
leave the folder secrets out:

    mkdir -p secrets
    cp integration_tests/sample_config.json secrets/config.json
"""

Message = dict[str, Any]


@dataclass
class Sample:
    """What came of one stream.

    Args:
        records: How many records were read.
        ending: `COMPLETE`, `INCOMPLETE`, or `enough` when we stopped reading.
        failure: The connector's own words, if the stream failed.
        misfits: What broke the schema, and in how many records.
        new_fields: Fields that the schema does not have, and in how many records.
    """

    records: int = 0
    ending: str = "no status"
    failure: str = ""
    misfits: Counter[str] = field(default_factory=Counter)
    new_fields: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Whether the stream delivered, and fits its schema; new fields are Atlassian's right."""
        return self.ending in {"COMPLETE", "enough"} and not self.misfits

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


def main() -> int:
    """Try the site; the exit code, 0 when all is well."""
    parser = argparse.ArgumentParser(
        prog="scripts/test-live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("streams", nargs="*", help="all, unless some are named")
    parser.add_argument("--config", type=Path, default=Path("secrets/config.json"))
    parser.add_argument("--records", type=int, default=600, help="the most of each (%(default)s)")
    chosen = parser.parse_args()
    if not chosen.config.is_file():
        parser.exit(1, HOW_TO.format(config=chosen.config))

    status = _check(chosen.config)
    print(f"check     {status['status']} {status.get('message', '')}".rstrip())
    if status["status"] != "SUCCEEDED":
        return 1

    catalog = _discover(chosen.config)
    print(f"discover  {', '.join(catalog)}")
    unknown = set(chosen.streams) - set(catalog)
    if unknown:
        parser.error(f"there is no stream {', '.join(sorted(unknown))}")

    samples = {
        name: _sample(chosen.config, catalog[name], chosen.records)
        for name in chosen.streams or catalog
    }
    for name, sample in samples.items():
        _show(name, sample)
    bad = [name for name, sample in samples.items() if not sample.is_good]
    print(f"{len(samples) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


@contextmanager
def _command(*arguments: str | Path) -> Iterator[Iterator[Message]]:
    """The messages of a command, which is ended when nobody wants more of them."""
    with subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield (json.loads(line) for line in process.stdout or ())
        finally:
            process.terminate()


def _check(config: Path) -> Message:
    with _command("check", "--config", config) as messages:
        [answer] = [m for m in messages if m["type"] == "CONNECTION_STATUS"]
    return dict(answer["connectionStatus"])


def _discover(config: Path) -> dict[str, Message]:
    with _command("discover", "--config", config) as messages:
        [answer] = [m for m in messages if m["type"] == "CATALOG"]
    return {stream["name"]: stream for stream in answer["catalog"]["streams"]}


def _sample(config: Path, stream: Message, limit: int) -> Sample:
    """Read one stream until it ends, or until there are enough records."""
    selected = {
        "stream": stream,
        "sync_mode": "full_refresh",
        "destination_sync_mode": "overwrite",
    }
    sample = Sample()
    with tempfile.TemporaryDirectory() as folder:
        catalog = Path(folder) / "catalog.json"
        catalog.write_text(json.dumps({"streams": [selected]}))
        with _command("read", "--config", config, "--catalog", catalog) as messages:
            for message in messages:
                sample.take(message, stream["json_schema"])
                if sample.records == limit:
                    sample.ending = "enough"
                    break
    return sample


def _show(name: str, sample: Sample) -> None:
    print(f"read      {name:<12}{sample.records:>7} records, {sample.ending}")
    if sample.failure:
        print(f"            {sample.failure}")
    for what, count in sorted(sample.misfits.items()):
        print(f"            breaks the schema: {what} ({count} of {sample.records})")
    for what, count in sorted(sample.new_fields.items()):
        print(f"            not in the schema: {what} ({count} of {sample.records})")


if __name__ == "__main__":
    sys.exit(main())
