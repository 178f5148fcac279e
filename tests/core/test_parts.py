"""Replies of several parts and with files. On both databases."""

from __future__ import annotations

from bot.commands.types import GivenFile
from bot.desk import Replied, State
from bot.errors import TemporaryFailure, UncertainFailure, UserError
from bot.storage.database import Database
from tests.core.world import CHAT, KIM, SHORT, FindingAdapter, World


def replied(world: World) -> list[Replied]:
    return [entry for entry in world.desk.entries() if isinstance(entry, Replied)]


async def heard(world: World, **more: object) -> None:
    """Dana wrote and her words are in the thread."""
    await world.says("Where is my parcel?", source="in-1", **more)
    await world.until(world.desk.entries)


LONG = "alpha " * 8 + "\n\n" + "beta " * 9 + "\n\n" + "gamma " * 8
"""Three parts on the channel that takes 50 characters."""


async def chatting(world: World) -> None:
    await heard(world, inbox=CHAT, channel="chat", who="visitor-1")


async def test_parts_that_were_accepted_are_not_repeated(database: Database) -> None:
    async with World(database) as world:
        await chatting(world)
        gate = world.chat.faults.gate("send")
        sent = await world.reply("C1", LONG)
        await world.chat.faults.reached["send", False].wait()
        world.chat.faults.fail("send", TemporaryFailure("busy"), after=False)
        gate.set()  # the first attempt at part 1 fails, then part 2 does
        await world.until(world.chat.words)
        world.chat.faults.fail("send", TemporaryFailure("busy"), times=2)
        await world.reaches(sent.message_id, State.ACCEPTED)
        assert [part.number for _, part in world.chat.sent] == [0, 1, 2]
        assert " ".join(" ".join(world.chat.words()).split()) == " ".join(LONG.split())
        assert len({reply.key for reply, _ in world.chat.sent}) == 1


async def test_a_part_in_doubt_stops_the_rest_and_a_retry_goes_on_from_there(database: Database) -> None:
    async with World(database) as world:
        await chatting(world)
        world.chat.faults.gate("send", after=True)
        sent = await world.reply("C1", LONG)
        await world.chat.faults.reached["send", True].wait()
        world.chat.faults.open_gates()
        await world.until(lambda: len(world.chat.sent) >= 1)
        world.chat.faults.fail("send", UncertainFailure("no answer"))
        await world.until(lambda: world.outbox.last_error)
        await world.quiet()
        before = [part.number for _, part in world.chat.sent]
        assert await world.state(sent.message_id) is State.UNCERTAIN and len(before) < 3
        await world.casework.retry(sent.message_id, KIM, "r")
        await world.reaches(sent.message_id, State.ACCEPTED)
        assert [part.number for _, part in world.chat.sent] == [0, 1, 2]


async def test_files_of_an_agent_are_fetched_before_anything_is_sent(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        world.fetches.fail("fetch", TemporaryFailure("Slack is slow"), times=2)
        file = GivenFile("F1", "terms.pdf", "application/pdf", 10, "https://files.example/F1")
        await world.reply("C1", "attached", files=(file,))
        await world.until(lambda: len(world.mail.sent) == 2)
        (_, words), (_, part) = world.mail.sent
        assert words.text.plain == "attached"
        assert [one.name for one in part.attachments] == ["terms.pdf"]
        blob = part.attachments[0].blob
        assert blob is not None and world.blobs.kept[blob] == b"fetched"
        assert part.attachments[0].size == len(b"fetched")
        assert world.fetches.calls["fetch"] == 3


async def test_a_file_that_cannot_be_fetched_sends_nothing(database: Database) -> None:
    async with World(database) as world:
        await heard(world)
        world.fetches.fail("fetch", UserError("it was deleted"))
        file = GivenFile("F1", "terms.pdf", "application/pdf", 10, "https://files.example/F1")
        sent = await world.reply("C1", "attached", files=(file,))
        await world.reaches(sent.message_id, State.FAILED)
        await world.quiet()
        assert world.mail.sent == []
        assert "terms.pdf" in (replied(world)[0].detail or "")


async def test_a_reply_that_may_have_gone_out_is_asked_of_a_channel_that_can_tell(database: Database) -> None:
    world = World(database, chat=FindingAdapter(SHORT))
    async with world:
        await chatting(world)
        world.chat.faults.gate("send", after=True)
        sent = await world.reply("C1", "short")
        await world.chat.faults.reached["send", True].wait()
        await world.crash()
        world.chat.faults.fail("find", TemporaryFailure("busy"), times=2)
        world.start()
        await world.reaches(sent.message_id, State.ACCEPTED)
        assert world.chat.words() == ["short"]
        assert world.chat.faults.calls["send"] == 1
