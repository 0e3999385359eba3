"""Start the connector from a command line: `source-confluence spec|check|discover|read`."""

import io
import os
import sys
from typing import cast

from airbyte_cdk.entrypoint import launch

from source_confluence.source import SourceConfluence

_READER_IS_GONE = 141
_INTERRUPTED = 130


def run() -> None:
    """Answer one command of the Airbyte protocol on standard output.

    Ends with 1 when a command fails; as a shell says it, with 141 when nobody reads what we print
    (`read | head`), and with 130 after Ctrl-C. A `read` that is told to stop ends its streams, and
    then with 1.

    Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol
    """
    _print_whole_lines()
    try:
        launch(SourceConfluence(), sys.argv[1:])
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what Python flushes when it ends
        sys.exit(_READER_IS_GONE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _print_whole_lines() -> None:
    """Put a buffer before standard output where PYTHONUNBUFFERED has taken it away.

    Without one, Python drops the rest of what it writes to a full pipe when a signal comes.
    """
    if isinstance(sys.stdout.buffer, io.RawIOBase):
        unbuffered = cast("io.RawIOBase", sys.stdout.detach())
        whole = io.TextIOWrapper(io.BufferedWriter(unbuffered), encoding="utf-8")
        sys.stdout = sys.__stdout__ = whole  # type: ignore[misc] # the CDK prints to the latter
