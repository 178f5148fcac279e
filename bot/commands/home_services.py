"""What the Home tab asks of the core: what waits for an agent, what went wrong, how the day and the team are.

Times are epoch seconds. Lists hold as many as can be shown, and beside each stands how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.commands.timing_services import FollowUp
from bot.commands.types import Agent
from bot.desk import State
from bot.messages import AgentId, CustomerId, MessageId, TeamId


@dataclass(frozen=True, slots=True)
class HomeCase:
    """A case as one row shows it. ``via``: where they wrote last, in words ("email support@shop.example").

    ``place`` is their thread: (Slack channel, ts or None)."""

    customer_id: CustomerId
    handle: str
    name: str
    team: TeamId
    via: str
    excerpt: str
    priority: str
    owner: AgentId | None = None
    waiting_since: float | None = None
    due_at: float | None = None
    due_kind: str | None = None
    snoozed_until: float | None = None
    place: tuple[str, str | None] = ("", None)


@dataclass(frozen=True, slots=True)
class HomeTrouble:
    """A reply that failed, or may have: ``state`` FAILED or UNCERTAIN, ``why`` in the provider's words."""

    message_id: MessageId
    customer_id: CustomerId
    handle: str
    name: str
    team: TeamId
    words: str
    state: State
    why: str
    at: float
    place: tuple[str, str | None] = ("", None)


@dataclass(frozen=True, slots=True)
class Load:
    """What one agent of a team has: cases that are not resolved, those that wait for us, those that are late."""

    agent: AgentId
    open: int
    waiting: int
    late: int


@dataclass(frozen=True, slots=True)
class Usual:
    """How many there were today, and until this hour on the same day of the last four weeks, on average (None: unknown)."""

    what: str
    today: int
    usual: float | None


@dataclass(frozen=True, slots=True)
class LeadView:
    """What a lead sees of a team: who has how much, most first, what is late now, and today against the usual."""

    loads: tuple[Load, ...]
    late: tuple[HomeCase, ...]
    late_count: int
    today: tuple[Usual, ...] = ()


@dataclass(frozen=True, slots=True)
class TeamHome:
    """One team as an agent sees it: their own that wait, and nobody's. ``others``: their own that wait for somebody else."""

    team: TeamId
    name: str
    mine: tuple[HomeCase, ...]
    mine_count: int
    others: int
    unassigned: tuple[HomeCase, ...]
    unassigned_count: int
    lead: LeadView | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """An agent's day so far. ``kept`` and ``missed``: first replies of theirs in time and late; None: nothing is promised."""

    replied: int = 0
    resolved: int = 0
    kept: int | None = None
    missed: int | None = None


@dataclass(frozen=True, slots=True)
class Home:
    """All of an agent's Home. ``snoozed``: their own that come back today; ``snoozed_count``: all of their snoozed ones."""

    teams: tuple[TeamHome, ...]
    snoozed: tuple[HomeCase, ...] = ()
    snoozed_count: int = 0
    troubles: tuple[HomeTrouble, ...] = ()
    troubles_count: int = 0
    follow_ups: tuple[FollowUp, ...] = ()
    day: Day = Day()

    @property
    def waiting(self) -> int:
        """How many wait for the agent."""
        return sum(team.mine_count for team in self.teams)

    @property
    def next_due(self) -> float | None:
        """When the next promise to one of them comes due, or came."""
        return min(
            (case.due_at for team in self.teams for case in team.mine if case.due_at is not None),
            default=None,
        )


class HomeServices(Protocol):
    """What the Home tab shows."""

    async def home(self, agent: Agent, teams: Mapping[TeamId, bool]) -> Home:
        """The Home of an agent; ``teams`` are theirs, in the order in which they are shown: True where they lead it."""
        ...

    async def pulse(self) -> str:
        """Something cheap that is another when anything in the desk may have changed."""
        ...
