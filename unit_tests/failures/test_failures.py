"""What a stream does when the site does not do what it should."""

import json
import re
import time
from typing import Any

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from fake_confluence import Fault
from source_confluence.streams.catalog import STREAMS
from unit_tests.conftest import StartSite
from unit_tests.protocol import Outcome, read
from unit_tests.streams_under_test import (
    BY_CURSOR,
    BY_OFFSET,
    OTHERS,
    PATHS,
    SEQUENTIAL,
    SHOWN_TO_VISITORS,
    completed,
    content,
    every_stream,
    linked_stream,
    list_calls,
    nth_page,
    offset_stream,
    on_the_wire,
    without_key,
)

OF_THE_TOKEN = "Likely cause: the API token has expired, was revoked or is wrong"
OLD_TOKEN = "ATATT3x-of-last-year"  # a word such as "expired" would be masked in the message
NO_ACCESS = "caller cannot access Confluence"
HUSH = "what only the site may know"
REFUSALS = {
    "v2": json.dumps({"errors": [{"title": f"Cannot find {HUSH}", "detail": None}]}),
    "v2 with a detail": json.dumps({"errors": [{"title": "Not Found", "detail": HUSH}]}),
    "v1": json.dumps({"statusCode": 403, "message": f"Not permitted: {HUSH}"}),
    "html": f"<!doctype html><title>{HUSH}</title>",
    "nested": f'{{"message": "{HUSH}", "errors": {"[" * 60_000}',
    "number": json.dumps({"errors": 7, "message": 7, "detail": HUSH}),
    "huge": f'{{"errors": [{{"title": "Not Found"}}], "a": "{HUSH}{" " * 12_000_000}"}}',
}
one_of_each_version = pytest.mark.parametrize("stream", [BY_CURSOR, BY_OFFSET])
PASSES = [
    Fault(kind="status", status=408),
    Fault(kind="status", status=429),
    Fault(kind="status", status=500),
    Fault(kind="status", status=502),
    Fault(kind="status", status=503),
    Fault(kind="status", status=504),
    Fault(kind="status", status=403, count=2),
    Fault(kind="status", status=404, count=2),
    Fault(kind="drop"),
    Fault(kind="cut"),
    Fault(kind="bad_gzip"),
    Fault(kind="half_json"),
    Fault(kind="html"),
]
STAYS = [
    (Fault(kind="status", status=400), "system_error", 1),
    (Fault(kind="status", status=401), "config_error", 1),
    (Fault(kind="status", status=403), "config_error", 3),
    (Fault(kind="status", status=404), "config_error", 3),
    (Fault(kind="unrecognised"), "config_error", 3),
    (Fault(kind="status", status=410), "system_error", 1),
    (Fault(kind="status", status=418), "system_error", 2),
    (Fault(kind="status", status=202), "system_error", 2),
    (Fault(kind="status", status=429), "transient_error", 31),
    (Fault(kind="status", status=503), "transient_error", 6),
    (Fault(kind="redirect"), "config_error", 1),
    (Fault(kind="drop"), "transient_error", 6),
    (Fault(kind="cut"), "transient_error", 6),
    (Fault(kind="half_json"), "transient_error", 6),
    (Fault(kind="html"), "transient_error", 6),
    (Fault(kind="no_results"), "system_error", 3),
]


def name_of(value: object) -> str | None:
    if isinstance(value, Fault):
        return f"{value.kind}-{value.status}" if value.kind == "status" else value.kind
    return None


def changed(fault: Fault, **changes: Any) -> Fault:  # noqa: ANN401
    return Fault(**{"kind": fault.kind, "status": fault.status, "count": fault.count, **changes})


def assert_tells_what_to_do(message: str) -> None:
    assert re.fullmatch(r"\S.*\. Likely cause: \S.*\. What to do: \S.*\.", message), message
    assert "{" not in message


def failed_alone(outcome: Outcome, stream: str) -> bool:
    """The stream did not finish, its neighbour did, and the exit code is not 0."""
    return (
        outcome.exception is not None
        and outcome.ending(stream) == "INCOMPLETE"
        and outcome.ending(OTHERS[stream]) == "COMPLETE"
        and len(outcome.records(OTHERS[stream])) == 3
    )


@every_stream
@pytest.mark.parametrize("fault", PASSES, ids=name_of)
def test_what_passes_is_waited_out_and_nothing_is_lost(
    stream: str, fault: Fault, start_site: StartSite, waits: list[float]
) -> None:
    second_page = changed(fault, first=nth_page(stream, 2))
    site = start_site(content(stream, 12), page_cap=5, faults=[second_page])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert without_key(outcome.records(stream)) == on_the_wire(site.service.content.rows(stream))
    assert len(waits) == second_page.count


@every_stream
@pytest.mark.parametrize(("fault", "failure_type", "attempts"), STAYS, ids=name_of)
def test_what_stays_fails_that_stream_alone_and_says_what_to_do(
    stream: str,
    fault: Fault,
    failure_type: str,
    attempts: int,
    start_site: StartSite,
    waits: list[float],
) -> None:
    second_page = nth_page(stream, 2)
    lasting = changed(fault, path=PATHS[stream], first=second_page, count=None)
    site = start_site(content(stream, 12), page_cap=5, faults=[lasting])

    outcome = read(site.config, [stream, OTHERS[stream]])

    assert failed_alone(outcome, stream)
    assert without_key(outcome.records(stream)) == on_the_wire(
        site.service.content.rows(stream)[:5]
    )
    assert outcome.error(stream)["failure_type"] == failure_type
    assert_tells_what_to_do(outcome.error(stream)["message"])
    assert site.config["domain_name"] in outcome.error(stream)["message"]
    calls = [call for call in list_calls(site) if call.path == PATHS[stream]]
    assert len(calls) == 1 + attempts
    shared = 1 if fault.status == 429 else 0  # the other stream waits, too
    assert len(waits) == attempts - 1 + shared


@every_stream
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
def test_a_token_that_has_expired_is_named_first_where_no_401_says_so(
    stream: str, num_workers: int, start_site: StartSite, waits: list[float]
) -> None:
    """Many sites then answer the lists of v2 with a bare 404, and v1 with a 403."""
    site = start_site(content(stream, 12), refuses_with_401=False)

    outcome = read({**site.config, "api_token": OLD_TOKEN}, [stream])

    assert outcome.ending(stream) == "INCOMPLETE"
    assert outcome.records(stream) == []
    error = outcome.error(stream)
    assert error["failure_type"] == "config_error"
    assert error["message"].startswith(f"{site.host} did not recognise the credentials at ")
    assert OF_THE_TOKEN in error["message"]
    assert_tells_what_to_do(error["message"])
    assert re.search("HTTP 40[34]", error["message"])
    assert len(waits) == 2, "it comes for moments under load, too"
    assert num_workers > 1 or len(site.calls) == 3


@every_stream
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@pytest.mark.parametrize("times", [1, 2])
def test_a_moment_without_recognition_costs_nothing(
    times: int, stream: str, num_workers: int, start_site: StartSite, waits: list[float]
) -> None:
    second_page = nth_page(stream, 2)
    moments = Fault(kind="unrecognised", path=PATHS[stream], first=second_page, count=times)
    site = start_site(content(stream, 38), page_cap=5, faults=[moments])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert without_key(outcome.records(stream)) == on_the_wire(site.service.content.rows(stream))
    assert len(waits) == times or num_workers > 1


@one_of_each_version
@pytest.mark.parametrize(
    ("status", "words"), [(403, "refused {path} (HTTP 403)"), (404, "has nothing at {path}")]
)
@pytest.mark.parametrize("body", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_that_says_something_else_is_not_blamed_on_the_token(
    stream: str,
    status: int,
    words: str,
    body: str,
    start_site: StartSite,
    waits: list[float],
) -> None:
    refused = Fault(kind="status", status=status, body=body, path=PATHS[stream], count=None)
    site = start_site(content(stream, 3), faults=[refused])

    outcome = read(site.config, [stream])

    message = outcome.error(stream)["message"]
    assert words.format(path=PATHS[stream]) in message
    assert "expired" not in message
    assert len(waits) == 2
    assert HUSH not in str(outcome.messages) + str(outcome.exception)


@one_of_each_version
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_that_trickles_in_is_not_waited_for(
    stream: str,
    status: int,
    num_workers: int,
    start_site: StartSite,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("source_confluence.transport.exchange.MAX_REFUSAL_SECONDS", 0.2)
    body = json.dumps({"errors": [{"title": "Not Found"}], "message": NO_ACCESS})
    slow = Fault(
        kind="status", status=status, body=body, seconds=0.1, path=PATHS[stream], count=None
    )
    site = start_site(content(stream, 12), faults=[slow])
    started = time.monotonic()

    outcome = read(site.config, [stream])

    assert time.monotonic() - started < 0.2 * (3 + num_workers) + 3
    assert f"HTTP {status}" in outcome.error(stream)["message"]
    assert "expired" not in outcome.error(stream)["message"]
    assert len(waits) == 2


@every_stream
def test_a_first_page_that_fails_is_no_empty_stream(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    refused = Fault(kind="status", status=403, path=PATHS[stream], count=None)
    site = start_site(content(stream, 12), faults=[refused])

    outcome = read(site.config, [stream, OTHERS[stream]])

    assert failed_alone(outcome, stream)
    assert outcome.records(stream) == []
    assert sum(waits) < 10, "a second chance, but a short one"
    assert f"deselect the stream '{stream}'" in outcome.error(stream)["message"]


@every_stream
@pytest.mark.parametrize(
    ("headers", "at_least", "at_most"),
    [
        ({"Retry-After": "1847"}, 1847, 1849),
        ({"X-RateLimit-Reset": "2099-01-01T00:00Z", "Retry-After": "5"}, 5, 7),
        ({"Beta-Retry-After": "1847"}, 1, 4),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_the_server_asks(
    stream: str,
    status: int,
    headers: dict[str, str],
    at_least: float,
    at_most: float,
    start_site: StartSite,
    waits: list[float],
) -> None:
    fault = Fault(kind="status", status=status, headers=headers)
    site = start_site(content(stream, 3), faults=[fault])

    assert completed(read(site.config, [stream]), stream)

    assert at_least <= sum(waits) <= at_most
    assert len(waits) == 1 or max(waits) <= 60


@pytest.mark.parametrize(("seconds", "ending"), [(7200, "COMPLETE"), (7201, "INCOMPLETE")])
def test_two_hours_are_waited_and_not_more(
    seconds: int, ending: str, start_site: StartSite, waits: list[float]
) -> None:
    quota = Fault(kind="status", status=429, headers={"Retry-After": str(seconds)})
    site = start_site(content(BY_OFFSET, 3), faults=[quota])

    assert read(site.config, [BY_OFFSET]).ending(BY_OFFSET) == ending
    assert sum(waits) == pytest.approx(7200 if ending == "COMPLETE" else 0)


@every_stream
def test_a_wait_of_a_day_is_not_waited_for(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    fault = Fault(
        kind="status",
        status=429,
        path=PATHS[stream],
        headers={"X-RateLimit-Reset": "2099-01-01T00:00Z"},
        count=None,
    )
    site = start_site(content(stream, 3), faults=[fault])

    outcome = read(site.config, [stream, OTHERS[stream]])

    assert failed_alone(outcome, stream)
    assert waits == []
    assert outcome.error(stream)["failure_type"] == "transient_error"
    assert_tells_what_to_do(outcome.error(stream)["message"])


@every_stream
def test_an_answer_for_an_anonymous_visitor_is_no_answer_for_us(
    stream: str, start_site: StartSite
) -> None:
    """It holds what the public may see, which would pass for everything there is."""
    headers = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
    visitor = Fault(kind="headers", path=PATHS[stream], headers=headers, first=2, count=None)
    site = start_site(content(stream, 12), page_cap=5, faults=[visitor])

    outcome = read(site.config, [stream, OTHERS[stream]])

    assert failed_alone(outcome, stream)
    assert "anonymous visitor" in outcome.error(stream)["message"]
    assert outcome.error(stream)["failure_type"] == "config_error"


@pytest.mark.parametrize("stream", SHOWN_TO_VISITORS)
def test_what_visitors_may_see_is_not_taken_for_everything(
    stream: str, start_site: StartSite
) -> None:
    """With a token that has expired, a site that is open to the public answers all the same."""
    site = start_site(content(stream, 12), welcomes_visitors=True)

    outcome = read({**site.config, "api_token": "expired"}, [stream])

    assert outcome.ending(stream) == "INCOMPLETE"
    assert "anonymous visitor" in outcome.error(stream)["message"]
    assert outcome.error(stream)["failure_type"] == "config_error"
    assert_tells_what_to_do(outcome.error(stream)["message"])


@pytest.mark.parametrize("stream", SHOWN_TO_VISITORS)
@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        (Fault(kind="status", status=401), "INCOMPLETE"),
        (Fault(kind="status", status=403), "COMPLETE"),
        (Fault(kind="status", status=404), "COMPLETE"),
        (Fault(kind="status", status=503), "COMPLETE"),
        (Fault(kind="html"), "COMPLETE"),
        (Fault(kind="drop"), "COMPLETE"),
    ],
    ids=name_of,
)
def test_only_a_site_that_says_it_does_not_know_us_spoils_the_end(
    stream: str, fault: Fault, ending: str, start_site: StartSite, waits: list[float]
) -> None:
    at_the_end = changed(fault, path="/user/current", count=None)
    site = start_site(content(stream, 12), faults=[at_the_end])

    outcome = read(site.config, [stream])

    assert outcome.ending(stream) == ending
    assert len(outcome.records(stream)) == 12
    assert [call.path for call in site.calls][-1].endswith("/user/current")
    assert waits == []


@pytest.mark.parametrize("stream", SHOWN_TO_VISITORS)
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@pytest.mark.parametrize(
    ("times", "then", "ending"),
    [(1, 200, "COMPLETE"), (2, 200, "COMPLETE"), (2, 403, "COMPLETE"), (3, 200, "INCOMPLETE")],
)
def test_not_to_be_recognised_at_the_end_is_believed_the_third_time(
    stream: str,
    times: int,
    then: int,
    ending: str,
    start_site: StartSite,
    waits: list[float],
) -> None:
    """It comes for moments under load, and costs the state of the stream when it is believed."""
    unknown = Fault(kind="unrecognised", path="/user/current", count=times)
    untold = Fault(kind="status", status=403, path="/user/current", first=times + 1, count=None)
    faults = [unknown, untold] if then == 403 else [unknown]
    site = start_site(content(stream, 12), faults=faults)

    outcome = read(site.config, [stream])

    assert outcome.ending(stream) == ending
    assert len(outcome.records(stream)) == 12
    assert waits == [1, 1][:times]
    if ending == "INCOMPLETE":
        error = outcome.error(stream)
        assert OF_THE_TOKEN in error["message"]
        assert error["failure_type"] == "config_error"
        assert "deselect" not in error["message"]
        assert_tells_what_to_do(error["message"])


@pytest.mark.parametrize("stream", SHOWN_TO_VISITORS)
def test_an_empty_list_is_not_believed_where_the_spaces_do_not_know_us(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    untold = Fault(kind="status", status=403, path="/user/current", count=None)
    first = 2 if PATHS[stream].endswith("/spaces") else 1
    unknown = Fault(kind="unrecognised", path="/spaces", first=first, count=None)
    site = start_site(content(stream, 0), faults=[untold, unknown])

    outcome = read(site.config, [stream])

    assert outcome.ending(stream) == "INCOMPLETE"
    assert OF_THE_TOKEN in outcome.error(stream)["message"]
    assert waits == [1, 1]


@pytest.mark.parametrize("stream", SHOWN_TO_VISITORS)
def test_an_empty_list_is_not_believed_where_nobody_says_who_we_are(
    stream: str, start_site: StartSite
) -> None:
    """As on a site that is closed to the public and gives an unknown caller empty lists."""
    untold = Fault(kind="status", status=403, path="/user/current", count=None)
    site = start_site(content(stream, 12), welcomes_visitors=True, faults=[untold])

    outcome = read({**site.config, "api_token": "expired"}, [stream])

    assert outcome.ending(stream) == "INCOMPLETE"
    assert "shows us no space" in outcome.error(stream)["message"]


def test_an_empty_list_is_believed_where_a_space_is_visible(start_site: StartSite) -> None:
    untold = Fault(kind="status", status=403, path="/user/current", count=None)
    site = start_site(content(BY_CURSOR, 0), faults=[untold])

    assert completed(read(site.config, [BY_CURSOR]), BY_CURSOR)


def test_a_question_that_hangs_does_not_hold_the_end(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.identity.DEADLINE_SECONDS", 0.3)
    hangs = Fault(kind="slow", seconds=3, path="/user/current", count=None)
    site = start_site(content(BY_CURSOR, 3), faults=[hangs])

    assert completed(read(site.config, [BY_CURSOR]), BY_CURSOR)


def test_failures_of_different_kinds_have_their_own_number_of_attempts(
    start_site: StartSite, waits: list[float]
) -> None:
    faults = [
        Fault(kind="status", status=429, count=10),
        Fault(kind="status", status=404, first=11, count=2),
        Fault(kind="status", status=503, first=13, count=5),
        Fault(kind="half_json", first=18, count=5),
    ]
    site = start_site(content(BY_CURSOR, 3), faults=faults)

    assert completed(read(site.config, [BY_CURSOR]), BY_CURSOR)
    assert len(waits) == 22


@every_stream
def test_each_request_has_its_own_number_of_attempts(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    every_other = Fault(kind="status", status=404, count=None, every=2)
    site = start_site(content(stream, 38), page_cap=5, faults=[every_other])

    assert completed(read(site.config, [stream]), stream)
    assert len(waits) >= 8


def test_every_third_request_refused_loses_nothing(
    start_site: StartSite, waits: list[float]
) -> None:
    busy = Fault(kind="status", status=429, headers={"Retry-After": "1"}, count=None, every=3)
    site = start_site(content(BY_CURSOR, 100), page_cap=5, faults=[busy])

    outcome = read(site.config, [BY_CURSOR])

    assert completed(outcome, BY_CURSOR)
    assert outcome.records(BY_CURSOR) == on_the_wire(site.service.content.rows(BY_CURSOR))
    assert len(waits) == 10


@linked_stream
@pytest.mark.parametrize(
    ("kind", "words", "pages_read"),
    [
        ("repeat_cursor", "its next link repeats an earlier cursor", 2),
        ("no_cursor", "its next link has no cursor", 2),
        ("ignore_position", "it gives the same rows again", 1),
    ],
)
def test_a_broken_cursor_is_an_error_and_not_the_end(
    stream: str, kind: str, words: str, pages_read: int, start_site: StartSite
) -> None:
    fault = Fault(kind=kind, path=PATHS[stream], first=2, count=None)
    site = start_site(content(stream, 20), page_cap=5, faults=[fault])

    outcome = read(site.config, [stream, OTHERS[stream]])

    assert failed_alone(outcome, stream)
    assert words in outcome.error(stream)["message"]
    assert_tells_what_to_do(outcome.error(stream)["message"])
    assert outcome.records(stream) == on_the_wire(
        site.service.content.rows(stream)[: 5 * pages_read]
    )
    assert len([call for call in site.calls if call.path == PATHS[stream]]) == 2


@offset_stream
def test_a_site_that_ignores_the_offset_is_an_error_and_not_a_loop(
    stream: str, start_site: StartSite
) -> None:
    fault = Fault(kind="ignore_position", path=PATHS[stream], count=None)
    site = start_site(content(stream, 20), page_cap=5, faults=[fault])

    outcome = read(site.config, [stream, OTHERS[stream]])

    assert failed_alone(outcome, stream)
    assert "same rows again" in outcome.error(stream)["message"]
    assert without_key(outcome.records(stream)) == on_the_wire(
        site.service.content.rows(stream)[:5]
    )


def test_no_answer_at_all_is_a_timeout(
    start_site: StartSite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.transport.exchange.READ_TIMEOUT_SECONDS", 0.2)
    site = start_site(content(BY_CURSOR, 3), faults=[Fault(kind="slow", seconds=1, count=None)])

    outcome = read(site.config, [BY_CURSOR])

    assert f"did not answer {PATHS[BY_CURSOR]} in time" in outcome.error(BY_CURSOR)["message"]
    asked = [dict(call.params)["limit"] for call in list_calls(site)]
    assert asked == ["250", "125", "62", "31", "15", "7", "3", *["1"] * 8]
    assert len(waits) == 7 + 1 + 5


def test_one_slow_answer_is_asked_for_again(
    start_site: StartSite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_confluence.transport.exchange.READ_TIMEOUT_SECONDS", 0.2)
    site = start_site(content(BY_CURSOR, 3), faults=[Fault(kind="slow", seconds=2)])

    assert len(read(site.config, [BY_CURSOR]).records(BY_CURSOR)) == 3
    assert len(waits) == 1


def test_a_redirect_is_not_followed_whoever_it_leads_to(start_site: StartSite) -> None:
    other = start_site(content(BY_CURSOR, 3))
    away = Fault(kind="redirect", location=f"https://{other.host}{PATHS[BY_CURSOR]}", count=None)
    site = start_site(content(BY_CURSOR, 3), faults=[away])

    outcome = read(site.config, [BY_CURSOR])

    assert outcome.ending(BY_CURSOR) == "INCOMPLETE"
    assert other.calls == []


@pytest.mark.parametrize("kind", [400, 401, 403, 404, 410, 429, 500])
def test_neither_bodies_nor_headers_of_a_failed_answer_are_logged(
    kind: int, start_site: StartSite, waits: list[float]
) -> None:
    fault = Fault(kind="status", status=kind, headers={"Set-Cookie": "session=hush"}, count=None)
    site = start_site(content(BY_CURSOR, 3), faults=[fault])

    outcome = read(site.config, [BY_CURSOR])

    assert outcome.exception is not None
    everything = str(outcome.messages) + str(outcome.exception)
    assert "hush" not in everything
    assert "planned fault" not in everything, "the body of the answer"
    assert site.config["api_token"] not in everything
    assert waits or kind not in (403, 404, 429, 500)


def test_each_repetition_is_announced_with_status_and_trace_id(
    start_site: StartSite, waits: list[float]
) -> None:
    site = start_site(content(BY_CURSOR, 3), faults=[Fault(kind="status", status=503)])

    outcome = read(site.config, [BY_CURSOR])

    [line] = [line for line in outcome.logs if line.startswith("Attempt ")]
    assert re.fullmatch(
        rf"Attempt 1 of 6: GET {PATHS[BY_CURSOR]}: HTTP 503 \(trace [0-9a-f]+\)", line
    )
    assert len(waits) == 1


def test_a_trace_id_that_the_site_does_not_give_is_not_spoken_of(
    start_site: StartSite, waits: list[float]
) -> None:
    busy = Fault(kind="status", status=503, headers={"atl-traceid": ""})
    site = start_site(content(BY_CURSOR, 3), faults=[busy])
    [line] = [line for line in read(site.config, [BY_CURSOR]).logs if line.startswith("Attempt ")]
    assert line == f"Attempt 1 of 6: GET {PATHS[BY_CURSOR]}: HTTP 503"
    assert waits


def test_the_last_failure_names_status_reason_and_trace_id_for_who_looks_into_it(
    start_site: StartSite, waits: list[float]
) -> None:
    site = start_site(content(BY_CURSOR, 3), faults=[Fault(kind="html", count=None)])

    internal = read(site.config, [BY_CURSOR]).error(BY_CURSOR)["internal_message"]

    assert re.fullmatch(
        rf"GET {PATHS[BY_CURSOR]}: HTTP 200, an HTML page \(trace [0-9a-f]+\)", internal
    )
    assert len(waits) == 5


def test_the_log_names_the_real_cause_of_a_repetition(
    start_site: StartSite, waits: list[float]
) -> None:
    site = start_site(content(BY_CURSOR, 3), faults=[Fault(kind="drop")])

    logs = read(site.config, [BY_CURSOR]).logs

    [attempt] = [line for line in logs if line.startswith("Attempt ")]
    assert attempt.startswith(f"Attempt 1 of 6: The connection to {site.host} broke")
    [retry] = [line for line in logs if "rying" in line]
    assert re.fullmatch(r"Trying again in [0-9.]+ seconds\.", retry)
    assert not any("Rate limit" in line for line in logs)
    assert len(waits) == 1


def test_all_streams_share_one_authenticator_and_one_backoff(start_site: StartSite) -> None:
    from source_confluence import SourceConfluence  # noqa: PLC0415

    streams = SourceConfluence().streams(start_site().config)

    assert len(streams) == len(STREAMS)
    for part in ("_sync", "_sync.backoff", "_sync.client", "_http_client._session.auth"):
        parts = set()
        for stream in streams:
            value: Any = stream
            for name in part.split("."):
                value = getattr(value, name)
            parts.add(id(value))
        assert len(parts) == 1, part


def test_the_run_ends_with_what_to_do_about_each_stream_that_failed(
    start_site: StartSite, waits: list[float]
) -> None:
    """PyAirbyte shows this error alone."""
    faults = [
        Fault(kind="status", status=403, path=PATHS[BY_OFFSET], count=None),
        Fault(kind="status", status=503, path=PATHS[BY_CURSOR], count=None),
    ]
    site = start_site(faults=faults)

    outcome = read(site.config, [BY_OFFSET, BY_CURSOR, SEQUENTIAL])

    assert isinstance(outcome.exception, AirbyteTracedException)
    assert outcome.exception.failure_type is FailureType.config_error, "who must act comes first"
    first, *others = (outcome.exception.message or "").splitlines()
    assert first == "2 of 3 streams could not be read to the end; the others are complete."
    assert others == [
        f"{name}: {outcome.error(name)['message']}" for name in (BY_OFFSET, BY_CURSOR)
    ]
    assert_tells_what_to_do(others[0])
    assert waits


def test_a_run_of_which_nothing_is_complete_does_not_claim_it(
    start_site: StartSite, waits: list[float]
) -> None:
    site = start_site(faults=[Fault(kind="status", status=503, count=None)])
    outcome = read(site.config, [BY_OFFSET])
    assert isinstance(outcome.exception, AirbyteTracedException)
    assert outcome.exception.failure_type is FailureType.transient_error
    text = outcome.exception.message or ""
    assert text.startswith(f"1 of 1 streams could not be read to the end.\n{BY_OFFSET}: ")
    assert waits
