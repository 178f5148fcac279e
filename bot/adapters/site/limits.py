"""How much one visitor, one IP address and all of them together may do. Memory is bounded: what is idle is forgotten."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.adapters.site.settings import SiteSettings

_FORGET_OVER = 10_000
"""Entries after which a pace forgets the ones that are at rest."""


class Pace:
    """So many a minute for each key, with a burst of half a minute's worth (the generic cell rate algorithm)."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = 60.0 / per_minute
        self._burst = max(30.0, self._every)
        self._clock = clock
        self._next: dict[str, float] = {}

    def wait(self, key: str) -> float:
        """0 takes one; otherwise the seconds until there is room, and nothing is taken."""
        now = self._clock()
        due = max(self._next.get(key, now), now)
        if due + self._every - now > self._burst + 1e-6:
            return due + self._every - now - self._burst
        self._next[key] = due + self._every
        if len(self._next) > _FORGET_OVER:
            self._next = {name: at for name, at in self._next.items() if at > now}
        return 0.0


class Full(Exception):
    """There are as many connections as may be."""


class Limits:
    """Every limit of one site chat."""

    def __init__(self, settings: SiteSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._open: Counter[str] = Counter()
        self._said = Pace(settings.messages_per_minute, clock)
        self._said_from = Pace(settings.messages_per_minute_per_address, clock)
        self._said_in_all = Pace(settings.messages_per_minute_in_all, clock)
        self._uploaded = Pace(settings.uploads_per_minute, clock)
        self._uploaded_from = Pace(settings.uploads_per_minute * 3, clock)
        self._uploaded_in_all = Pace(settings.uploads_per_minute_in_all, clock)
        self._hellos = Pace(max(60, settings.connections_per_address), clock)

    @property
    def open(self) -> int:
        """Connections at present."""
        return self._open.total()

    @contextmanager
    def connection(self, address: str) -> Iterator[None]:
        """Counts a connection while it lasts. Raises ``Full``."""
        if self._open[address] >= self._settings.connections_per_address:
            raise Full
        if self.open >= self._settings.connections or self._hellos.wait(address):
            raise Full
        self._open[address] += 1
        try:
            yield
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    def message(self, visitor: str, address: str) -> float:
        """0 lets a message in; otherwise seconds to wait."""
        return self._said.wait(visitor) or self._said_from.wait(address) or self._said_in_all.wait("")

    def upload(self, visitor: str, address: str) -> float:
        """0 lets a file in; otherwise seconds to wait."""
        own = self._uploaded.wait(visitor) or self._uploaded_from.wait(address)
        return own or self._uploaded_in_all.wait("")
