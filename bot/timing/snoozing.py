"""Snoozes: a case is put aside until a time, and comes back.

It comes back *open*, whoever was to write next: somebody wanted to look at it again, so it must be seen among what is open.
Where the customer waited for us before, they wait still, since the same moment. The customer's own words bring it back at
once (``cases.heard``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from bot import replies, sla
from bot.cases import lookups, prompts
from bot.cases.hands import Hands
from bot.commands.nouns import Person
from bot.commands.types import Agent
from bot.desk import Line, Press, Prompt, Status
from bot.errors import UserError
from bot.messages import CustomerId, TeamId
from bot.policy import CorePolicy
from bot.storage import cases, lanes, people, snoozes
from bot.storage.lanes import NewDelivery
from bot.timing import notices, reminded
from bot.timing.timers import Done

AT_ONCE = 50
"""Snoozes that end in one transaction."""
AGAIN = 15 * 60
"""Seconds of the button on what came back."""


class Snoozing:
    """What agents may do. ``poke`` tells the timers. Implements ``SnoozeServices``."""

    def __init__(self, hands: Hands, poke: Callable[[], None]) -> None:
        self._hands = hands
        self._poke = poke

    async def snooze(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, until: float, reason: str, source: str
    ) -> Person:
        """Puts the newest case aside."""

        def act(connection: Connection, case: Any, now: float) -> str:
            if case.status == Status.RESOLVED:
                raise UserError(
                    "This case is resolved, so there is nothing to snooze. To be reminded of it use followup."
                )
            if until <= now:
                raise UserError("That time is past. Choose one to come.")
            cases.change(connection, case.id, status=Status.SNOOZED, snoozed_until=until)
            snoozes.add(connection, case.id, agent.id, agent.name, until, reason, now)
            why = f": {reason}" if reason else ""
            return f"{agent.name} snoozed it until {notices.dated(until, agent.zone, now)}{why}"

        person = await self._hands.act(customer_id, team, agent, source, "snooze", act)
        self._poke()
        return person

    async def wake(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        """Takes a case back before its time."""

        def act(connection: Connection, case: Any, now: float) -> str:
            if case.status != Status.SNOOZED:
                raise UserError("This case is not snoozed.")
            cases.change(connection, case.id, status=Status.OPEN, snoozed_until=None)
            row = snoozes.newest(connection, case.id)
            if row is not None:
                snoozes.end(connection, row.id, "hand", now)
            return f"{agent.name} ended the snooze"

        return await self._hands.act(customer_id, team, agent, source, "wake", act)


def end_due(connection: Connection, policy: CorePolicy, now: float) -> Done:
    """A unit: brings back the cases whose time has come."""
    rows = snoozes.due(connection, now, AT_ONCE)
    buckets: set[str] = set()
    for case in rows:
        buckets |= _end(connection, policy, case, now)
    return Done(buckets, len(rows) == AT_ONCE)


def _end(connection: Connection, policy: CorePolicy, case: Any, now: float) -> set[str]:
    cases.change(connection, case.id, status=Status.OPEN, snoozed_until=None)
    sla.moved(connection, policy, case.id, now, "the snooze ended")
    row = snoozes.newest(connection, case.id)
    customer_id = people.final(connection, case.customer_id)
    if customer_id is None or row is None:
        return set()
    snoozes.end(connection, row.id, "time", now)
    why = f": {row.reason}" if row.reason else ""
    buckets = replies.refresh_card(connection, policy, customer_id, case.team, now)
    thread = cases.current_thread(connection, customer_id, case.team)
    if thread is not None:
        line = {"text": f"Snooze of {row.agent_name} ended{why}", "at": now}
        buckets.add(lanes.append(connection, thread.desk_lane, [NewDelivery("activity", payload=line)], now))
    told = case.owner or row.agent
    prompt = _prompt(connection, policy, case, row, customer_id, now)
    return buckets | prompts.to_person(connection, told, prompt, reminded.snooze_about(row.id), now)


def _prompt(
    connection: Connection, policy: CorePolicy, case: Any, row: Any, customer_id: int, now: float
) -> Prompt:
    person = lookups.person(connection, policy, customer_id, case.team)
    whose = "Your snooze" if row.agent == (case.owner or row.agent) else f"{row.agent_name}'s snooze"
    lines: list[Line] = [
        (f"💤 {whose} ended: ", notices.customer(connection, customer_id, case.team, person.name))
    ]
    if row.reason:
        lines.append((row.reason,))
    if case.excerpt:
        lines.append(notices.quoted(case.excerpt))
    value = notices.value(customer_id, case.team)
    buttons = (
        Press("Reply", "reply.open", value, "primary"),
        Press("Snooze 15 min", "snooze.again", value),
        Press("Resolve", "case.resolve", value),
    )
    return Prompt(tuple(lines), now, buttons)
