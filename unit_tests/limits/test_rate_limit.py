"""It asks more slowly before it is refused, and all streams know what one was told."""

import logging

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from fake_confluence import Fault
from source_confluence.limits import waiting
from source_confluence.limits.headers import Budget, LimitReport, Refusal, budgets
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.limits.throttle import Throttle
from source_confluence.limits.waiting import now_seconds
from source_confluence.shutdown import Stop
from unit_tests.conftest import StartSite
from unit_tests.protocol import read
from unit_tests.streams_under_test import (
    BY_CURSOR,
    PATHS,
    SEQUENTIAL,
    completed,
    content,
    every_stream,
)

NOW = "Thu, 26 Mar 2026 15:00:00 GMT"


def answer(status: int, headers: dict[str, str]) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(headers)
    return response


def throttle_of(limit: RateLimit, stream: str = BY_CURSOR) -> Throttle:
    logger = logging.getLogger("test")
    return Throttle(
        limit,
        stream=stream,
        before="acme",
        logger=logger,
        stop=Stop(),
        sleep=lambda part, _: waiting.sleep(part),
    )


def observe(limit: RateLimit, status: int, headers: dict[str, str]) -> None:
    """Let a response come now."""
    response = answer(status, headers)
    limit.observe(LimitReport.of(response, Refusal.of(response), now_seconds()))


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"RateLimit": '"global-app-quota";r=0;t=50'}, [("global-app-quota", 0, 50)]),
        ({"ratelimit": '"a";t=50;r=7, "b"; r=9; t=3'}, [("a", 7, 50), ("b", 9, 3)]),
        ({"RateLimit": '"plenty";q=65000;w=3600'}, []),
        ({"RateLimit": '"gone";r=5;t=0'}, []),
        ({"RateLimit": '"far";r=5;t=999999'}, []),
        ({"RateLimit": "r=5;t=5"}, []),
        ({"RateLimit": '"x";r=-5;t=5'}, []),
        ({"RateLimit": '"x";r=' + "9" * 400 + ";t=5"}, []),
        ({"Beta-RateLimit": '"global-app-quota";r=0;t=50'}, []),
        (
            {
                "X-RateLimit-Limit": "1000",
                "X-RateLimit-Remaining": "100",
                "X-RateLimit-Reset": "2026-03-26T15:01Z",
            },
            [("X-RateLimit", 100, 60)],
        ),
        (
            {
                "X-RateLimit-Limit": "1000",
                "X-RateLimit-Remaining": "900",
                "X-RateLimit-Reset": "2026-03-26T15:01Z",
            },
            [],
        ),
        (
            {
                "X-RateLimit-NearLimit": "true",
                "X-RateLimit-Remaining": "9",
                "X-RateLimit-Reset": "2026-03-26T15:00:30Z",
            },
            [("X-RateLimit", 9, 30)],
        ),
        ({"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "?"}, []),
        ({"X-RateLimit-Limit": "²", "X-RateLimit-Remaining": "٣"}, []),
    ],
)
def test_what_is_left_is_read_from_either_kind_of_header(
    headers: dict[str, str], left: list[tuple[str, int, float]]
) -> None:
    found = budgets(CaseInsensitiveDict({**headers, "Date": NOW}))
    assert found == [Budget(name=n, left=r, reset_seconds=t) for n, r, t in left]


@every_stream
def test_near_the_limit_two_seconds_pass_between_requests(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    near = Fault(kind="headers", headers={"X-RateLimit-NearLimit": "true"}, first=2, count=2)
    site = start_site(content(stream, 23), page_cap=5, faults=[near])

    outcome = read(site.config, [stream])

    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == 23
    assert waits == [2, 2]
    assert len([line for line in outcome.logs if "no more often than every 2.0 s" in line]) == 1
    assert len([line for line in outcome.logs if "at full speed again" in line]) == 1


def test_far_from_the_limit_nothing_is_waited_for(
    start_site: StartSite, waits: list[float]
) -> None:
    headers = {
        "X-RateLimit-NearLimit": "false",
        "X-Beta-RateLimit-NearLimit": "true",
        "RateLimit-Policy": '"global-app-quota";q=65000;w=3600',
        "X-RateLimit-Limit": "100",
        "X-RateLimit-Remaining": "80",
    }
    far = Fault(kind="headers", headers=headers, count=None)
    site = start_site(content(BY_CURSOR, 23), page_cap=5, faults=[far])
    assert completed(read(site.config, [BY_CURSOR]), BY_CURSOR)
    assert waits == []


def test_what_one_stream_is_told_the_others_know(start_site: StartSite, waits: list[float]) -> None:
    """The last answer of one says the limit is near; the other is asked for more slowly."""
    near = Fault(kind="headers", path=PATHS[BY_CURSOR], headers={"RateLimit": '"quota";r=3;t=30'})
    site = start_site(content(BY_CURSOR, 5), faults=[near])
    outcome = read(site.config, [BY_CURSOR, SEQUENTIAL])
    assert completed(outcome, SEQUENTIAL)
    assert waits == [10, 10], "the question who we are waits, too"


def test_a_stream_that_gives_up_lets_the_others_wait(
    start_site: StartSite, waits: list[float]
) -> None:
    refused = Fault(
        kind="status", status=429, path=PATHS[BY_CURSOR], headers={"Retry-After": "40"}, count=None
    )
    site = start_site(content(BY_CURSOR, 5), faults=[refused])
    outcome = read(site.config, [BY_CURSOR, SEQUENTIAL])
    assert outcome.ending(BY_CURSOR) == "INCOMPLETE"
    assert outcome.ending(SEQUENTIAL) == "COMPLETE"
    assert len(waits) == 30 + 1
    assert waits[-1] == pytest.approx(40)


@pytest.mark.parametrize("is_polite", [True, False])
def test_a_budget_of_points_is_made_to_last(is_polite: bool, waits: list[float]) -> None:
    """Each request costs 5 points of 200 a minute, and takes a tenth of a second."""
    limit = RateLimit()
    throttle = throttle_of(limit)
    left, renewed, refused = 200, 0.0, 0
    for _ in range(300):
        throttle.take_turn()
        waits.append(0.1)
        if sum(waits) - renewed >= 60:
            left, renewed = 200, sum(waits)
        if left < 5:
            refused += 1
            headers = {"Retry-After": str(int(60 - (sum(waits) - renewed)) + 1)}
            observe(limit, 429, headers)
            continue
        left -= 5
        until = int(60 - (sum(waits) - renewed)) + 1
        headers = {"RateLimit": f'"quota";r={left};t={until}'} if left < 40 and is_polite else {}
        observe(limit, 200, headers)
    assert refused == (0 if is_polite else 7)


@every_stream
def test_every_third_request_refused_loses_nothing(
    stream: str, start_site: StartSite, waits: list[float]
) -> None:
    busy = Fault(kind="status", status=429, headers={"Retry-After": "1"}, count=None, every=3)
    site = start_site(content(stream, 100), page_cap=5, faults=[busy])
    outcome = read(site.config, [stream])
    assert completed(outcome, stream)
    assert len(outcome.records(stream)) == 100
    assert len(waits) >= 10


def test_a_refusal_that_does_not_say_how_long_holds_the_others_for_two_seconds(
    waits: list[float],
) -> None:
    shared = RateLimit()
    throttle_of(shared, "one").take_turn()
    observe(shared, 429, {})
    throttle_of(shared, "other").take_turn()
    assert waits == [2]


@pytest.mark.parametrize("status", [404, 500])
def test_a_failure_without_a_word_does_not_mean_the_limit_is_far(
    status: int, waits: list[float]
) -> None:
    limit = RateLimit()
    throttle = throttle_of(limit)
    throttle.take_turn()
    observe(limit, 200, {"X-RateLimit-NearLimit": "true"})
    observe(limit, status, {})
    throttle.take_turn()
    assert waits == [2]


def throttle_after(waits: list[float], *answers: tuple[float, str]) -> Throttle:
    """A throttle that has seen answers, each so many seconds after it was asked for."""
    limit = RateLimit()
    throttle = throttle_of(limit)
    for seconds, rate_limit in answers:
        throttle.take_turn()
        waits.append(seconds)
        headers = {"RateLimit": rate_limit} if rate_limit else {}
        observe(limit, 200, headers)
    return throttle


@pytest.mark.parametrize(
    ("answers", "seconds"),
    [
        ([(0, '"q";r=0;t=50'), (0, '"q";r=0;t=50')], 2),  # it is no countdown
        ([(0, '"q";r=3;t=50'), (0, '"q";r=0;t=40')], 40),
        ([(40, '"q";r=0;t=50')], 50),  # nothing is left: until it is renewed, from now on
        ([(0, '"q";r=3;t=50')], 50 / 3),
        ([(0, '"q";r=100;t=60'), (0, '"q";r=90;t=60')], 60 / 90),
        ([(0, '"q";r=205;t=30'), (0, '"q";r=150;t=1200')], 1200 / 150),  # it was renewed
        ([(0, '"q";r=205;t=900'), (0, ""), (0, '"q";r=150;t=600')], 600 / 150),  # the same
        ([(0, '"q";r=9;t=90'), (0, "")], 0),
    ],
)
def test_the_time_to_the_renewal_is_shared_by_what_is_left(
    answers: list[tuple[float, str]], seconds: float, waits: list[float]
) -> None:
    throttle = throttle_after(waits, *answers)
    before = sum(waits)
    throttle.take_turn()
    assert sum(waits) - before == pytest.approx(seconds, abs=0.01)


def test_what_is_used_up_is_waited_for_once(waits: list[float]) -> None:
    throttle = throttle_after(waits, (0, '"q";r=0;t=3600'))
    for _ in range(3):
        throttle.take_turn()
    assert sum(waits) == pytest.approx(3600)


def test_who_we_are_is_asked_no_sooner_than_the_limit_allows(
    start_site: StartSite, waits: list[float]
) -> None:
    used_up = Fault(
        kind="headers", path=PATHS[BY_CURSOR], headers={"RateLimit": '"q";r=0;t=30'}, count=1
    )
    site = start_site(content(BY_CURSOR, 3), faults=[used_up])
    assert completed(read(site.config, [BY_CURSOR]), BY_CURSOR)
    assert waits == [30]


def test_what_a_worker_reports_holds_whoever_asks_next(waits: list[float]) -> None:
    limit = RateLimit()
    throttle = throttle_of(limit)
    now = now_seconds()
    refusal = Refusal(seconds=6, reason=None, is_of_rate=True)
    limit.observe(LimitReport(asked_at=now, answered_at=now, refusal=refusal))
    throttle.take_turn()
    assert waits == [6]


def test_what_is_reported_during_a_wait_makes_it_longer(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = RateLimit()
    throttle = throttle_of(limit)
    refusal = Refusal(seconds=6, reason=None, is_of_rate=True)
    wait = throttle.wait

    def wait_and_report(seconds: float) -> None:
        if not waits:
            at = now_seconds() + 4
            limit.observe(LimitReport(asked_at=at, answered_at=at, refusal=refusal))
        wait(seconds)

    monkeypatch.setattr(throttle, "wait", wait_and_report)
    limit.observe(LimitReport(asked_at=0, answered_at=now_seconds(), refusal=refusal))
    throttle.take_turn()
    assert waits == pytest.approx([6, 4])


def test_what_is_left_of_a_limit_is_judged_by_when_that_was_said() -> None:
    limit = RateLimit()
    ten_minutes_ago = now_seconds() - 600
    used_up = {"RateLimit": '"q";r=0;t=300'}
    limit.observe(
        LimitReport(asked_at=ten_minutes_ago, answered_at=ten_minutes_ago, headers=used_up)
    )
    assert limit.seconds_to_wait() == 0
