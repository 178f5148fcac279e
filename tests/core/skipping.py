"""A clock that runs, and can be set: hours pass at once, and timers and queues go on as they do."""

from __future__ import annotations

import time


class Skipping:
    """``now`` in epoch seconds: real time, and what was skipped. It begins on Wednesday 15 November 2023, 09:00 in UTC."""

    def __init__(self, start: float = 1_700_038_800.0) -> None:
        self._offset = start - time.time()

    def now(self) -> float:
        return time.time() + self._offset

    def skip(self, seconds: float) -> None:
        """The clock is set; backwards with a negative number."""
        self._offset += seconds
