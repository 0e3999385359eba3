"""Run the connector's command with a clock on which waits take no time, and write them down.

    python -m integration_tests.hurried report.json 4 2 read --config …

The report is `{"waits": [1.1, 60], "peak_mb": 180}`. A body may have 4 MB and take 2 seconds, and
2 seconds may pass before an answer begins, so that a test need not wait for the real bounds.
"""

import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from source_confluence import identity
from source_confluence import run as command
from source_confluence.limits import waiting
from source_confluence.transport import body, exchange


def run() -> None:
    """Take the first three arguments; the others are those of the command."""
    slept: list[float] = []
    clock = SimpleNamespace(
        sleep=slept.append, monotonic=lambda: time.monotonic() + sum(slept), time=time.time
    )
    for module in (identity, waiting):
        module.time = clock  # type: ignore[attr-defined]
    report = Path(sys.argv.pop(1))
    body.MAX_BODY_BYTES = int(sys.argv.pop(1)) * 1024 * 1024
    exchange.READ_TIMEOUT_SECONDS = body.MAX_BODY_SECONDS = int(sys.argv.pop(1))
    try:
        command.run()
    finally:
        # Not `ru_maxrss`: that begins with what the parent has.
        [peak] = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
        peak_mb = int(peak) // 1024
        report.write_text(json.dumps({"waits": slept, "peak_mb": peak_mb}))


if __name__ == "__main__":
    run()
