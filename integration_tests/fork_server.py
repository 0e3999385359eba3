"""Run commands of the connector as forks of one process that has imported it already.

    python -m integration_tests.fork_server 3

The imports take a second of CPU, a fork some milliseconds. `run` starts the server when it is first
needed; 3 is the socket over which they talk. What comes is a JSON object with the two files for
standard output and standard error beside it, and what goes back is the exit code:

    {"module": "source_confluence.run", "arguments": ["spec"], "environment": {…}, "folder": "/tmp",
     "timeout_seconds": 120}

A fork ends as any process of Python does, so threads, buffers and exit codes are real. What it
cannot show is how a process starts: imports, entry points, PYTHONUNBUFFERED. As in the image, it
cannot import what `not-in-image.txt` leaves out.
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from integration_tests.image_contents import LeftOut

ROOT = Path(__file__).parents[1]
IMPORTED = (
    "source_confluence.run",
    "source_confluence.entrypoint",
    "source_confluence.source",
    "integration_tests.hurried",
)


def run(
    module: str,
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    timeout_seconds: int = 120,
) -> subprocess.CompletedProcess[str]:
    """Run the function `run` of a module with these arguments, in a process of its own.

    Raises:
        subprocess.TimeoutExpired: It did not end in time, and was ended.
    """
    request = {
        "module": module,
        "arguments": [str(argument) for argument in arguments],
        "environment": dict(environment),
        "folder": str(Path.cwd()),
        "timeout_seconds": timeout_seconds,
    }
    with _file() as output, _file() as errors:
        exit_code = _server().exit_code(request, [output.fileno(), errors.fileno()])
        if exit_code == -signal.SIGALRM:
            raise subprocess.TimeoutExpired([module, *arguments], timeout_seconds)
        for file in (output, errors):
            file.seek(0)
        return subprocess.CompletedProcess(
            [module, *arguments], exit_code, output.read(), errors.read()
        )


def _file() -> Any:  # noqa: ANN401 (the class of temporary files is not public)
    return tempfile.TemporaryFile("w+", encoding="utf-8")


class _Server:
    """The running server; it takes one command at a time, and ends when its socket is closed."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "integration_tests.fork_server", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._answers = self._socket.makefile("r")
        self._lock = threading.Lock()

    def exit_code(self, request: Mapping[str, object], files: Sequence[int]) -> int:
        with self._lock:
            socket.send_fds(self._socket, [b"\n"], files)
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            return int(self._answers.readline())

    def close(self) -> None:
        self._answers.close()
        self._socket.close()
        self._process.wait()


@cache
def _server() -> _Server:
    server = _Server()
    atexit.register(server.close)
    return server


def _next_request(connection: socket.socket) -> dict[str, Any] | None:
    """Fork for each request, and return it in the fork; in the server, None at the end."""
    with connection, connection.makefile("r") as requests:
        while files := socket.recv_fds(connection, 1, 2)[1]:
            request = json.loads(requests.readline())
            process = os.fork()
            if process == 0:
                for number, file in enumerate(files, start=1):
                    os.dup2(file, number)
                    os.close(file)
                return dict(request)
            for file in files:
                os.close(file)
            _, status = os.waitpid(process, 0)
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    return None


def _run(request: Mapping[str, Any]) -> None:
    """Do in this process what is asked for."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = ["source-confluence", *request["arguments"]]
    signal.alarm(request["timeout_seconds"])
    import_module(request["module"]).run()


def _main() -> None:
    gc.disable()  # as in `source_confluence.run`
    sys.meta_path.insert(0, LeftOut())
    for name in IMPORTED:
        import_module(name)
    if threading.active_count() > 1:
        sys.exit("A thread would hold its locks in the forks for ever.")
    request = _next_request(socket.socket(fileno=int(sys.argv[1])))
    if request is not None:
        _run(request)


if __name__ == "__main__":
    _main()
