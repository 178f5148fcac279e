"""Macros of a core in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from typing_extensions import override

from bot.cases import macros
from bot.commands.macro_services import Macro, MacroServices
from bot.commands.nouns import Person
from bot.commands.types import Agent, Role
from bot.errors import UserError
from bot.messages import TeamId


@dataclass
class FakeMacros(MacroServices):
    """Macros in memory, whoever asks."""

    kept: list[Macro] = field(default_factory=list)

    @override
    async def visible(self, agent: Agent, team: TeamId | None) -> tuple[Macro, ...]:
        return tuple(self.kept)

    @override
    async def save(self, agent: Agent, team: TeamId | None, name: str, text: str) -> Macro:
        if team is not None and agent.role is Role.AGENT:
            raise UserError("Only a lead can change what the team shares.")
        made = Macro(
            len(self.kept) + 1, macros.check_name(name), macros.check(text, frozenset({"plan"})), team, 0
        )
        self.kept = [one for one in self.kept if (one.name, one.team) != (made.name, team)] + [made]
        return made

    @override
    async def remove(self, agent: Agent, macro: Macro) -> None:
        self.kept.remove(macro)

    @override
    async def filled(self, macro: Macro, person: Person, agent: Agent) -> str:
        values = {"customer.first_name": person.name.split()[0], "agent.name": agent.name}
        return macros.fill(macro.text, values)

    @override
    async def used(self, macro: Macro) -> None:
        self.kept = [replace(one, used=one.used + 1) if one.id == macro.id else one for one in self.kept]
