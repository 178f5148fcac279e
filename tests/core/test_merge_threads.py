"""What a merge does to what is under way: replies that are held, posts that wait, threads that are not there yet."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, update

from bot.commands.merging_services import Merged
from bot.desk import Prompt, Said, State
from bot.errors import UserError
from bot.merge import dividing, merging
from bot.messages import CustomerId
from bot.storage import cases, jobs, merges, people
from bot.storage.database import Database
from bot.storage.schema import customer
from bot.storage.schema_people import customer_merge
from tests.core.world import CHAT, KIM, PRESS, PRESS_MAIL, SUPPORT, World, message

ONE, TWO = CustomerId(1), CustomerId(2)


async def chats(world: World, words: str, source: str, who: str = "v1") -> None:
    event = message(words, source=source, who=who, channel="chat", name="Visitor")
    await world.relay.accept_customer(CHAT, event)


async def both(world: World) -> None:
    """Dana by mail is C1, the visitor is C2; both have a thread."""
    await world.says("By mail", source="m1")
    await world.quiet()
    await chats(world, "In the chat", "c1")
    await world.quiet()


async def merge(world: World, source: str = "merge-1") -> Merged:
    return await world.casework.merging.merge(ONE, TWO, KIM, source)


def threads(world: World) -> list[str]:
    return [post.ts for post in world.desk.posts.values() if post.card is not None]


def shown(world: World, thread_ts: str) -> list[str]:
    """The words of a thread, line by line."""
    lines: list[str] = []
    for post in world.desk.posts.values():
        if post.thread_ts != thread_ts:
            continue
        for entry in post.entries:
            if isinstance(entry, Prompt):
                every = (*entry.lines, *((entry.done,) if entry.done else ()))
                lines += ["".join(str(getattr(piece, "words", piece)) for piece in line) for line in every]
            else:
                text: Any = entry.text
                lines.append(getattr(text, "plain", text))
    return lines


async def test_a_held_reply_goes_out_and_a_message_under_way_is_shown(database: Database) -> None:
    async with World(database, undo=0.4) as world:
        await both(world)
        sent = await world.reply("C2", "On its way")
        gate = world.desk.faults.gate("post")
        await chats(world, "One more thing", "c2")
        await world.desk.faults.reached["post", False].wait()
        await chats(world, "and another", "c3")
        await merge(world)
        gate.set()
        await world.quiet()
        assert await world.state(sent.message_id) is State.ACCEPTED
        assert [part.text.plain for _, part in world.chat.sent] == ["On its way"]
        one, two = threads(world)
        assert "One more thing" in shown(world, two)  # it was being posted there
        assert "and another" in shown(world, one)
        assert any("On its way" in line for line in shown(world, one) + shown(world, two))
        said = [
            entry.text.plain
            for post in world.desk.posts.values()
            for entry in post.entries
            if isinstance(entry, Said)
        ]
        assert sorted(said) == sorted(["By mail", "In the chat", "One more thing", "and another"])


async def test_a_thread_that_was_not_opened_yet_never_is(database: Database) -> None:
    async with World(database) as world:
        await world.says("By mail", source="m1")
        await world.quiet()
        await world.stop()
        await chats(world, "In the chat", "c1")
        await merge(world)
        world.start()
        await world.quiet()
        (one,) = threads(world)
        assert "In the chat" in shown(world, one)
        assert any("from now on all of it comes here" in line for line in shown(world, one))


async def test_the_last_word_in_a_thread_that_is_gone_is_dropped(database: Database) -> None:
    async with World(database) as world:
        await both(world)
        one, two = threads(world)
        world.desk.posts[two].deleted = True
        await merge(world)
        await world.quiet()
        assert threads(world) == [one, two]  # nothing is started anew for it
        await chats(world, "Still here", "c2")
        await world.quiet()
        assert "Still here" in shown(world, one)


async def test_a_survivors_thread_that_is_gone_starts_anew_for_the_survivor(database: Database) -> None:
    async with World(database) as world:
        await both(world)
        one, two = threads(world)
        await merge(world)
        await world.quiet()
        world.desk.posts[one].deleted = True
        await chats(world, "Anybody?", "c2")
        await world.quiet()
        (third,) = [ts for ts in threads(world) if ts not in (one, two)]
        assert "Anybody?" in shown(world, third)
        card = world.desk.posts[third].card
        assert card is not None and card.handle == "C1"


async def test_a_thread_that_only_one_has_is_handed_over_and_back(database: Database) -> None:
    async with World(database) as world:
        await world.says("By mail", source="m1")
        event = message("To the press", source="p1", who="dana@news.example")
        await world.relay.accept_customer(PRESS_MAIL, event)
        await world.quiet()
        one, two = threads(world)
        done = await merge(world)
        await world.quiet()
        assert any("this thread is theirs now" in line for line in shown(world, two))
        card = world.desk.posts[two].card
        assert card is not None and card.handle == "C1"
        at = await world.casework.at_thread("C2", two)
        assert at is not None and (at.handle, at.team) == ("C1", PRESS)
        await world.casework.merging.unmerge(done.merge_id, KIM, "undo-1")
        await world.quiet()
        card = world.desk.posts[two].card
        assert card is not None and card.handle == "C2"
        assert any("this is C2" in line for line in shown(world, two))
        assert not any("undid" in line for line in shown(world, one))  # nothing of theirs was ever there


async def test_who_needs_a_thread_after_it_gets_one(database: Database) -> None:
    """The survivor had no thread with the team: what they say while they are one makes a case that is theirs afterwards."""
    async with World(database) as world:
        await world.says("By mail", source="m1")
        event = message("To the press", source="p1", who="dana@news.example")
        await world.relay.accept_customer(PRESS_MAIL, event)
        await world.quiet()
        done = await merge(world)
        event = message("I write to the press too", source="p2")
        await world.relay.accept_customer(PRESS_MAIL, event)
        await world.quiet()
        await world.casework.merging.unmerge(done.merge_id, KIM, "undo-1")
        await world.quiet()
        _, two, three = threads(world)
        card = world.desk.posts[three].card
        assert card is not None and (card.handle, card.excerpt) == ("C1", "I write to the press too")
        card = world.desk.posts[two].card
        assert card is not None and (card.handle, card.excerpt) == ("C2", "To the press")
        mine = await database.read(lambda connection: cases.open_case(connection, 1, PRESS))
        yours = await database.read(lambda connection: cases.open_case(connection, 2, PRESS))
        assert mine is not None and yours is not None and mine.waiting_since and yours.waiting_since


async def test_many_messages_are_divided_after_a_crash(database: Database, monkeypatch: Any) -> None:
    monkeypatch.setattr(dividing, "CHUNK", 3)
    async with World(database) as world:
        await both(world)
        done = await merge(world)
        for number in range(8):
            await chats(world, f"more {number}", f"more-{number}")
        await world.quiet()
        going_on = world.casework.merging.go_on

        async def dies() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(world.casework.merging, "go_on", dies)
        with pytest.raises(KeyboardInterrupt):
            await world.casework.merging.unmerge(done.merge_id, KIM, "undo-1")
        monkeypatch.setattr(world.casework.merging, "go_on", going_on)

        async def held(number: int) -> int:
            return await database.read(lambda connection: merges.count_messages(connection, [number]))

        assert await held(2) < 9
        with pytest.raises(UserError, match="still being divided"):
            await world.casework.merging.preview(ONE, TWO)
        await world.casework.merging.go_on()
        assert (await held(1), await held(2)) == (1, 9)
        assert not await database.read(lambda connection: jobs.waiting(connection, merging.UNMERGE))
        again = await world.casework.merging.preview(ONE, TWO)
        assert again.merged.messages == 9


async def test_a_second_press_does_nothing(database: Database) -> None:
    async with World(database) as world:
        await both(world)
        first, second = await merge(world), await merge(world)
        assert first.merge_id == second.merge_id
        with pytest.raises(UserError, match="C2 is C1 already"):
            await merge(world, "merge-2")
        await world.casework.merging.unmerge(first.merge_id, KIM, "undo-1")
        await world.casework.merging.unmerge(first.merge_id, KIM, "undo-1")
        with pytest.raises(UserError, match="two already"):
            await world.casework.merging.unmerge(first.merge_id, KIM, "undo-2")
        count = select(func.count()).select_from(customer_merge)
        assert await database.read(lambda connection: connection.execute(count).scalar_one()) == 1


async def test_what_cannot_be_merged_is_said(database: Database) -> None:
    async with World(database) as world:
        await both(world)
        work = world.casework.merging
        with pytest.raises(UserError, match="C1 cannot be merged with itself"):
            await work.preview(ONE, ONE)
        with pytest.raises(UserError, match="C99 is nobody"):
            await work.preview(ONE, CustomerId(99))
        gone = update(customer).where(customer.c.id == 2).values(erased_at=1.0)
        await database.write(lambda connection: connection.execute(gone).rowcount)
        with pytest.raises(UserError, match="C2 was erased"):
            await work.merge(ONE, TWO, KIM, "merge-1")


async def test_merges_of_merges_are_undone_in_order(database: Database) -> None:
    async with World(database) as world:
        await both(world)
        await world.says("The third", source="m3", who="third@mail.example")
        await world.quiet()
        work = world.casework.merging
        first = await merge(world)
        second = await work.merge(CustomerId(3), ONE, KIM, "merge-2")
        names = await database.read(lambda connection: people.family(connection, 2))
        assert names == (3, 1, 2)
        standing = await work.standing(2)
        assert [one.why_not is None for one in standing] == [False]
        assert standing[0].why_not == "C1 was merged into C3 later. Undo that merge first."
        both_of = await work.standing(3)
        assert [one.merge_id for one in both_of] == [second.merge_id]
        with pytest.raises(UserError, match="Undo that merge first"):
            await work.unmerge(first.merge_id, KIM, "undo-1")
        await work.unmerge(second.merge_id, KIM, "undo-2")
        await work.unmerge(first.merge_id, KIM, "undo-3")
        for number in (1, 2, 3):
            assert await database.read(partial(people.family, customer_id=number)) == (number,)


async def test_two_merges_that_share_nothing_come_apart_in_any_order(database: Database) -> None:
    async with World(database) as world:
        await world.says("By mail", source="m1")
        event = message("To the press", source="p1", who="dana@news.example")
        await world.relay.accept_customer(PRESS_MAIL, event)
        await world.says("The third", source="m3", who="third@mail.example")
        await world.quiet()
        work = world.casework.merging
        first = await merge(world)
        await work.merge(ONE, CustomerId(3), KIM, "merge-2")
        await work.unmerge(first.merge_id, KIM, "undo-1")
        assert await database.read(lambda connection: people.family(connection, 1)) == (1, 3)
        assert await database.read(lambda connection: people.family(connection, 2)) == (2,)


async def test_what_to_look_at_first(database: Database) -> None:
    async with World(database) as world:
        await world.says("By mail", source="m1")
        await world.says("By mail", source="m2", who="dana@work.example")
        await world.says("By mail", source="m3", who="dana@home.example", verified=False)
        await world.casework.block(TWO, KIM, True, "block-1")
        set_plan = world.casework.profile.set
        await set_plan(ONE, SUPPORT, KIM, {"company": "Acme"}, "set-1")
        await set_plan(TWO, SUPPORT, KIM, {"company": "Other", "vip": "yes"}, "set-2")
        preview = await world.casework.merging.preview(ONE, TWO)
        told = "\n".join(preview.warnings)
        assert (
            "Both have a proven email address of their own (dana@mail.example and dana@work.example)" in told
        )
        assert "C2 is blocked and C1 is not: what C2 writes would be shown again." in told
        assert "company: “Acme” of C1 stays, “Other” of C2 is put aside." in told
        assert any(line == "Taken over from C2: vip." for line in preview.effects)
        other = await world.casework.merging.preview(ONE, CustomerId(3))
        assert any("Nobody has proved that email dana@home.example" in line for line in other.warnings)
        assert other.merged.identities == ("email dana@home.example: not proven (no DKIM)",)
