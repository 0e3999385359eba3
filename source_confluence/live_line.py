"""Rewrite one line of a terminal; elsewhere nothing is written."""

import os
import shutil
import sys

_CLEAR = "\r\x1b[K"


class LiveLine:
    """The last line of the terminal that standard error is.

    Only where standard output goes elsewhere: on one screen, the messages would tear it apart.
    """

    def __init__(self) -> None:
        self.is_shown = os.isatty(2) and not os.isatty(1)

    def show(self, text: str) -> None:
        """Replace what the line says, cut to the width of the terminal."""
        self._write(_CLEAR + text[: shutil.get_terminal_size().columns - 1])

    def end(self, text: str) -> None:
        """Leave a last text standing, and begin a new line."""
        self._write(f"{_CLEAR}{text}\n")

    def _write(self, text: str) -> None:
        if self.is_shown:
            sys.stderr.write(text)
            sys.stderr.flush()
