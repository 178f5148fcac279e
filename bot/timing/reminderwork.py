"""What people answer to reminders: later, on it, mine. Implements ``bot.commands.timing_services.ReminderServices``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from bot.cases import prompts
from bot.cases.hands import Hands
from bot.commands.types import Agent
from bot.desk import Line, When
from bot.errors import UserError
from bot.messages import CustomerId, TeamId
from bot.storage import cases
from bot.storage import reminders as rows
from bot.storage.reminders import NewStep
from bot.timing import reminded
from bot.timing.notices import dated
from bot.timing.reminded import LIST
from bot.timing.reminder_words import Promise
from bot.timing.reminders import promises_of

NOTHING_LEFT = "Nothing is left of this reminder: something came of it already."


class Reminders:
    """``poke`` tells the timers."""

    def __init__(self, hands: Hands, poke: Callable[[], None]) -> None:
        self._hands = hands
        self._poke = poke

    async def put_off(self, about: str, agent: Agent, seconds: float, source: str) -> str:
        """Reminds the agent again after so long, and only them. The clocks go on."""

        def unit(connection: Connection) -> tuple[str, set[str]]:
            now = self._hands.clock()
            again = now + seconds
            found = _found(connection, about)
            rows.add_steps(connection, [_again(connection, one, agent, again) for one in found])
            buckets = _end_prompt(connection, about, found, ("comes back ", When(again, "time")), now)
            return f"You are reminded again at {dated(again, agent.zone, now).split()[-1]}.", buckets

        said = await self._hands.change(unit)
        self._poke()
        return said

    async def acknowledge(self, about: str, agent: Agent, source: str) -> str:
        """Nobody else is told for a while."""

        def unit(connection: Connection) -> tuple[str, set[str]]:
            now = self._hands.clock()
            found = _found(connection, about)
            until = now + self._hands.policy.reminders.pause
            rows.pause(connection, [one.row.clock_id for one in found], agent.id, until)
            told = rows.told_of(connection, {one.row.conversation_id for one in found})
            line: Line = (f"{agent.name} is on it since ", When(now, "time"))
            buckets = reminded.end(connection, [(one, line) for one in told], now)
            minutes = max(1, round((until - now) / 60))
            return f"Nobody else is reminded of this for {minutes} min.", buckets

        return await self._hands.change(unit)

    async def take(self, about: str, agent: Agent, source: str) -> str:
        """The agent has the cases now, and is on them. Somebody else's stay theirs."""
        promises = await self._hands.read(lambda connection, _: _found(connection, about))
        for team in {one.row.team for one in promises}:
            if not await self._hands.directory.is_agent(agent.id, TeamId(team)):
                raise UserError("Only members of this team can take its cases.")
        free = [one for one in promises if one.row.owner in (None, agent.id)]
        if not free:
            raise UserError(f"Somebody else has {'this' if len(promises) == 1 else 'all of these'} already.")

        def own(connection: Connection, case: Any, now: float) -> str | None:
            if case.owner is not None:
                return None
            cases.change(connection, case.id, owner=agent.id)
            return f"{agent.name} took it"

        for one in free:
            about_one = f"{source}:{one.customer_id}"
            customer, team = CustomerId(one.customer_id), TeamId(one.row.team)
            await self._hands.act(customer, team, agent, about_one, "assign", own)
        said = await self.acknowledge(about, agent, source)
        names = ", ".join(one.name for one in free[:3]) + ("…" if len(free) > 3 else "")
        return f"You have {names} now. {said}"


def _found(connection: Connection, about: str) -> list[Promise]:
    found = promises_of(connection, about)
    if not found:
        raise UserError(NOTHING_LEFT)
    return found


def _again(connection: Connection, one: Promise, agent: Agent, at: float) -> NewStep:
    number = rows.rounds(connection, one.row.clock_id) + 1
    return NewStep(one.row.clock_id, "again", at, number, agent.id)


def _end_prompt(connection: Connection, about: str, found: list[Promise], line: Line, now: float) -> set[str]:
    """What one prompt shows is over; what others are told stays."""
    if about.startswith(LIST):
        return reminded.end(connection, [(one.row, line) for one in found], now)
    rows.end(connection, [(one.row.id, prompts.pack_line(line)) for one in found])
    return prompts.withdraw(connection, about, line, now)
