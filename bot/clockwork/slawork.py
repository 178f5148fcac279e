"""Promises, for commands: implements ``bot.commands.sla_services.SlaServices``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from bot import sla
from bot.cases import lookups, views
from bot.cases.hands import Hands
from bot.clockwork import ledger
from bot.commands.nouns import Person
from bot.commands.sla_services import DueCase, DueList, Promised
from bot.commands.types import Agent
from bot.errors import UserError
from bot.messages import AgentId, CustomerId, TeamId
from bot.policy import CorePolicy
from bot.storage import cases, people
from bot.storage import clocks as rows
from bot.storage.clocks import PAUSED, Clock, Happened


class SlaWork:
    """What agents may ask and do."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def due(self, agent: AgentId | None, teams: tuple[TeamId, ...], limit: int = 15) -> DueList:
        """What is due next, the most urgent first."""
        now = self._hands.clock()

        def unit(connection: Connection, policy: CorePolicy) -> DueList:
            late, total = rows.count_due(connection, teams, agent, now)
            found = rows.next_due(connection, teams, agent, limit)
            return DueList(tuple(_due(connection, policy, row, now) for row in found), late, total)

        return await self._hands.read(unit)

    async def promised(self, customer_id: CustomerId, team: TeamId) -> tuple[Promised, ...]:
        """The open promises of the newest case."""
        now = self._hands.clock()

        def unit(connection: Connection, policy: CorePolicy) -> tuple[Promised, ...]:
            case = _case(connection, customer_id, team)
            found = [_promised(one, now) for one in rows.open_of(connection, case.id)] if case else []
            return tuple(sorted(found, key=lambda one: (one.due_at is None, one.due_at or 0.0)))

        return await self._hands.read(unit)

    async def why(self, customer_id: CustomerId, team: TeamId, zone: str) -> tuple[str, ...]:
        """The ledger of the newest case in words."""
        found, authors, name = await self._hands.read(_ledgers, customer_id, team)
        who = {event.agent for _, events in found for event in events if event.agent}
        agents = {one: await self._hands.directory.public_name(AgentId(one)) for one in sorted(who)}
        told = []
        for one, events in found:
            via = views.via(self._hands.policy, one.inbox)[0]
            starter = f"{name}'s {via} message" if one.message_id is not None and via else ""
            about = ledger.Told(zone, self._hands.clock(), starter, authors, agents)
            told.append(ledger.words(one, events, about))
        return tuple(told)

    async def pause(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, reason: str, source: str
    ) -> Person:
        """Every open clock stands still."""

        def act(connection: Connection, case: Any, now: float) -> str:
            sla.hold(connection, case.id, now, reason, agent.id)
            return f"{agent.name} paused its clocks: {reason}"

        return await self._hands.act(customer_id, team, agent, source, "sla pause", act)

    async def resume(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        """What was paused goes on."""

        def act(connection: Connection, case: Any, now: float) -> str:
            if not sla.go_on(connection, case.id, now, agent.id):
                raise UserError("No clock of this customer is paused by hand, so there is nothing to resume.")
            return f"{agent.name} let its clocks go on"

        return await self._hands.act(customer_id, team, agent, source, "sla resume", act)


def _case(connection: Connection, customer_id: int, team: str) -> Any | None:
    final = people.final(connection, customer_id) or customer_id
    return cases.newest_case(connection, final, team)


def _due(connection: Connection, policy: CorePolicy, row: Any, now: float) -> DueCase:
    person = lookups.person(connection, policy, row.customer_id, row.team)
    return DueCase(person, row.due_kind, row.due_at, row.due_at < now, row.priority)


def _promised(one: Clock, now: float) -> Promised:
    late = one.breached_at is not None or (one.due_at is not None and one.due_at < now)
    paused = None
    if one.state == PAUSED:
        paused = ledger.PAUSE_WORDS.get(one.cause or "", one.cause or "paused")
    return Promised(one.kind, one.policy, one.due_at, late, paused)


def _ledgers(
    connection: Connection, policy: CorePolicy, customer_id: int, team: str
) -> tuple[list[tuple[Clock, list[Happened]]], dict[int, str], str]:
    """The clocks of the newest case with what happened to them, who wrote the replies in it, and the customer's name."""
    case = _case(connection, customer_id, team)
    found = rows.all_of(connection, case.id) if case is not None else []
    events = rows.events_of(connection, [one.id for one in found])
    every = [event for one in found for event in events[one.id]]
    wanted = {event.message_id for event in every} | {one.stopped_by for one in found}
    authors = rows.authors_of(connection, [one for one in wanted if one is not None])
    name = lookups.person(connection, policy, customer_id, team).name
    return [(one, events[one.id]) for one in found], authors, name
