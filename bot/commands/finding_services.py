"""What commands ask about what was said: pages of a history, words anywhere, and where one came in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.commands.nouns import HistoryItem
from bot.commands.types import Agent
from bot.messages import AgentId, CustomerId, MessageId, TeamId, Text


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a history or a search is narrowed down to, as an agent said it.

    ``places``: channels and inboxes, as ``Place.value`` calls them; none: all. Times in epoch seconds, ``since`` ≤ it <
    ``until``. ``direction``: inbound, outbound, note, or empty for all.
    """

    places: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    agent: AgentId | None = None
    files: bool = False
    direction: str = ""

    def __bool__(self) -> bool:
        return self != Narrowed()


@dataclass(frozen=True, slots=True)
class Place:
    """A channel or an inbox that one can narrow down to. ``names`` are what agents may call it, in lower case."""

    value: str
    label: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """A customer in one line. ``open_since`` in epoch seconds; ``messages`` at most 10,001: more were not counted.

    ``whole``: the viewer may read all teams' cases.
    """

    customer_id: CustomerId
    handle: str
    name: str
    open_since: float | None
    channels: tuple[str, ...]
    messages: int
    whole: bool = True


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of a history, newest first; whether there is more on either side of it."""

    overview: Overview
    items: tuple[HistoryItem, ...]
    newer: bool
    older: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found, and whose it is. ``shown`` is the part where the words stand, the words bold."""

    customer_id: CustomerId
    handle: str
    name: str
    team: TeamId
    item: HistoryItem
    shown: Text


@dataclass(frozen=True, slots=True)
class Found:
    """Messages with the words, newest first, and whether there are older ones. ``understood``: there was a word to look for."""

    hits: tuple[Hit, ...]
    older: bool
    understood: bool = True


@dataclass(frozen=True, slots=True)
class Recap:
    """Where somebody comes in: the last exchanges, oldest first, and what the customer said of us last.

    ``rating`` is of five; ``comment`` what they added. None: they never rated.
    """

    overview: Overview
    items: tuple[HistoryItem, ...]
    rating: int | None = None
    comment: str | None = None
    rated_at: float | None = None


class FindingServices(Protocol):
    """What was said, for somebody who may read some teams' cases: nothing of others is ever returned."""

    async def places(self) -> tuple[Place, ...]:
        """What one can narrow down to: each channel, and each inbox."""
        ...

    async def page(
        self,
        viewer: Agent,
        customer_id: CustomerId,
        narrowed: Narrowed,
        *,
        before: MessageId | None = None,
        after: MessageId | None = None,
        around: MessageId | None = None,
        limit: int = 10,
    ) -> HistoryPage:
        """A customer's history over all channels and cases: the newest, those before or after a message, or around it."""
        ...

    async def find(
        self,
        viewer: Agent,
        words: str,
        narrowed: Narrowed,
        *,
        customer_id: CustomerId | None = None,
        before: MessageId | None = None,
        limit: int = 8,
    ) -> Found:
        """The newest messages with these words, of one customer or of all."""
        ...

    async def recap(self, viewer: Agent, customer_id: CustomerId) -> Recap:
        """The last exchanges with a customer."""
        ...

    async def is_new(self, viewer: Agent, customer_id: CustomerId) -> bool:
        """Whether others of the team have answered a customer before, and the viewer never has."""
        ...
