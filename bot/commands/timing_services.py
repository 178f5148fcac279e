"""What commands ask of time: putting a case aside, coming back to a customer, answering a reminder.

Times are epoch seconds. Each change is one transaction, and a second call with the same ``source`` changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.commands.nouns import Person
from bot.commands.types import Agent
from bot.messages import AgentId, CustomerId, TeamId


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What an agent wants to come back to. ``told``: its time has come, and nobody said yet that it is done."""

    id: int
    agent: AgentId
    customer_id: CustomerId
    handle: str
    name: str
    team: TeamId
    words: str
    at: float
    told: bool = False


class SnoozeServices(Protocol):
    """Cases that are put aside until a time."""

    async def snooze(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, until: float, reason: str, source: str
    ) -> Person:
        """Puts the case aside; it comes back by itself, or with the customer's next words. A snoozed one gets the new time.

        ``UserError`` where the case is resolved."""
        ...

    async def wake(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        """Takes a case back before its time. ``UserError`` where it is not snoozed."""
        ...


class FollowUpServices(Protocol):
    """What agents want to come back to."""

    async def add(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, at: float, words: str, source: str
    ) -> FollowUp:
        """Comes back at its time in the customer's thread, and to the agent by direct message."""
        ...

    async def mine(self, agent: AgentId) -> tuple[FollowUp, ...]:
        """An agent's own that are not done, the next first."""
        ...

    async def cancel(self, follow_up_id: int, agent: Agent, source: str) -> FollowUp:
        """Never comes back. ``UserError`` where it is done already, or somebody else's."""
        ...

    async def done(self, follow_up_id: int, agent: Agent, source: str) -> FollowUp:
        """It was done. ``UserError`` where it is not known any more."""
        ...

    async def later(self, follow_up_id: int, agent: Agent, at: float, source: str) -> FollowUp:
        """Comes back again at another time."""
        ...


class ReminderServices(Protocol):
    """Reminders of promises, answered by a person."""

    async def put_off(self, about: str, agent: Agent, seconds: float, source: str) -> str:
        """Reminds the agent again after so long, of what a reminder shows; returns a sentence for them."""
        ...

    async def acknowledge(self, about: str, agent: Agent, source: str) -> str:
        """The agent is on it: nobody else is told of these promises for a while; returns a sentence for them."""
        ...

    async def take(self, about: str, agent: Agent, source: str) -> str:
        """The agent takes the cases that a reminder shows, and is on them; returns a sentence for them."""
        ...
