"""The part of a core in memory that concerns cases beside talking."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from typing_extensions import override

from bot.commands.desk_services import Begin, Deed, DeskServices, Duty, NextUp, Opening, Priority
from bot.commands.nouns import Confirm, Person
from bot.commands.types import Agent, Sent
from bot.desk import Status
from bot.errors import UserError
from bot.messages import AgentId, ConversationId, CustomerId, InboxId, MessageId, TeamId

if TYPE_CHECKING:
    from tests.commands.fake_services import FakeServices


@dataclass
class FakeDesk(DeskServices):
    """Cases in memory; ``waiting`` is the queue that ``next_up`` gives."""

    core: FakeServices
    priorities: dict[int, Priority] = field(default_factory=dict)
    tagged: dict[int, tuple[str, ...]] = field(default_factory=dict)
    done: list[Deed] = field(default_factory=list)
    waiting: list[NextUp] = field(default_factory=list)
    others: tuple[str, ...] = ()
    on: bool = False
    given: list[tuple[CustomerId, TeamId, str]] = field(default_factory=list)
    begun: list[Begin] = field(default_factory=list)
    colleagues: tuple[AgentId, ...] = ()

    @override
    async def pending(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        after = replace(self.core.people[f"C{customer_id}"], status=Status.PENDING, waiting_since=None)
        self.core.people[after.handle] = after
        return after

    @override
    async def prioritise(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, to: Priority, source: str
    ) -> Person:
        self.priorities[customer_id] = to
        return self.core.people[f"C{customer_id}"]

    @override
    async def priority_of(self, customer_id: CustomerId, team: TeamId) -> Priority:
        return self.priorities.get(customer_id, Priority.NORMAL)

    @override
    async def tags(self, customer_id: CustomerId, team: TeamId) -> tuple[str, ...]:
        return self.tagged.get(customer_id, ())

    @override
    async def known_tags(self) -> tuple[str, ...]:
        return tuple(sorted({tag for tags in self.tagged.values() for tag in tags}))

    @override
    async def tag(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        add: tuple[str, ...],
        remove: tuple[str, ...],
        source: str,
    ) -> tuple[str, ...]:
        after = (set(self.tagged.get(customer_id, ())) | set(add)) - set(remove)
        self.tagged[customer_id] = tuple(sorted(after))
        return self.tagged[customer_id]

    @override
    async def transfer(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, to: TeamId, words: str, source: str
    ) -> Person:
        self.given.append((customer_id, to, words))
        return self.core.people[f"C{customer_id}"]

    @override
    async def teams(self) -> tuple[tuple[TeamId, str], ...]:
        return ((TeamId("support"), "Acme Support"), (TeamId("press"), "Acme Press"))

    @override
    async def teams_of(self, agent: AgentId) -> tuple[TeamId, ...]:
        return (TeamId("support"),)

    @override
    async def deeds(
        self, customer_id: CustomerId | None, agent: str | None, before: float | None, limit: int
    ) -> tuple[Deed, ...]:
        return tuple(deed for deed in self.done if before is None or deed.at < before)[:limit]

    @override
    async def duty(self, agent: Agent, on: bool | None, source: str) -> Duty:
        if on is not None:
            self.on = on
        return Duty(self.on, 0.0, self.colleagues, 2 if on is False else 0)

    @override
    async def openings(self, team: TeamId) -> tuple[Opening, ...]:
        return (Opening(InboxId("support-mail"), "email support@shop.example", True),)

    @override
    async def begin(self, given: Begin) -> Sent | Confirm:
        if "@" not in given.address:
            raise UserError(f"“{given.address}” is no address for support@shop.example. Write it in full.")
        if not given.confirmed:
            return Confirm(f"{given.address} has never written to us. Send this to them?", "Send")
        self.begun.append(given)
        return Sent(
            MessageId(9), ConversationId(9), "C9", given.name or given.address, "email", time.time() + 5
        )

    @override
    async def writing(self, customer_id: CustomerId, agent: Agent, *, begins: bool) -> tuple[str, ...]:
        return self.others

    @override
    async def next_up(self, agent: Agent, team: TeamId | None, skip: int = 0) -> NextUp | None:
        return self.waiting[skip] if skip < len(self.waiting) else None
