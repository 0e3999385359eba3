import pendulum
import pytest
import requests
from requests.structures import CaseInsensitiveDict

from source_confluence.limits.backoff import ConfluenceBackoff, exponential_seconds
from source_confluence.limits.headers import asked_seconds

NOW = "Thu, 26 Mar 2026 15:00:00 GMT"


def answer(status: int, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(
        {name.replace("_", "-"): value for name, value in headers.items()}
    )
    return response


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "1847"}, 1847),
        ({"retry-after": " 7 "}, 7),
        ({"Retry-After": "30.5"}, 30.5),
        ({"Retry-After": "5, 10"}, 10),
        ({"Retry-After": "99999999999"}, 1e9),
        ({"Retry-After": "9" * 400}, 1e9),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "Thu, 26 Mar 2026 15:01:30 GMT"}, 90),
        ({"Retry-After": "Thursday, 26-Mar-26 15:01:30 GMT"}, 90),
        ({"Retry-After": "Wednesday, 01-Apr-26 15:00:00 GMT"}, 6 * 24 * 3600),
        ({"Retry-After": "Wed Apr  1 15:00:00 2026"}, 6 * 24 * 3600),
        ({"Retry-After": "Mon, 26 Mar 2026 15:01:30 GMT"}, 90),
        ({"Retry-After": "Thu, 26 Mar 2026 15:00:60 GMT"}, 59),
        ({"X-RateLimit-Reset": "2026-03-26 15:00:20Z"}, 20),
        ({"Retry-After": "Thu, 26 Mar 2026 14:59:50 GMT"}, -10),
        ({"X-RateLimit-Reset": "2026-03-26T16:00Z"}, 3600),
        ({"X-RateLimit-Reset": "2026-03-26T15:00:20Z"}, 20),
        ({"X-RateLimit-Reset": "2026-03-26T16:00:20+01:00"}, 20),
        ({"Retry-After": "5", "X-RateLimit-Reset": "2026-03-26T16:00Z"}, 5),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "2026-03-26T15:00:20Z"}, 20),
        ({}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "inf"}, None),
        ({"X-RateLimit-Reset": "1774540800"}, None),
        ({"X-RateLimit-Reset": "99:99"}, None),
        ({"X-RateLimit-Reset": "2026-10-21T07:28:00+25:00"}, None),
        ({"X-RateLimit-Reset": "P1DT2H"}, None),
        ({"Retry-After": "0:"}, None),
        ({"Beta-Retry-After": "50", "X-Beta-RateLimit-Reset": "2026-03-26T16:00Z"}, None),
    ],
)
def test_the_server_says_how_long(headers: dict[str, str], seconds: float | None) -> None:
    for status in (429, 503):
        response = answer(status, Date=NOW)
        response.headers.update(headers)
        assert asked_seconds(status, response.headers) == seconds


def test_without_a_date_of_the_server_the_clock_of_this_machine_counts() -> None:
    reset = pendulum.now("UTC").add(seconds=100).to_iso8601_string()
    headers = {"X-RateLimit-Reset": reset}
    assert 90 < (asked_seconds(429, headers) or 0) <= 100


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_asked(status: int) -> None:
    assert ConfluenceBackoff().backoff_time(answer(status, Retry_After="47"), 1) == 47


def test_a_wait_of_nothing_is_still_a_wait() -> None:
    assert ConfluenceBackoff().backoff_time(answer(429, Retry_After="0"), 1) == 1
    past = answer(429, Date=NOW, Retry_After="Thu, 26 Mar 2026 14:00:00 GMT")
    assert ConfluenceBackoff().backoff_time(past, 1) == 1


@pytest.mark.parametrize(
    "failure",
    [
        answer(500, Retry_After="1847"),
        answer(429, Beta_Retry_After="1847"),
        answer(503),
        requests.ConnectionError(),
        None,
    ],
)
def test_where_nobody_says_how_long_the_waits_grow(
    failure: requests.Response | requests.RequestException | None,
) -> None:
    backoff = ConfluenceBackoff(jitter=lambda: 1.0)
    waits = [backoff.backoff_time(failure, attempt) for attempt in range(1, 8)]
    assert waits == [2, 4, 8, 16, 30, 30, 30]


def test_a_very_long_run_of_failures_does_not_overflow() -> None:
    assert exponential_seconds(10_000) == 30


def test_waits_are_spread_so_that_many_syncs_do_not_come_back_together() -> None:
    backoff = ConfluenceBackoff()
    waits = [backoff.backoff_time(None, 3) for _ in range(200)]
    assert 8 * 0.7 <= min(waits) < 8 < max(waits) <= 8 * 1.3
