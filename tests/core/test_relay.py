"""Customers' words come in: the relay, on both databases."""

from __future__ import annotations

import asyncio

from bot.desk import Said, State, Status
from bot.messages import ConversationId
from bot.storage import history
from bot.storage.database import Database
from tests.core.world import KIM, SUPPORT, World, message


async def test_a_message_opens_a_thread_and_shows_the_words(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is my parcel?", source="1", subject="My order")
        said = await world.until(world.desk.entries)
        assert [entry.text.plain for entry in said if isinstance(entry, Said)] == ["Where is my parcel?"]
        assert said[0].subject == "My order"
        (card,) = world.desk.cards()
        assert card.card is not None
        assert (card.card.handle, card.card.customer_name) == ("C1", "Dana Petrov")
        assert card.card.status is Status.OPEN
        assert card.card.waiting_since is not None
        post = next(post for post in world.desk.posts.values() if post.entries)
        assert post.thread_ts == card.ts


async def test_the_same_event_twice_is_shown_once(database: Database) -> None:
    async with World(database) as world:
        first = message("hello", source="1")
        answers = await asyncio.gather(
            *(world.relay.accept_customer(next(iter(world.policy.inboxes)), first) for _ in range(5))
        )
        assert sorted(answer.duplicate for answer in answers) == [False, True, True, True, True]
        await world.says("second", source="2")
        await world.until(lambda: len(world.desk.entries()) == 2)
        assert [entry.text.plain for entry in world.desk.entries()] == ["hello", "second"]
        assert len(world.desk.cards()) == 1


async def test_words_that_wait_together_become_one_post(database: Database) -> None:
    world = World(database)
    for number in range(5):
        await world.says(f"line {number}", source=str(number))
    async with world:
        await world.until(lambda: len(world.desk.entries()) == 5)
        posts = [post for post in world.desk.posts.values() if post.entries]
        assert len(posts) == 1
        assert [entry.text.plain for entry in posts[0].entries] == [f"line {n}" for n in range(5)]


async def test_many_customers_keep_their_own_threads_and_their_order(database: Database) -> None:
    async with World(database) as world:
        await asyncio.gather(
            *(
                world.says(f"{who}:{number}", source=f"{who}-{number}", who=f"c{who}@mail.example")
                for number in range(6)
                for who in range(8)
            )
        )
        await world.until(lambda: len(world.desk.entries()) == 48)
        cards = world.desk.cards()
        assert len(cards) == 8
        for card in cards:
            words = [entry.text.plain for entry in world.desk.entries(card.ts)]
            assert words == sorted(words)
            assert len({word.split(":")[0] for word in words}) == 1


async def test_an_unproven_sender_never_joins_the_proven_owner(database: Database) -> None:
    async with World(database) as world:
        await world.says("It is me", source="1")
        await world.says("Give me her data", source="2", verified=False)
        await world.until(lambda: len(world.desk.entries()) == 2)
        cards = {card.card.handle: card.card for card in world.desk.cards() if card.card}
        assert set(cards) == {"C1", "C2"}
        spoof = next(entry for entry in world.desk.entries() if entry.text.plain == "Give me her data")
        assert isinstance(spoof, Said)
        assert spoof.warning is not None and "not verified" in spoof.warning
        history_of_claim = await world.casework.history(
            (await world.casework.lookup("C2", SUPPORT))[0].customer_id
        )
        assert [item.text.plain for item in history_of_claim] == ["Give me her data"]


async def test_a_claim_is_proven_later_and_its_thread_goes_on(database: Database) -> None:
    async with World(database) as world:
        await world.says("first", source="1", verified=False)
        await world.says("second", source="2", verified=True)
        await world.until(lambda: len(world.desk.entries()) == 2)
        assert len(world.desk.cards()) == 1
        await world.says("third, forged", source="3", verified=False)
        await world.until(lambda: len(world.desk.cards()) == 2)


async def test_somebody_else_answering_our_mail_is_shown_as_somebody_else(database: Database) -> None:
    async with World(database) as world:
        await world.says("hello", source="1")
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        assert person.conversation_id is not None
        await world.says(
            "I am Bob, her colleague",
            source="2",
            who="bob@mail.example",
            name="Bob",
            answers=ConversationId(person.conversation_id),
        )
        await world.until(lambda: len(world.desk.entries()) == 2)
        entry = world.desk.entries()[1]
        assert isinstance(entry, Said)
        assert entry.other_sender == "Bob <bob@mail.example>"
        ways = await world.casework.ways(person.customer_id, SUPPORT)
        assert [way.address for way in ways] == ["dana@mail.example"]


async def test_a_blocked_customers_words_are_kept_and_not_shown(database: Database) -> None:
    async with World(database) as world:
        await world.says("hello", source="1")
        await world.until(world.desk.entries)
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        await world.casework.block(person.customer_id, KIM, True, "b1")
        await world.says("buy my pills", source="2")
        kept = await world.casework.history(person.customer_id)
        assert [item.text.plain for item in kept] == ["buy my pills", "hello"]
        await world.says("another customer", source="3", who="other@mail.example")
        await world.until(
            lambda: any("another" in e.text.plain for e in world.desk.entries() if isinstance(e, Said))
        )
        shown = [entry.text.plain for entry in world.desk.entries() if isinstance(entry, Said)]
        assert "buy my pills" not in shown


async def test_a_new_case_of_a_known_customer_says_so(database: Database) -> None:
    async with World(database) as world:
        await world.says("first case", source="1")
        await world.until(world.desk.entries)
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        await world.casework.resolve(person.customer_id, SUPPORT, KIM, "r1")
        await world.says("second case", source="2")
        await world.until(
            lambda: any(isinstance(e, Said) and e.text.plain == "second case" for e in world.desk.entries())
        )
        said = [entry for entry in world.desk.entries() if isinstance(entry, Said)]
        assert [entry.new_case for entry in said] == [False, True]
        assert len(world.desk.cards()) == 1


async def test_a_machine_that_writes_all_day_is_kept_and_not_posted(database: Database) -> None:
    async with World(database) as world:
        for number in range(15):
            await world.says("I am away", source=str(number), automated="auto-replied")
        await world.says("a person", source="p", who="p@mail.example")
        await world.until(lambda: any(e.text.plain == "a person" for e in world.desk.entries()))
        shown = [entry for entry in world.desk.entries() if entry.text.plain == "I am away"]
        assert len(shown) == 10
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        assert person.waiting_since is None
        assert len(await world.casework.history(person.customer_id, limit=50)) == 15


async def test_long_words_are_shown_and_the_whole_is_a_file(database: Database) -> None:
    async with World(database) as world:
        words = "word " * 5000
        await world.says(words, source="1")
        await world.until(lambda: world.desk.files)
        place, file = world.desk.files[0]
        assert file.name == "message.txt" and file.blob is not None
        assert world.blobs.kept[file.blob].decode() == words
        assert place == world.desk.cards()[0].ts
        assert len(world.desk.entries()[0].text) < 10_000


async def test_states_are_words_of_the_schema(database: Database) -> None:
    async with World(database) as world:
        await world.says("hello", source="1")
        sent = await world.reply("C1", "hi")
        await world.until(lambda: world.mail.sent)

        async def state() -> str:
            row = await database.read(lambda c: history.get(c, sent.message_id))
            assert row is not None
            return str(row.state)

        for _ in range(100):
            if await state() == State.ACCEPTED:
                break
            await asyncio.sleep(0.02)
        assert await state() == State.ACCEPTED
