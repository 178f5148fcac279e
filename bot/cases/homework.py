"""What an agent's Home shows: units that only read. Implements ``bot.commands.home_services.HomeServices``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from bot.calendar import wallclock
from bot.cases import views
from bot.cases.hands import Hands
from bot.commands.home_services import Day, Home, HomeCase, HomeTrouble, LeadView, Load, TeamHome, Usual
from bot.commands.timing_services import FollowUpServices
from bot.commands.types import Agent
from bot.desk import State
from bot.messages import AgentId, CustomerId, InboxId, MessageId, TeamId
from bot.policy import CorePolicy
from bot.stats import fold
from bot.storage import cases, people, queue, stats, today

MOST = 60
"""Rows of one list: with more than one of them Slack's Home would be full."""
USUAL = ("inbound", "opened", "resolved", "first_missed")
"""What a lead sees of today, beside what is usual."""
FEW = 15
"""Rows of what is seldom long."""
TROUBLE_SECONDS = 7 * 86_400.0
"""So long a reply that did not arrive is shown."""


class HomeWork:
    """What the Home tab shows."""

    def __init__(self, hands: Hands, follow_ups: FollowUpServices) -> None:
        self._hands = hands
        self._follow_ups = follow_ups

    async def home(self, agent: Agent, teams: Mapping[TeamId, bool]) -> Home:
        """The Home of an agent."""
        now = self._hands.clock()

        def unit(connection: Connection, policy: CorePolicy) -> Home:
            begun, ends = day_of(now, agent.zone)
            return _home(connection, policy, _Asked(agent.id, teams, begun, now, ends))

        found = await self._hands.read(unit)
        return replace(found, follow_ups=await self._follow_ups.mine(agent.id))

    async def pulse(self) -> str:
        """Something cheap that is another when anything in the desk may have changed."""
        return await self._hands.database.read(today.pulse)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose Home it is. ``begun``, ``now`` and ``ends``: of the agent's own day."""

    agent: AgentId
    teams: Mapping[TeamId, bool]
    begun: float
    now: float
    ends: float


def day_of(now: float, zone: str) -> tuple[float, float]:
    """When the day of a time zone began, and when it ends. Reads a file, the first time."""
    try:
        wallclock.zone_of(zone)
    except ValueError:
        zone = "UTC"
    day = wallclock.wall(zone, now).date()
    return wallclock.moment(zone, day, 0), wallclock.moment(zone, day + timedelta(days=1), 0)


def _home(connection: Connection, policy: CorePolicy, asked: _Asked) -> Home:
    known = {team: leads for team, leads in asked.teams.items() if team in policy.teams}
    if not known:
        return Home(())
    queues = {team: _queues(connection, asked, team, leads) for team, leads in known.items()}
    aside, aside_count = queue.snoozed_of(connection, list(known), asked.agent, asked.ends, FEW)
    wrong, wrong_count = today.troubles(
        connection, list(known), asked.agent, asked.now - TROUBLE_SECONDS, FEW
    )
    rows = [row for one in queues.values() for row in (*one.mine, *one.unassigned, *one.late)]
    shown = _Shown(connection, policy, [*rows, *aside, *wrong])
    return Home(
        tuple(_team(connection, policy, team, of, shown, asked.now) for team, of in queues.items()),
        shown.cases(aside),
        aside_count,
        tuple(shown.trouble(row) for row in wrong),
        wrong_count,
        (),
        _day(connection, policy, asked),
    )


@dataclass(frozen=True, slots=True)
class _Queues:
    """Rows of one team. ``loads`` None: the agent does not lead it."""

    mine: Sequence[Any]
    mine_count: int
    others: int
    unassigned: Sequence[Any]
    unassigned_count: int
    loads: Sequence[Any] | None = None
    late: Sequence[Any] = ()
    late_count: int = 0


def _queues(connection: Connection, asked: _Asked, team: TeamId, leads: bool) -> _Queues:
    mine = queue.waiting_of(connection, team, asked.agent, MOST)
    others = queue.quiet_of(connection, team, asked.agent)
    unassigned = queue.waiting_of(connection, team, None, MOST)
    if not leads:
        return _Queues(*mine, others, *unassigned)
    loads = queue.loads(connection, team, asked.now)
    return _Queues(*mine, others, *unassigned, loads, *queue.late(connection, team, asked.now, FEW))


class _Shown:
    """Makes rows of the database what a Home shows: where their threads are, and how they are reached, is read once for all."""

    def __init__(self, connection: Connection, policy: CorePolicy, rows: Sequence[Any]) -> None:
        ids = sorted({row.customer_id for row in rows})
        self._policy = policy
        self._names = people.named(connection, ids)
        self._threads = cases.current_threads(connection, ids)
        self._inboxes = today.last_inboxes(connection, ids) if ids else {}

    def cases(self, rows: Iterable[Any]) -> tuple[HomeCase, ...]:
        """Cases as rows show them."""
        return tuple(self._case(row) for row in rows)

    def _case(self, row: Any) -> HomeCase:
        return HomeCase(
            *self._who(row),
            TeamId(row.team),
            self._via(row),
            row.excerpt,
            row.priority,
            AgentId(row.owner) if row.owner else None,
            row.waiting_since,
            row.due_at,
            row.due_kind,
            row.snoozed_until,
            self._place(row),
        )

    def trouble(self, row: Any) -> HomeTrouble:
        """A reply that did not arrive."""
        return HomeTrouble(
            MessageId(row.id),
            *self._who(row),
            TeamId(row.team),
            row.text,
            State(row.state),
            row.detail or "",
            row.state_at,
            self._place(row),
        )

    def _who(self, row: Any) -> tuple[CustomerId, str, str]:
        """Who a customer is today."""
        known = self._names.get(row.customer_id)
        if known is None:
            return CustomerId(row.customer_id), people.handle(row.customer_id), "Somebody"
        return CustomerId(known.id), people.handle(known.id), known.name

    def _place(self, row: Any) -> tuple[str, str | None]:
        thread = self._threads.get((row.customer_id, row.team))
        return (thread.channel, thread.ts) if thread is not None else ("", None)

    def _via(self, row: Any) -> str:
        """Of the team's own inboxes where they used one."""
        used = self._inboxes.get(row.customer_id, [])
        inboxes = self._policy.inboxes
        ours = [one for one in used if InboxId(one) in inboxes and inboxes[InboxId(one)].team == row.team]
        return views.via(self._policy, next(iter(ours or used), None))[1]


def _usual(connection: Connection, policy: CorePolicy, team: TeamId, now: float) -> tuple[Usual, ...]:
    """Today so far, and the same day of the last four weeks until the same hour."""
    here = wallclock.wall(fold.zone_of(policy, team), now)
    weeks = [(here.date() - timedelta(weeks=number)).isoformat() for number in range(5)]
    found: dict[tuple[str, str], int] = {}
    for row in stats.until_hour(connection, team, weeks, f"{here.hour:02d}", USUAL):
        found[row.day, row.metric] = int(row.count)
    known = [day for day in weeks[1:] if any((day, metric) in found for metric in USUAL)]
    return tuple(
        Usual(
            metric,
            found.get((weeks[0], metric), 0),
            sum(found.get((day, metric), 0) for day in known) / len(known) if known else None,
        )
        for metric in USUAL
    )


def _team(
    connection: Connection, policy: CorePolicy, team: TeamId, of: _Queues, shown: _Shown, now: float
) -> TeamHome:
    lead = None
    if of.loads is not None:
        loads = tuple(Load(AgentId(row.owner), row.open, row.waiting, row.late) for row in of.loads)
        lead = LeadView(loads, shown.cases(of.late), of.late_count, _usual(connection, policy, team, now))
    return TeamHome(
        team,
        policy.teams[team].name,
        shown.cases(of.mine),
        of.mine_count,
        of.others,
        shown.cases(of.unassigned),
        of.unassigned_count,
        lead,
    )


def _day(connection: Connection, policy: CorePolicy, asked: _Asked) -> Day:
    replied, resolved, replies = today.done(connection, asked.agent, asked.begun)
    kept, missed = today.first_replies(connection, replies)
    promised = bool(kept or missed)
    return Day(replied, resolved, kept if promised else None, missed if promised else None)
