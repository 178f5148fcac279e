"""What commands ask of the core about who a customer is, and about those whose words are kept apart.

Implemented by ``bot/identity/``: ``profile.py`` and ``spamwork.py``. Every change is one transaction, idempotent in ``source``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.commands.nouns import Person
from bot.commands.types import Agent
from bot.errors import UserError
from bot.messages import CustomerId, TeamId
from bot.policy import AttributeRule


class WrongValues(UserError):
    """Values that do not fit their attributes: attribute → one sentence with the cure."""

    def __init__(self, by_name: Mapping[str, str]) -> None:
        super().__init__(" ".join(by_name.values()))
        self.by_name = dict(by_name)


@dataclass(frozen=True, slots=True)
class KnownAs:
    """One identity of a customer. ``inboxes`` are those they wrote by, ``last_used_at`` is None where they never did.

    ``proven_at`` is None while it is only a claim; ``given``: they said on another channel that it is theirs. ``language`` is
    what the channel says that they read.
    """

    channel: str
    address: str
    proven_at: float | None
    evidence: str | None
    given: bool
    inboxes: tuple[str, ...]
    last_used_at: float | None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """One attribute that a customer has: its rule, the value in words, who said so (a public name), and when."""

    rule: AttributeRule
    words: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that is known of a customer. ``quarantine`` says why their words wait apart, or None."""

    person: Person
    aliases: tuple[str, ...]
    known_as: tuple[KnownAs, ...]
    first_seen: float
    cases: int
    messages: int
    attributes: tuple[Shown, ...]
    spam: bool = False
    quarantine: str | None = None


class ProfileServices(Protocol):
    """Who a customer is, and what the team notes about them."""

    def rules(self) -> tuple[AttributeRule, ...]:
        """The attributes that customers can have here."""
        ...

    async def show(self, customer_id: CustomerId, team: TeamId) -> Profile: ...

    async def values(self, customer_id: CustomerId) -> dict[str, str]:
        """What a customer has, in the words in which it is typed."""
        ...

    async def set(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        changes: Mapping[str, str | None],
        source: str,
    ) -> str | None:
        """Sets attributes, None takes one away; all of them or none. Returns what changed ("plan pro · VIP"), None: nothing.

        ``WrongValues`` where a value does not fit."""
        ...

    async def rename(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, name: str, source: str
    ) -> Person:
        """Calls a customer otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """A sender in quarantine: who, why, their first words, since when, how many messages wait."""

    customer_id: CustomerId
    handle: str
    name: str
    address: str
    team: TeamId
    why: str
    words: str
    since: float
    count: int


class SpamServices(Protocol):
    """Those whose words the team does not want to see, and those of whom nobody knows yet."""

    async def mark(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, on: bool, source: str
    ) -> Person:
        """Spam: the case is closed, they are blocked and hidden. Off: as before, and the thread tells what came meanwhile."""
        ...

    async def show_kept(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> int:
        """Posts what came while a customer was hidden in their thread; returns how many messages."""
        ...

    async def held(self, team: TeamId, before: CustomerId | None = None, limit: int = 10) -> tuple[Held, ...]:
        """Who is in quarantine, newest first."""
        ...

    async def held_senders(self, team: TeamId) -> str:
        """How many senders wait in quarantine, in words: "3", "100 or more"."""
        ...

    async def let_in(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        """Out of quarantine: everything is posted as if it had just come. Once."""
        ...
