"""The part of a core in memory that the Home tab asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from typing_extensions import override

from bot.commands.home_services import Home, HomeServices
from bot.commands.types import Agent
from bot.messages import TeamId


@dataclass
class FakeHome(HomeServices):
    """``shown`` is everybody's Home; ``beat`` its pulse; ``asked`` whose were asked for, with their teams."""

    shown: Home = field(default_factory=lambda: Home(()))
    beat: str = "1"
    asked: list[tuple[str, dict[TeamId, bool]]] = field(default_factory=list)

    @override
    async def home(self, agent: Agent, teams: Mapping[TeamId, bool]) -> Home:
        self.asked.append((agent.id, dict(teams)))
        return replace(self.shown, teams=tuple(one for one in self.shown.teams if one.team in teams))

    @override
    async def pulse(self) -> str:
        return self.beat
