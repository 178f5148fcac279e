"""A small core in memory for tests of commands and of the desk: the same promises as ``Services``, no database."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from typing_extensions import override

from bot.commands.nouns import Confirm, Draft, Health, HistoryItem, InboxHealth, Person, Way
from bot.commands.services import Services
from bot.commands.types import Agent, Role, Sent
from bot.desk import State, Status
from bot.errors import UserError
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
from tests.commands.fake_desk import FakeDesk
from tests.commands.fake_finding import FakeFinding
from tests.commands.fake_home import FakeHome
from tests.commands.fake_linking import FakeLinking
from tests.commands.fake_macros import FakeMacros
from tests.commands.fake_merging import FakeMerging
from tests.commands.fake_privacy import FakePrivacy
from tests.commands.fake_profile import FakeProfile
from tests.commands.fake_rating import FakeRatings
from tests.commands.fake_sla import FakeSla
from tests.commands.fake_spam import FakeSpam
from tests.commands.fake_timing import FakeFollowUps, FakeReminders, FakeSnoozes

SUPPORT = TeamId("support")
KIM = Agent(AgentId("U1KIM"), "Kim", Role.AGENT)
LEAD = Agent(AgentId("U2RUTH"), "Ruth", Role.LEAD)
GUEST = Agent(AgentId("U3GUEST"), "Guest", Role.OUTSIDER)


def person(number: int, name: str, address: str, **more: object) -> Person:
    """A customer of the support team."""
    made = Person(
        customer_id=CustomerId(number),
        handle=f"C{number}",
        name=name,
        address=address,
        team=SUPPORT,
        conversation_id=ConversationId(number),
        status=Status.OPEN,
        owner=None,
        waiting_since=time.time() - 60,
        blocked=False,
        place=("C0SUPPORT", f"{number}.000100"),
    )
    return replace(made, **more)  # type: ignore[arg-type]


DANA = person(42, "Dana Petrov", "dana@mail.example")
DAN = person(51, "Dana White", "white@mail.example")
EMAIL = Way(
    RouteId(1),
    "email",
    InboxId("support-mail"),
    "dana@mail.example",
    "email dana@mail.example (from support@shop.example)",
    "files up to 20 MB, no edits",
    subjects=("Where is my parcel?", "Invoice 7"),
    has_copies=True,
)
CHAT = Way(RouteId(2), "site", InboxId("shop"), "v1", "chat on shop.example", "text and pictures")


@dataclass
class FakeServices(Services):
    """``drafts``, ``notes`` and ``done`` are what was asked of it."""

    people: dict[str, Person] = field(default_factory=lambda: {p.handle: p for p in (DANA, DAN)})
    channel: str = "C0SUPPORT"
    threads: dict[str, str] = field(default_factory=lambda: {"42.000100": "C42", "51.000100": "C51"})
    drafts: list[Draft] = field(default_factory=list)
    notes: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    done: list[tuple[object, ...]] = field(default_factory=list)
    messages: dict[int, HistoryItem] = field(default_factory=dict)
    whose: dict[int, str] = field(default_factory=dict)
    at: dict[str, int] = field(default_factory=dict)
    sources: dict[str, Sent] = field(default_factory=dict)
    ask: Confirm | None = None
    hold: float = 5.0
    before: Callable[[], Awaitable[None]] | None = None
    ways_of: tuple[Way, ...] = (EMAIL, CHAT)

    def __post_init__(self) -> None:
        self.desk = FakeDesk(self)
        self.finding = FakeFinding(self.messages, self.whose, self.people.__getitem__)
        self.sla = FakeSla(self)
        self.snoozes = FakeSnoozes(self)
        self.follow_ups = FakeFollowUps(self)
        self.reminders = FakeReminders()
        self.ratings = FakeRatings()
        self.macros = FakeMacros()
        self.home = FakeHome()
        self.profile = FakeProfile(self)
        self.spam = FakeSpam(self)
        self.privacy = FakePrivacy()
        self.linking = FakeLinking()
        self.merging = FakeMerging(lambda number: self.people[f"C{number}"])

    @override
    async def lookup(self, words: str, team: TeamId | None, limit: int = 5) -> tuple[Person, ...]:
        if self.before is not None:
            await self.before()
        low = words.casefold()
        exact = [p for p in self.people.values() if low in (p.handle.casefold(), p.address.casefold())]
        found = exact or [p for p in self.people.values() if low in p.name.casefold()]
        return tuple(found[:limit])

    @override
    async def nearest(self, words: str, team: TeamId | None) -> tuple[Person, ...]:
        return tuple(self.people.values())[:1]

    @override
    async def at_thread(self, channel: str, thread_ts: str) -> Person | None:
        handle = self.threads.get(thread_ts)
        return self.people[handle] if channel == self.channel and handle else None

    @override
    async def person(self, customer_id: CustomerId, team: TeamId) -> Person:
        return self.people[f"C{customer_id}"]

    @override
    async def person_of(self, message_id: MessageId) -> Person:
        return self.people[self.whose[message_id]]

    @override
    async def at_message(self, channel: str, message_ts: str) -> HistoryItem | None:
        found = self.at.get(message_ts)
        return self.messages[found] if found is not None else None

    @override
    async def open_for(self, agent: AgentId, team: TeamId | None, limit: int = 25) -> tuple[Person, ...]:
        return tuple(self.people.values())

    @override
    async def team_of(self, channel: str) -> TeamId | None:
        return SUPPORT if channel == self.channel else None

    @override
    async def ways(self, customer_id: CustomerId, team: TeamId) -> tuple[Way, ...]:
        return self.ways_of

    @override
    async def losses(self, draft: Draft) -> tuple[str, ...]:
        return ()

    @override
    async def reply(self, draft: Draft) -> Sent | Confirm:
        if draft.source in self.sources:
            return replace(self.sources[draft.source], duplicate=True)
        if self.ask is not None and not draft.confirmed:
            return self.ask
        self.drafts.append(draft)
        customer = self.people[f"C{draft.customer_id}"]
        number = 100 + len(self.drafts)
        self.keep(number, customer.handle, "outbound", draft.text, State.HELD, author=draft.agent.name)
        if draft.message_ts is not None:
            self.at[draft.message_ts] = number
        sent = Sent(
            MessageId(number),
            ConversationId(1),
            customer.handle,
            customer.name,
            f"email {customer.address}",
            time.time() + self.hold,
        )
        self.sources[draft.source] = sent
        return sent

    def keep(
        self,
        number: int,
        handle: str,
        direction: str,
        text: Text,
        state: State | None = None,
        *,
        author: str = "Dana Petrov",
        tail: Text | None = None,
        attachments: tuple[Attachment, ...] = (),
        automatic: str | None = None,
    ) -> None:
        """Puts a message into the history."""
        self.whose[number] = handle
        self.messages[number] = HistoryItem(
            MessageId(number),
            direction,
            author,
            "email",
            text,
            1_700_000_000.0 + number,
            attachments,
            state,
            None,
            tail,
            automatic,
        )

    def _held(self, message_id: MessageId) -> HistoryItem:
        item = self.messages[message_id]
        if item.state is not State.HELD:
            raise UserError("It was already sent, so it cannot be taken back.")
        return item

    @override
    async def composing(self, customer_id: CustomerId, team: TeamId) -> None:
        self.writing_to = customer_id

    async def undo(self, message_id: MessageId, agent: Agent) -> Text:
        item = self._held(message_id)
        self.messages[message_id] = replace(item, state=State.CANCELLED)
        self.done.append(("undo", message_id))
        return item.text

    @override
    async def revise(self, message_id: MessageId, agent: Agent, text: Text) -> Sent:
        item = self._held(message_id)
        self.messages[message_id] = replace(item, text=text)
        self.done.append(("revise", message_id, text.plain))
        return Sent(message_id, ConversationId(1), "C42", "Dana Petrov", "email", time.time() + self.hold)

    @override
    async def note(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        text: Text,
        source: str,
        message_ts: str | None = None,
    ) -> None:
        if any(known[2] == source for known in self.notes):
            return
        self.notes.append((f"C{customer_id}", text.plain, source, message_ts))

    @override
    async def history(
        self, customer_id: CustomerId, before: MessageId | None = None, limit: int = 10
    ) -> tuple[HistoryItem, ...]:
        mine = [
            item
            for number, item in sorted(self.messages.items(), reverse=True)
            if self.whose[number] == f"C{customer_id}" and (before is None or number < before)
        ]
        return tuple(mine[:limit])

    @override
    async def message(self, message_id: MessageId) -> HistoryItem:
        return self.messages[message_id]

    def _change(self, customer_id: CustomerId, **more: object) -> Person:
        handle = f"C{customer_id}"
        self.people[handle] = replace(self.people[handle], **more)  # type: ignore[arg-type]
        return self.people[handle]

    @override
    async def resolve(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        self.done.append(("resolve", customer_id, agent.id))
        return self._change(customer_id, status=Status.RESOLVED)

    @override
    async def reopen(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        self.done.append(("reopen", customer_id, agent.id))
        return self._change(customer_id, status=Status.OPEN)

    @override
    async def assign(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, to: AgentId | None, source: str
    ) -> Person:
        self.done.append(("assign", customer_id, to))
        return self._change(customer_id, owner=to)

    @override
    async def block(self, customer_id: CustomerId, agent: Agent, on: bool, source: str) -> Person:
        self.done.append(("block", customer_id, on))
        return self._change(customer_id, blocked=on)

    @override
    async def retry(self, message_id: MessageId, agent: Agent, source: str) -> Sent:
        self.done.append(("retry", message_id))
        return Sent(
            message_id,
            ConversationId(1),
            "C42",
            "Dana Petrov",
            "email dana@mail.example",
            time.time() + self.hold,
        )

    @override
    async def settle_by_hand(self, message_id: MessageId, agent: Agent, arrived: bool) -> None:
        self.done.append(("settle", message_id, arrived))

    @override
    async def agent_name(self, agent: AgentId) -> str:
        return "Amir"

    @override
    async def may_be_owner(self, agent: AgentId, team: TeamId) -> bool:
        return "STRANGER" not in agent

    @override
    async def is_lead(self, agent: AgentId, team: TeamId) -> bool:
        return agent == LEAD.id

    @override
    async def health(self) -> Health:
        inbox = InboxHealth(
            InboxId("support-mail"), "email", SUPPORT, "support@shop.example", None, None, time.time() - 5
        )
        return Health((inbox,), {"desk": 2}, 3.0, 0, 0, None, None, 2, time.time() - 7200, "0.1.0")
