"""What the adapter keeps between starts: where polling stands, and where moved groups are now."""

from __future__ import annotations

from dataclasses import dataclass

from bot.contract import State

QUIET = 6 * 24 * 3600.0
"""Seconds without updates after which Telegram may number them anew (a week), less a day for safety."""
_HOPS = 10


@dataclass(frozen=True, slots=True)
class Stand:
    """The number of the next update, and when the last one came (epoch seconds)."""

    offset: int
    at: float

    def dump(self) -> str:
        """As it is stored."""
        return f"{self.offset}@{self.at:.0f}"

    def confirmed(self, now: float) -> int | None:
        """The offset to ask with; None after a quiet week, when new numbers may be below it and would be lost."""
        return self.offset if abs(now - self.at) < QUIET else None  # a clock that jumped counts as quiet


def load(stored: str | None) -> Stand | None:
    """What was stored; None where there is nothing."""
    offset, mark, at = (stored or "").partition("@")
    if not offset.lstrip("-").isdigit():
        return None
    return Stand(int(offset), float(at) if mark and at.isdigit() else 0.0)


class Chats:
    """Where chats are: a group that becomes a supergroup gets another id, and the old one refuses messages."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[str, str | None] = {}

    async def where(self, chat: str) -> str:
        """The chat's present id."""
        for _ in range(_HOPS):
            new = await self._next(chat)
            if new is None or new == chat:
                break
            chat = new
        return chat

    async def moved(self, old: str, new: str) -> None:
        """Remember, durably, that a chat has moved."""
        if await self._next(old) != new:
            await self._state.set(f"moved:{old}", new)
            self._known[old] = new

    async def _next(self, chat: str) -> str | None:
        if not chat.startswith("-"):
            return None  # people do not move
        if chat not in self._known:
            self._known[chat] = await self._state.get(f"moved:{chat}")
        return self._known[chat]
