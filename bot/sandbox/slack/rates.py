"""Slack's pace: about one chat.postMessage a second and channel, and a budget per minute for each tier."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from .scopes import PER_MINUTE, TIERS


@dataclass(slots=True)
class Bucket:
    """A token bucket; `take` returns the seconds to wait, 0 when a token was there."""

    capacity: float
    per_second: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Use one token, or say when the next one comes."""
        self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        return (1.0 - self.tokens) / self.per_second


@dataclass
class Rates:
    """The buckets of one app. `speed` > 1 makes all of Slack's minutes shorter."""

    enabled: bool = False
    post_burst: int = 4
    speed: float = 1.0
    workspace_per_minute: int = 600  # chat.postMessage over all channels ("several hundred")
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def retry_after(self, method: str, channel: str) -> int:
        """0 when the call may pass, else whole seconds for `Retry-After`."""
        if not self.enabled:
            return 0
        if method == "chat.postMessage":
            waits = [self._take(f"post:{channel}", self.post_burst, 1.0)]
            if not waits[0]:
                waits.append(self._take("post", 60, self.workspace_per_minute / 60))
            return math.ceil(max(waits))
        budget = PER_MINUTE.get(TIERS.get(method, ""))
        return math.ceil(self._take(method, budget, budget / 60)) if budget else 0

    def _take(self, key: str, capacity: float, per_second: float) -> float:
        now = time.monotonic()
        if key not in self._buckets:
            self._buckets[key] = Bucket(capacity, per_second * self.speed, capacity, now)
        return self._buckets[key].take(now)
