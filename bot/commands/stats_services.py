"""What commands ask about figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from bot.commands.types import Agent
from bot.messages import TeamId
from bot.stats.figures import Figures
from bot.stats.grades import Graded

BY = ("channel", "inbox", "team", "agent", "priority", "tag", "hour")
"""What figures can be told apart by."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which figures: of these teams, from the first to the last day (both included), told apart by one of ``BY`` or not.

    ``previous``: beside them those of as many days right before.
    """

    teams: tuple[TeamId, ...]
    first: date
    last: date
    by: str | None = None
    previous: bool = False


@dataclass(frozen=True, slots=True)
class OpenNow:
    """What is open just now. Ages in seconds since a case was opened; None where nothing is open."""

    open: int
    waiting: int
    late: int
    unassigned: int
    snoozed: int
    median_age: float | None
    oldest_age: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """One part of the figures: an agent, a channel… ``label`` in words, ``value`` as it is kept."""

    value: str
    label: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """Figures, as they were asked for. ``days`` holds, a day, how many were opened, resolved and handled.

    ``over``: (agent, channel, replies), where they are told apart by agent.
    """

    asked: Asked
    zone: str
    whole: Figures
    previous: Figures | None
    groups: tuple[Group, ...]
    days: tuple[tuple[date, dict[str, int]], ...]
    now: OpenNow
    over: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class GradedPart:
    """Grades of a channel (``label`` "all": of all together), and the score made of them, 0 to 100."""

    label: str
    graded: tuple[Graded, ...]
    score: float | None


class StatsServices(Protocol):
    """The figures of the work."""

    async def may_see(self, agent: Agent) -> tuple[TeamId, ...]:
        """The teams whose figures somebody may see: those in which they are a lead, for admins all."""
        ...

    async def zone(self, team: TeamId) -> str:
        """The time zone in which a team's days begin."""
        ...

    async def report(self, asked: Asked) -> Report:
        """The figures, right up to this moment."""
        ...

    async def grades(self, asked: Asked) -> tuple[GradedPart, ...]:
        """The grades of all channels together, then of each channel."""
        ...

    async def hand(self, agent: Agent, shown: Report, shape: str, title: str) -> None:
        """Gives somebody the figures as a picture ("chart") or as a file ("csv"), by direct message.

        ``UserError`` where Slack does not take it."""
        ...
