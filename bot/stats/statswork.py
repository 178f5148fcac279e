"""The figures for commands. Implements ``bot.commands.stats_services.StatsServices``."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from bot import charts
from bot.cases.hands import Hands
from bot.commands.stats_services import Asked, GradedPart, Group, OpenNow, Report
from bot.commands.types import Agent, Role
from bot.desk import Desk
from bot.errors import DeliveryError, UserError
from bot.messages import AgentId, InboxId, TeamId
from bot.policy import CorePolicy
from bot.stats import fold
from bot.stats.cells import AGENT_INBOX
from bot.stats.figures import Figures, gather, joined
from bot.stats.grades import grades, score
from bot.stats.sheets import sheet
from bot.storage import backlogs, stats

DAYS = ("opened", "resolved", "handled")
"""What is told by day."""
_DIMENSION = {"channel": "inbox", "team": "all"}


class StatsWork:
    """The figures of the work."""

    def __init__(self, hands: Hands, desk: Desk, folder: str) -> None:
        self._hands = hands
        self._desk = desk
        self._folder = folder

    async def may_see(self, agent: Agent) -> tuple[TeamId, ...]:
        """For leads their teams', for admins all."""
        teams = tuple(self._hands.policy.teams)
        if agent.role is Role.ADMIN:
            return teams
        if agent.role is not Role.LEAD:
            return ()
        return tuple([one for one in teams if await self._hands.directory.is_lead(agent.id, one)])

    async def zone(self, team: TeamId) -> str:
        """The time zone in which a team's days begin."""
        return fold.zone_of(self._hands.policy, team)

    async def report(self, asked: Asked) -> Report:
        """The figures, right up to this moment."""
        await fold.catch_up(self._hands.database, self._hands.policy)
        made: Report = await self._hands.read(report, asked, self._hands.clock())
        if asked.by != "agent":
            return made
        names = self._hands.directory.public_name
        groups = [Group(one.value, await names(AgentId(one.value)), one.figures) for one in made.groups]
        over = [(await names(AgentId(agent)), channel, count) for agent, channel, count in made.over]
        return replace(made, groups=tuple(groups), over=tuple(over))

    async def grades(self, asked: Asked) -> tuple[GradedPart, ...]:
        """The grades of all channels together, then of each channel."""
        whole = await self.report(replace(asked, by="channel"))
        policy = self._hands.policy.stats
        parts = [("all", whole.whole, policy.targets_of(""))]
        parts += [(one.label, one.figures, policy.targets_of(one.value)) for one in whole.groups]
        made = []
        for label, figures, targets in parts:
            graded = grades(figures, targets)
            made.append(GradedPart(label, graded, score(graded)))
        return tuple(made)

    async def hand(self, agent: Agent, shown: Report, shape: str, title: str) -> None:
        """Gives somebody the figures as a picture or a file."""
        name = f"stats-{shown.asked.first}-{shown.asked.last}.{'png' if shape == 'chart' else 'csv'}"

        def made() -> str:
            Path(self._folder).mkdir(parents=True, exist_ok=True)
            data = charts.draw(shown, title) if shape == "chart" else sheet(shown).encode("utf-8-sig")
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                file.write(data)
            return file.name

        path = await asyncio.to_thread(made)
        try:
            await self._desk.hand(agent.id, path, name, title)
        except DeliveryError as error:
            raise UserError(f"Slack did not take the file: {error.reason} Please try again.") from error
        finally:
            await asyncio.to_thread(Path(path).unlink)


def report(connection: Connection, policy: CorePolicy, asked: Asked, now: float) -> Report:
    """A unit: the figures as they are counted so far."""
    whole = _whole(connection, asked.teams, asked.first, asked.last)
    before = None
    if asked.previous:
        length = (asked.last - asked.first).days + 1
        before = _whole(
            connection, asked.teams, asked.first - timedelta(days=length), asked.first - timedelta(days=1)
        )
    return Report(
        asked,
        fold.zone_of(policy, asked.teams[0]) if asked.teams else "UTC",
        whole,
        before,
        _groups(connection, policy, asked),
        _days(connection, asked),
        _now(connection, asked.teams, now),
        _over(connection, policy, asked) if asked.by == "agent" else (),
    )


def _over(connection: Connection, policy: CorePolicy, asked: Asked) -> tuple[tuple[str, str, int], ...]:
    """Who answered by which channel, and how often."""
    counts: Counter[tuple[str, str]] = Counter()
    for value, figures in _read(connection, asked.teams, AGENT_INBOX, asked.first, asked.last).items():
        agent, _, inbox = value.partition(" ")
        known = policy.inboxes.get(InboxId(inbox))
        counts[agent, known.channel if known is not None else inbox] += figures.count("outbound")
    return tuple((agent, channel, count) for (agent, channel), count in counts.most_common())


def _read(
    connection: Connection, teams: Sequence[TeamId], dimension: str, first: date, last: date
) -> dict[str, Figures]:
    rows = stats.read(connection, teams, dimension, first.isoformat(), last.isoformat())
    return gather(rows, json.loads)


def _whole(connection: Connection, teams: Sequence[TeamId], first: date, last: date) -> Figures:
    return _read(connection, teams, "all", first, last).get("", Figures())


def _groups(connection: Connection, policy: CorePolicy, asked: Asked) -> tuple[Group, ...]:
    if asked.by is None:
        return ()
    if asked.by == "team":
        each = [(one, _whole(connection, (one,), asked.first, asked.last)) for one in asked.teams]
        return tuple(Group(one, policy.teams[one].name, figures) for one, figures in each)
    found = _read(connection, asked.teams, _DIMENSION.get(asked.by, asked.by), asked.first, asked.last)
    if asked.by == "channel":
        found = _by_channel(policy, found)
    order = _ORDER.get(asked.by)
    return tuple(
        Group(value, _label(policy, asked.by, value), found[value])
        for value in sorted(found, key=order or (lambda value: _weight(found[value])))
    )


_PRIORITIES = ("urgent", "high", "normal", "low")
_ORDER: dict[str, Any] = {
    "hour": lambda value: value,
    "priority": lambda value: (_PRIORITIES.index(value) if value in _PRIORITIES else 9, value),
}


def _weight(figures: Figures) -> tuple[int, int]:
    """The busiest first."""
    return -figures.count("inbound") - figures.count("outbound"), -figures.count("resolved")


def _by_channel(policy: CorePolicy, by_inbox: dict[str, Figures]) -> dict[str, Figures]:
    channels: dict[str, list[Figures]] = defaultdict(list)
    for inbox, figures in by_inbox.items():
        known = policy.inboxes.get(InboxId(inbox))
        channels[known.channel if known is not None else inbox].append(figures)
    return {channel: joined(several) for channel, several in channels.items()}


def _label(policy: CorePolicy, by: str, value: str) -> str:
    if by == "inbox":
        known = policy.inboxes.get(InboxId(value))
        return known.label if known is not None else value
    return f"{value}:00" if by == "hour" else value


def _days(connection: Connection, asked: Asked) -> tuple[tuple[date, dict[str, int]], ...]:
    rows = stats.by_day(connection, asked.teams, DAYS, asked.first.isoformat(), asked.last.isoformat())
    found: dict[date, dict[str, int]] = {}
    for number in range((asked.last - asked.first).days + 1):
        found[asked.first + timedelta(days=number)] = dict.fromkeys(DAYS, 0)
    for row in rows:
        found[date.fromisoformat(row.day)][row.metric] = int(row.count)
    return tuple(found.items())


def _now(connection: Connection, teams: Sequence[TeamId], now: float) -> OpenNow:
    row = backlogs.counts(connection, teams, now)
    ages = backlogs.ages(connection, teams)
    median = now - ages[len(ages) // 2] if ages else None
    return OpenNow(
        row.open or 0,
        row.waiting or 0,
        row.late or 0,
        row.unassigned or 0,
        row.snoozed or 0,
        median,
        now - ages[0] if ages else None,
    )
