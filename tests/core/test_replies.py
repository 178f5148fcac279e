"""Agents' replies: held, sent, shown as they are; undone, changed, failed, in doubt, sent again. On both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from bot.commands.nouns import Confirm, Draft
from bot.commands.types import GivenFile
from bot.desk import Mark, Replied, Said, State, Status
from bot.errors import PermanentFailure, TemporaryFailure, UncertainFailure, UserError
from bot.messages import Failure, Level, MessageId, Receipt, RemoteId, SourceId, Text
from bot.storage.database import Database
from tests.core.skipping import Skipping
from tests.core.virtual import Clock
from tests.core.world import CHAT, KIM, MAIL, SUPPORT, World, message


def replied(world: World) -> list[Replied]:
    return [entry for entry in world.desk.entries() if isinstance(entry, Replied)]


def last_state(world: World) -> State | None:
    shown = replied(world)
    return shown[-1].state if shown else None


async def heard(world: World, **more: object) -> None:
    """Dana wrote and her words are in the thread."""
    await world.says("Where is my parcel?", source="in-1", **more)
    await world.until(world.desk.entries)


async def test_a_reply_goes_out_and_is_shown_with_its_true_state(database: Database) -> None:
    async with World(database) as world:
        await heard(world, subject="My order")
        sent = await world.reply("C1", "It ships today.")
        assert "dana@mail.example" in sent.via
        await world.until(lambda: [one for one in replied(world) if one.state is State.ACCEPTED])
        (shown,) = replied(world)
        assert (shown.state, shown.detail, shown.agent_name) == (State.ACCEPTED, "250 ok", "Kim")
        ((reply, part),) = world.mail.sent
        assert (reply.to.address, reply.subject, part.text.plain) == (
            "dana@mail.example",
            "My order",
            "It ships today.",
        )
        assert reply.reply_to is not None and reply.reply_to.remote_id == "<in-1@mail.example>"
        assert reply.team_name == "Support"


async def test_the_customer_waits_until_the_channel_has_taken_the_reply(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        gate = world.mail.faults.gate("send")
        sent = await world.reply("C1", "hi")
        await world.mail.faults.reached["send", False].wait()
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        assert (person.status, person.waiting_since is not None) == (Status.OPEN, True)
        gate.set()
        await world.reaches(sent.message_id, State.ACCEPTED)
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        assert (person.status, person.waiting_since) == (Status.PENDING, None)
        await world.says("thanks", source="in-2")
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        assert (person.status, person.waiting_since is not None) == (Status.OPEN, True)


async def test_undo_in_time_sends_nothing(database: Database) -> None:
    async with World(database, undo=60.0) as world:
        await heard(world)
        sent = await world.reply("C1", "oops")
        assert await world.casework.undo(sent.message_id, KIM) == Text("oops")
        assert await world.state(sent.message_id) is State.CANCELLED
        await world.quiet()
        assert world.mail.sent == [] and replied(world) == []
        with pytest.raises(UserError, match="taken back already"):
            await world.casework.undo(sent.message_id, KIM)


async def test_undo_too_late_says_so(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        sent = await world.reply("C1", "too late")
        await world.until(lambda: world.mail.sent)
        with pytest.raises(UserError, match="Already sent"):
            await world.casework.undo(sent.message_id, KIM)
        await world.quiet()
        assert world.mail.words() == ["too late"]
        with pytest.raises(UserError, match="Already sent"):
            await world.casework.revise(sent.message_id, KIM, Text("other"))


async def test_a_revised_reply_starts_its_window_anew_and_keeps_its_place(database: Database) -> None:
    clock = Clock()
    world = World(database, undo=5.0, clock=clock.now, rest=clock.rest)
    clock.outbox = world.outbox
    await world.says("hello", source="in-1")
    first = await world.reply("C1", "frist", source="a")
    await world.reply("C1", "second", source="b")
    clock.at += 3.0
    again = await world.casework.revise(first.message_id, KIM, Text("first"))
    assert again.send_at == first.send_at + 3.0
    writes = 0
    write = database.write

    async def counted(unit):  # type: ignore[no-untyped-def]
        nonlocal writes
        writes += 1
        return await write(unit)

    database.write = counted  # type: ignore[method-assign]
    async with world:
        await world.until(lambda: len(world.mail.sent) == 2)
    assert world.mail.words() == ["first", "second"]
    assert clock.at >= again.send_at
    assert writes < 60  # the second was due before the first: waiting for it is no busy loop


async def test_held_replies_of_a_thread_leave_in_the_order_in_which_they_were_written(
    database: Database,
) -> None:
    clock = Skipping()
    async with World(database, undo=60.0, clock=clock.now) as world:
        await heard(world)
        for ts in (1700000003.0, 1700000001.0, 1700000002.0):
            await world.reply("C1", f"at {ts:.0f}", source=str(ts), order=ts)
        clock.skip(61)
        await world.until(lambda: len(world.mail.sent) == 3)
        assert world.mail.words() == ["at 1700000001", "at 1700000002", "at 1700000003"]


async def in_thread(world: World, words: str = "It ships today.", ts: str = "1700000000.9") -> MessageId:
    sent = await world.reply(
        "C1", words, source=f"event-{ts}", from_thread=True, message_ts=ts, order=float(ts)
    )
    return sent.message_id


async def test_a_reply_written_in_the_thread_is_marked_and_not_repeated(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        gate = world.mail.faults.gate("send")
        await in_thread(world)
        await world.until(lambda: world.desk.marks.get("1700000000.9") == [Mark.HELD])
        gate.set()
        await world.until(lambda: Mark.ACCEPTED in world.desk.marks["1700000000.9"])
        await world.quiet()
        assert world.desk.marks["1700000000.9"][-1] is Mark.ACCEPTED
        assert replied(world) == []


async def test_a_reply_written_in_the_thread_that_fails_gets_a_post_with_the_reason(
    database: Database,
) -> None:
    async with World(database) as world:
        await heard(world)
        world.mail.faults.fail("send", PermanentFailure("mailbox unavailable (550)"))
        message_id = await in_thread(world)
        await world.until(lambda: replied(world))
        await world.quiet()
        assert world.desk.marks["1700000000.9"][-1] is Mark.FAILED
        (shown,) = replied(world)
        assert (shown.state, shown.detail) == (State.FAILED, "mailbox unavailable (550)")
        await world.casework.retry(message_id, KIM, "retry-1")
        await world.reaches(message_id, State.ACCEPTED)
        await world.quiet()
        assert world.desk.marks["1700000000.9"][-1] is Mark.ACCEPTED
        assert [one.state for one in replied(world)] == [State.ACCEPTED]


async def test_a_permanent_failure_is_shown_and_the_next_reply_goes(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        world.mail.faults.fail("send", PermanentFailure("no such mailbox"))
        first = await world.reply("C1", "lost", source="a")
        await world.reply("C1", "kept", source="b")
        await world.until(lambda: world.mail.words() == ["kept"])
        await world.quiet()
        assert await world.state(first.message_id) is State.FAILED
        assert {(one.text.plain, one.state) for one in replied(world)} == {
            ("lost", State.FAILED),
            ("kept", State.ACCEPTED),
        }
        assert world.desk.cards()[0].card is not None
        assert world.desk.cards()[0].card.failed == 1


async def test_a_temporary_failure_is_tried_again_and_nothing_overtakes(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        world.mail.faults.fail("send", TemporaryFailure("greylisted (451)"), times=3)
        await world.reply("C1", "one", source="a")
        await world.reply("C1", "two", source="b")
        await world.until(lambda: len(world.mail.sent) == 2)
        assert world.mail.words() == ["one", "two"]
        assert world.mail.faults.calls["send"] == 5


@pytest.mark.parametrize("arrived", [True, False])
async def test_an_uncertain_reply_is_never_sent_again_by_itself(database: Database, arrived: bool) -> None:
    async with World(database) as world:
        await heard(world)
        world.mail.faults.fail("send", UncertainFailure("no answer after DATA"), after=True)
        sent = await world.reply("C1", "perhaps", source="a")
        await world.reply("C1", "next", source="b")
        await world.until(lambda: len(world.mail.sent) == 2)
        await world.quiet()
        assert await world.state(sent.message_id) is State.UNCERTAIN
        assert world.mail.words() == ["perhaps", "next"]
        await world.restart()
        await world.quiet()
        assert world.mail.words() == ["perhaps", "next"]
        await world.casework.settle_by_hand(sent.message_id, KIM, arrived)
        await world.quiet()
        expected = State.ACCEPTED if arrived else State.FAILED
        assert await world.state(sent.message_id) is expected
        assert next(one for one in replied(world) if one.text.plain == "perhaps").state is expected
        assert world.mail.words() == ["perhaps", "next"]
        with pytest.raises(UserError, match="not uncertain any more"):
            await world.casework.settle_by_hand(sent.message_id, KIM, arrived)
        health = await world.casework.health()
        assert health.uncertain == 0


async def test_an_unknown_error_is_uncertain(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        world.mail.faults.fail("send", ZeroDivisionError("a bug of ours"))
        sent = await world.reply("C1", "hm")
        await world.reaches(sent.message_id, State.UNCERTAIN)
        await world.quiet()
        assert world.mail.sent == []


async def test_an_agent_sends_an_uncertain_reply_again_once(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        world.mail.faults.fail("send", UncertainFailure("no answer"))
        sent = await world.reply("C1", "again please")
        await world.reaches(sent.message_id, State.UNCERTAIN)
        await asyncio.gather(*(world.casework.retry(sent.message_id, KIM, "click-1") for _ in range(3)))
        await world.reaches(sent.message_id, State.ACCEPTED)
        await world.quiet()
        assert world.mail.words() == ["again please"]
        assert [one.state for one in replied(world)] == [State.ACCEPTED]
        with pytest.raises(UserError, match="failed, or is uncertain"):
            await world.casework.retry(sent.message_id, KIM, "click-2")


async def test_recipients_that_were_refused_are_named(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        world.mail.refused = (("bob@mail.example", "550 no such user"),)
        await world.reply("C1", "hello both")
        await world.until(lambda: replied(world))
        (shown,) = replied(world)
        assert shown.refused == (("bob@mail.example", "550 no such user"),)
        assert shown.state is State.ACCEPTED


async def bounce(world: World, remote: str, source: str = "b1", *, final: bool = True) -> None:
    failure = Failure(
        SourceId(source), RemoteId(remote), "550 mailbox unavailable", datetime.now(UTC), final=final
    )
    await world.relay.accept_customer(MAIL, failure)


async def test_a_bounce_after_it_was_accepted(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        sent = await world.reply("C1", "hello")
        await world.until(lambda: last_state(world) is State.ACCEPTED)
        remote = f"{world.mail.sent[0][0].key}-0"
        await bounce(world, remote, "delayed", final=False)
        assert await world.state(sent.message_id) is State.ACCEPTED
        for _ in range(2):
            await bounce(world, remote)
        await world.until(lambda: last_state(world) is State.FAILED)
        (shown,) = replied(world)
        assert shown.detail == "550 mailbox unavailable"
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        assert (person.status, person.waiting_since is not None) == (Status.OPEN, True)
        # Sending it again really sends it: what was accepted before has come back.
        await world.casework.retry(sent.message_id, KIM, "r")
        await world.until(lambda: len(world.mail.sent) == 2)
        await world.reaches(sent.message_id, State.ACCEPTED)
        assert world.mail.sent[0][0].key != world.mail.sent[1][0].key
        await bounce(world, remote, "late report about the first copy")
        assert await world.state(sent.message_id) is State.FAILED


async def test_receipts_move_a_state_only_forward(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        sent = await world.reply("C1", "hello")
        await world.reaches(sent.message_id, State.ACCEPTED)
        remote = (RemoteId(f"{world.mail.sent[0][0].key}-0"),)
        states = []
        for level in (Level.DELIVERED, Level.ACCEPTED, Level.SEEN, Level.DELIVERED):
            await world.relay.accept_customer(MAIL, Receipt(remote, datetime.now(UTC), level))
            states.append(await world.state(sent.message_id))
        assert states == [State.DELIVERED, State.DELIVERED, State.SEEN, State.SEEN]
        await world.until(lambda: last_state(world) is State.SEEN)


async def test_the_same_words_within_two_minutes_ask_first(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        await world.reply("C1", "It ships today.", source="a")
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        draft = Draft(person.customer_id, SUPPORT, KIM, Text("It ships today."), "b")
        asked = await world.casework.reply(draft)
        assert isinstance(asked, Confirm) and "exactly these words" in asked.question
        await world.reply("C1", "It ships today.", source="b", confirmed=True)
        await world.until(lambda: len(world.mail.sent) == 2)


async def test_what_a_channel_cannot_carry_asks_first(database: Database) -> None:
    async with World(database) as world:
        await heard(world, inbox=CHAT, channel="chat", who="visitor-1")
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        file = GivenFile("F1", "cat.png", "image/png", 10, "https://files.example/F1")
        draft = Draft(person.customer_id, SUPPORT, KIM, Text("look"), "a", files=(file,))
        asked = await world.casework.reply(draft)
        assert isinstance(asked, Confirm) and "cat.png" in asked.question
        assert world.chat.sent == []


async def test_a_blocked_customer_gets_nothing(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        await world.casework.block(person.customer_id, KIM, True, "block")
        with pytest.raises(UserError, match="blocked"):
            await world.reply("C1", "hello")
        await world.quiet()
        assert world.mail.sent == []


async def test_the_same_source_changes_nothing(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        answers = await asyncio.gather(*(world.reply("C1", "once", source="event-1") for _ in range(4)))
        assert len({one.message_id for one in answers}) == 1
        assert sorted(one.duplicate for one in answers) == [False, True, True, True]
        await world.until(lambda: world.mail.sent)
        await world.quiet()
        assert (await world.reply("C1", "once", source="event-1")).duplicate
        assert world.mail.words() == ["once"]


async def test_a_slow_send_is_shown_before_it_is_settled_and_then_anew(database: Database) -> None:
    async with World(database, echo_delay=0.05) as world:
        await heard(world)
        gate = world.mail.faults.gate("send")
        await world.reply("C1", "slow")
        await world.until(lambda: replied(world))
        assert last_state(world) is State.PENDING
        gate.set()
        await world.until(lambda: last_state(world) is State.ACCEPTED)
        assert len(replied(world)) == 1


async def test_an_edit_while_the_words_are_being_posted_is_not_lost(database: Database) -> None:
    from bot.messages import Edit

    async with World(database) as world:
        gate = world.desk.faults.gate("post")
        await world.relay.accept_customer(MAIL, message("frist", source="1"))
        await world.desk.faults.reached["post", False].wait()
        edit = Edit(SourceId("e1"), RemoteId("<1@mail.example>"), None, Text("first"), datetime.now(UTC))
        await world.relay.accept_customer(MAIL, edit)
        gate.set()
        await world.until(
            lambda: [e.text.plain for e in world.desk.entries() if isinstance(e, Said)] == ["first"]
        )
        (said,) = [entry for entry in world.desk.entries() if isinstance(entry, Said)]
        assert said.edited_from == "frist"


async def test_notes_never_reach_a_channel(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        await world.casework.note(person.customer_id, SUPPORT, KIM, Text("do not tell her"), "n1")
        await world.until(lambda: len(world.desk.entries()) == 2)
        await world.quiet()
        assert world.mail.sent == [] and world.chat.sent == []
