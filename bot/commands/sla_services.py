"""What commands ask of promises: what is due, what a case is promised, why it is due then, and pausing by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.commands.nouns import Person
from bot.commands.types import Agent
from bot.messages import AgentId, CustomerId, TeamId


@dataclass(frozen=True, slots=True)
class DueCase:
    """A case of which a promise runs. ``kind``: first, next or resolution. ``due_at`` in epoch seconds."""

    person: Person
    kind: str
    due_at: float
    late: bool
    priority: str


@dataclass(frozen=True, slots=True)
class DueList:
    """What is due next, the most urgent first. ``late`` and ``total`` count all, also those that are not shown."""

    cases: tuple[DueCase, ...]
    late: int
    total: int


@dataclass(frozen=True, slots=True)
class Promised:
    """One open promise of a case. ``due_at`` None: paused, and ``paused`` says why."""

    kind: str
    policy: str
    due_at: float | None
    late: bool
    paused: str | None = None


class SlaServices(Protocol):
    """Promises to customers, and their clocks."""

    async def due(self, agent: AgentId | None, teams: tuple[TeamId, ...], limit: int = 15) -> DueList:
        """What is due next of an agent's own cases; ``agent`` None: of all cases of the teams."""
        ...

    async def promised(self, customer_id: CustomerId, team: TeamId) -> tuple[Promised, ...]:
        """The open promises of the newest case, the next that is due first."""
        ...

    async def why(self, customer_id: CustomerId, team: TeamId, zone: str) -> tuple[str, ...]:
        """The whole ledger of the newest case in words, a paragraph for each promise; times as the zone's clocks show them."""
        ...

    async def pause(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, reason: str, source: str
    ) -> Person:
        """Every open clock of the newest case stands still. ``UserError`` where none runs."""
        ...

    async def resume(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        """What was paused goes on. ``UserError`` where nothing was paused."""
        ...
