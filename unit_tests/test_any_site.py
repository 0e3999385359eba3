"""Whatever the size of a site and of its pages, and whatever goes wrong: every row, once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_confluence import Fault, Service, serve
from source_confluence.records.records import READ_AT
from unit_tests.protocol import Message, Outcome, read
from unit_tests.protocol import given as given_state
from unit_tests.streams_under_test import KEYS, NAMES, PATHS, completed, content

PASSING = ["drop", "cut", "bad_gzip", "half_json", "html"]
STATUSES = [403, 404, 408, 413, 429, 500, 502, 503, 504]


@st.composite
def faults(draw: st.DrawFn, stream: str) -> list[Fault]:
    """Up to five faults that pass, one after the other or at the same time."""
    planned = []
    for _ in range(draw(st.integers(0, 5))):
        settings: dict[str, Any] = {
            "path": PATHS[stream],
            "first": draw(st.integers(1, 12)),
            "count": draw(st.integers(1, 4)),
            "every": draw(st.integers(1, 3)),
            "limit_above": draw(st.sampled_from([0, 0, 0, 1, 3, 40])),
        }
        if draw(st.booleans()):
            settings |= {"kind": "status", "status": draw(st.sampled_from(STATUSES))}
        else:
            settings |= {"kind": draw(st.sampled_from(PASSING))}
        planned.append(Fault(**settings))
    if draw(st.booleans()):
        planned.append(
            Fault(kind="poison", path=PATHS[stream], row=draw(st.integers(0, 40)), count=None)
        )
    return planned


def keys(messages: list[Message], stream: str) -> list[str]:
    return [m["record"]["data"][KEYS[stream]] for m in messages if m["type"] == "RECORD"]


def last_state(messages: list[Message], stream: str) -> object:
    states = [m["state"]["stream"]["stream_state"] for m in messages if m["type"] == "STATE"]
    return given_state(stream, states[-1]) if states else []


@pytest.mark.usefixtures("waits")
@given(
    data=st.data(),
    stream=st.sampled_from(NAMES),
    count=st.integers(0, 45),
    page_cap=st.one_of(st.none(), st.integers(1, 15)),
    num_workers=st.sampled_from([1, 2, 8]),
)
def test_every_row_once_and_after_a_resume_at_least_once(
    data: st.DataObject,
    stream: str,
    count: int,
    page_cap: int | None,
    num_workers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planned = data.draw(faults(stream))
    service = Service(content(stream, count), page_cap=page_cap, faults=planned)
    with serve(service, settings={"num_workers": num_workers}) as site:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(site.ca_file))
        outcome = read(site.config, [stream])
        service.recover()
        whole = read(site.config, [stream])
        assert not any("meta" in m.get("record", {}) for m in whole.messages)
        wanted = keys(whole.messages, stream)

        assert completed(whole, stream)
        assert len(set(wanted)) == count
        assert_honest(outcome, stream, whole)

        killed_at = data.draw(st.integers(0, len(outcome.messages)))
        before = outcome.messages[:killed_at]
        rest = read(site.config, [stream], state=last_state(before, stream))
        assert completed(rest, stream)
        again = [*keys(before, stream), *keys(rest.messages, stream)]
        assert set(again) == set(wanted)


def assert_honest(outcome: Outcome, stream: str, whole: Outcome) -> None:
    """All of them once when it says COMPLETE; else the first of them, once; all whole or marked."""
    found, wanted = keys(outcome.messages, stream), keys(whole.messages, stream)
    assert found == (wanted if completed(outcome, stream) else wanted[: len(found)])
    records = [m["record"] for m in outcome.messages if m["type"] == "RECORD"]
    for record, sound in zip(records, whole.records(stream), strict=False):
        missing = [change["field"] for change in record.get("meta", {}).get("changes", [])]
        sent = {k: v for k, v in record["data"].items() if k != READ_AT}
        assert sent == {k: v for k, v in sound.items() if k not in missing}
    assert outcome.ending(stream) in ("COMPLETE", "INCOMPLETE")
    json.dumps(outcome.messages, allow_nan=False)
