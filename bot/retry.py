"""When to try again. Pure: what became of an attempt and how many there were, in; what to do next, out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.errors import DeliveryError, PermanentFailure, PlaceGone, TemporaryFailure


class Verdict(StrEnum):
    """What becomes of a delivery after a failed attempt."""

    RETRY = "retry"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Decision:
    """``delay`` in seconds counts for RETRY; ``freeze`` in seconds is for the whole bucket, 0 for none."""

    verdict: Verdict
    delay: float
    reason: str
    freeze: float = 0.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays double from ``first`` to ``longest`` seconds; after ``give_up`` seconds of trying the delivery has failed."""

    first: float = 2.0
    longest: float = 300.0
    give_up: float = 4 * 24 * 3600.0


def decide(error: BaseException, attempts: int, age: float, policy: RetryPolicy) -> Decision:
    """What to do after attempt number ``attempts`` (from 1) at a delivery that is ``age`` seconds old failed with ``error``.

    An error that nobody mapped is *uncertain*: a customer never gets a duplicate because of our bug.
    """
    if isinstance(error, TemporaryFailure):
        delay = min(policy.first * 2 ** min(attempts - 1, 20), policy.longest)
        if error.retry_after is not None:
            delay = max(error.retry_after, 0.0)
        if age > policy.give_up and not error.freeze:
            hours = round(policy.give_up / 3600)
            return Decision(Verdict.FAILED, 0.0, f"{error.reason} (given up after {hours} hours)")
        return Decision(Verdict.RETRY, delay, error.reason, delay if error.freeze else 0.0)
    if isinstance(error, PlaceGone):
        return Decision(Verdict.REPLACE, 0.0, error.reason)
    if isinstance(error, PermanentFailure):
        return Decision(Verdict.FAILED, 0.0, error.reason)
    reason = error.reason if isinstance(error, DeliveryError) else f"unexpected {type(error).__name__}"
    return Decision(Verdict.UNCERTAIN, 0.0, reason)
