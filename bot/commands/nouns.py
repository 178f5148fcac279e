"""What commands and the core speak of: persons, the ways to them, drafts, what was said, how the bot is. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from bot.commands.types import Agent, GivenFile
from bot.desk import State, Status
from bot.messages import (
    AgentId,
    Attachment,
    ConversationId,
    CustomerId,
    InboxId,
    MessageId,
    RouteId,
    TeamId,
    Text,
)


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as a team sees them, with their newest case. ``place`` is their thread: (Slack channel, ts or None)."""

    customer_id: CustomerId
    handle: str
    name: str
    address: str
    team: TeamId
    conversation_id: ConversationId | None
    status: Status
    owner: AgentId | None
    waiting_since: float | None
    blocked: bool
    place: tuple[str, str | None]
    excerpt: str = ""
    spam: bool = False
    quarantine: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """A way to reach a customer. ``label`` in words: ``email dana@mail.example (from support@shop.example)``.

    ``carries`` says in a few words what it can carry ("files up to 20 MB, no edits"). ``closed`` says why it cannot be
    used now, or None. ``subjects`` are those of the cases that can be answered, newest first, where the
    channel has subjects.
    """

    route_id: RouteId
    channel: str
    inbox: InboxId
    address: str
    label: str
    carries: str
    closed: str | None = None
    subjects: tuple[str, ...] = ()
    has_copies: bool = False
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Draft:
    """A reply to be sent. ``route_id`` None: the way they used last. ``reply_to`` a customer's message, None: their newest.

    ``from_thread``: the agent wrote it in the thread as message ``message_ts``. ``confirmed``: the agent has
    been asked about
    what would be left behind or sent twice, and said yes. ``source`` makes a second call with it change nothing.
    ``order`` (a Slack ts as a number) sorts replies of one thread that are held at the same time.
    """

    customer_id: CustomerId
    team: TeamId
    agent: Agent
    text: Text
    source: str
    route_id: RouteId | None = None
    reply_to: MessageId | None = None
    subject: str | None = None
    cc: tuple[str, ...] = ()
    files: tuple[GivenFile, ...] = ()
    from_thread: bool = False
    message_ts: str | None = None
    order: float = 0.0
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Confirm:
    """A reply was not accepted yet: the agent has to say yes first. ``question`` is a sentence, ``yes`` the
    button's label."""

    question: str
    yes: str


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One message of a customer's history. ``direction``: inbound, outbound, note, system.

    ``automatic`` says in words what it is where no person wrote it (``automatic answer``).
    """

    message_id: MessageId
    direction: str
    author: str
    via: str
    text: Text
    at: float
    attachments: tuple[Attachment, ...]
    state: State | None = None
    subject: str | None = None
    tail: Text | None = None
    automatic: str | None = None


@dataclass(frozen=True, slots=True)
class InboxHealth:
    """How an inbox is. Times in epoch seconds."""

    inbox: InboxId
    channel: str
    team: TeamId
    address: str
    problem: str | None
    since: float | None
    last_event_at: float | None


@dataclass(frozen=True, slots=True)
class Health:
    """How the bot is. ``oldest_waiting`` is the age in seconds of the oldest delivery that is due and not done.

    ``waiting`` how many are, by kind of lane. ``stuck`` are sentences about what a person should look at.
    """

    inboxes: tuple[InboxHealth, ...]
    waiting: dict[str, int]
    oldest_waiting: float | None
    failed_last_day: int
    uncertain: int
    last_error: str | None
    last_error_at: float | None
    sockets: int
    started_at: float
    version: str
    stuck: tuple[str, ...] = ()
