"""Ratings of a core in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from typing_extensions import override

from bot.commands.rating_services import Rating, RatingServices
from bot.commands.types import Agent
from bot.messages import CustomerId, TeamId


@dataclass
class FakeRatings(RatingServices):
    """``given`` is what was asked of everybody, ``due_at`` when they are asked next, ``skipped`` (handle, agent, reason)."""

    given: tuple[Rating, ...] = ()
    due_at: float | None = None
    skipped: list[tuple[str, str, str]] = field(default_factory=list)

    @override
    async def of(self, customer_id: CustomerId, team: TeamId, limit: int = 5) -> tuple[Rating, ...]:
        return self.given[:limit]

    @override
    async def waiting(self, customer_id: CustomerId, team: TeamId) -> float | None:
        return self.due_at

    @override
    async def skip(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, reason: str, source: str
    ) -> None:
        self.skipped.append((f"C{customer_id}", agent.name, reason))
