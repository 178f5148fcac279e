"""What becomes of a delivery after an attempt failed."""

from __future__ import annotations

import pytest

from bot.errors import PermanentFailure, PlaceGone, RelayError, TemporaryFailure, UncertainFailure
from bot.retry import Decision, RetryPolicy, Verdict, decide

POLICY = RetryPolicy(first=2.0, longest=300.0, give_up=3600.0)


def test_delays_double_up_to_the_longest() -> None:
    delays = [decide(TemporaryFailure("busy"), n, 0.0, POLICY).delay for n in (1, 2, 3, 8, 9, 10_000)]
    assert delays == [2.0, 4.0, 8.0, 256.0, 300.0, 300.0]


def test_the_platforms_wish_counts() -> None:
    assert decide(TemporaryFailure("busy", 77.0), 1, 0.0, POLICY).delay == 77.0
    assert decide(TemporaryFailure("busy", -1.0), 5, 0.0, POLICY).delay == 0.0
    assert decide(TemporaryFailure("busy", 77.0), 1, 0.0, POLICY).freeze == 0.0


def test_a_429_freezes_the_bucket_and_is_never_given_up() -> None:
    frozen = decide(TemporaryFailure("slow down", 30.0, freeze=True), 9, 10 * 3600.0, POLICY)
    assert frozen == Decision(Verdict.RETRY, 30.0, "slow down", 30.0)


def test_after_so_long_it_has_failed() -> None:
    assert decide(TemporaryFailure("busy"), 9, 3600.0, POLICY).verdict is Verdict.RETRY
    given_up = decide(TemporaryFailure("busy"), 9, 3601.0, POLICY)
    assert given_up.verdict is Verdict.FAILED and "given up after 1 hours" in given_up.reason


@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [
        (PermanentFailure("no such mailbox"), Verdict.FAILED, "no such mailbox"),
        (PlaceGone("archived", whole_channel=True), Verdict.REPLACE, "archived"),
        (UncertainFailure("no answer"), Verdict.UNCERTAIN, "no answer"),
        (RelayError("odd"), Verdict.UNCERTAIN, "unexpected RelayError"),
        (KeyError("secret words of a customer"), Verdict.UNCERTAIN, "unexpected KeyError"),
        (TimeoutError(), Verdict.UNCERTAIN, "unexpected TimeoutError"),
    ],
)
def test_what_is_final_and_what_is_certain(error: Exception, verdict: Verdict, reason: str) -> None:
    assert decide(error, 1, 0.0, POLICY) == Decision(verdict, 0.0, reason)
