"""Start the connector from a command line: `source-confluence spec|check|discover|read`."""

import gc
import io
import os
import sys
from typing import Any

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
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _print_answers(arguments: list[str]) -> None:
    """Have the command done, with Python's garbage collector away from what stays anyway.

    The half million objects of the imports are not looked through again and again: a tenth less
    CPU, for start and read together.
    """
    gc.disable()
    from source_confluence.entrypoint import Entrypoint  # noqa: PLC0415 (while it is disabled)
    from source_confluence.source import SourceConfluence  # noqa: PLC0415

    gc.enable()
    gc.freeze()
    entrypoint = Entrypoint(SourceConfluence())
    for message in entrypoint.run(entrypoint.parse_args(arguments)):
        sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


class _Output(io.FileIO):
    """Standard output; when nobody reads it any more, whoever prints ends the process, quietly.

    As a `BrokenPipeError`, it would be one more failure of the stream that prints, and a logger
    would print where it comes from.
    """

    def write(self, data: Any) -> int:  # noqa: ANN401 (any buffer, as there)
        """Write what can be written at once."""
        try:
            return super().write(data)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())  # for what is still printed
            sys.exit(_READER_IS_GONE)


def _print_whole_lines() -> None:
    """Put a large buffer before standard output, also where PYTHONUNBUFFERED has taken it away.

    Without one, Python drops the rest of what it writes to a full pipe when a signal comes. The old
    one stays as it is, because loggers may have it already.
    """
    output = _Output(sys.stdout.fileno(), "w", closefd=False)
    buffer = io.BufferedWriter(output, _BUFFER_BYTES)
    whole = io.TextIOWrapper(buffer, encoding="utf-8", write_through=True)
    sys.stdout = sys.__stdout__ = whole  # type: ignore[misc] # the CDK prints to the latter
