#!/usr/bin/env python3
"""Keep the settings of OAuth 2.0 (3LO): each refresh token works once, and a run prints the next.

On a command line (bash), between the connector and what takes its messages. They pass through, but
for the settings, which hold secrets; those only if the file cannot be written:

    set -o pipefail
    source-confluence read --config secrets/config.json --catalog catalog.json \
        | python3 examples/kept_settings.py secrets/config.json >messages.jsonl

Runs must not overlap: two at a time would use up each other's tokens (`flock` sees to it).

With PyAirbyte, which runs the connector for `check`, `discover` and `read` in turn:

    def took(config):
        source.set_config(config, validate=False)  # for what is still to come of this run
        keep_or_say(file, config)

    source = ab.get_source("source-confluence", config=json.loads(file.read_text()))
    source.config_change_callback = took

If it raised an error instead, PyAirbyte would write the settings into its log. The other examples
do so with the file of `--config`.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any


def keep(file: Path, config: Mapping[str, Any]) -> None:
    """Write settings in the place of older ones, as a whole or not at all; only you can read them.

    Raises:
        OSError: When they cannot be written; the older ones are then as they were.
    """
    file = file.resolve()  # of a link, what it leads to
    with NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}-", delete=False) as new:
        try:
            json.dump(config, new, indent=2)
            new.flush()
            os.fsync(new.fileno())
            Path(new.name).replace(file)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise


def keep_or_say(file: Path, config: Mapping[str, Any]) -> bool:
    """Do the same, and say on standard error if they cannot be written; whether they were."""
    try:
        keep(file, config)
    except OSError as error:
        sys.stderr.write(
            f"{file} could not be written: {error.strerror}. The refresh token in it works for ten "
            "more minutes. What to do: Write the settings of the last message of type CONTROL into "
            "the file, or authorize the connector again.\n"
        )
        return False
    return True


def settings_in(line: bytes) -> Mapping[str, Any] | None:
    """The settings that a message tells to keep; None for any other line."""
    if b'"CONNECTOR_CONFIG"' not in line:
        return None
    try:
        message = json.loads(line)
        is_meant = message["type"] == "CONTROL"
        config = message["control"]["connectorConfig"]["config"] if is_meant else None
    except (ValueError, TypeError, KeyError):
        return None
    return config if isinstance(config, dict) else None


def passed_on(line: bytes) -> bool:
    """Pass a line on, or, empty, what waits; False if nobody takes it, and throw away the rest."""
    try:
        sys.stdout.buffer.write(line)
        if not line:
            sys.stdout.buffer.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"The messages could not be passed on: {error.strerror}.\n")
        return False
    return True


def is_taken(line: bytes, file: Path) -> bool:
    """Keep the settings of a line, or pass it on; whether that went well."""
    config = settings_in(line)
    if config is None:
        return passed_on(line)
    if keep_or_say(file, config):
        return True
    passed_on(line)
    return False


def main() -> None:
    """Take all lines, to the end of the connector's output; exit with 1 if something went wrong.

    Ctrl-C and SIGTERM are for the connector: what it still prints may hold the next refresh token.
    So it reads on, too, when nobody takes its own output any more.
    """
    if len(sys.argv) != 2:  # noqa: PLR2004 (the program, and the file)
        sys.exit(__doc__)
    file = Path(sys.argv[1])
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    failures = sum(not is_taken(line, file) for line in sys.stdin.buffer)
    sys.exit(not passed_on(b"") or failures > 0)


if __name__ == "__main__":
    main()
