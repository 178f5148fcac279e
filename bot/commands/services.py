"""What commands ask of the core: the smallest interface that they need, implemented by ``bot/cases/casework.py``.

Every method that changes something is one transaction, durable when it returns, and idempotent in ``source``.
Everything that an agent got wrong raises ``UserError`` with one sentence that holds the cure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from bot.commands.types import Agent, Call, GivenFile, Result, Sent
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

if TYPE_CHECKING:
    from bot.commands.desk_services import DeskServices
    from bot.commands.finding_services import FindingServices
    from bot.commands.home_services import HomeServices
    from bot.commands.linking_services import LinkingServices
    from bot.commands.macro_services import MacroServices
    from bot.commands.merging_services import MergingServices
    from bot.commands.privacy_services import PrivacyServices
    from bot.commands.profile_services import ProfileServices, SpamServices
    from bot.commands.rating_services import RatingServices
    from bot.commands.sla_services import SlaServices
    from bot.commands.stats_services import StatsServices
    from bot.commands.timing_services import FollowUpServices, ReminderServices, SnoozeServices


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


class Services(Protocol):
    """The core, for commands."""

    stats: StatsServices
    desk: DeskServices
    macros: MacroServices
    snoozes: SnoozeServices
    sla: SlaServices
    follow_ups: FollowUpServices
    reminders: ReminderServices
    ratings: RatingServices
    finding: FindingServices
    home: HomeServices
    profile: ProfileServices
    merging: MergingServices
    linking: LinkingServices
    spam: SpamServices
    privacy: PrivacyServices

    async def lookup(self, words: str, team: TeamId | None, limit: int = 5) -> tuple[Person, ...]:
        """Customers whose handle, name or address match; an exact handle or address gives exactly one."""
        ...

    async def nearest(self, words: str, team: TeamId | None) -> tuple[Person, ...]:
        """The closest customers to a handle or name that nobody has, best first, at most three."""
        ...

    async def at_thread(self, channel: str, thread_ts: str) -> Person | None:
        """Whose thread it is; None for any other thread."""
        ...

    async def person(self, customer_id: CustomerId, team: TeamId) -> Person: ...

    async def open_for(self, agent: AgentId, team: TeamId | None, limit: int = 25) -> tuple[Person, ...]:
        """Customers with a case that is not resolved: the agent's own first, then those nobody has, longest
        waiting first."""
        ...

    async def team_of(self, channel: str) -> TeamId | None:
        """The team whose Slack channel it is; None elsewhere (a DM)."""
        ...

    async def ways(self, customer_id: CustomerId, team: TeamId) -> tuple[Way, ...]:
        """How a customer can be reached, the way they used last first."""
        ...

    async def losses(self, draft: Draft) -> tuple[str, ...]:
        """What the channel would leave behind of this reply: sentences, empty when it carries everything."""
        ...

    async def reply(self, draft: Draft) -> Sent | Confirm:
        """Accepts a reply for sending after the undo window; ``Confirm`` where the agent must be asked first
        (identical text to the same customer within two minutes, something that cannot travel, an unverified or
        blocked person)."""
        ...

    async def composing(self, customer_id: CustomerId, team: TeamId) -> None:
        """An agent has begun to write to a customer, who may see it where the channel can show it. Best effort."""
        ...

    async def undo(self, message_id: MessageId, agent: Agent) -> Text:
        """Takes back a reply and returns its text: while it is held, and later where the channel can take a message back.

        ``UserError`` "already sent" otherwise."""
        ...

    async def revise(self, message_id: MessageId, agent: Agent, text: Text) -> Sent:
        """Changes a reply: while it is held (its undo window starts anew), and later where the channel can change a message.

        ``UserError`` "already sent" otherwise."""
        ...

    async def note(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        text: Text,
        source: str,
        message_ts: str | None = None,
    ) -> None:
        """Keeps an internal note; it is posted in the thread unless it was written there (``message_ts``)."""
        ...

    async def history(
        self, customer_id: CustomerId, before: MessageId | None = None, limit: int = 10
    ) -> tuple[HistoryItem, ...]:
        """What was said, newest first, over all channels and cases."""
        ...

    async def message(self, message_id: MessageId) -> HistoryItem: ...

    async def person_of(self, message_id: MessageId) -> Person:
        """The customer that a message is from or to, as the team of its case sees them."""
        ...

    async def at_message(self, channel: str, message_ts: str) -> HistoryItem | None:
        """The reply or note that an agent wrote as that Slack message (in-thread faces); None for any other message."""
        ...

    async def resolve(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person: ...

    async def reopen(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person: ...

    async def assign(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, to: AgentId | None, source: str
    ) -> Person:
        """Gives a case to somebody; None gives it back to the team."""
        ...

    async def block(self, customer_id: CustomerId, agent: Agent, on: bool, source: str) -> Person:
        """A blocked customer's messages are kept and not shown; nothing is sent to them."""
        ...

    async def retry(self, message_id: MessageId, agent: Agent, source: str) -> Sent:
        """Sends a failed or uncertain reply again, at the end of the lane."""
        ...

    async def settle_by_hand(self, message_id: MessageId, agent: Agent, arrived: bool) -> None:
        """An agent checked an uncertain reply: it arrived (→ accepted), or it did not (→ failed, can be sent again)."""
        ...

    async def agent_name(self, agent: AgentId) -> str:
        """The public name of an agent."""
        ...

    async def may_be_owner(self, agent: AgentId, team: TeamId) -> bool:
        """Whether somebody is an agent of a team."""
        ...

    async def is_lead(self, agent: AgentId, team: TeamId) -> bool:
        """Whether somebody leads a team; admins lead all."""
        ...

    async def health(self) -> Health: ...


Handler: TypeAlias = Callable[[Services, Call], Awaitable[Result]]
"""What a command is: a function of the core and of one call."""
