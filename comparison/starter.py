"""Start commands of the connector, without the second that its imports from others take each time.

    python -m comparison.starter

A process that has imported them takes orders, one a line of JSON, and forks: the child has the
arguments, files and environment of a new process, and imports the version that is wanted. When it
has ended, the exit code is printed.

    {"path": "…/this", "arguments": ["spec"], "folder": "…", "environment": {…}, "hurry": [60, 600]}

The child prints into the files `stdout` and `stderr` of the folder.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import IO, Any

from comparison.hurried import hurry

_MODULES = (
    "airbyte_cdk.entrypoint",
    "airbyte_cdk.sources.streams.http",
    "jsonschema",
    "orjson",
    "pendulum",
    "requests",
)
_TIMEOUT_SECONDS = 300


class Starters:
    """Processes that start others, one each at a time.

    Args:
        processes: Those of this module.
    """

    def __init__(self, processes: "list[subprocess.Popen[str]]") -> None:
        self._free: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        for process in processes:
            self._free.put(process)

    def run(self, order: Mapping[str, Any]) -> int:
        """The exit code."""
        process = self._free.get()
        assert process.stdin is not None  # noqa: S101 (they are pipes)
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        exit_code = int(process.stdout.readline())
        self._free.put(process)
        return exit_code


@contextmanager
def starters(count: int) -> Iterator[Starters]:
    """So many, while the block runs."""
    command = [sys.executable, "-m", "comparison.starter"]
    with ExitStack() as stack:
        pipe = subprocess.PIPE
        processes = [
            stack.enter_context(
                subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)  # noqa: S603 (ours)
            )
            for _ in range(count)
        ]
        yield Starters(processes)


class _Current:
    """Standard output as it is just now; the CDK's logger keeps the one of its import."""

    def __init__(self, first: IO[str]) -> None:
        self._first = first

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever it is)
        return getattr(self._first if sys.stdout is self else sys.stdout, name)


def ordered() -> None:
    """Take orders; comes back in the child alone, which has become what was ordered."""
    output = sys.stdout
    sys.stdout = _Current(output)
    for name in _MODULES:
        importlib.import_module(name)
    sys.stdout = output
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if not child:
            _become(json.loads(line))
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


def _become(order: dict[str, Any]) -> None:
    signal.alarm(_TIMEOUT_SECONDS)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for name, number in (("/dev/null", 0), ("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
    sys.argv[1:] = order["arguments"]
    sys.path[0] = order["path"]
    if order["hurry"]:
        hurry(*order["hurry"])


if __name__ == "__main__":
    ordered()

    from source_confluence.run import run

    run()
