"""Run the fake site as a process: `python -m fake_confluence --pages 620 --faults plan.json`."""

import argparse
import json
import signal
import sys
import threading
from dataclasses import fields
from pathlib import Path

from fake_confluence.content import Content
from fake_confluence.faults import Fault
from fake_confluence.network import Latency, Limiter
from fake_confluence.server import serve
from fake_confluence.service import Service


def main() -> None:
    """Print one line, `{"config": {…}, "ca_file": "…"}`, and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="fake_confluence", description=__doc__)
    for setting in fields(Content):
        parser.add_argument(
            f"--{setting.name.replace('_', '-')}",
            type=int,
            default=setting.default,
            help="%(default)s unless you say otherwise",
        )
    parser.add_argument("--port", type=int, default=0, help="0 (the default): any that is free")
    parser.add_argument("--page-cap", type=int, help="the most rows in one answer")
    parser.add_argument("--faults", type=Path, help='a file: [{"kind": "status", "status": 503}]')
    parser.add_argument("--latency-ms", type=float, default=0.0, help="of each answer")
    parser.add_argument("--body-ms", type=float, default=0.0, help="more, for each body in it")
    parser.add_argument("--jitter", type=float, default=0.0, help="0.2: a fifth more or less")
    parser.add_argument("--per-second", type=float, help="requests allowed; others get a 429")
    chosen = parser.parse_args()
    content = Content(
        **{setting.name: getattr(chosen, setting.name) for setting in fields(Content)}
    )
    try:
        planned = json.loads(chosen.faults.read_text()) if chosen.faults else []
        service = Service(
            content,
            faults=[Fault(**f) for f in planned],
            page_cap=chosen.page_cap,
            latency=Latency(
                request_seconds=chosen.latency_ms / 1000,
                body_seconds=chosen.body_ms / 1000,
                jitter=chosen.jitter,
            ),
            limiter=Limiter(chosen.per_second) if chosen.per_second else None,
        )
    except (OSError, ValueError, TypeError) as error:
        parser.error(f"--faults: {error}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leave nothing behind, either way
    try:
        _serve(service, chosen.port)
    except OSError as error:
        parser.error(f"--port: {error}")
    except KeyboardInterrupt:
        return


def _serve(service: Service, port: int) -> None:
    with serve(service, port=port) as site:
        line = json.dumps({"config": site.config, "ca_file": str(site.ca_file)})
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
