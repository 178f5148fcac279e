"""Token buckets: pure, so time is whatever the test says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.pace import Pace
from bot.policy import Rate


def pace(rate: float = 1.0, burst: float = 4.0) -> Pace:
    made = Pace()
    made.limit("b", Rate(rate, burst), 100.0)
    return made


def test_a_new_bucket_is_full_and_fills_at_its_rate() -> None:
    bucket = pace()
    assert bucket.available("b", 100.0) == 4
    bucket.take("b", 100.0, 4)
    assert bucket.available("b", 100.0) == 0
    assert bucket.wait("b", 100.0) == 1.0
    assert bucket.available("b", 102.5) == 2
    assert bucket.available("b", 1_000.0) == 4


def test_what_was_taken_for_nothing_comes_back_but_never_more_than_the_burst() -> None:
    bucket = pace()
    bucket.take("b", 100.0, 3)
    bucket.give_back("b", 100.0, 2)
    assert bucket.available("b", 100.0) == 3
    bucket.give_back("b", 100.0, 9)
    assert bucket.available("b", 100.0) == 4


def test_a_frozen_bucket_gives_nothing_until_then_and_no_other_is_frozen() -> None:
    bucket = pace()
    bucket.limit("other", Rate(1.0, 1.0), 100.0)
    bucket.freeze("b", 100.0, 30.0)
    bucket.freeze("b", 100.0, 5.0)
    assert bucket.available("b", 129.9) == 0
    assert bucket.wait("b", 120.0) == 10.0
    assert bucket.available("b", 130.1) == 4
    assert bucket.available("other", 100.0) == 1


def test_a_clock_that_goes_back_makes_no_tokens() -> None:
    bucket = pace()
    bucket.take("b", 100.0, 4)
    assert bucket.available("b", 50.0) == 0
    assert bucket.available("b", 51.0) == 1


def test_a_rate_can_change() -> None:
    bucket = pace()
    bucket.take("b", 100.0, 4)
    bucket.limit("b", Rate(10.0, 4.0), 100.0)
    assert bucket.available("b", 100.2) == 2


def test_full_buckets_are_forgotten_and_others_are_not() -> None:
    bucket = pace()
    bucket.limit("used", Rate(1.0, 4.0), 100.0)
    bucket.limit("frozen", Rate(1.0, 4.0), 100.0)
    bucket.take("used", 100.0, 2)
    bucket.freeze("frozen", 100.0, 60.0)
    bucket.forget_full(101.0)
    assert [name for name in ("b", "used", "frozen") if bucket.known(name)] == ["used", "frozen"]
    bucket.forget_full(200.0)
    assert not any(bucket.known(name) for name in ("b", "used", "frozen"))


@given(
    st.floats(0.1, 50.0),
    st.integers(1, 20),
    st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60),
)
def test_never_more_than_the_rate_and_a_burst(rate: float, burst: int, pauses: list[float]) -> None:
    bucket = pace(rate, burst)
    now, taken = 100.0, 0
    for pause in pauses:
        now += pause
        count = bucket.available("b", now)
        bucket.take("b", now, count)
        taken += count
        wait = bucket.wait("b", now)
        assert wait > 0
        now += wait + 1e-6
        assert bucket.available("b", now) >= 1
    assert taken <= burst + rate * (now - 100.0) + 1e-6
