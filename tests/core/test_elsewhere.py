"""Other ways to a customer, and replies that are changed after they were sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.capabilities import Capabilities, Support
from bot.delivery import backlog
from bot.desk import Activity, Replied, State
from bot.errors import UserError
from bot.messages import (
    AddressChanged,
    AddressGiven,
    Contact,
    Edit,
    Level,
    Part,
    Reaction,
    Receipt,
    RemoteId,
    Reply,
    SourceId,
    Text,
    Unseen,
)
from bot.storage.database import Database
from tests.core.world import CHAT, KIM, MAIL, SUPPORT, MemoryAdapter, World

ABLE = Capabilities(
    "chat", 500, idempotent_send=True, backlog=True, edit=Support.FULL, delete=Support.FULL, receipts="seen"
)


class Changeable(MemoryAdapter):
    """A channel in memory where what was sent can be changed."""

    def __init__(self, capabilities: Capabilities) -> None:
        super().__init__(capabilities)
        self.edits: list[tuple[RemoteId, str]] = []
        self.deletes: list[RemoteId] = []

    async def edit(self, reply: Reply, part: Part, remote_id: RemoteId) -> Receipt:
        self.edits.append((remote_id, part.text.plain))
        self.changed.set()
        return Receipt((remote_id,), datetime.now(UTC))

    async def delete(self, reply: Reply, remote_id: RemoteId) -> None:
        self.deletes.append(remote_id)
        self.changed.set()


def world_with(database: Database, able: Capabilities = ABLE, undo: float = 0.05) -> tuple[World, Changeable]:
    """A world whose chat is such a channel."""
    chat = Changeable(able)
    return World(database, chat=chat, undo=undo), chat


def visitor(source: str) -> dict[str, object]:
    """A message in the chat."""
    return {"source": source, "who": "v1", "name": None, "channel": "chat", "inbox": CHAT, "thread_key": "v1"}


async def test_a_reply_nobody_saw_goes_to_the_address_they_left(database: Database) -> None:
    world, chat = world_with(database)
    async with world:
        await world.says("Is it in stock?", **visitor("1"))
        sender = Contact("chat", "v1", verified=True)
        given = Contact("email", "dana@mail.example")
        now = datetime.now(UTC)
        for _ in range(2):  # the same event twice
            await world.relay.accept_customer(
                CHAT, AddressGiven(SourceId("a"), sender, given, now, thread_key="v1")
            )
        await world.reply("C1", "Yes, three of them.")
        await world.until(lambda: chat.sent)
        key = chat.sent[0][0].key
        await world.until(
            lambda: any(isinstance(e, Replied) and e.state is State.ACCEPTED for e in world.desk.entries())
        )
        event = Unseen(SourceId("u"), (RemoteId(f"{key}-0"),), now, 10, thread_key="v1")
        for _ in range(2):
            await world.relay.accept_customer(CHAT, event)
        await world.until(lambda: world.mail.sent)
        await world.until(lambda: sum(isinstance(e, Replied) for e in world.desk.entries()) == 2)
        (reply, part) = world.mail.sent[0]
        assert reply.to.address == "dana@mail.example" and part.text.plain == "Yes, three of them."
        assert len(world.mail.sent) == 1 and len(chat.sent) == 1
        lines = [entry.text for entry in world.desk.entries() if isinstance(entry, Activity)]
        assert any("left an address" in line for line in lines)
        assert any("Not seen for 10 min" in line and "dana@mail.example" in line for line in lines)


async def test_an_address_that_somebody_claims_joins_nobody(database: Database) -> None:
    world, _ = world_with(database)
    async with world:
        await world.says("I am the real Dana", source="m1")
        await world.says("hello", **visitor("1"))
        given = AddressGiven(
            SourceId("a"),
            Contact("chat", "v1", verified=True),
            Contact("email", "dana@mail.example"),
            datetime.now(UTC),
            thread_key="v1",
        )
        await world.relay.accept_customer(CHAT, given)
        await world.says("again, by mail", source="m2")
        owner = (await world.casework.lookup("C1", SUPPORT))[0]
        claim = (await world.casework.lookup("C2", SUPPORT))[0]
        assert [i.text.plain for i in await world.casework.history(owner.customer_id)] == [
            "again, by mail",
            "I am the real Dana",
        ]
        assert [i.text.plain for i in await world.casework.history(claim.customer_id)] == ["hello"]


async def test_a_reply_nobody_saw_and_no_address(database: Database) -> None:
    world, chat = world_with(database)
    async with world:
        await world.says("hello", **visitor("1"))
        await world.reply("C1", "Anybody there?")
        await world.until(
            lambda: any(isinstance(e, Replied) and e.state is State.ACCEPTED for e in world.desk.entries())
        )
        key = chat.sent[0][0].key
        event = Unseen(SourceId("u"), (RemoteId(f"{key}-0"),), datetime.now(UTC), 10, thread_key="v1")
        await world.relay.accept_customer(CHAT, event)
        await world.until(
            lambda: any(
                isinstance(e, Activity) and "no other address" in e.text for e in world.desk.entries()
            )
        )
        assert world.mail.sent == []


async def test_the_backlog_is_numbered_by_when_it_became_visible(database: Database) -> None:
    world, chat = world_with(database)
    async with world:
        await world.says("one", **visitor("1"))
        await world.reply("C1", "held while they write", source="r1")
        await world.says("two", **visitor("2"))
        await world.until(
            lambda: any(isinstance(e, Replied) and e.state is State.ACCEPTED for e in world.desk.entries())
        )
        items = await database.read(lambda c: backlog.after(c, CHAT, "v1", 0))
        assert [item.part.text.plain for item in items] == ["one", "two", "held while they write"]
        numbers = [item.number for item in items]
        assert numbers == sorted(numbers)
        later = await database.read(lambda c: backlog.after(c, CHAT, "v1", numbers[1]))
        assert [item.key for item in later] == [chat.sent[0][0].key]
        assert await database.read(lambda c: backlog.after(c, MAIL, "v1", 0)) == ()


async def test_a_sent_reply_is_changed_and_taken_back_where_the_channel_can(database: Database) -> None:
    world, chat = world_with(database)
    async with world:
        await world.says("hello", **visitor("1"))
        sent = await world.reply("C1", "Your parcle is here")
        await world.until(
            lambda: any(isinstance(e, Replied) and e.state is State.ACCEPTED for e in world.desk.entries())
        )
        await world.casework.revise(sent.message_id, KIM, Text("Your parcel is here"))
        await world.until(lambda: chat.edits)
        name = RemoteId(f"{chat.sent[0][0].key}-0")
        assert chat.edits == [(name, "Your parcel is here")]
        await world.until(
            lambda: any(
                isinstance(e, Replied) and e.text.plain == "Your parcel is here" for e in world.desk.entries()
            )
        )
        await world.casework.undo(sent.message_id, KIM)
        await world.until(lambda: chat.deletes == [name])
        await world.until(
            lambda: any(isinstance(e, Replied) and e.state is State.CANCELLED for e in world.desk.entries())
        )
        assert len(chat.sent) == 1


async def test_a_mail_cannot_be_taken_back(database: Database) -> None:
    async with World(database) as world:
        await world.says("hello", source="1")
        sent = await world.reply("C1", "hi")
        await world.until(
            lambda: any(isinstance(e, Replied) and e.state is State.ACCEPTED for e in world.desk.entries())
        )
        with pytest.raises(UserError, match="Already sent"):
            await world.casework.undo(sent.message_id, KIM)
        with pytest.raises(UserError, match="Already sent"):
            await world.casework.revise(sent.message_id, KIM, Text("other"))


async def test_replies_that_wait_for_the_rate_are_joined(database: Database) -> None:
    world, chat = world_with(database, replace(ABLE, joins=True, max_text=60), undo=0.0)
    await world.says("hello", **visitor("1"))
    words = ["first", "second", "third, which is long enough to need a message of its own here"[:60]]
    for number, word in enumerate(words):
        await world.reply("C1", word, source=f"r{number}", order=float(number + 1))
    async with world:
        await world.until(
            lambda: (
                sum(isinstance(e, Replied) and e.state is State.ACCEPTED for e in world.desk.entries()) == 3
            )
        )
        assert [part.text.plain for _, part in chat.sent] == ["first\n\nsecond", words[2]]


async def test_a_thread_that_is_called_otherwise_now(database: Database) -> None:
    world, chat = world_with(database)
    async with world:
        await world.says("hello", **visitor("1"))
        await world.relay.accept_customer(
            CHAT, AddressChanged(SourceId("c"), "v1", "-100v1", datetime.now(UTC))
        )
        await world.reply("C1", "still here")
        await world.until(lambda: chat.sent)
        assert chat.sent[0][0].thread_key == "-100v1"


async def test_what_a_customer_does_to_a_reply_is_seen(database: Database) -> None:
    world, chat = world_with(database)
    async with world:
        await world.says("hello", **visitor("1"))
        await world.reply("C1", "It ships today.")
        await world.until(
            lambda: any(isinstance(e, Replied) and e.state is State.ACCEPTED for e in world.desk.entries())
        )
        name = RemoteId(f"{chat.sent[0][0].key}-0")
        now = datetime.now(UTC)
        for _ in range(2):
            await world.relay.accept_customer(CHAT, Reaction(SourceId("r"), name, "v1", "👍", now))
        edit = Edit(SourceId("e"), RemoteId("unknown"), "v1", Text("what I meant"), now)
        await world.relay.accept_customer(CHAT, edit)
        await world.until(lambda: sum(isinstance(e, Activity) for e in world.desk.entries()) == 2)
        lines = [entry.text for entry in world.desk.entries() if isinstance(entry, Activity)]
        assert lines == [
            "They reacted with 👍 to “It ships today.”",
            "They changed an earlier message to: “what I meant”",
        ]


async def test_a_receipt_that_comes_before_its_send_is_stored(database: Database) -> None:
    world, chat = world_with(database)
    plain = chat.send

    async def seen_at_once(reply: Reply, part: Part) -> Receipt:
        receipt = await plain(reply, part)
        seen = Receipt(receipt.remote_ids, datetime.now(UTC), Level.SEEN)
        await world.relay.accept_customer(
            CHAT, seen
        )  # their tab is open: it answers before we have stored the send
        return receipt

    chat.send = seen_at_once  # type: ignore[method-assign]
    async with world:
        await world.says("hello", **visitor("1"))
        await world.reply("C1", "hi")
        await world.until(
            lambda: any(isinstance(e, Replied) and e.state is State.SEEN for e in world.desk.entries())
        )
