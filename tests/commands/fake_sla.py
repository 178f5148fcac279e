"""Promises of a core in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from bot.commands.nouns import Person
from bot.commands.sla_services import DueList, Promised, SlaServices
from bot.commands.types import Agent
from bot.errors import UserError
from bot.messages import AgentId, CustomerId, TeamId

if TYPE_CHECKING:
    from tests.commands.fake_services import FakeServices


@dataclass
class FakeSla(SlaServices):
    """``asked`` is whose list was asked for, ``paused`` (handle, reason) of what is paused."""

    core: FakeServices
    found: DueList = field(default_factory=lambda: DueList((), 0, 0))
    open: tuple[Promised, ...] = ()
    ledger: tuple[str, ...] = ()
    asked: list[tuple[AgentId | None, tuple[TeamId, ...]]] = field(default_factory=list)
    paused: dict[str, str] = field(default_factory=dict)
    zones: list[str] = field(default_factory=list)

    @override
    async def due(self, agent: AgentId | None, teams: tuple[TeamId, ...], limit: int = 15) -> DueList:
        self.asked.append((agent, teams))
        return self.found

    @override
    async def promised(self, customer_id: CustomerId, team: TeamId) -> tuple[Promised, ...]:
        return self.open

    @override
    async def why(self, customer_id: CustomerId, team: TeamId, zone: str) -> tuple[str, ...]:
        self.zones.append(zone)
        return self.ledger

    @override
    async def pause(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, reason: str, source: str
    ) -> Person:
        self.paused[f"C{customer_id}"] = reason
        return self.core.people[f"C{customer_id}"]

    @override
    async def resume(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        if self.paused.pop(f"C{customer_id}", None) is None:
            raise UserError("No clock of this customer is paused by hand, so there is nothing to resume.")
        return self.core.people[f"C{customer_id}"]
