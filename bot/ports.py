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
from bot.contract import Adapter, Offer, SupportsLink, SupportsTyping
from bot.desk import Place
from bot.errors import RelayError
from bot.identity import linking
from bot.identity.linkwork import Target
from bot.messages import AgentId, Contact, InboxId, TeamId, Typing
from bot.outbox import Outbox
from bot.policy import CorePolicy
from bot.privacy.keys import new_key
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

    async def is_lead(self, agent: AgentId, team: TeamId) -> bool:
        """Whether somebody leads a team; admins lead all."""
        return (await self.people.agent(agent, team)).role in (Role.LEAD, Role.ADMIN)


@dataclass
class Bell:
    """The outbox as the desk has it: what agents do wakes routing as well, because somebody may have room again."""

    outbox: Outbox
    ring: Callable[[], None]

    @property
    def last_error(self) -> tuple[str, float] | None:
        """The outbox's newest failure, and when."""
        return self.outbox.last_error

    def wake(self, buckets: set[str]) -> None:
        """Something is to be done in these buckets."""
        self.outbox.wake(buckets)
        self.ring()

    def hold_until(self, when: float) -> None:
        """A reply is held until then (epoch seconds)."""
        self.outbox.hold_until(when)


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


def link_targets(adapters: Mapping[InboxId, Adapter]) -> dict[InboxId, Target]:
    """The inboxes that customers can be sent to by a link."""
    found: dict[InboxId, Target] = {}
    for inbox, adapter in adapters.items():
        linked: object = adapter
        if isinstance(linked, SupportsLink):
            found[inbox] = linked.link
    return found


@dataclass
class LinkOffers:
    """The other ways that the customers of an inbox can go on by: inboxes of the same team on other channels.

    ``titles`` is what customers call each inbox's channel. Adapters are built after this: they are looked at when asked.
    """

    database: Database
    inbox: InboxId
    policy: Callable[[], CorePolicy]
    adapters: Mapping[InboxId, Adapter]
    titles: Mapping[InboxId, str]

    def _targets(self) -> dict[InboxId, Target]:
        """One inbox a channel, the first in app.yaml."""
        inboxes = self.policy().inboxes
        here = inboxes[self.inbox]
        found: dict[str, tuple[InboxId, Target]] = {}
        for name, target in link_targets(self.adapters).items():
            other = inboxes[name]
            if other.team == here.team and other.channel != here.channel and target("a" * 26) is not None:
                found.setdefault(other.channel, (name, target))
        return dict(found.values())

    def labels(self) -> tuple[str, ...]:
        """What customers call them."""
        return tuple(self.titles[name] for name in self._targets())

    async def __call__(
        self, sender: Contact, *, lifetime: float = 1800.0, channels: tuple[str, ...] | None = None
    ) -> tuple[Offer, ...]:
        """New codes for one customer."""
        policy = self.policy()
        made: list[Offer] = []
        codes: list[tuple[InboxId, str]] = []
        until = time.time() + min(lifetime, linking.LONGEST)
        for name, target in self._targets().items():
            channel = policy.inboxes[name].channel
            code = linking.new_code()
            url = target(code)
            if url is not None and (channels is None or channel in channels):
                made.append(Offer(channel, self.titles[name], url, until))
                codes.append((name, code))
        if not made:
            return ()
        unit = partial(
            linking.issue,
            policy=policy,
            via=self.inbox,
            sender=sender,
            codes=codes,
            lifetime=lifetime,
            now=time.time(),
        )
        return tuple(made) if await self.database.write(unit) else ()
