"""The site's time."""

import time

import pytest

from source_confluence.transport.site_clock import SiteClock

NOON = "Wed, 25 Nov 2026 12:00:00 GMT"
NOON_MILLISECONDS = 1_795_608_000_000


def test_before_the_first_response_the_time_is_not_known() -> None:
    clock = SiteClock()
    assert clock.now is None
    before = time.time_ns() // 1_000_000
    assert before <= clock.latest <= time.time_ns() // 1_000_000


def test_the_time_is_that_of_the_last_response_and_goes_on(waits: list[float]) -> None:
    clock = SiteClock()
    clock.observe(NOON)
    waits.append(1.5)
    assert (clock.latest, clock.now) == (NOON_MILLISECONDS, NOON_MILLISECONDS + 1500)


@pytest.mark.parametrize("date", [None, "", "soon", "Wed, 25 Nov 2026 11:59:58 GMT", "0"])
def test_it_never_goes_back_nor_believes_what_is_no_date(date: str | None) -> None:
    clock = SiteClock()
    clock.observe(NOON)
    clock.observe(date)
    assert clock.latest == NOON_MILLISECONDS
