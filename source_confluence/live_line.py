"""Rewrite one line of a terminal; elsewhere nothing is written."""

import os
import sys

_CLEAR = "\r\x1b[K"
_USUAL_COLUMNS = 80


class LiveLine:
    """The last line of the terminal that standard error is.

    Only where standard output goes elsewhere: on one screen, the messages would tear it apart.

    Attributes:
        is_shown: Whether there is such a terminal; no longer when it has gone away.
    """

    def __init__(self) -> None:
        is_able = os.environ.get("TERM") != "dumb"
        self.is_shown = is_able and os.isatty(2) and not os.isatty(1)

    def show(self, text: str) -> None:
        """Replace what the line says, cut to the width of the terminal."""
        self._write(_CLEAR + text[: _columns() - 1])

    def end(self, text: str) -> None:
        """Leave a last text standing, and begin a new line."""
        self._write(f"{_CLEAR}{text}\n")

    def _write(self, text: str) -> None:
        if not self.is_shown:
            return
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):  # the terminal was closed; the read does not need it
            self.is_shown = False


def _columns() -> int:
    """Of the terminal; `shutil.get_terminal_size` asks standard output, which is none."""
    try:
        return os.get_terminal_size(2).columns or _USUAL_COLUMNS
    except OSError:
        return _USUAL_COLUMNS
