"""Start the connector from a command line: `source-confluence spec|check|discover|read`."""

import gc
import io
import os
import sys
from typing import cast

_READER_IS_GONE = 141
_INTERRUPTED = 130
_BUFFER_BYTES = 1024 * 1024


def run() -> None:
    """Answer one command of the Airbyte protocol on standard output.

    Ends with 1 when a command fails; as a shell says it, with 141 when nobody reads what we print
    (`read | head`), and with 130 after Ctrl-C. A `read` that is told to stop ends its streams, and
    then with 1.

    Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol
    """
    _print_whole_lines()
    try:
        _print_answers(sys.argv[1:])
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what Python flushes when it ends
        sys.exit(_READER_IS_GONE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _print_answers(arguments: list[str]) -> None:
    """Do what `launch` of the CDK does, with less work.

    Python's garbage collector is told to let be what stays anyway, the half million objects of the
    imports: it takes a tenth off the CPU of start and read. `launch` keeps what it prints in a
    buffer of characters, which takes 4 bytes for each and another tenth; `waits` and `rate_limit`
    see to it that nothing stays in ours for long.
    """
    gc.disable()
    from airbyte_cdk.entrypoint import AirbyteEntrypoint  # noqa: PLC0415 (while it is disabled)

    from source_confluence.source import SourceConfluence  # noqa: PLC0415

    gc.enable()
    gc.freeze()
    entrypoint = AirbyteEntrypoint(SourceConfluence())
    for message in entrypoint.run(entrypoint.parse_args(arguments)):
        sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def _print_whole_lines() -> None:
    """Put a large buffer before standard output, also where PYTHONUNBUFFERED has taken it away.

    Without one, Python drops the rest of what it writes to a full pipe when a signal comes.
    """
    output = cast("io.TextIOWrapper", sys.stdout).detach()
    raw = output.detach() if isinstance(output, io.BufferedWriter) else output
    unbuffered = cast("io.RawIOBase", raw)
    whole = io.TextIOWrapper(io.BufferedWriter(unbuffered, _BUFFER_BYTES), encoding="utf-8")
    sys.stdout = sys.__stdout__ = whole  # type: ignore[misc] # the CDK prints to the latter
