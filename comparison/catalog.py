"""List the scenarios: every command, every way to be refused, every fault, every state."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from comparison.scenario import HOST, READ, Scenario
from fake_confluence import Fault
from integration_tests.fault_matrix import MATRIX, Row
from unit_tests.streams_under_test import (
    BY_CURSOR,
    BY_OFFSET,
    NAMES,
    OFFSETS,
    PAGE_SIZES,
    PATHS,
    PINNED,
    PREFETCHED,
    SEQUENTIAL,
    contents,
)

WORKERS = (1, 8)

_MANY = contents({name: 2 * size + 30 for name, size in PAGE_SIZES.items()})
_EMPTY = contents({}, others=0)

_CHECK = ("check", "--config", "config.json")
_DISCOVER = ("discover", "--config", "config.json")
_HEAVY_BYTES = 72 * 1024 * 1024  # more than a body may have


def scenarios() -> list[Scenario]:
    """All that do not need what another one has printed."""
    return [
        *_simple(),
        *_checks(),
        *_bad_settings(),
        *_bad_files(),
        *_states(),
        *_reads(),
        *_faults(),
    ]


def _simple() -> Iterator[Scenario]:
    yield Scenario(name="spec", command=("spec",))
    yield Scenario(name="discover", command=_DISCOVER)
    yield Scenario(name="no command", command=())
    yield Scenario(name="a command that there is not", command=("write",))
    yield Scenario(name="help", command=("--help",))


def _checks() -> Iterator[Scenario]:
    def check(name: str, **more: Any) -> Scenario:  # noqa: ANN401
        return Scenario(name=f"check: {name}", command=_CHECK, is_hurried=True, **more)

    wrong = {"api_token": "expired"}
    unknown = Fault(kind="unrecognised", count=None)
    untold = Fault(kind="status", status=403, path="/user/current", count=None)
    yield check("all is well")
    yield check("a wrong token, 401", config=wrong)
    yield check("a wrong token, 404 and 403", config=wrong, service={"refuses_with_401": False})
    yield check("a wrong token, a visitor", config=wrong, service={"welcomes_visitors": True})
    yield check("a token that is never recognised", faults=[unknown])
    yield check("a token that is not recognised once", faults=[replace(unknown, count=1)])
    yield check("the user is not told", faults=[untold])
    yield check("nothing is told or visible", content=_EMPTY, faults=[untold])
    yield check("a port where nobody listens", config={"domain_name": "localhost:1"})
    for status in (400, 401, 403, 404, 410, 429, 500, 503):
        refused = Fault(kind="status", status=status, count=None)
        yield check(f"{status} for ever", faults=[refused])
        yield check(f"{status} once", faults=[replace(refused, count=1)])
    yield check("a long wait", faults=[_busy("1847")])
    yield check("a short wait", faults=[replace(_busy("3"), count=1)])
    for kind in ("redirect", "html", "half_json", "drop", "cut", "bad_gzip", "no_results"):
        yield check(f"{kind} for ever", faults=[Fault(kind=kind, count=None)])
        yield check(f"{kind} once", faults=[Fault(kind=kind)])
    slow = Fault(kind="slow", seconds=3, count=None)
    yield check("no answer", faults=[slow], answer_seconds=1)


def _busy(retry_after: str) -> Fault:
    return Fault(kind="status", status=429, headers={"Retry-After": retry_after}, count=None)


def _bad_settings() -> Iterator[Scenario]:
    for name in ("email", "api_token", "domain_name"):
        for value in (None, "", "a b", ["nothing"]):
            yield _bad(_CHECK, f"the {name} {value!r}", config={name: value})
    for domain in ("acme.com/jira", "https://user:hush@localhost", "ftp://localhost", "a..b"):
        yield _bad(_CHECK, f"the domain name {domain}", config={"domain_name": domain})
    for number in (0, 26, "8"):
        yield _bad(_CHECK, f"{number!r} workers", config={"num_workers": number})


def _bad_files() -> Iterator[Scenario]:
    for command in (_CHECK, _DISCOVER, READ):
        yield _bad(command, "no token", config={"api_token": None})
        for text in (None, "not JSON", "[]"):
            yield _bad(command, f"the configuration {text}", files={"config.json": text})
    for text in (None, "", "not JSON", "[]", "{}", '{"streams": [{"name": "pages"}]}'):
        yield _bad(READ, f"the catalog {text}", files={"catalog.json": text})
    yield _bad(READ, "a stream that there is not", streams=[BY_CURSOR, "comments", BY_OFFSET])
    yield _bad(READ, "no stream", streams=[])
    yield Scenario(name="read: no arguments", command=("read",))


def _bad(command: Sequence[str], what: str, **more: Any) -> Scenario:  # noqa: ANN401
    return Scenario(name=f"{command[0]}: {what}", command=command, **more)


def _states() -> Iterator[Scenario]:
    finished = _state_of({name: {"__ab_full_refresh_sync_complete": True} for name in NAMES})
    elsewhere = {
        BY_CURSOR: {"of": "elsewhere.invalid/wiki/api/v2/pages", "cursor": "eyJpZCI6IjkifQ=="},
        PREFETCHED[-1]: {
            "cursor": "eyJpZCI6IjkwMDcxOTkyNTQ3NDA5OTMifQ==",
            "id": "9007199254740993",
        },
        SEQUENTIAL: {"next_page_token": {"next": "https://elsewhere.invalid/spaces?cursor=end"}},
        PINNED: {"creationDate": 4102444800000, "start": 1000000},
        BY_OFFSET: {"start": "the end", "__ab_full_refresh_sync_complete": True},
    }
    beyond = {
        BY_CURSOR: {"of": f"{HOST}{PATHS[BY_CURSOR]}", "cursor": "no cursor"},
        PINNED: {"of": f"{HOST}{PATHS[PINNED]}", "endDate": 1795348800000, "start": 5000},
        BY_OFFSET: {"of": f"{HOST}{PATHS[BY_OFFSET]}", "start": 5},  # as version 2.0.0 has said it
    }
    texts = {
        "finished": finished,
        "of others": _state_of(elsewhere),
        "beyond the end": _state_of(beyond),
        "nothing": "{}",
        "an object": '{"pages": {"cursor": "x"}}',
        "entries that are none": '[1, {"type": "STREAM"}, {"type": "GLOBAL"}, null]',
        "not JSON": "cursor",
        "half": '[{"type": "STREAM"},',
    }
    for name, text in texts.items():
        for workers in WORKERS:
            yield Scenario(
                name=f"state: {name}, {workers} workers",
                state=text,
                num_workers=workers,
                is_hurried=True,
            )
    yield Scenario(name="state: no file", state="[]", files={"state.json": None})


def _state_of(states: Mapping[str, object]) -> str:
    return json.dumps([state_entry(name, state) for name, state in states.items()])


def state_entry(stream: str, state: object) -> dict[str, Any]:
    """An entry of what `--state` gives."""
    named = {"stream_descriptor": {"name": stream}, "stream_state": state}
    return {"type": "STREAM", "stream": named}


def _reads() -> Iterator[Scenario]:
    for workers in WORKERS:
        yield _read("a small site", workers, page_cap=None)
        yield _read("several pages", workers, content=_MANY, page_cap=None)
        yield _read("12 rows by fives", workers)
        yield _read("an empty site", workers, content=_EMPTY)
        yield _read("a wrong token", workers, config={"api_token": "expired"}, is_hurried=True)
        for fault in (Fault(kind="headers"), Fault(kind="status", status=400, count=None)):
            yield _read(
                f"no secret with {fault.kind}",
                workers,
                command=(*READ, "--debug"),
                faults=[fault],
                is_secret=True,
            )


def _read(what: str, workers: int, **more: Any) -> Scenario:  # noqa: ANN401
    return Scenario(name=f"read: {what}, {workers} workers", num_workers=workers, **more)


def _faults() -> Iterable[Scenario]:
    return [_fault(row, workers) for row in MATRIX for workers in WORKERS]


def _fault(row: Row, workers: int) -> Scenario:
    """The row for all streams; what is huge is so with the real bounds, so only for two of them."""
    kind = row.fault["kind"]
    more: dict[str, Any] = {}
    own: dict[str, Any] = dict(row.fault)
    if "size_bytes" in own:
        own["size_bytes"] = _HEAVY_BYTES
        more = {"streams": [SEQUENTIAL, BY_OFFSET]}
    if kind == "slow":
        own["seconds"] = 2.5
        more = {"answer_seconds": 1}
    if kind == "trickle":
        more = {"longest_seconds": 2}
    return Scenario(
        name=f"fault: {row.site}, {workers} workers",
        faults=[_planned(own, name) for name in row.concerns],
        num_workers=workers,
        is_hurried=True,
        **more,
    )


def _planned(fault: Mapping[str, Any], stream: str) -> Fault:
    """From the second page on; there, a list by offset has the row before in front."""
    place = {"first": 2, "row": int(stream in OFFSETS)}
    return Fault(**{**place, **fault}, path=PATHS[stream])
