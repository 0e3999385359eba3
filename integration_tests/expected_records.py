"""Print the records of a small fake site, as `expected_records.jsonl` holds them.

    python -m integration_tests.expected_records >integration_tests/expected_records.jsonl

Run that when a change of the records is meant; a test compares the file with what is read.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fake_confluence import Clock, Service, serve
from integration_tests.connector import Connector, messages
from unit_tests.streams_under_test import BY_CURSOR, PINNED, contents

CONTENT = contents({BY_CURSOR: 3, PINNED: 3}, others=2)
EMITTED_AT = 1_600_000_000_000
"""In place of the time of the read, in milliseconds since 1970."""
READ_AT = "2026-11-25T12:00:00Z"
"""The site's time, which pages and blog posts carry."""


def expected_records() -> Iterator[str]:
    """Read the site through the command: `{"stream": "pages", "data": {…}, "emitted_at": …}`."""
    clock = Clock(frozen_at=READ_AT)
    with serve(Service(CONTENT, clock=clock)) as site, tempfile.TemporaryDirectory() as folder:
        done = Connector(Path(folder), site).read()
    for message in messages(done):
        if message["type"] == "RECORD":
            record = {**message["record"], "emitted_at": EMITTED_AT}
            yield json.dumps(record, ensure_ascii=False)


if __name__ == "__main__":
    for line in expected_records():
        sys.stdout.write(f"{line}\n")
