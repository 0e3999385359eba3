"""Write to standard output; no other module does."""

import io
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

_READER_IS_GONE = 141
_NOT_WRITTEN = 74  # EX_IOERR of sysexits.h
_BUFFER_BYTES = 1024 * 1024


def write_line(line: bytes) -> None:
    """Write a message, line break included, to the buffer of standard output."""
    sys.stdout.buffer.write(line)


def flush() -> None:
    """Write out what is buffered: before a wait, and at the end."""
    sys.stdout.flush()


class StandardOutput(io.FileIO):
    """Standard output; when it cannot be written any more, whoever prints ends the process.

    That is said once, or not at all when the reader is gone. As an `OSError` it would count as a
    failure of the stream that prints, and a logger would print a traceback.
    """

    _exit_code = 0

    @classmethod
    def install(cls) -> "StandardOutput":
        """Put a large buffer before standard output, even where PYTHONUNBUFFERED removed it.

        Without one, Python drops the rest of what it writes to a full pipe when a signal comes. It
        must happen before the CDK is imported, because its loggers keep the stream they find.
        """
        if sys.__stdout__ is None:
            _print_reason("it is closed")
            sys.exit(_NOT_WRITTEN)
        output = cls(sys.__stdout__.fileno(), "w", closefd=False)
        buffer = io.BufferedWriter(output, _BUFFER_BYTES)
        whole = io.TextIOWrapper(buffer, encoding="utf-8", write_through=True)
        sys.stdout = sys.__stdout__ = whole  # type: ignore[misc] # the CDK prints to the latter
        return output

    def write(self, data: Any) -> int:  # noqa: ANN401 (any buffer, as in the base class)
        """Write what can be written at once."""
        try:
            return super().write(data)
        except BrokenPipeError:
            self._fail(_READER_IS_GONE)
        except OSError as error:
            _print_reason(error.strerror)
            self._fail(_NOT_WRITTEN)

    def _fail(self, exit_code: int) -> NoReturn:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())  # for what is still printed
        self._exit_code = exit_code
        sys.exit(exit_code)

    def raise_if_failed(self) -> None:
        """End the process as a failed `write` did, in case that ended only a thread."""
        if self._exit_code:
            sys.exit(self._exit_code)


def _print_reason(reason: str | None) -> None:
    """Print it on standard error, past Python's buffer, which would be written again at the end."""
    line = (
        f"Standard output cannot be written: {reason}. What to do: Let it lead to a file or a "
        "program, make room there (disk, quota, ulimit -f), and run the command again.\n"
    )
    if sys.__stderr__ is not None:  # it was closed
        with suppress(OSError):
            os.write(sys.__stderr__.fileno(), line.encode())
