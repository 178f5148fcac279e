"""How fast a platform may be asked. Pure: times are given, nothing sleeps.

A bucket fills with tokens at a steady rate up to a small burst. A 429 freezes only its own bucket.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.policy import Rate


@dataclass(slots=True)
class Bucket:
    """One token bucket; ``frozen_until`` and ``updated`` are on the caller's clock."""

    rate: Rate
    tokens: float
    updated: float
    frozen_until: float = 0.0


class Pace:
    """All buckets. ``now`` is in seconds on any steady clock, the same for every call."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def limit(self, name: str, rate: Rate, now: float) -> None:
        """Sets a bucket's rate; a new one starts full."""
        bucket = self._buckets.get(name)
        if bucket is None:
            self._buckets[name] = Bucket(rate, rate.burst, now)
        else:
            bucket.rate = rate

    def known(self, name: str) -> bool:
        """Whether a bucket has a rate."""
        return name in self._buckets

    def rate(self, name: str) -> Rate:
        """A bucket's rate."""
        return self._buckets[name].rate

    def available(self, name: str, now: float) -> int:
        """Whole tokens at hand; 0 while frozen."""
        bucket = self._fill(name, now)
        return 0 if bucket.frozen_until > now else int(bucket.tokens + 1e-9)

    def take(self, name: str, now: float, count: int = 1) -> None:
        """Uses tokens, whether or not they are there: what was done was done."""
        self._fill(name, now).tokens -= count

    def give_back(self, name: str, now: float, count: int = 1) -> None:
        """Returns tokens that were taken for work that was not there."""
        bucket = self._fill(name, now)
        bucket.tokens = min(bucket.tokens + count, bucket.rate.burst)

    def wait(self, name: str, now: float) -> float:
        """Seconds until the next token; 0 where there is one."""
        bucket = self._fill(name, now)
        missing = max(0.0, 1.0 - bucket.tokens) / bucket.rate.per_second
        return max(missing, bucket.frozen_until - now, 0.0)

    def freeze(self, name: str, now: float, seconds: float) -> None:
        """The platform said "not before": nothing goes until then."""
        bucket = self._fill(name, now)
        bucket.frozen_until = max(bucket.frozen_until, now + seconds)

    def forget_full(self, now: float) -> None:
        """Forgets buckets that are full and not frozen: a new one starts full, so nothing is lost and memory is bounded."""
        for name in list(self._buckets):
            bucket = self._fill(name, now)
            if bucket.tokens >= bucket.rate.burst and bucket.frozen_until <= now:
                del self._buckets[name]

    def _fill(self, name: str, now: float) -> Bucket:
        bucket = self._buckets[name]
        passed = max(0.0, now - bucket.updated)
        bucket.tokens = min(bucket.rate.burst, bucket.tokens + passed * bucket.rate.per_second)
        bucket.updated = now
        return bucket
