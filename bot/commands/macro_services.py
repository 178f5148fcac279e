"""What commands ask about macros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.commands.nouns import Person
from bot.commands.types import Agent
from bot.messages import TeamId


@dataclass(frozen=True, slots=True)
class Macro:
    """A canned reply. ``team`` shares it; None: it is somebody's own. ``used``: how often it was sent."""

    id: int
    name: str
    text: str
    team: TeamId | None
    used: int


class MacroServices(Protocol):
    """Canned replies: those that teams share, and each agent's own."""

    async def visible(self, agent: Agent, team: TeamId | None) -> tuple[Macro, ...]:
        """Those the agent can use, by name: their own, and the team's (None: those of all their teams)."""
        ...

    async def save(self, agent: Agent, team: TeamId | None, name: str, text: str) -> Macro:
        """Keeps one for a team, or with ``team`` None as the agent's own; replaces one of the same name.

        ``UserError`` for a name, a text or a placeholder that cannot be, or where somebody who is no lead
        would change what a team shares."""
        ...

    async def remove(self, agent: Agent, macro: Macro) -> None: ...

    async def filled(self, macro: Macro, person: Person, agent: Agent) -> str:
        """The text for one customer. ``UserError`` where a placeholder is not known for them."""
        ...

    async def used(self, macro: Macro) -> None:
        """It was sent: counts it."""
        ...
