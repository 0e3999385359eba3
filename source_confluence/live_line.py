"""Rewrite one line of a terminal; elsewhere nothing is written."""

import os

_STANDARD_OUTPUT, _STANDARD_ERROR = 1, 2
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
        self.is_shown = is_able and os.isatty(_STANDARD_ERROR) and not os.isatty(_STANDARD_OUTPUT)

    def show(self, text: str) -> None:
        """Replace what the line says, cut to the width of the terminal."""
        self._write(_CLEAR + text[: _columns() - 1])

    def end(self, text: str) -> None:
        """Leave a last text standing, and begin a new line."""
        self._write(f"{_CLEAR}{text}\n")

    def _write(self, text: str) -> None:
        if not self.is_shown:
            return
        try:  # past Python's buffer: it would be written again at the end, and change the exit code
            os.write(_STANDARD_ERROR, text.encode())
        except OSError:  # the terminal was closed; the read does not need it
            self.is_shown = False


def _columns() -> int:
    """Of the terminal; `shutil.get_terminal_size` asks standard output, which is none."""
    try:
        return os.get_terminal_size(_STANDARD_ERROR).columns or _USUAL_COLUMNS
    except OSError:
        return _USUAL_COLUMNS
