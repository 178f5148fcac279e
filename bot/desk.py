"""The team's side as the core sees it: what is shown, where, and what a desk must be able to do.

The desk is Slack, but nothing here is Slack's: the core says *what* to show, ``bot/slack`` decides how it looks.
A place is a Slack channel and the ``ts`` of a thread's root; both are opaque strings to the core.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from bot.messages import AgentId, Attachment, ConversationId, CustomerId, MessageId, TeamId, Text


class Status(StrEnum):
    """Where a conversation stands."""

    OPEN = "open"
    PENDING = "pending"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class State(StrEnum):
    """Where a delivery stands. DELIVERED and SEEN are receipts of channels that can tell."""

    HELD = "held"
    PENDING = "pending"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    SEEN = "seen"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Place:
    """A thread of the desk: channel id and root ``ts``. ``ts`` is None where the card has not been posted."""

    channel: str
    ts: str | None = None


@dataclass(frozen=True, slots=True)
class CardView:
    """The first message of a customer's thread: who, where, status, owner, clocks, buttons.

    ``excerpt`` is the newest words of the customer. ``waiting_since`` is set while they wait for us (epoch seconds).
    ``reach`` is how they write, newest first, e.g. ``("email support@shop.example", "telegram @acmebot")``.
    ``warning`` is a sentence in plain words (sender not verified, blocked…). ``conversation_id`` is the newest case.
    ``badges`` are flags that are set (VIP), ``noted`` other attributes in words. ``quarantine`` says why new words wait apart.
    ``merged_into`` is who they are now: this thread has ended, and what counts is on that customer's card. ``ended``: the
    same customer goes on in a newer thread.
    """

    handle: str
    customer_id: CustomerId
    customer_name: str
    team: TeamId
    status: Status
    conversation_id: ConversationId | None
    excerpt: str
    reach: tuple[str, ...]
    owner: AgentId | None = None
    waiting_since: float | None = None
    due_at: float | None = None
    due_kind: str | None = None
    snoozed_until: float | None = None
    blocked: bool = False
    verified: bool = True
    warning: str | None = None
    cases: int = 1
    failed: int = 0
    merged_into: str | None = None
    priority: str = "normal"
    tags: tuple[str, ...] = ()
    ended: bool = False
    badges: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    spam: bool = False
    quarantine: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A customer's message in the thread.

    ``via`` is the inbox in words (``email support@shop.example``). ``subject`` only where it is new or changed.
    ``has_tail``: quoted text is kept and can be shown. ``other_sender`` names somebody who is not the customer.
    ``edited_from`` is the text before an edit. ``new_case`` announces a new case of a known customer.
    """

    message_id: MessageId
    customer_name: str
    channel: str
    via: str
    text: Text
    at: float
    handle: str = ""
    subject: str | None = None
    attachments: tuple[Attachment, ...] = ()
    has_tail: bool = False
    warning: str | None = None
    automated: str | None = None
    problems: tuple[str, ...] = ()
    other_sender: str | None = None
    copied: tuple[str, ...] = ()
    edited_from: str | None = None
    deleted: bool = False
    new_case: bool = False
    reaction: str | None = None


@dataclass(frozen=True, slots=True)
class Replied:
    """An agent's reply as it is shown in the thread, with its true state.

    ``state_at`` in epoch seconds. ``detail`` is the provider's word, or why it failed. ``from_thread``: the agent wrote it
    in the thread themself, so it is not repeated: it gets a mark, and a post only where something went wrong.
    ``others`` are the other ways to the customer, in words, where it failed.
    """

    message_id: MessageId
    agent_id: AgentId
    agent_name: str
    agent_image: str | None
    customer_name: str
    channel: str
    via: str
    text: Text
    at: float
    state: State
    state_at: float | None = None
    detail: str | None = None
    attachments: tuple[Attachment, ...] = ()
    subject: str | None = None
    from_thread: bool = False
    refused: tuple[tuple[str, str], ...] = ()
    handle: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """An internal note written with a command, shown under the agent's name. Never reaches a customer."""

    message_id: MessageId
    agent_id: AgentId
    agent_name: str
    agent_image: str | None
    text: Text
    at: float
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """One short line about what happened ("Kim took it"). ``actor`` is who did it, None for the bot itself."""

    text: str
    at: float
    actor: AgentId | None = None
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class When:
    """A moment (epoch seconds) that each reader sees in their own time zone. ``only``: "time" or "day" instead of both."""

    at: float
    only: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """A person of the workspace, by name; they are notified where it is the first time that the post is shown."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class Group:
    """A user group of the workspace, by its Slack id; its people are notified like a person."""

    id: str


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that stand out."""

    words: str


@dataclass(frozen=True, slots=True)
class ThreadLink:
    """Words that lead to a thread, or to one post in it."""

    words: str
    channel: str
    ts: str


Piece: TypeAlias = str | When | Who | Group | Strong | ThreadLink
Line: TypeAlias = tuple[Piece, ...]
"""A line of a prompt. Plain strings are never parsed: what a customer wrote cannot become a mention or a link."""


@dataclass(frozen=True, slots=True)
class Press:
    """A button of a prompt: ``action`` is a registered action's name, ``value`` (≤ 2,000 characters) what it gets."""

    label: str
    action: str
    value: str = ""
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something that people are asked or reminded of, with buttons: in a customer's thread, or in a direct message.

    The first line says what it is about; it is also what a notification shows. ``done`` says what came of it and takes
    the place of the buttons. Always a post of its own.
    """

    lines: tuple[Line, ...]
    at: float
    buttons: tuple[Press, ...] = ()
    done: Line = ()
    broadcast: bool = False


Entry: TypeAlias = Said | Replied | Noted | Activity | Prompt
"""What a post in a thread is made of; several make one post when many wait."""


class Mark(StrEnum):
    """What is put on an agent's own in-thread message."""

    HELD = "held"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Standing:
    """A message that stands in a thread. ``ours``: a program posted it, so it may be ours to take away; else a person wrote it.

    ``files`` are the desk's ids of the files in it.
    """

    ts: str
    ours: bool
    files: tuple[str, ...] = ()


Save: TypeAlias = Callable[[str], Awaitable[None]]
"""Stores how far a multi-step operation has come, durably, before its next step."""


class Desk(Protocol):
    """What the outbox asks of the team's side.

    Every operation raises ``DeliveryError``s and nothing else it knows of. ``key`` is the idempotency key of a post: opaque,
    stored by the desk with the post, so that ``find`` can tell after a crash whether it was made.
    """

    async def open_card(self, channel: str, card: CardView, key: str) -> str:
        """Posts a card and returns the ``ts`` of the thread that it opens."""
        ...

    async def update_card(self, place: Place, card: CardView) -> None: ...

    async def post(self, place: Place, entries: tuple[Entry, ...], key: str) -> str:
        """Posts entries as one message of a thread and returns its ``ts``."""
        ...

    async def find(self, place: Place, key: str, since: float) -> str | None:
        """The ``ts`` of the post with that key, made after ``since`` (epoch seconds), or None: there is none.

        With ``place.ts`` None it looks for a card in the channel."""
        ...

    async def update(self, place: Place, post_ts: str, entries: tuple[Entry, ...]) -> None:
        """Renders a whole post anew."""
        ...

    async def upload(self, place: Place, attachment: Attachment, saved: str | None, save: Save) -> None:
        """Puts a file into a thread. ``saved`` is what an earlier attempt stored; a file is never shared twice."""
        ...

    async def mark(self, place: Place, post_ts: str, mark: Mark) -> None:
        """Puts a mark on an agent's message, in place of the mark before it."""
        ...

    async def remove(self, channel: str, ts: str) -> bool:
        """Takes a post away. True: it is not there any more; False: it is somebody else's, and only they can."""
        ...

    async def remove_file(self, file_id: str) -> bool:
        """Takes a file away. False: it is somebody else's."""
        ...

    async def standing(self, place: Place, cursor: str | None) -> tuple[tuple[Standing, ...], str | None]:
        """A page of what stands in a thread, its root included, and the cursor of the next page. Nothing where it is gone."""
        ...

    async def hand(self, person: str, path: str, name: str, words: str) -> str:
        """Gives a person a file from disk by direct message, with some words; returns the desk's id of the file."""
        ...

    async def tell(self, channel: str, text: str, key: str) -> None:
        """Tells the team something that concerns no one customer (an inbox is down)."""
        ...
