"""Read a site of a million pages while things go wrong, and watch the memory of the connector.

`scripts/soak` runs this; it needs Linux, two cores, and ten minutes at most.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from fake_confluence.catalog import configured_catalog
from fake_confluence.commands import COMMAND
from fake_confluence.faults import Fault
from fake_confluence.rows import PAGE_IDS
from fake_confluence.service import API_TOKEN

FAULTS = (
    Fault(kind="status", status=429, headers={"Retry-After": "0"}, every=199, count=None, first=9),
    Fault(
        kind="status", status=502, path="/pages", every=401, count=None, first=20, limit_above=50
    ),
    Fault(kind="cut", path="/pages", every=499, count=None, first=30),
    Fault(kind="half_json", path="/pages", every=601, count=None, first=40),
    Fault(kind="drop", path="/pages", every=701, count=None, first=50),
    Fault(kind="odd", path="/pages", raw=r'"\ud800"', every=7, count=None),
    Fault(
        kind="poison", path="/pages", row=123_456, count=None
    ),  # the last: it concerns all requests
)
_TRIED_AGAIN = "asking once more"
_STEPS = 20
_GROWTH_ALLOWED = 1.15
_WARM_UP_PAGES = 6_000
"""By then the window of pages that are fetched ahead is full, and the heap has its size."""


class Soak:
    """One read, and what is seen of it.

    Args:
        page_count: How many pages the site has.
        seconds: When to end the read, if it has not ended by then; not before its memory was seen.
    """

    def __init__(self, page_count: int, seconds: float) -> None:
        self.page_count = page_count
        self.seconds = seconds
        self.numbers = array("q")
        self.marked_count = 0
        self.failure_count = 0
        self.memory_mb: list[float] = []
        self.endings: list[str] = []
        self.leaks = 0
        self._step = max(page_count // 1_000, 1)
        self._began = time.monotonic()

    def run(self, folder: Path) -> None:
        """Start the site, read it, and print how it goes."""
        plan = folder / "faults.json"
        plan.write_text(json.dumps([asdict(fault) for fault in FAULTS]))
        arguments = ["--pages", str(self.page_count), "--spaces", "200", "--faults", str(plan)]
        with subprocess.Popen(  # noqa: S603 (ours, as all below)
            [sys.executable, "-m", "fake_confluence", "--json", *arguments], stdout=subprocess.PIPE
        ) as site:
            assert site.stdout is not None  # noqa: S101 (it is a pipe)
            try:
                self._read(folder, json.loads(site.stdout.readline()))
            finally:
                site.terminate()

    def _read(self, folder: Path, site: dict[str, Any]) -> None:
        config, catalog = folder / "config.json", folder / "catalog.json"
        config.write_text(json.dumps(site["config"]))
        catalog.write_text(json.dumps(configured_catalog("pages")))
        command = [str(COMMAND), "read", "--config", str(config), "--catalog", str(catalog)]
        environment = {**os.environ, "REQUESTS_CA_BUNDLE": site["ca_file"]}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:  # noqa: S603
            assert process.stdout is not None  # noqa: S101 (it is a pipe)
            for line in process.stdout:
                self._see(line, process.pid)
                is_over = time.monotonic() - self._began > self.seconds
                if is_over and self.memory_mb:
                    self.seconds = float("inf")
                    process.send_signal(signal.SIGTERM)
        print(f"\nThe command ended with {process.returncode}, the stream {self.endings}.")

    def _see(self, line: bytes, pid: int) -> None:
        self.leaks += API_TOKEN.encode() in line
        message = orjson.loads(line)
        if message["type"] == "RECORD":
            self.numbers.append(int(message["record"]["data"]["id"]))
            self.marked_count += "meta" in message["record"]
            if len(self.numbers) % self._step == 0:
                self.memory_mb.append(_memory_mb(pid))
            if len(self.numbers) % max(self.page_count // _STEPS, 1) == 0:
                self._print_line()
        elif message["type"] == "LOG":
            is_retry = _TRIED_AGAIN in message["log"]["message"]
            self.failure_count += is_retry or message["log"]["level"] == "WARN"
        elif message.get("trace", {}).get("stream_status", {}).get("status", "")[-8:] == "COMPLETE":
            self.endings.append(message["trace"]["stream_status"]["status"])

    def _print_line(self) -> None:
        seconds = time.monotonic() - self._began
        print(
            f"{len(self.numbers):>10,} pages  {seconds:>5.0f} s  {self.memory_mb[-1]:>6.1f} MB  "
            f"{self.failure_count:>4} failures told",
            flush=True,
        )

    def is_sound(self) -> bool:
        """Whether all pages came once, in order, and the memory did not grow; says so."""
        wanted = array("q", PAGE_IDS[: len(self.numbers)])
        is_whole = self.numbers == wanted and len(wanted) == self.page_count
        is_prefix = self.numbers == wanted
        tenth = max(len(self.memory_mb) // 10, 1)
        warm = max(_WARM_UP_PAGES // self._step, tenth)
        first, last = max(self.memory_mb[:warm]), max(self.memory_mb[-tenth:])
        print(
            f"{len(self.numbers):,} of {self.page_count:,} pages, each once and in order: "
            f"{is_prefix}; {self.marked_count:,} marked; token printed: {self.leaks} times.\n"
            f"Peak memory: {first:.1f} MB at first, {last:.1f} MB in the last tenth, "
            f"{max(self.memory_mb):.1f} MB in all."
        )
        is_flat = last <= first * _GROWTH_ALLOWED
        is_honest = self.endings == (["COMPLETE"] if is_whole else ["INCOMPLETE"])
        return is_prefix and is_flat and is_honest and not self.leaks


def _memory_mb(pid: int) -> float:
    """What the process holds in memory now."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def main() -> None:
    """Read, print, and end with 1 when something is missing or the memory has grown."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--pages", type=int, default=1_000_000, help="%(default)s by default")
    parser.add_argument("--minutes", type=float, default=9.5, help="%(default)s by default")
    chosen = parser.parse_args()
    soak = Soak(chosen.pages, chosen.minutes * 60)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak.run(Path(folder))
    sys.exit(0 if soak.is_sound() else 1)


if __name__ == "__main__":
    main()
