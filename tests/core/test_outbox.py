"""The outbox against a desk and channels that fail in every way, on both databases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from bot.delivery import loading
from bot.desk import Activity, Said, State
from bot.errors import (
    PermanentFailure,
    StorageError,
    TemporaryFailure,
    UncertainFailure,
)
from bot.messages import Attachment
from bot.policy import PacePolicy, Rate
from bot.storage import lanes
from bot.storage.database import Database
from tests.core.world import OPEN, OPEN_PACE, PRESS_MAIL, World

Make = Callable[[], Exception]
TEMPORARY: Make = lambda: TemporaryFailure("busy")  # noqa: E731
LIMITED: Make = lambda: TemporaryFailure("slow down", 0.05, freeze=True)  # noqa: E731
UNCLEAR: Make = lambda: UncertainFailure("no answer")  # noqa: E731
BUG: Make = lambda: RuntimeError("a bug of ours")  # noqa: E731


@pytest.fixture(autouse=True)
def little_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.outbox.DOUBT", 0.02)
    monkeypatch.setattr("bot.outbox.GONE", 0.05)
    monkeypatch.setattr("bot.outbox.SWEEP", 0.3)


def said(world: World, thread: str | None = None) -> list[str]:
    return [entry.text.plain for entry in world.desk.entries(thread) if isinstance(entry, Said)]


async def test_each_lane_keeps_its_order_under_load(database: Database) -> None:
    async with World(database) as world:
        for op in ("post", "open_card", "update_card"):
            world.desk.faults.fail(op, TemporaryFailure("busy"), times=5)
        await asyncio.gather(
            *(
                world.says(f"{who}:{number:02}", source=f"{who}-{number}", who=f"c{who}@mail.example")
                for number in range(15)
                for who in range(6)
            )
        )
        await world.until(lambda: len(said(world)) == 90)
        for card in world.desk.cards():
            words = said(world, card.ts)
            assert len(words) == 15 and words == sorted(words)


async def test_a_post_holds_what_fits_and_a_new_case_starts_a_new_one(database: Database) -> None:
    world = World(database)
    for number in range(30):
        await world.says(f"{number:02} " + "x" * 700, source=str(number))
    async with world:
        await world.until(lambda: len(said(world)) == 30)
        posts = [post.entries for post in world.desk.posts.values() if post.entries]
        assert 3 <= len(posts) <= 4
        assert all(len(entries) <= loading.RUN_ENTRIES for entries in posts)
        assert all(sum(len(entry.text) for entry in entries) <= loading.RUN_CHARS for entries in posts)


async def test_a_429_freezes_its_own_channel_and_no_other(database: Database) -> None:
    async with World(database) as world:
        world.desk.faults.fail("open_card", TemporaryFailure("slow down", 4.0, freeze=True))
        started = time.monotonic()
        await world.says("support", source="1")
        await world.until(lambda: world.outbox.last_error)
        await world.says("press", source="2", who="p@mail.example", inbox=PRESS_MAIL)
        await world.says("support too", source="3", who="other@mail.example")
        await world.until(lambda: said(world) == ["press"])
        assert time.monotonic() - started < 4.0
        await world.until(lambda: len(said(world)) == 3)
        assert time.monotonic() - started >= 3.9


@pytest.mark.parametrize("op", ["open_card", "post", "update_card", "upload"])
@pytest.mark.parametrize("error", [TEMPORARY, LIMITED, UNCLEAR, BUG])
async def test_what_fails_for_now_is_done_once_in_the_end(database: Database, op: str, error: Make) -> None:
    async with World(database) as world:
        world.desk.faults.fail(op, error(), times=2)
        blob = await world.blobs.put(b"a picture")
        file = Attachment("cat.png", "image/png", 9, blob)
        await world.says("hello", source="1", attachments=(file,))
        await world.until(lambda: said(world) == ["hello"] and world.desk.files)
        await world.says("again", source="2")
        await world.quiet()
        assert said(world) == ["hello", "again"]
        assert len(world.desk.cards()) == 1 and len(world.desk.files) == 1
        card = world.desk.cards()[0].card
        assert card is not None and card.excerpt == "again"


@pytest.mark.parametrize("op", ["open_card", "post", "upload"])
@pytest.mark.parametrize("error", [UNCLEAR, BUG])
async def test_what_was_done_is_found_and_not_repeated(database: Database, op: str, error: Make) -> None:
    async with World(database) as world:
        world.desk.faults.fail(op, error(), after=True)
        world.desk.faults.fail("find", TemporaryFailure("slow down", 0.02), times=2)
        blob = await world.blobs.put(b"a picture")
        await world.says("hello", source="1", attachments=(Attachment("cat.png", "image/png", 9, blob),))
        await world.quiet()
        assert said(world) == ["hello"]
        assert len(world.desk.cards()) == 1 and len(world.desk.files) == 1
        assert world.desk.faults.calls.get(op) == (2 if op == "upload" else 1)


async def test_what_was_not_done_is_posted_with_the_same_key(database: Database) -> None:
    async with World(database) as world:
        keys: list[str] = []
        post = world.desk.post

        async def watched(place: object, entries: object, key: str) -> str:
            keys.append(key)
            return await post(place, entries, key)  # type: ignore[arg-type]

        world.desk.post = watched  # type: ignore[assignment,method-assign]
        world.desk.faults.fail("post", UncertainFailure("no answer"))
        await world.says("hello", source="1")
        await world.until(lambda: said(world) == ["hello"])
        assert len(keys) == 2 and keys[0] == keys[1]


async def test_a_card_that_was_certainly_not_posted_is_not_looked_for(database: Database) -> None:
    async with World(database) as world:
        world.desk.faults.fail("open_card", TemporaryFailure("slow down", 0.02, freeze=True), times=3)
        await world.says("hello", source="1")
        await world.until(lambda: said(world))
        assert "find" not in world.desk.faults.calls


async def test_what_cannot_be_shown_says_so_and_the_next_is_shown(database: Database) -> None:
    async with World(database) as world:
        world.desk.faults.fail("post", PermanentFailure("invalid_blocks"))
        await world.says("poison", source="1")
        await world.until(lambda: world.outbox.last_error)
        await world.says("fine", source="2")
        await world.until(lambda: said(world) == ["fine"])
        await world.quiet()
        (line,) = [entry for entry in world.desk.entries() if isinstance(entry, Activity)]
        assert "could not be shown" in line.text and "invalid_blocks" in line.text


async def test_one_that_cannot_be_shown_takes_no_other_with_it(database: Database) -> None:
    world = World(database)
    for words in ("one", "poison", "three"):
        await world.says(words, source=words)
    post = world.desk.post

    async def picky(place: object, entries: tuple[Said, ...], key: str) -> str:
        if any(entry.text.plain == "poison" for entry in entries if isinstance(entry, Said)):
            raise PermanentFailure("invalid_blocks")
        return await post(place, entries, key)  # type: ignore[arg-type]

    world.desk.post = picky  # type: ignore[assignment,method-assign]
    async with world:
        await world.quiet()
        assert said(world) == ["one", "three"]
        assert len([one for one in world.desk.entries() if isinstance(one, Activity)]) == 1


async def test_a_thread_whose_root_is_gone_goes_on_in_a_new_one_and_says_so_once(database: Database) -> None:
    async with World(database) as world:
        await world.says("before", source="1")
        await world.quiet()
        world.desk.cards()[0].deleted = True
        for number in range(3):
            await world.says(f"after {number}", source=f"a{number}")
        await world.quiet()
        old, new = world.desk.cards()
        assert said(world, new.ts) == ["after 0", "after 1", "after 2"]
        lines = [entry for entry in world.desk.entries(new.ts) if isinstance(entry, Activity)]
        assert len(lines) == 1 and "started anew" in lines[0].text
        assert said(world, old.ts) == ["before"]
        person = await world.casework.at_thread("C1", new.ts)
        assert person is not None and person.handle == "C1"


async def test_an_archived_channel_is_told_once_and_flows_when_it_is_back(database: Database) -> None:
    async with World(database) as world:
        await world.says("before", source="1")
        await world.quiet()
        world.desk.archived.add("C1")
        for who in range(3):
            await world.says("lost?", source=f"x{who}", who=f"new{who}@mail.example")
        await world.says("more", source="2")
        await world.until(lambda: world.desk.faults.calls.get("open_card", 0) >= 4)
        await world.says("press", source="3", who="p@mail.example", inbox=PRESS_MAIL)
        await world.until(lambda: "press" in said(world))
        assert len(world.troubles) == 1 and "C1" in world.troubles[0]
        world.desk.archived.clear()
        await world.quiet()
        assert sorted(said(world)) == ["before", "lost?", "lost?", "lost?", "more", "press"]
        assert len(world.troubles) == 1


async def test_customers_go_to_the_fallback_channel(database: Database) -> None:
    async with World(database, fallback="C9") as world:
        await world.says("before", source="1")
        await world.quiet()
        world.desk.archived.add("C1")
        await world.says("after", source="2")
        await world.says("somebody new", source="3", who="new@mail.example")
        await world.quiet()
        moved = [post for post in world.desk.posts.values() if post.channel == "C9" and post.entries]
        words = [entry.text.plain for post in moved for entry in post.entries if isinstance(entry, Said)]
        assert sorted(words) == ["after", "somebody new"]
        assert len(world.troubles) == 1


SEAMS = [("open_card", False), ("open_card", True), ("post", False), ("post", True)]


@pytest.mark.parametrize(("op", "after"), SEAMS)
async def test_a_crash_at_the_desk_leaves_every_message_once(
    database: Database, op: str, after: bool
) -> None:
    async with World(database) as world:
        world.desk.faults.gate(op, after=after)
        await world.says("hello", source="1")
        await world.desk.faults.reached[op, after].wait()
        await world.says("while it was down", source="2")
        await world.restart()
        await world.quiet()
        assert said(world) == ["hello", "while it was down"]
        assert len(world.desk.cards()) == 1


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_while_sending_leaves_a_reply_once_or_uncertain(
    database: Database, after: bool
) -> None:
    async with World(database) as world:
        await world.says("hello", source="1")
        await world.quiet()
        world.mail.faults.gate("send", after=after)
        sent = await world.reply("C1", "hi")
        await world.mail.faults.reached["send", after].wait()
        await world.restart()
        await world.quiet()
        assert await world.state(sent.message_id) is State.UNCERTAIN
        assert len(world.mail.sent) == int(after)


async def test_a_crash_between_the_claim_and_the_attempt_sends_a_reply_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with World(database) as world:
        await world.says("hello", source="1")
        await world.quiet()
        started = asyncio.Event()

        async def stops(*_: object) -> None:
            started.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as patch:
            patch.setattr("bot.delivery.attempt.Attempts.make", stops)
            sent = await world.reply("C1", "hi")
            await started.wait()
            await world.crash()
        world.start()
        await world.reaches(sent.message_id, State.ACCEPTED)
        assert world.mail.words() == ["hi"]


async def test_a_settle_that_was_not_stored_is_found_out_by_the_sweep(database: Database) -> None:
    async with World(database) as world:
        await world.says("first", source="1")
        await world.quiet()
        write, broken = database.write, [True]

        async def failing(unit):  # type: ignore[no-untyped-def]
            if "talked" in getattr(unit, "__qualname__", "") and broken:
                broken.pop()
                raise StorageError("Nothing was stored: disk full.")
            return await write(unit)

        database.write = failing  # type: ignore[method-assign]
        await world.says("second", source="2")
        await world.says("third", source="3")
        await world.until(lambda: len(said(world)) == 3)
        await world.quiet()
        assert broken == [] and said(world) == ["first", "second", "third"]


async def test_a_lane_that_cannot_be_loaded_stops_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = loading.views.entry

    def poisoned(*arguments: object) -> object:
        made = entry(*arguments)  # type: ignore[arg-type]
        if isinstance(made, Said) and made.text.plain == "poison":
            raise KeyError("a bug of ours")
        return made

    monkeypatch.setattr("bot.delivery.loading.views.entry", poisoned)
    world = World(database)
    await world.says("poison", source="1")
    await world.says("fine", source="2", who="other@mail.example")
    async with world:
        await world.until(lambda: "fine" in said(world))
        await world.says("still alive", source="3")
        await world.until(lambda: "still alive" in said(world))
        await world.quiet()
        lines = [one.text for one in world.desk.entries() if isinstance(one, Activity)]
        assert len(lines) == 1 and "KeyError" in lines[0]


async def test_a_settle_that_has_a_bug_is_uncertain_and_the_lane_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with World(database) as world:
        await world.says("hello", source="1")
        await world.quiet()

        def broken(*_: object, **__: object) -> None:
            raise KeyError("a bug of ours")

        with monkeypatch.context() as patch:
            patch.setattr("bot.delivery.settle.save_part", broken)
            first = await world.reply("C1", "one", source="a")
            await world.reaches(first.message_id, State.UNCERTAIN)
        second = await world.reply("C1", "two", source="b")
        await world.reaches(second.message_id, State.ACCEPTED)
        assert world.mail.words() == ["one", "two"]


async def test_replies_never_wait_behind_what_customers_write(database: Database) -> None:
    slow = PacePolicy(Rate(1.0, 1.0), Rate(1.0, 1.0), OPEN, OPEN, OPEN)
    async with World(database, pace=slow, undo=0.01) as world:
        await world.says("hello", source="1")
        await world.until(world.desk.entries)
        await asyncio.gather(
            *(world.says(f"{n}", source=f"b{n}", who=f"c{n % 100}@mail.example") for n in range(1_000))
        )
        for number in range(5):
            started = time.monotonic()
            await world.reply("C1", f"answer {number}", source=f"r{number}")
            await world.until(lambda wanted=number: len(world.mail.sent) > wanted)
            assert time.monotonic() - started < 10.0
        assert len(world.desk.posts) < 40


async def test_cards_are_coalesced(database: Database) -> None:
    async with World(database, card_delay=0.2) as world:
        started = time.monotonic()
        for number in range(100):
            await world.says(f"{number}", source=str(number))
        await world.quiet()
        took = time.monotonic() - started
        card = world.desk.cards()[0].card
        assert card is not None and card.excerpt == "99"
        assert world.desk.card_updates <= 2 + took / 0.2, "one in a delay"


async def test_a_card_that_looks_the_same_is_not_updated(database: Database) -> None:
    world = World(database)
    for who in range(10):
        await world.says("hello", source=str(who), who=f"c{who}@mail.example")
    async with world:
        await world.quiet()
        assert len(world.desk.cards()) == 10
        assert world.desk.card_updates == 0


async def test_nothing_grows(database: Database) -> None:
    async with World(database, pace=OPEN_PACE) as world:
        for number in range(120):
            await world.says("hello", source=str(number), who=f"c{number}@mail.example")
        await world.quiet()
        await world.outbox._sweep(world.clock())
        kept = {
            name: len(value) for name, value in vars(world.outbox).items() if isinstance(value, dict | set)
        }
        assert all(size <= 8 for size in kept.values()), kept
        assert len(world.outbox._pace._buckets) <= 8


async def test_a_lane_of_another_worker_is_not_settled(database: Database) -> None:
    """Fencing: who has lost a lane changes nothing when they come back."""
    world = World(database)
    await world.says("hello", source="1")

    def take(connection: Connection) -> list[tuple[lanes.Lane, list[lanes.Delivery]]]:
        return lanes.claim(connection, "desk:C1", "me", world.clock(), 5)

    ((lane, heads),) = await database.write(take)
    await database.write(lambda c: lanes.free_abandoned(c, set()))
    ((again, _),) = await database.write(lambda c: lanes.claim(c, "desk:C1", "other", world.clock(), 5))
    assert again.id == lane.id
    late = await database.write(
        lambda c: lanes.advance(c, lane.id, "me", heads, State.ACCEPTED, None, world.clock())
    )
    assert late is None
    assert not await database.write(
        lambda c: lanes.postpone(c, lane.id, "me", heads, None, 0.0, certain=True)
    )
    assert await database.write(
        lambda c: lanes.advance(c, lane.id, "other", heads, State.ACCEPTED, None, world.clock())
    )
