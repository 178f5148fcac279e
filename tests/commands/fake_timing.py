"""The parts of a core in memory that concern time: snoozes, follow-ups, reminders."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from typing_extensions import override

from bot.commands.nouns import Person
from bot.commands.timing_services import FollowUp, FollowUpServices, ReminderServices, SnoozeServices
from bot.commands.types import Agent
from bot.desk import Status
from bot.errors import UserError
from bot.messages import AgentId, CustomerId, TeamId

if TYPE_CHECKING:
    from tests.commands.fake_services import FakeServices


@dataclass
class FakeSnoozes(SnoozeServices):
    """``asked`` is (handle, until, reason) of each snooze."""

    core: FakeServices
    asked: list[tuple[str, float, str]] = field(default_factory=list)

    @override
    async def snooze(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, until: float, reason: str, source: str
    ) -> Person:
        self.asked.append((f"C{customer_id}", until, reason))
        return self._now(customer_id, Status.SNOOZED)

    @override
    async def wake(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        if self.core.people[f"C{customer_id}"].status is not Status.SNOOZED:
            raise UserError("This case is not snoozed.")
        return self._now(customer_id, Status.OPEN)

    def _now(self, customer_id: int, status: Status) -> Person:
        after = replace(self.core.people[f"C{customer_id}"], status=status)
        self.core.people[after.handle] = after
        return after


@dataclass
class FakeFollowUps(FollowUpServices):
    """``kept`` by number; ``ended`` is what became of them."""

    core: FakeServices
    kept: dict[int, FollowUp] = field(default_factory=dict)
    ended: list[tuple[str, int]] = field(default_factory=list)

    @override
    async def add(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, at: float, words: str, source: str
    ) -> FollowUp:
        person = self.core.people[f"C{customer_id}"]
        made = FollowUp(
            len(self.kept) + 1, agent.id, customer_id, person.handle, person.name, team, words, at
        )
        self.kept[made.id] = made
        return made

    @override
    async def mine(self, agent: AgentId) -> tuple[FollowUp, ...]:
        return tuple(one for one in self.kept.values() if one.agent == agent)

    @override
    async def cancel(self, follow_up_id: int, agent: Agent, source: str) -> FollowUp:
        return self._end("cancelled", follow_up_id)

    @override
    async def done(self, follow_up_id: int, agent: Agent, source: str) -> FollowUp:
        return self._end("done", follow_up_id)

    @override
    async def later(self, follow_up_id: int, agent: Agent, at: float, source: str) -> FollowUp:
        self.kept[follow_up_id] = replace(self.kept[follow_up_id], at=at)
        return self.kept[follow_up_id]

    def _end(self, how: str, follow_up_id: int) -> FollowUp:
        if follow_up_id not in self.kept:
            raise UserError("This follow-up is not known any more.")
        self.ended.append((how, follow_up_id))
        return self.kept.pop(follow_up_id)


@dataclass
class FakeReminders(ReminderServices):
    """``pressed`` is what was answered to which reminder."""

    pressed: list[tuple[str, str]] = field(default_factory=list)

    @override
    async def put_off(self, about: str, agent: Agent, seconds: float, source: str) -> str:
        self.pressed.append((f"later {seconds:g}", about))
        return "You are reminded again at 10:15."

    @override
    async def acknowledge(self, about: str, agent: Agent, source: str) -> str:
        self.pressed.append(("on it", about))
        return "Nobody else is reminded of this for 30 min."

    @override
    async def take(self, about: str, agent: Agent, source: str) -> str:
        if about == "reminder:9:thread":
            raise UserError("Somebody else has this already.")
        self.pressed.append(("take", about))
        return "You have Dana Petrov (C42) now."
