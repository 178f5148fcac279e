"""Small objects that connect one part to another: an inbox's cursor and values, agents' names, how trouble is told."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from bot.commands.types import Role
from bot.contract import Adapter, SupportsTyping
from bot.desk import Place
from bot.errors import RelayError
from bot.messages import AgentId, InboxId, TeamId, Typing
from bot.policy import CorePolicy
from bot.relay import new_key
from bot.slack.desk import SlackDesk
from bot.slack.people import People
from bot.storage import cases, inboxes
from bot.storage.database import Database

log = structlog.get_logger(__name__)

WRITING_AGAIN = 4.0
"""Seconds before "is writing" is shown again."""
TOLD_AGAIN = 3600.0
"""Seconds before the same trouble is told again."""


@dataclass
class Directory:
    """Agents' names and teams, for the core."""

    people: People

    async def public_name(self, agent: AgentId) -> str:
        """The public name of an agent."""
        return (await self.people.names([agent]))[agent]

    async def is_agent(self, agent: AgentId, team: TeamId) -> bool:
        """Whether somebody is an agent of a team."""
        return (await self.people.agent(agent, team)).role is not Role.OUTSIDER


@dataclass
class InboxCursor:
    """How far an inbox has been read."""

    database: Database
    inbox: InboxId

    async def get(self) -> str | None:
        """The stored cursor."""
        return await self.database.read(partial(inboxes.get_cursor, inbox=self.inbox))

    async def set(self, cursor: str) -> None:
        """Moves it."""
        await self.database.write(partial(inboxes.set_cursor, inbox=self.inbox, cursor=cursor))


@dataclass
class InboxState:
    """An adapter's own values."""

    database: Database
    inbox: InboxId

    async def get(self, key: str) -> str | None:
        """One value."""
        return await self.database.read(partial(inboxes.get_state, inbox=self.inbox, key=key))

    async def set(self, key: str, value: str) -> None:
        """Replaces one value."""
        await self.database.write(partial(inboxes.set_state, inbox=self.inbox, key=key, value=value))


@dataclass
class Troubles:
    """Tells people what concerns no one customer: in a team's channel, or to leads and admins; each thing once an hour."""

    desk: SlackDesk
    policy: CorePolicy
    people: frozenset[str]
    told: dict[str, float] = field(default_factory=dict)

    async def to_leads(self, about: str, text: str) -> None:
        """By direct message to leads and admins: for when a channel itself cannot be used."""
        if time.monotonic() - self.told.get(about, -TOLD_AGAIN) < TOLD_AGAIN:
            return
        self.told[about] = time.monotonic()
        log.error("trouble", about=about)
        for person in sorted(self.people):
            with contextlib.suppress(RelayError):
                await self.desk.tell(person, text, new_key())

    async def to_team(self, team: TeamId, text: str) -> None:
        """In the team's Slack channel."""
        with contextlib.suppress(RelayError):
            await self.desk.tell(self.policy.teams[team].slack_channel, text, new_key())


@dataclass
class Writing:
    """Who is writing just now, shown on the other side where that side can show it. Best effort; nothing is stored."""

    database: Database
    policy: CorePolicy
    desk: SlackDesk
    adapters: Mapping[InboxId, Adapter]
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    _shown: dict[str, float] = field(default_factory=dict)

    def customer(self, inbox: InboxId, event: Typing) -> None:
        """A customer is writing: their thread says so."""
        if self._first(f"{inbox}:{event.sender.address}"):
            self.spawn(self._in_thread(inbox, event))

    async def _in_thread(self, inbox: InboxId, event: Typing) -> None:
        team = self.policy.inboxes[inbox].team
        place = await self.database.read(
            lambda connection: cases.place_of(connection, event.sender.channel, event.sender.address, team)
        )
        if place is not None:
            with contextlib.suppress(RelayError):
                await self.desk.writing(Place(*place))

    def agent(self, inbox: InboxId, thread_key: str | None, address: str) -> None:
        """An agent is writing: the customer sees it where the channel can show it."""
        adapter: object = self.adapters.get(inbox)
        if isinstance(adapter, SupportsTyping) and self._first(f"to:{inbox}:{address}"):
            self.spawn(self._to_customer(adapter, thread_key, address))

    async def _to_customer(self, adapter: SupportsTyping, thread_key: str | None, address: str) -> None:
        with contextlib.suppress(RelayError):
            await adapter.typing(thread_key, address)

    def _first(self, who: str) -> bool:
        """Not more often than every few seconds for one person."""
        now = time.monotonic()
        if now - self._shown.get(who, -WRITING_AGAIN) < WRITING_AGAIN:
            return False
        if len(self._shown) > 1000:
            self._shown.clear()
        self._shown[who] = now
        return True
