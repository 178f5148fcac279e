"""What agents do with a case beside talking: pending, priority, tags; who did what, and whom to answer next.

Implements ``bot.commands.desk_services.DeskServices``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Connection

from bot.cases import acts, begin, lookups, transfer
from bot.cases.hands import Hands
from bot.commands.desk_services import Begin, Deed, Duty, NextUp, Opening, Priority
from bot.commands.nouns import Confirm, Person
from bot.commands.types import Agent, Sent
from bot.desk import Status
from bot.errors import UserError
from bot.messages import AgentId, CustomerId, TeamId
from bot.policy import CorePolicy
from bot.privacy.keys import new_key
from bot.storage import agents, cases, deeds, inboxes, people, queue, tags

MOST_TAGS = 20
STILL_WRITING = 180.0
"""Seconds after which somebody who opened a reply is not thought to be writing any more."""


class DeskWork:
    """What agents may do with a case."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._writing: dict[int, dict[AgentId, tuple[str, float]]] = {}

    async def pending(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        """Waiting for the customer."""

        def act(connection: Connection, case: Any, now: float) -> str | None:
            if case.status == Status.RESOLVED:
                raise UserError("This case is resolved. Reopen it first.")
            if case.status == Status.PENDING:
                return None
            cases.change(connection, case.id, status=Status.PENDING, waiting_since=None, snoozed_until=None)
            return f"{agent.name} set it to wait for the customer"

        return await self._hands.act(customer_id, team, agent, source, "pending", act)

    async def prioritise(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, to: Priority, source: str
    ) -> Person:
        """How urgent the case is."""

        def act(connection: Connection, case: Any, now: float) -> str | None:
            if case.priority == to:
                return None
            cases.change(connection, case.id, priority=to.value)
            return f"{agent.name} set the priority to {to.value}"

        return await self._hands.act(customer_id, team, agent, source, "priority", act)

    async def priority_of(self, customer_id: CustomerId, team: TeamId) -> Priority:
        """The priority of the newest case."""

        def unit(connection: Connection, policy: CorePolicy) -> Priority:
            final = people.final(connection, customer_id) or customer_id
            case = cases.newest_case(connection, final, team)
            return Priority(case.priority) if case is not None else Priority.NORMAL

        return await self._hands.read(unit)

    async def tags(self, customer_id: CustomerId, team: TeamId) -> tuple[str, ...]:
        """The tags of the newest case."""

        def unit(connection: Connection, policy: CorePolicy) -> tuple[str, ...]:
            final = people.final(connection, customer_id) or customer_id
            case = cases.newest_case(connection, final, team)
            return tags.tags_of(connection, case.id) if case is not None else ()

        return await self._hands.read(unit)

    async def known_tags(self) -> tuple[str, ...]:
        """Tags that are in use, the most used first."""
        return await self._hands.read(lambda connection, policy: tags.most_used(connection, 100))

    async def tag(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        add: tuple[str, ...],
        remove: tuple[str, ...],
        source: str,
    ) -> tuple[str, ...]:
        """Changes the tags of the newest case."""

        def act(connection: Connection, case: Any, now: float) -> str | None:
            before = set(tags.tags_of(connection, case.id))
            new, gone = sorted(set(add) - before), sorted(set(remove) & before)
            if len(before) + len(new) - len(gone) > MOST_TAGS:
                raise UserError(f"A case can have {MOST_TAGS} tags. Take one off first.")
            tags.add(connection, case.id, new)
            tags.remove(connection, case.id, gone)
            said = [f"added {', '.join(new)}"] if new else []
            said += [f"took off {', '.join(gone)}"] if gone else []
            return f"{agent.name} {' and '.join(said)}" if said else None

        await self._hands.act(customer_id, team, agent, source, "tag", act)
        return await self.tags(customer_id, team)

    async def deeds(
        self, customer_id: CustomerId | None, agent: str | None, before: float | None, limit: int
    ) -> tuple[Deed, ...]:
        """Who did what, newest first."""
        rows = await self._hands.database.read(
            partial(deeds.page, customer_id=customer_id, agent=agent, before=before, limit=limit)
        )
        return tuple(Deed(at, who, action, detail or "") for at, who, action, detail in rows)

    async def transfer(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, to: TeamId, words: str, source: str
    ) -> Person:
        """Gives the open case to another team."""
        keys = (new_key(), new_key())

        def unit(connection: Connection) -> tuple[Person, set[str]]:
            now, policy = self._hands.clock(), self._hands.policy
            final = people.final(connection, customer_id) or customer_id
            buckets: set[str] = set()
            if inboxes.first_time(connection, source, now):
                buckets = transfer.transfer(connection, policy, final, team, to, agent, words, keys, now)
            return lookups.person(connection, policy, final, to), buckets

        return await self._hands.change(unit)

    async def teams(self) -> tuple[tuple[TeamId, str], ...]:
        """All teams."""
        return tuple((one.id, one.name) for one in self._hands.policy.teams.values())

    async def teams_of(self, agent: AgentId) -> tuple[TeamId, ...]:
        """The teams in which somebody is an agent."""
        directory = self._hands.directory
        return tuple([one for one in self._hands.policy.teams if await directory.is_agent(agent, one)])

    async def duty(self, agent: Agent, on: bool | None, source: str) -> Duty:
        """On or off duty."""
        key = new_key()

        def unit(connection: Connection) -> tuple[Duty, set[str]]:
            now = self._hands.clock()
            buckets: set[str] = set()
            given = 0
            if on is not None and inboxes.first_time(connection, source, now):
                changed = agents.set_duty(connection, agent.id, on, now)
                if changed:
                    said = f"{'on' if on else 'off'} duty"
                    inboxes.write_audit(connection, agent.id, "duty", None, said, now)
                if not on:
                    given, buckets = self._give_back(connection, agent, key, now)
            row = agents.duty_of(connection, agent.id)
            others = [AgentId(one.agent) for one in agents.on_duty(connection) if one.agent != agent.id]
            is_on = row is not None and bool(row.on_duty)
            return Duty(is_on, row.since if row is not None else None, tuple(others), given), buckets

        state = await self._hands.change(unit)
        if on:
            self._hands.queue.wake(set())  # there is somebody to give cases to
        return state

    def _give_back(self, connection: Connection, agent: Agent, key: str, now: float) -> tuple[int, set[str]]:
        """Cases in which customers wait belong to the team again; those that wait for customers stay."""
        buckets: set[str] = set()
        rows = agents.waiting_cases_of(connection, agent.id)
        for row in rows:
            cases.change(connection, row.id, owner=None)
            line = f"{agent.name} is off duty: it belongs to the team again"
            inboxes.write_audit(connection, agent.id, "unassign", row.customer_id, line, now)
            policy, team = self._hands.policy, TeamId(row.team)
            buckets |= acts.say(connection, policy, row.customer_id, team, agent.id, line, key, now)
        return len(rows), buckets

    async def openings(self, team: TeamId) -> tuple[Opening, ...]:
        """Inboxes by which a conversation can be begun."""
        return tuple(
            Opening(one.id, f"{one.channel} {one.label}", one.able.has_subject)
            for one in self._hands.policy.inboxes.values()
            if one.team == team and begin.can_begin(one)
        )

    async def begin(self, given: Begin) -> Sent | Confirm:
        """Writes to an address."""
        key, card_key = new_key(), new_key()

        def unit(connection: Connection) -> begin.Outcome:
            hands = self._hands
            return begin.begin(connection, hands.policy, hands.able, given, key, card_key, hands.clock())

        outcome = await self._hands.change(unit)
        if isinstance(outcome, Sent):
            self._hands.queue.hold_until(outcome.send_at)
        return outcome

    async def writing(self, customer_id: CustomerId, agent: Agent, *, begins: bool) -> tuple[str, ...]:
        """Who else has a reply open. Kept in memory: it is a courtesy, and nobody waits for it."""
        now = self._hands.clock()
        for whose in list(self._writing):
            fresh = {who: one for who, one in self._writing[whose].items() if now - one[1] < STILL_WRITING}
            if fresh:
                self._writing[whose] = fresh
            else:
                del self._writing[whose]
        here = self._writing.setdefault(customer_id, {}) if begins else self._writing.get(customer_id, {})
        here.pop(agent.id, None)
        others = tuple(name for name, _ in here.values())
        if begins:
            here[agent.id] = (agent.name, now)
        return others

    async def next_up(self, agent: Agent, team: TeamId | None, skip: int = 0) -> NextUp | None:
        """Whom the agent should answer now: their own first, then nobody's; urgent ones, then by what is due."""
        teams = [team] if team is not None else list(await self.teams_of(agent.id))

        def unit(connection: Connection, policy: CorePolicy) -> NextUp | None:
            row, waiting = queue.next_waiting(connection, teams, agent.id, skip)
            if row is None:
                return None
            person = lookups.person(connection, policy, row.customer_id, row.team)
            return NextUp(
                person, row.priority, row.due_at, row.due_kind, row.owner == agent.id, waiting - skip - 1
            )

        return await self._hands.read(unit) if teams else None
