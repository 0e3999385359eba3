"""Every fault, on every stream, through the command over TLS: nothing lost, nothing leaked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from fake_confluence.credentials import CLIENTS, CREDENTIALS
from integration_tests.changing_site import DAY
from integration_tests.connector import Message
from integration_tests.fault_matrix import COMPLETE_REQUESTS, FIRST_PAGE, MATRIX, Row
from integration_tests.faulty_read import (
    CONTENT,
    HOST,
    INCREMENTAL,
    IS_SHORT,
    REAL,
    Mode,
    Outcome,
    assert_whole_after_recovery,
    trial,
)
from unit_tests.streams_under_test import BY_ID, NAMES, PATHS, PINNED, TABLE, WITH_BODY

ROOT = Path(__file__).parents[1]
ONE, EIGHT = Mode(), Mode(num_workers=8)
MODES = [ONE, EIGHT, INCREMENTAL] + ([] if IS_SHORT else [replace(INCREMENTAL, num_workers=8)])


def trials() -> Iterator[tuple[Row, Mode]]:
    """Every fault in every mode; and with every kind of credentials, where nobody waits."""
    yield from product(MATRIX, MODES)
    for number, kind in enumerate(CREDENTIALS):
        rows = MATRIX[number :: 10 * len(CREDENTIALS)] if IS_SHORT else MATRIX
        yield from product(rows, [Mode(streams=(BY_ID, PINNED), kind=kind)])


@pytest.mark.parametrize(
    ("row", "mode"),
    [
        pytest.param(row, mode, id=f"{row.site}-{mode}")
        for row, mode in trials()
        if set(mode.streams) & set(row.concerns)
    ],
)
def test_each_fault_ends_as_the_table_says(row: Row, mode: Mode, tmp_path: Path) -> None:
    with trial(tmp_path, mode.num_workers, kind=mode.kind) as each:
        each.misbehave(row, mode)
        outcome = each.read(mode)
        if mode.is_incremental:
            each.site.service.clock.advance(DAY)
            assert_whole_after_recovery(each)
    for stream in mode.streams:
        assert_none_is_missing_and_none_is_invented(row, stream, outcome, mode)
    assert_exit_code_and_waits(row, outcome, mode)
    assert_no_secret_is_told(outcome)
    assert_every_line_is_a_message(outcome)


def assert_none_is_missing_and_none_is_invented(
    row: Row, stream: str, outcome: Outcome, mode: Mode
) -> None:
    is_spared = stream not in row.concerns
    ends = "COMPLETE" if is_spared else row.ends
    key = TABLE[stream].own_key
    ids = [str(record["data"][key]) for record in outcome.records(stream)]
    wanted = [str(each[key]) for each in CONTENT.rows(stream)]

    assert outcome.endings(stream) == [ends], f"exactly one of {stream}"
    assert_error(row, ends, outcome.errors(stream))
    if mode.num_workers == 1:
        assert_marks(row, stream, outcome)
        assert ids == (wanted if ends == "COMPLETE" else wanted[:FIRST_PAGE])
        assert_requests(row, stream, outcome, mode)
    else:  # which of its requests is the second one is a matter of chance
        expected = wanted if ends == "COMPLETE" else wanted[: len(ids)]
        if mode.is_incremental:  # what does not come by its id is looked for in the end
            ids, expected = sorted(ids), sorted(expected)
        assert ids == expected
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


def assert_requests(row: Row, stream: str, outcome: Outcome, mode: Mode) -> None:
    count = outcome.paths.count(PATHS[stream]) - mode.requests_before(stream)
    extra = row.requests[stream] if isinstance(row.requests, Mapping) else row.requests
    if stream not in row.concerns:
        assert count == COMPLETE_REQUESTS[stream]
    elif extra is None:
        assert COMPLETE_REQUESTS[stream] <= count < 60
    else:
        before = COMPLETE_REQUESTS[stream] if row.ends == "COMPLETE" else 1
        assert count == before + extra + (row.is_of_credential and mode.kind in CLIENTS)


def assert_exit_code_and_waits(row: Row, outcome: Outcome, mode: Mode) -> None:
    assert outcome.done.returncode == (0 if row.ends == "COMPLETE" else 1)
    concerned = set(row.concerns) & set(mode.streams)
    least, most = (len(concerned) * seconds for seconds in row.waits)
    if mode.num_workers == 1:
        assert least <= sum(outcome.waits) <= most
    else:
        assert sum(outcome.waits) <= 10 * most + 60  # after refusals it asks ever more slowly
    assert max(outcome.waits, default=0) <= 61
    if row.ends == "INCOMPLETE":
        assert outcome.traces("error")[-1]["failure_type"] == row.error, "of the whole sync"


def assert_no_secret_is_told(outcome: Outcome) -> None:
    """With `--debug`, which logs every request that the reader waits for."""
    lines = outcome.done.stdout.splitlines()
    handed_on = [line for line in lines if '"type":"CONTROL"' in line[:20]]
    everything = "\n".join(line for line in lines if line not in handed_on) + outcome.done.stderr
    logged = ("Sending GET /wiki", f"Sending GET https://{HOST}/_edge/tenant_info")
    assert any(each in everything for each in logged)
    assert not [secret for secret in outcome.secrets if secret in everything]
    assert "Authorization" not in everything


def assert_every_line_is_a_message(outcome: Outcome) -> None:
    known = {"LOG", "RECORD", "STATE", "TRACE", "DEBUG", "CONTROL"}
    assert {message["type"] for message in outcome.messages} <= known
    assert outcome.done.stderr == ""


@pytest.mark.parametrize("kind", ["huge", "bomb"])
def test_memory_is_bounded_by_the_real_bound(kind: str, tmp_path: Path) -> None:
    """300 MB where a page of the list should be, as they are or compressed to 300 KB."""
    fault = {"kind": kind, "size_bytes": 300 * 1024 * 1024, "count": None}
    row = Row(site="", connector="", fault=fault, concerns=(WITH_BODY,))
    mode = Mode(streams=(WITH_BODY,))
    with trial(tmp_path, bounds=REAL) as each:
        each.misbehave(row, mode)
        outcome = each.read(mode)
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
