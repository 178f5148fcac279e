"""What commands ask about a case beside talking: its status, priority, tags, team; and who did what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.commands.nouns import Confirm, Person
from bot.commands.types import Agent, GivenFile, Sent
from bot.messages import AgentId, CustomerId, InboxId, TeamId, Text


class Priority(StrEnum):
    """How urgent a case is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that an agent did. ``agent`` is a Slack id. ``at`` in epoch seconds."""

    at: float
    agent: str
    action: str
    detail: str


@dataclass(frozen=True, slots=True)
class NextUp:
    """The customer to answer now, and what says so: priority, what is due (epoch seconds), whether it is the agent's own.

    ``behind``: how many wait after them.
    """

    person: Person
    priority: str
    due_at: float | None
    due_kind: str | None
    own: bool
    behind: int


@dataclass(frozen=True, slots=True)
class Duty:
    """Whether an agent is on duty, since when (epoch seconds; None: they never said), who else is, and what they gave back."""

    on: bool
    since: float | None
    others: tuple[AgentId, ...]
    given_back: int = 0


@dataclass(frozen=True, slots=True)
class Begin:
    """The first words of a conversation that an agent begins. ``address`` as they typed it. ``confirmed``: they were asked."""

    team: TeamId
    agent: Agent
    inbox: InboxId
    address: str
    text: Text
    source: str
    name: str = ""
    subject: str = ""
    files: tuple[GivenFile, ...] = ()
    order: float = 0.0
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """An inbox by which a conversation can be begun. ``label`` in words."""

    inbox: InboxId
    label: str
    has_subject: bool


class DeskServices(Protocol):
    """What agents may do with a case. Every change is idempotent in ``source`` and tells the thread in one short line."""

    async def pending(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        """Waiting for the customer: nobody has to answer now."""
        ...

    async def prioritise(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, to: Priority, source: str
    ) -> Person: ...

    async def priority_of(self, customer_id: CustomerId, team: TeamId) -> Priority:
        """The priority of the newest case."""
        ...

    async def tags(self, customer_id: CustomerId, team: TeamId) -> tuple[str, ...]:
        """The tags of the newest case."""
        ...

    async def known_tags(self) -> tuple[str, ...]:
        """Tags that are in use, the most used first."""
        ...

    async def tag(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        add: tuple[str, ...],
        remove: tuple[str, ...],
        source: str,
    ) -> tuple[str, ...]:
        """Changes the tags of the newest case; returns those it has then."""
        ...

    async def transfer(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, to: TeamId, words: str, source: str
    ) -> Person:
        """Gives the open case to another team, with what they should know; it goes on in that team's channel."""
        ...

    async def teams(self) -> tuple[tuple[TeamId, str], ...]:
        """All teams: id and name."""
        ...

    async def teams_of(self, agent: AgentId) -> tuple[TeamId, ...]:
        """The teams in which somebody is an agent."""
        ...

    async def deeds(
        self, customer_id: CustomerId | None, agent: str | None, before: float | None, limit: int
    ) -> tuple[Deed, ...]:
        """Who did what, newest first: to a customer, or by an agent."""
        ...

    async def duty(self, agent: Agent, on: bool | None, source: str) -> Duty:
        """Goes on or off duty (None: only asks). Off duty: cases in which customers wait go back to the queue."""
        ...

    async def openings(self, team: TeamId) -> tuple[Opening, ...]:
        """The team's inboxes by which somebody can be written to who has not written before."""
        ...

    async def begin(self, given: Begin) -> Sent | Confirm:
        """Writes to an address; ``Confirm`` until the agent has said yes to whom it goes."""
        ...

    async def writing(self, customer_id: CustomerId, agent: Agent, *, begins: bool) -> tuple[str, ...]:
        """The names of other agents who have a reply to this customer open just now.

        ``begins``: the agent has opened one, too; else they have sent theirs, or write without a form."""
        ...

    async def next_up(self, agent: Agent, team: TeamId | None, skip: int = 0) -> NextUp | None:
        """Whom the agent should answer now, after ``skip`` others; None: nobody waits."""
        ...
