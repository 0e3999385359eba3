"""Run a Confluence site with made-up content on localhost, to try the connector on."""

import json
import signal
import sys
import threading
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from fake_confluence.commands import commands_for
from fake_confluence.content import Content
from fake_confluence.faults import planned_faults
from fake_confluence.network import Latency, Limiter
from fake_confluence.server import serve
from fake_confluence.service import Service

Option = tuple[str, Callable[[str], object], object, str]
"""Its name, what reads its value, the default, and what it is."""

_HOW = """\
It prints the commands that read the site, and runs until Ctrl-C. Where standard output is no
terminal, and with --json, it prints one line there: {"config": {…}, "ca_file": "…"}. These are the
connector's settings, and the certificate for REQUESTS_CA_BUNDLE.
"""


def main() -> None:
    """Serve until interrupted, and say how to read the site."""
    parser = _parser()
    chosen = parser.parse_args()
    try:
        service = _service(chosen)
    except (OSError, ValueError, TypeError) as error:
        parser.error(f"--faults: {error}")
    for number in (signal.SIGTERM, signal.SIGHUP):  # leave no files behind, whatever ends it
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        _serve(service, chosen)
    except (OSError, OverflowError) as error:
        parser.error(f"--port: {error}")
    except KeyboardInterrupt:
        return


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m fake_confluence", description=__doc__, epilog=_HOW)
    for name, kind, default, words in (*_size_options(), *_OPTIONS):
        parser.add_argument(
            name,
            type=kind,
            default=default,
            metavar="FILE" if kind is Path else "N",
            help=words if default is None else f"{words} (default: %(default)s)",
        )
    parser.add_argument("--json", action="store_true", help="print one line of JSON, for programs")
    return parser


def _size_options() -> Iterator[Option]:
    """An option for each size; those that are not named below count what their name says."""
    for size in fields(Content):
        what = size.name.replace("_", " ")
        kind = _one_or_more if size.name == "spaces" else _whole
        words = _SIZES.get(size.name, f"how many {what} the site has")
        yield f"--{what.replace(' ', '-')}", kind, size.default, words


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def _one_or_more(text: str) -> int:
    if _whole(text) == 0:
        raise ArgumentTypeError("it must be 1 or more")
    return int(text)


def _number(text: str) -> float:
    with suppress(ValueError):
        if 0 <= float(text) < float("inf"):
            return float(text)
    raise ArgumentTypeError(f"{text!r} is not a number, 0 or more")


def _part(text: str) -> float:
    if _number(text) > 1:
        raise ArgumentTypeError("it must be 1 or less")
    return float(text)


_SIZES = {
    "seed": "the made-up content depends on this number; the same seed gives the same content",
    "audit": "how many events are in the audit log",
    "body_bytes": "size in bytes of the smallest body of a page or blog post",
    "most_body_bytes": "size in bytes of the largest body; 0: all are as small as the smallest",
}
_FAULTS = """\
a JSON file of what goes wrong: [{"kind": "status", "status": 403, "path": "/audit", "count": null}]
refuses each request to a path that ends so; a count is how many requests go wrong, null for all,
and 1 without it (default: nothing); the class Fault in fake_confluence/faults.py has all kinds"""
_OPTIONS: tuple[Option, ...] = (
    ("--port", _whole, 0, "port to listen on; 0: any that is free"),
    (
        "--page-cap",
        _one_or_more,
        None,
        "the most rows in a response (default: as many as Confluence allows)",
    ),
    ("--latency-ms", _number, 0, "milliseconds before each response"),
    ("--body-ms", _number, 0, "further milliseconds for each body in the response"),
    (
        "--jitter",
        _part,
        0,
        "by which part these times vary at random, 0 to 1; 0.2: by up to a fifth",
    ),
    (
        "--per-second",
        _number,
        0,
        "requests that are allowed per second; further ones are refused with HTTP 429; 0: no limit",
    ),
    ("--faults", Path, None, _FAULTS),
)


def _service(chosen: Namespace) -> Service:
    planned = json.loads(chosen.faults.read_text()) if chosen.faults else []
    return Service(
        Content(**{size.name: getattr(chosen, size.name) for size in fields(Content)}),
        faults=planned_faults(planned),
        page_cap=chosen.page_cap,
        latency=Latency(
            request_seconds=chosen.latency_ms / 1000,
            body_seconds=chosen.body_ms / 1000,
            jitter=chosen.jitter,
        ),
        limiter=Limiter(chosen.per_second) if chosen.per_second else None,
    )


def _serve(service: Service, chosen: Namespace) -> None:
    with serve(service, port=chosen.port) as site:
        if not chosen.json:
            sys.stderr.write(commands_for(site))
        if chosen.json or not sys.stdout.isatty():
            line = json.dumps({"config": site.config, "ca_file": str(site.ca_file)})
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
