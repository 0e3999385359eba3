"""Every fault, on every stream, through the command over TLS: nothing lost, nothing leaked."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from fake_confluence import Fault, Service, serve
from fake_confluence.catalog import configured_catalog
from integration_tests.connector import HurriedConnector, Message, messages
from integration_tests.fault_matrix import (
    ALL,
    COMPLETE_REQUESTS,
    FIRST_PAGE,
    MATRIX,
    Row,
)
from unit_tests.streams_under_test import NAMES, OFFSETS, PATHS, TABLE, WITH_BODY, contents

ROOT = Path(__file__).parents[1]
CONTENT = contents({}, others=ALL)


@dataclass
class Outcome:
    """What one run with a fault said, and what the site saw of it."""

    done: CompletedProcess[str]
    messages: list[Message]
    waits: list[float]
    peak_mb: int
    paths: list[str]
    secrets: list[str]

    def records(self, stream: str) -> list[Message]:
        records = [m["record"] for m in self.messages if m["type"] == "RECORD"]
        return [record for record in records if record["stream"] == stream]

    def traces(self, kind: str) -> list[Message]:
        traces = [m["trace"] for m in self.messages if m["type"] == "TRACE"]
        return [trace[kind] for trace in traces if trace.get(kind)]

    def endings(self, stream: str) -> list[str]:
        statuses = [s for s in self.traces("stream_status") if name_of(s) == stream]
        return [s["status"] for s in statuses if "COMPLETE" in s["status"]]

    def errors(self, stream: str) -> list[Message]:
        return [e for e in self.traces("error") if name_of(e) == stream]


def name_of(trace: Message) -> str | None:
    descriptor = trace.get("stream_descriptor")
    return descriptor["name"] if descriptor else None


SHORT = ("4", "2")
"""MB that a body may have, and seconds that it may take."""
REAL = ("64", "60")


def run(
    row: Row,
    folder: Path,
    streams: Sequence[str] = NAMES,
    bounds: Sequence[str] = SHORT,
    num_workers: int = 1,
) -> Outcome:
    """Read streams with the fault in each of them, on a clock that does not wait."""
    faults = [planned(row.fault, name) for name in row.concerns]
    folder.mkdir()
    service = Service(CONTENT, page_cap=FIRST_PAGE, faults=faults)
    with serve(service, settings={"num_workers": num_workers}) as site:
        connector = HurriedConnector(folder, site, bounds)
        selected = connector.written(connector.catalog, configured_catalog(*streams))
        done = connector.run("read", "--debug", "--config", connector.config, "--catalog", selected)
        token = site.config["api_token"]
        signed = base64.b64encode(f"{site.config['email']}:{token}".encode()).decode()
        return Outcome(
            done=done,
            messages=messages(done),
            **json.loads(connector.report.read_text()),
            paths=[call.path for call in site.calls],
            secrets=[token, signed, signed.rstrip("="), base64.b64encode(token.encode()).decode()],
        )


def planned(fault: Mapping[str, Any], stream: str) -> Fault:
    """The fault from the second page on; there, a list by offset has the row before in front."""
    place = {"first": 2, "row": int(stream in OFFSETS)}
    return Fault(**{**place, **fault}, path=PATHS[stream])


@pytest.mark.parametrize("num_workers", [1, 8], ids=["", "parallel"])
@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.site)
def test_each_fault_ends_as_the_table_says(row: Row, num_workers: int, tmp_path: Path) -> None:
    outcome = run(row, tmp_path / "run", num_workers=num_workers)
    for stream in NAMES:
        assert_none_is_missing_and_none_is_invented(row, stream, outcome, num_workers)
    assert_exit_code_and_waits(row, outcome, num_workers)
    assert_no_secret_is_told(outcome)
    assert_every_line_is_a_message(outcome)


def assert_none_is_missing_and_none_is_invented(
    row: Row, stream: str, outcome: Outcome, num_workers: int
) -> None:
    is_spared = stream not in row.concerns
    ends = "COMPLETE" if is_spared else row.ends
    key = TABLE[stream].own_key
    ids = [str(record["data"][key]) for record in outcome.records(stream)]
    wanted = [str(each[key]) for each in CONTENT.rows(stream)]

    assert outcome.endings(stream) == [ends], f"exactly one of {stream}"
    assert_error(row, ends, outcome.errors(stream))
    if num_workers == 1:
        assert_marks(row, stream, outcome)
        assert ids == (wanted if ends == "COMPLETE" else wanted[:FIRST_PAGE])
        assert_requests(row, stream, outcome, is_spared=is_spared)
    else:  # which of its requests is the second one is a matter of chance
        assert ids == (wanted if ends == "COMPLETE" else wanted[: len(ids)])
        if any(record.get("meta") for record in outcome.records(stream)):
            assert_marks(row, stream, outcome)


def assert_error(row: Row, ends: str, errors: list[Message]) -> None:
    if ends == "COMPLETE":
        assert errors == []
        return
    [error] = errors
    assert error["failure_type"] == row.error
    assert re.fullmatch(r"\S.*\. Likely cause: \S.*\. What to do: \S.*\.", error["message"])


def assert_marks(row: Row, stream: str, outcome: Outcome) -> None:
    found = [r["meta"]["changes"] for r in outcome.records(stream) if r.get("meta")]
    names = ("field", "change", "reason")
    wanted = [dict(zip(names, mark, strict=True)) for mark in row.marks.get(stream, ())]
    assert found == ([wanted] if wanted else [])


def assert_requests(row: Row, stream: str, outcome: Outcome, *, is_spared: bool) -> None:
    count = outcome.paths.count(PATHS[stream])
    extra = row.requests[stream] if isinstance(row.requests, Mapping) else row.requests
    if is_spared:
        assert count == COMPLETE_REQUESTS[stream]
    elif extra is None:
        assert COMPLETE_REQUESTS[stream] <= count < 60
    else:
        before = COMPLETE_REQUESTS[stream] if row.ends == "COMPLETE" else 1
        assert count == before + extra


def assert_exit_code_and_waits(row: Row, outcome: Outcome, num_workers: int) -> None:
    assert outcome.done.returncode == (0 if row.ends == "COMPLETE" else 1)
    least, most = (len(row.concerns) * seconds for seconds in row.waits)
    if num_workers == 1:
        assert least <= sum(outcome.waits) <= most
    else:
        assert sum(outcome.waits) <= 10 * most + 60  # after refusals it asks ever more slowly
    assert max(outcome.waits, default=0) <= 61
    if row.ends == "INCOMPLETE":
        assert outcome.traces("error")[-1]["failure_type"] == row.error, "of the whole sync"


def assert_no_secret_is_told(outcome: Outcome) -> None:
    """With `--debug`, which logs every request that the reader waits for."""
    everything = outcome.done.stdout + outcome.done.stderr
    assert "Sending GET /wiki" in everything
    assert not [secret for secret in outcome.secrets if secret in everything]
    assert "Authorization" not in everything


def assert_every_line_is_a_message(outcome: Outcome) -> None:
    known = {"LOG", "RECORD", "STATE", "TRACE", "DEBUG"}
    assert {message["type"] for message in outcome.messages} <= known
    assert outcome.done.stderr == ""


@pytest.mark.parametrize("kind", ["huge", "bomb"])
def test_memory_is_bounded_by_the_real_bound(kind: str, tmp_path: Path) -> None:
    """300 MB where a page of the list should be, as they are or compressed to 300 KB."""
    fault = {"kind": kind, "size_bytes": 300 * 1024 * 1024, "count": None}
    row = Row(site="", connector="", fault=fault, concerns=(WITH_BODY,))
    outcome = run(row, tmp_path / "run", streams=[WITH_BODY], bounds=REAL)
    assert outcome.endings(WITH_BODY) == ["INCOMPLETE"]
    assert "is too large (more than 64 MB)" in outcome.errors(WITH_BODY)[0]["message"]
    assert outcome.peak_mb < 400


def table() -> str:
    """The table as `docs/reliability.md` shows it."""
    lines = ["| the site answers, from the second page on | the connector | the stream |"]
    lines += ["|---|---|---|"]
    for row in MATRIX:
        who = "" if row.concerns == NAMES else f" ({', '.join(f'`{n}`' for n in row.concerns)})"
        ends = row.ends + (f", `{row.error}`" if row.error else "")
        lines.append(f"| {row.site}{who} | {row.connector} | {ends} |")
    return "\n".join(lines)


def test_the_documentation_shows_the_table() -> None:
    assert table() in (ROOT / "docs" / "reliability.md").read_text(), (
        "Replace the table in docs/reliability.md by what this prints:\n"
        "python -c 'from integration_tests.test_fault_matrix import table; print(table())'"
    )
