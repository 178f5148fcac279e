"""Follow-ups: what an agent wants to come back to comes back, in the customer's thread and to the agent by direct message.

It belongs to the customer, not to a case: a resolved case reminds all the same, and a customer who was merged is reminded of
in the thread of who they are today. Nobody is reminded of somebody who was erased.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from bot.cases import prompts
from bot.cases.hands import Hands
from bot.commands.timing_services import FollowUp
from bot.commands.types import Agent
from bot.desk import Line, Press, Prompt, When
from bot.errors import UserError
from bot.messages import AgentId, CustomerId, TeamId
from bot.storage import followups, inboxes, people
from bot.timing import notices
from bot.timing.timers import Done

AT_ONCE = 50
MOST = 50
"""So many of an agent's own are listed."""


class FollowUps:
    """What agents may do. ``poke`` tells the timers. Implements ``FollowUpServices``."""

    def __init__(self, hands: Hands, poke: Callable[[], None]) -> None:
        self._hands = hands
        self._poke = poke

    async def add(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, at: float, words: str, source: str
    ) -> FollowUp:
        """Keeps it."""

        def unit(connection: Connection) -> tuple[FollowUp, set[str]]:
            now = self._hands.clock()
            final = people.final(connection, customer_id)
            if final is None:
                raise UserError("This customer is not known any more.")
            if not inboxes.first_time(connection, source, now):
                return self._same(connection, agent, final, at, words), set()
            made = followups.add(
                connection,
                customer_id=final,
                team=team,
                agent=agent.id,
                agent_name=agent.name,
                words=words,
                at=at,
                now=now,
            )
            inboxes.write_audit(connection, agent.id, "followup", final, words, now)
            return _shown(connection, followups.get(connection, made)), set()

        made = await self._hands.change(unit)
        self._poke()
        return made

    def _same(
        self, connection: Connection, agent: Agent, customer_id: int, at: float, words: str
    ) -> FollowUp:
        for row in followups.mine(connection, agent.id, MOST):
            if (row.customer_id, row.at, row.words) == (customer_id, at, words):
                return _shown(connection, row)
        raise UserError("That was done already.")

    async def mine(self, agent: AgentId) -> tuple[FollowUp, ...]:
        """An agent's own that are not done."""

        def unit(connection: Connection, _: object) -> tuple[FollowUp, ...]:
            rows = followups.mine(connection, agent, MOST)
            return tuple(
                _shown(connection, row) for row in rows if _today(connection, row.customer_id) is not None
            )

        return await self._hands.read(unit)

    async def cancel(self, follow_up_id: int, agent: Agent, source: str) -> FollowUp:
        """Never comes back."""
        return await self._end(follow_up_id, agent, followups.CANCELLED, f"{agent.name} cancelled it")

    async def done(self, follow_up_id: int, agent: Agent, source: str) -> FollowUp:
        """It was done."""
        return await self._end(follow_up_id, agent, followups.DONE, f"{agent.name} did it")

    async def _end(self, follow_up_id: int, agent: Agent, state: str, words: str) -> FollowUp:
        await self._may(follow_up_id, agent)

        def unit(connection: Connection) -> tuple[FollowUp, set[str]]:
            now = self._hands.clock()
            row = _changeable(connection, follow_up_id)
            followups.change(connection, row.id, now, state=state)
            done: Line = ("✓ ", words, " ", When(now))
            return _shown(connection, row), prompts.withdraw(connection, _about(row), done, now)

        return await self._hands.change(unit)

    async def later(self, follow_up_id: int, agent: Agent, at: float, source: str) -> FollowUp:
        """Comes back again."""
        await self._may(follow_up_id, agent)

        def unit(connection: Connection) -> tuple[FollowUp, set[str]]:
            now = self._hands.clock()
            row = _changeable(connection, follow_up_id)
            followups.change(connection, row.id, now, state=followups.WAITING, at=at)
            buckets = prompts.withdraw(connection, _about(row), ("Comes back ", When(at)), now)
            return _shown(connection, followups.get(connection, row.id)), buckets

        made = await self._hands.change(unit)
        self._poke()
        return made

    async def _may(self, follow_up_id: int, agent: Agent) -> None:
        """A follow-up stands in the customer's thread: whoever is in the team may say that it is done."""
        row = await self._hands.read(lambda connection, _: followups.get(connection, follow_up_id))
        if row is None or row.agent == agent.id:
            return
        if not await self._hands.directory.is_agent(agent.id, TeamId(row.team)):
            raise UserError(f"This is {row.agent_name}'s follow-up, of a team that you are not in.")


def _changeable(connection: Connection, follow_up_id: int) -> Any:
    row = followups.get(connection, follow_up_id)
    if row is None or _today(connection, row.customer_id) is None:
        raise UserError("This follow-up is not known any more.")
    if row.state in (followups.DONE, followups.CANCELLED):
        what = "done" if row.state == followups.DONE else "cancelled"
        raise UserError(f"This follow-up is {what} already.")
    return row


def _today(connection: Connection, customer_id: int) -> people.Named | None:
    """Who a customer is today; None where they were erased."""
    found = people.named(connection, [customer_id]).get(customer_id)
    return None if found is None or followups.erased(connection, found.id) else found


def _shown(connection: Connection, row: Any) -> FollowUp:
    person = _today(connection, row.customer_id)
    if person is None:
        raise UserError("This customer is not known any more.")
    return FollowUp(
        row.id,
        AgentId(row.agent),
        CustomerId(person.id),
        people.handle(person.id),
        person.name,
        TeamId(row.team),
        row.words,
        row.at,
        row.state == followups.TOLD,
    )


def _about(row: Any) -> str:
    """A follow-up that comes back several times is a prompt each time."""
    return f"follow:{row.id}:{int(row.at)}"


def tell_due(connection: Connection, now: float) -> Done:
    """A unit: tells what has come due."""
    rows = followups.due(connection, now, AT_ONCE)
    buckets: set[str] = set()
    for row in rows:
        person = _today(connection, row.customer_id)
        if person is None:
            followups.change(connection, row.id, now, state=followups.CANCELLED)
            continue
        followups.change(connection, row.id, now, state=followups.TOLD)
        buckets |= _tell(connection, row, person, now)
    return Done(buckets, len(rows) == AT_ONCE)


def _tell(connection: Connection, row: Any, person: people.Named, now: float) -> set[str]:
    words = row.words or "look at it again"
    value = notices.value(person.id, row.team)
    buttons = (
        Press("Done", "followup.done", str(row.id), "primary"),
        Press("Reply", "reply.open", value),
        Press("Tomorrow", "followup.tomorrow", str(row.id)),
    )
    name = notices.customer(connection, person.id, row.team, person.name)
    direct = Prompt((("🔔 You wanted to come back to ", name), (words,)), now, buttons)
    thread = Prompt(((f"🔔 {row.agent_name} wanted to come back to this: {words}",),), now, buttons)
    about = _about(row)
    told = prompts.to_person(connection, row.agent, direct, about, now)
    return told | prompts.in_thread(connection, person.id, row.team, thread, about, now)
