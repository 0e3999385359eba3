"""Run the connector's command with a clock on which waits take no time, and write them down.

    python integration_tests/hurried.py report.json 4 2 read --config …

The report is `{"waits": [1.1, 60], "peak_mb": 180}`. A body may have 4 MB and take 2 seconds, and
2 seconds may pass before an answer begins, so that a test need not wait for the real bounds.
"""

import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from airbyte_cdk.sources.streams.http import rate_limiting

from source_confluence import identity as check
from source_confluence.limits import waiting as waits
from source_confluence.run import run
from source_confluence.streams import base as base_streams
from source_confluence.transport import body

if __name__ == "__main__":
    slept: list[float] = []
    clock = SimpleNamespace(
        sleep=slept.append, monotonic=lambda: time.monotonic() + sum(slept), time=time.time
    )
    for module in (rate_limiting, check, waits):
        module.time = clock  # type: ignore[attr-defined]
    report = Path(sys.argv.pop(1))
    body.LARGEST_BODY_BYTES = int(sys.argv.pop(1)) * 1024 * 1024
    base_streams.READ_TIMEOUT_SECONDS = body.LONGEST_BODY_SECONDS = int(sys.argv.pop(1))
    try:
        run()
    finally:
        # Not `ru_maxrss`: that begins with what the parent has.
        [peak] = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
        peak_mb = int(peak) // 1024
        report.write_text(json.dumps({"waits": slept, "peak_mb": peak_mb}))
