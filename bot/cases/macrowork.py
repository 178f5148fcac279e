"""Macros for commands. Implements ``bot.commands.macro_services.MacroServices``."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Connection

from bot.cases import macros
from bot.cases.hands import Hands
from bot.commands.macro_services import Macro
from bot.commands.nouns import Person
from bot.commands.types import Agent
from bot.errors import UserError
from bot.identity import attributes
from bot.identity.valuetypes import words
from bot.messages import TeamId
from bot.policy import CorePolicy
from bot.storage import inboxes
from bot.storage import macros as rows

MOST = 200
"""Macros of one team or agent."""


class MacroWork:
    """Canned replies."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def visible(self, agent: Agent, team: TeamId | None) -> tuple[Macro, ...]:
        """Those the agent can use; of several with one name the agent's own."""
        directory = self._hands.directory
        mine = [one for one in self._hands.policy.teams if await directory.is_agent(agent.id, one)]
        teams = [team] if team is not None else mine
        found = await self._hands.database.read(partial(rows.visible, agent=agent.id, teams=teams))
        byname: dict[str, Macro] = {}
        for row in found:
            byname.setdefault(row.name, _macro(row))
        return tuple(byname.values())

    async def save(self, agent: Agent, team: TeamId | None, name: str, text: str) -> Macro:
        """Keeps one."""
        if team is not None and not await self._hands.directory.is_lead(agent.id, team):
            raise UserError("Only a lead can change what the team shares. Keep it as your own macro.")
        known = frozenset(self._hands.policy.attributes)
        named, checked = macros.check_name(name), macros.check(text, known)
        scope = rows.shared(team) if team is not None else rows.personal(agent.id)

        def unit(connection: Connection) -> tuple[Any, set[str]]:
            if rows.count(connection, scope) >= MOST:
                raise UserError(f"There are {MOST} macros already. Delete one first.")
            now = self._hands.clock()
            macro_id = rows.save(connection, scope, named, checked, agent.id, now)
            inboxes.write_audit(connection, agent.id, "macro", None, f"saved {scope} {named}", now)
            return rows.one(connection, macro_id), set()

        return _macro(await self._hands.change(unit))

    async def remove(self, agent: Agent, macro: Macro) -> None:
        """Forgets one."""
        if macro.team is not None and not await self._hands.directory.is_lead(agent.id, macro.team):
            raise UserError("Only a lead can change what the team shares.")

        def unit(connection: Connection) -> tuple[None, set[str]]:
            row = rows.one(connection, macro.id)
            if row is None or (macro.team is None and row.scope != rows.personal(agent.id)):
                raise UserError("This macro is not there any more.")
            rows.remove(connection, macro.id)
            inboxes.write_audit(
                connection, agent.id, "macro", None, f"deleted {row.scope} {row.name}", self._hands.clock()
            )
            return None, set()

        await self._hands.change(unit)

    async def filled(self, macro: Macro, person: Person, agent: Agent) -> str:
        """The text for one customer."""

        def unit(connection: Connection, policy: CorePolicy) -> dict[str, str]:
            known = attributes.of(connection, person.customer_id)
            rules = policy.attributes
            return {
                f"customer.{name}": words(rules[name], one.value)
                for name, one in known.items()
                if name in rules
            }

        values = await self._hands.read(unit)
        team = self._hands.policy.teams.get(person.team)
        values |= {
            "customer.name": person.name,
            "customer.first_name": _first(person.name),
            "customer.handle": person.handle,
            "agent.name": agent.name,
            "agent.first_name": _first(agent.name),
            "team": team.name if team is not None else "",
            "case": str(person.conversation_id or ""),
        }
        return macros.fill(macro.text, values)

    async def used(self, macro: Macro) -> None:
        """It was sent."""
        await self._hands.database.write(partial(rows.count_use, macro_id=macro.id))


def _macro(row: Any) -> Macro:
    kind, _, whose = str(row.scope).partition(":")
    return Macro(row.id, row.name, row.text, TeamId(whose) if kind == "team" else None, row.used)


def _first(name: str) -> str:
    """The first word of a name; nothing where the name is an address or a number."""
    parts = name.split()
    first = parts[0] if parts else ""
    return first if first[:1].isalpha() and "@" not in first else ""
