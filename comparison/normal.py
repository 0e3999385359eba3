"""Take out of what is printed what differs between two runs of the same version.

All rules but the last are here because a version that was compared with itself differed in it:

- `emitted_at`, `readAt`, and until when a wait takes, are times of day;
- the host has a port that was free, and a trace id is the place of an answer in the site's memory;
- `endDate` is when a read of the audit log began, unless the state says so;
- how long a stream took;
- a stack trace names files and lines, which are in a folder of each version's own;
- the module of an error's class, which a stack trace in the log ends with, tells users nothing, and
  moves when modules do. The name of the class and its words stay.

With several workers, lines of the log are sorted behind all others, each once: when threads say
something, and how often, depends on how much is prefetched by then. So does the salt of a cursor,
in which the fake site counts its requests; it is taken out. Everything else stays in its order.
What the site was asked for counts with one worker alone.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from comparison.scenario import HOST, Printed, Scenario

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r'("emitted_at": ?)[0-9.]+'), r"\g<1>0"),
    (re.compile(r'("readAt": ?")[0-9TZ:-]{20}"'), r'\g<1>…"'),
    (re.compile(r"until [0-9-]{10} [0-9:]{8} UTC"), "until later"),
    (re.compile(r"trace [0-9a-f]{32}"), "trace …"),
    (re.compile(r"in [0-9,.]+ s\b(?: \([0-9,]+ a second\))?"), "in … s"),
    (re.compile(r"(Syncing stream \w+) [0-9:.]+"), r"\g<1> …"),
    (re.compile(r"(Traceback [^:]+:)(?:\\n  (?:[^\"\\]|\\[^n])*)+"), r"\g<1> …"),
    (re.compile(r"source_confluence\.(?:\w+\.)+(?=\w+Error\b)"), "source_confluence.…."),
    (re.compile(r'("stack_trace": ?)"(?:[^"\\]|\\.)*"'), r'\g<1>"…"'),
)
_END_DATE = re.compile(r"""(endDate["'](?:, '|: ?))([0-9]+)""")
_CURSOR = re.compile(r"eyJ[A-Za-z0-9+/]+=*")
_LOG = re.compile(r'\{"type": ?"(?:LOG|DEBUG)"')


def normal(printed: Printed, scenario: Scenario) -> list[str]:
    """Lines that are the same in each run: standard output, standard error, exit code, requests."""
    out = [_normal(line, printed, scenario) for line in printed.stdout]
    if scenario.num_workers > 1:
        logs = [line for line in out if _LOG.match(line)]
        out = [line for line in out if not _LOG.match(line)] + sorted(set(logs))
        out = [_CURSOR.sub(_without_salt, line) for line in out]
    errors = [f"stderr: {_normal(line, printed, scenario)}" for line in printed.stderr]
    calls = printed.calls if scenario.num_workers == 1 else []
    requests = [f"request: {_normal(call, printed, scenario)}" for call in calls]
    return [*out, *errors, f"exit code: {printed.exit_code}", *requests]


def _without_salt(cursor: re.Match[str]) -> str:
    """Where it leads to; what only looks like a cursor stays."""
    try:
        position = json.loads(base64.b64decode(cursor[0], validate=True))
    except ValueError:
        return cursor[0]
    return f"the cursor of {position['id']}" if "salt" in position else cursor[0]


def _normal(line: str, printed: Printed, scenario: Scenario) -> str:
    for pattern, replacement in _RULES:
        line = pattern.sub(replacement, line)

    def end_date(found: re.Match[str]) -> str:
        return found[0] if found[2] in scenario.state else f"{found[1]}0"

    return _END_DATE.sub(end_date, line.replace(printed.host, HOST))


def texts(lines: Sequence[str]) -> Iterator[str]:
    """What is said to people in normal lines: messages of logs, errors, checks, and other lines."""
    for line in lines:
        message = _message(line)
        if message is not None:
            yield from _texts_of(message)
        elif line and not line.startswith(("request: ", "exit code: ")):
            yield line


def _message(line: str) -> Mapping[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _texts_of(message: Mapping[str, Any]) -> Iterator[str]:
    places: Sequence[Mapping[str, Any]] = (
        message.get("log") or {},
        message.get("connectionStatus") or {},
        (message.get("trace") or {}).get("error") or {},
    )
    for place in places:
        for name in ("message", "internal_message"):
            if text := place.get(name):
                yield str(text)
