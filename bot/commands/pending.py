"""Replies that wait for an agent's yes, and texts that were taken back: kept in memory for half an hour.

They are questions to one agent, never promises: nothing here has been accepted. After a restart the button
says so, and the agent's
words are still in their own message or in the question itself.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from typing import Generic, TypeVar

from bot.errors import UserError

KEPT_SECONDS = 1800.0
KEPT_COUNT = 2000

Thing = TypeVar("Thing")


class Pending(Generic[Thing]):
    """Things under an unguessable token, at most ``KEPT_COUNT`` of them, each for ``KEPT_SECONDS``."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Thing]] = OrderedDict()

    def keep(self, thing: Thing) -> str:
        """Keeps a thing and returns its token."""
        token = secrets.token_urlsafe(12)
        self._kept[token] = (time.monotonic() + KEPT_SECONDS, thing)
        while len(self._kept) > KEPT_COUNT:
            self._kept.popitem(last=False)
        return token

    def get(self, token: str) -> Thing:
        """The thing; ``UserError`` where it is not kept any more."""
        until, thing = self._kept.get(token, (0.0, None))
        if thing is None or until < time.monotonic():
            raise UserError("This question is too old, and nothing was sent. Please write it again.")
        return thing
