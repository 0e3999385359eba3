"""After a refusal it asks as often as the site let it, and soon at full speed again."""

from math import inf
from types import SimpleNamespace

import pytest

from fake_confluence import Limiter
from source_confluence.limits.adaptive_rate import AdaptiveRate
from source_confluence.limits.headers import LimitReport, Refusal
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.limits.waiting import now_seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that goes on when a test says so."""
    clock = SimpleNamespace(now=1e6)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("source_confluence.limits.waiting.time", clock)
    monkeypatch.setattr("fake_confluence.network.time", clock)
    return clock


def refused_after(
    rate: AdaptiveRate, clock: SimpleNamespace, accepted: int, seconds: float
) -> None:
    """So many requests are answered, and one more is refused, which orders a wait of a second."""
    for _ in range(accepted):
        rate.take_turn()
        clock.now += seconds / accepted
    rate.refused(rate.take_turn(), clock.now, 1)
    clock.now += 1


def test_until_the_site_refuses_nothing_is_waited_for(clock: SimpleNamespace) -> None:
    rate = AdaptiveRate()
    for _ in range(100):
        rate.take_turn()
        clock.now += 0.001
    assert rate.per_second == inf
    assert rate.seconds_to_wait() == 0
    assert rate.seconds_for(2) == 0


def test_what_passes_is_counted_by_the_time_with_the_wait_that_was_ordered(
    clock: SimpleNamespace,
) -> None:
    rate = AdaptiveRate()
    refused_after(rate, clock, accepted=12, seconds=2)
    assert rate.per_second == pytest.approx(12 / 3)
    refused_after(rate, clock, accepted=10, seconds=1)
    assert rate.per_second == pytest.approx(10 / 2)
    assert rate.seconds_for(2) == pytest.approx(2 / 5)


def test_others_of_a_volley_are_refused_for_the_same_reason(clock: SimpleNamespace) -> None:
    rate = AdaptiveRate()
    for _ in range(4):
        rate.take_turn()
        clock.now += 0.25
    volley = []
    for _ in range(5):
        volley.append(rate.take_turn())
        clock.now += 0.001
    for asked_at in volley:
        rate.refused(asked_at, clock.now, 1)
    assert rate.per_second == pytest.approx(4 / 2, rel=0.01)


def test_between_requests_beside_others_passes_a_little_less_than_was_measured(
    clock: SimpleNamespace,
) -> None:
    rate = AdaptiveRate()
    refused_after(rate, clock, accepted=5, seconds=1)
    rate.take_turn()
    assert rate.seconds_to_wait() == pytest.approx(1 / (2.5 * 1.15) - 0.3)
    clock.now += rate.seconds_to_wait()
    rate.take_turn()
    assert rate.seconds_to_wait() == pytest.approx(1 / (2.5 * 1.15))


def test_a_new_measure_counts_from_its_refusal_on(clock: SimpleNamespace) -> None:
    """What the slower rate before would have made the next request wait is over."""
    rate = AdaptiveRate()
    refused_after(rate, clock, accepted=1, seconds=9)
    rate.take_turn()
    assert rate.seconds_to_wait() > 5
    rate.refused(rate.take_turn(), clock.now, 1)
    clock.now += 1
    assert rate.seconds_to_wait() == 0


def test_after_a_few_quiet_seconds_it_is_back_at_full_speed(clock: SimpleNamespace) -> None:
    """Even where the two refusals of a moment ordered three seconds each."""
    rate = AdaptiveRate()
    rate.take_turn()
    for _ in range(2):
        rate.refused(rate.take_turn(), clock.now + 0.1, 3)
        refused_at = clock.now
        clock.now += 3.1
    assert rate.per_second < 1
    clock.now = refused_at + 10
    rate.take_turn()
    assert rate.per_second == inf
    assert rate.seconds_to_wait() == 0


def test_a_limit_that_was_forgotten_too_early_is_remembered_longer(clock: SimpleNamespace) -> None:
    rate = AdaptiveRate()
    remembered = []
    for _ in range(5):
        refused_after(rate, clock, accepted=20, seconds=2)
        refused_at = clock.now - 1
        while rate.per_second < inf:
            clock.now += 0.5
        remembered.append(clock.now - refused_at)
    assert remembered == [9.5, 19, 38, 38, 38]
    clock.now += 60
    refused_after(rate, clock, accepted=20, seconds=2)
    clock.now += 8.6
    assert rate.per_second == inf, "after a quiet minute, as in the beginning"


def test_after_a_long_wait_some_quiet_seconds_come_first(clock: SimpleNamespace) -> None:
    rate = AdaptiveRate()
    rate.refused(rate.take_turn(), clock.now, 60)
    clock.now += 62
    assert rate.per_second < inf
    clock.now += 1
    assert rate.per_second == inf


def test_to_a_site_that_refuses_what_comes_at_once_is_not_worth_two_requests(
    clock: SimpleNamespace,
) -> None:
    rate = AdaptiveRate()
    refused_after(rate, clock, accepted=200, seconds=1)
    assert rate.seconds_for(2) == 0.1
    assert rate.seconds_for(1) == pytest.approx(1 / 100)
    clock.now += 9
    assert rate.seconds_for(2) == 0


@pytest.mark.parametrize("seconds", [10, 60, 3600])
def test_nothing_is_waited_for_longer_than_it_is_remembered(
    seconds: float, clock: SimpleNamespace
) -> None:
    rate = AdaptiveRate()
    rate.refused(rate.take_turn(), clock.now, seconds)
    clock.now += seconds
    rate.take_turn()
    assert 0 < rate.seconds_to_wait() <= 3


@pytest.mark.parametrize(("per_second", "burst"), [(2, 2), (5, 5), (5, 20), (30, 30)])
def test_a_site_with_a_limit_is_asked_hardly_more_often_than_it_allows(
    per_second: int, burst: int, clock: SimpleNamespace
) -> None:
    limiter, rate = Limiter(per_second, burst), AdaptiveRate()
    not_before, refused, began = 0.0, 0, clock.now
    for _ in range(500):
        clock.now = max(clock.now + rate.seconds_to_wait(), not_before)
        asked_at = rate.take_turn()
        if limiter.refusal():
            refused += 1
            not_before = clock.now + 1
            rate.refused(asked_at, clock.now, 1)
        clock.now += 0.001
    ideal = (500 - refused - burst) / per_second
    assert refused / 500 < 0.2
    assert ideal <= clock.now - began + 0.001
    assert clock.now - began < 1.1 * ideal


def test_a_request_that_is_alone_waits_for_nothing_but_what_was_ordered(
    clock: SimpleNamespace,
) -> None:
    limit = RateLimit(AdaptiveRate())
    refusal = Refusal(seconds=5, reason=None, is_of_rate=True)
    limit.observe(LimitReport(asked_at=limit.take_turn(), answered_at=clock.now, refusal=refusal))
    assert limit.seconds_to_wait() == 5
    clock.now += 5
    for _ in range(9):
        limit.take_turn()
    assert limit.seconds_to_wait() == 0
    assert limit.seconds_to_wait(is_beside_others=True) > 1
    assert limit.per_second < inf


def test_a_slow_reader_is_not_taken_for_a_slow_site(clock: SimpleNamespace) -> None:
    """The refusal is looked at ten minutes after it came."""
    limit = RateLimit(AdaptiveRate())
    asked = [limit.take_turn() for _ in range(18)]
    answered_at = clock.now
    clock.now += 600
    refusal = Refusal(seconds=5, reason=None, is_of_rate=True)
    limit.observe(LimitReport(asked_at=asked[-1], answered_at=answered_at, refusal=refusal))
    assert limit.seconds_to_wait(is_beside_others=True) == 0
    assert limit.per_second == inf


def test_a_503_says_nothing_about_how_often_to_ask() -> None:
    limit = RateLimit(AdaptiveRate())
    overloaded = Refusal(seconds=5, reason=None, is_of_rate=False)
    limit.observe(
        LimitReport(asked_at=limit.take_turn(), answered_at=now_seconds(), refusal=overloaded)
    )
    assert 4 < limit.seconds_to_wait() <= 5
    assert limit.per_second == inf
