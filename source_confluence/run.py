"""Start the connector from a command line: `source-confluence spec|check|discover|read`."""

import gc
import io
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

_READER_IS_GONE = 141
_NOT_WRITTEN = 74  # EX_IOERR of sysexits.h
_INTERRUPTED = 130
_BUFFER_BYTES = 1024 * 1024


def run() -> None:
    """Answer one command of the Airbyte protocol on standard output.

    Ends with 1 when a command fails, and with 74 when what we print cannot be written (a full
    disk); as a shell says it, with 141 when nobody reads it (`read | head`), and with 130 after
    Ctrl-C. A `read` that is told to stop ends its streams, and then with 1.

    Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol
    """
    output = _print_whole_lines()
    try:
        _print_answers(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 (what Python would do, while it can still fail)
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
    finally:
        sys.stdout.flush()  # at its own end, Python would print where it fails
        output.raise_if_failed()


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


class _Output(io.FileIO):
    """Standard output; when it cannot be written any more, whoever prints ends the process.

    That is said once, or not at all when nobody reads it any more. As an `OSError`, it would be one
    more failure of the stream that prints, and a logger would print where it comes from.
    """

    _exit_code = 0

    def write(self, data: Any) -> int:  # noqa: ANN401 (any buffer, as there)
        """Write what can be written at once."""
        try:
            return super().write(data)
        except BrokenPipeError:
            self._fail(_READER_IS_GONE)
        except OSError as error:
            _say_why(error)
            self._fail(_NOT_WRITTEN)

    def _fail(self, exit_code: int) -> NoReturn:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())  # for what is still printed
        self._exit_code = exit_code
        sys.exit(exit_code)

    def raise_if_failed(self) -> None:
        """End the process as a failed `write` did, in case that ended no more than a thread."""
        if self._exit_code:
            sys.exit(self._exit_code)


def _say_why(error: OSError) -> None:
    """Print it on standard error, past Python's buffer, which would be written again at the end."""
    line = (
        f"Standard output cannot be written: {error.strerror}. What to do: Make room where it is "
        "written (disk, quota, ulimit -f), and run the command again.\n"
    )
    if sys.__stderr__ is not None:  # it was closed
        with suppress(OSError):
            os.write(sys.__stderr__.fileno(), line.encode())


def _print_whole_lines() -> _Output:
    """Put a large buffer before standard output, also where PYTHONUNBUFFERED has taken it away.

    Without one, Python drops the rest of what it writes to a full pipe when a signal comes. The old
    one stays as it is, because loggers may have it already.
    """
    output = _Output(sys.stdout.fileno(), "w", closefd=False)
    buffer = io.BufferedWriter(output, _BUFFER_BYTES)
    whole = io.TextIOWrapper(buffer, encoding="utf-8", write_through=True)
    sys.stdout = sys.__stdout__ = whole  # type: ignore[misc] # the CDK prints to the latter
    return output
