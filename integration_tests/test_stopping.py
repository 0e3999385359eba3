"""A command that is told to stop ends its streams, with the last state printed, within a moment."""

import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from fake_confluence import Fault, Service, serve
from fake_confluence.catalog import configured_catalog
from integration_tests.connector import COMMAND, Connector, Message
from unit_tests.streams_under_test import BY_ID, BY_OFFSET, PATHS, SEQUENTIAL, contents

CONTENT = contents({BY_ID: 2_000})
STREAMS = [BY_ID, SEQUENTIAL, BY_OFFSET]
FIRST = {1: 5, 8: 20}
"""The request from which on the fault is there, by the number of workers: four pages come first."""
BUSY = {"status": 429, "path": PATHS[BY_ID], "count": None}
FAULTS = {
    "between pages": Fault(kind="slow", seconds=0.05, path=PATHS[BY_ID], count=None),
    "during a short wait": Fault(kind="status", headers={"Retry-After": "50"}, **BUSY),  # type: ignore[arg-type]
    "during a long wait": Fault(kind="status", headers={"Retry-After": "3600"}, **BUSY),  # type: ignore[arg-type]
    "while the site says nothing": Fault(kind="slow", seconds=50, path=PATHS[BY_ID], count=None),
    "while a body trickles in": Fault(kind="trickle", seconds=1, path=PATHS[BY_ID], count=None),
}


SIGNALS = [signal.SIGTERM, signal.SIGINT]
MOMENTS = [*((moment, "") for moment in FAULTS), ("between pages", "1")]
IS_SHORT = os.environ.get("HYPOTHESIS_PROFILE", "short") == "short"
CASES = [
    pytest.param(*moment, num_workers, number, id=f"{' '.join(moment)}-{num_workers}-{number.name}")
    for (i, moment), (j, num_workers), (k, number) in product(
        enumerate(MOMENTS), enumerate(FIRST), enumerate(SIGNALS)
    )
    if not IS_SHORT or (i + j + k) % 2 == 0
]
"""Each moment with each number of workers, and with each signal; in CI, with each two of them."""


@pytest.mark.parametrize(("moment", "unbuffered", "num_workers", "number"), CASES)
def test_it_stops_in_good_order(
    moment: str, unbuffered: str, num_workers: int, number: signal.Signals, tmp_path: Path
) -> None:
    first = 1 if moment == "between pages" else FIRST[num_workers]
    service = Service(CONTENT, page_cap=50, faults=[replace(FAULTS[moment], first=first)])
    with serve(service, settings={"num_workers": num_workers}) as site:
        connector = Connector(tmp_path, site)
        connector.written(connector.catalog, configured_catalog(*STREAMS))
        command: list[str | Path] = [COMMAND, "read", "--config", connector.config]
        with subprocess.Popen(
            [*command, "--catalog", connector.catalog],
            env={**connector.environment, "PYTHONUNBUFFERED": unbuffered},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            lines = []
            for line in process.stdout or ():
                lines.append(line)
                if (
                    line.startswith('{"type":"STATE"')
                    and sum("STATE" in each for each in lines) >= 4
                ):
                    time.sleep(1)  # it now waits for what the fault holds back
                    told = time.monotonic()
                    process.send_signal(number)
                    break
            lines += process.stdout or ()
            process.wait()
            assert time.monotonic() - told < 10
            assert process.stderr is not None
            assert process.stderr.read() == ""
    assert process.returncode == 1
    check_what_was_printed([json.loads(line) for line in lines], number.name)


def check_what_was_printed(messages: list[Message], signal_name: str) -> None:
    """Every line is whole; every stream has one end; the last state covers the last record."""
    traces = [m["trace"] for m in messages if m["type"] == "TRACE"]
    statuses = [t["stream_status"] for t in traces if t["type"] == "STREAM_STATUS"]
    ends = [
        (s["stream_descriptor"]["name"], s["status"])
        for s in statuses
        if s["status"] in ("COMPLETE", "INCOMPLETE")
    ]
    assert ends == [(name, "INCOMPLETE") for name in STREAMS]
    errors = [t["error"] for t in traces if t["type"] == "ERROR"]
    assert {e["failure_type"] for e in errors} == {"transient_error"}
    *of_streams, last = [e["message"].count(f"was told to stop ({signal_name})") for e in errors]
    assert of_streams == [1] * len(STREAMS)
    assert last == len(STREAMS)
    of_data = [m["type"] for m in messages if m["type"] in ("RECORD", "STATE")]
    assert of_data[-1] == "STATE"
    assert of_data.count("RECORD") == 50 * of_data.count("STATE")
