"""What commands ask about ratings: what customers were asked, and what they said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.commands.types import Agent
from bot.messages import AgentId, CustomerId, TeamId


@dataclass(frozen=True, slots=True)
class Rating:
    """One rating. ``state``: due, asked, answered, declined, skipped, failed; ``reason`` why it was not asked, in words.

    Times are epoch seconds; ``at`` is when it came to what it is. ``agent`` is who had the case.
    """

    state: str
    at: float
    agent: AgentId | None = None
    score: int | None = None
    comment: str = ""
    reason: str = ""


class RatingServices(Protocol):
    """Asking customers how they were served."""

    async def of(self, customer_id: CustomerId, team: TeamId, limit: int = 5) -> tuple[Rating, ...]:
        """What a customer was asked after their cases with a team, the newest first."""
        ...

    async def waiting(self, customer_id: CustomerId, team: TeamId) -> float | None:
        """When the customer is to be asked about their newest case; None where they are not."""
        ...

    async def skip(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, reason: str, source: str
    ) -> None:
        """The customer is not asked about their newest case. ``UserError`` where they were asked already."""
        ...
