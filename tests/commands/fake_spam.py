"""Spam and quarantine in memory, for tests of commands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from bot.commands.nouns import Person
from bot.commands.profile_services import Held, SpamServices
from bot.commands.types import Agent
from bot.errors import UserError
from bot.messages import CustomerId, TeamId

if TYPE_CHECKING:
    from tests.commands.fake_services import FakeServices


class FakeSpam(SpamServices):
    """``waiting`` is who is in quarantine, ``kept`` how many messages nobody has seen."""

    def __init__(self, core: FakeServices) -> None:
        self._core = core
        self.waiting: list[Held] = []
        self.kept: dict[CustomerId, int] = {}

    @override
    async def mark(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, on: bool, source: str
    ) -> Person:
        self.waiting = [one for one in self.waiting if one.customer_id != customer_id]
        after = replace(self._core.people[f"C{customer_id}"], spam=on, blocked=on)
        self._core.people[after.handle] = after
        return after

    @override
    async def show_kept(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> int:
        return self.kept.pop(customer_id, 0)

    @override
    async def held(self, team: TeamId, before: CustomerId | None = None, limit: int = 10) -> tuple[Held, ...]:
        found = [one for one in self.waiting if before is None or one.customer_id < before]
        return tuple(sorted(found, key=lambda one: -one.customer_id)[:limit])

    @override
    async def held_senders(self, team: TeamId) -> str:
        return str(len(self.waiting))

    @override
    async def let_in(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        if all(one.customer_id != customer_id for one in self.waiting):
            raise UserError("They are not in quarantine any more.")
        self.waiting = [one for one in self.waiting if one.customer_id != customer_id]
        return self._core.people[f"C{customer_id}"]
