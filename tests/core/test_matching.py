"""Proposals: what two customers have in common becomes a question in a thread, once; nothing joins by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from bot.cases.casework import Casework
from bot.desk import Prompt
from bot.errors import UserError
from bot.merge import matching
from bot.merge.matching import Matching
from bot.messages import CustomerId
from bot.storage import clues, jobs
from bot.storage.database import Database
from bot.storage.schema_people import merge_proposal
from tests.core.world import CHAT, KIM, SUPPORT, World, message


class Question:
    """A proposal as the thread shows it."""

    def __init__(self, post: Any) -> None:
        (prompt,) = post.entries
        assert isinstance(prompt, Prompt)
        self.prompt = prompt
        self.lines = ["".join(str(getattr(piece, "words", piece)) for piece in line) for line in prompt.lines]
        self.done = "".join(str(piece) for piece in prompt.done)
        self.buttons = [one.label for one in prompt.buttons]
        self.thread_ts = post.thread_ts


class Office:
    """The world with the task that looks for clues."""

    def __init__(self, world: World, **policy: Any) -> None:
        self.world = world
        world.policy = replace(world.policy, **policy)
        world.build()
        self.casework: Casework = world.casework
        self.matching = Matching(self.casework.hands, self.casework.merging)

    async def __aenter__(self) -> Office:
        self.world.start()
        await self.matching.catch_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.world.stop()

    async def mails(self, words: str, who: str, **more: Any) -> None:
        source = more.pop("source", f"{who}-{words}")
        await self.world.says(words, source=source, who=who, name=more.pop("name", who.split("@")[0]), **more)

    async def chats(self, words: str, who: str, **more: Any) -> None:
        event = message(words, source=f"{who}-{words}", who=who, channel="chat", **more)
        await self.world.relay.accept_customer(CHAT, event)

    async def questions(self) -> list[Question]:
        await self.matching.catch_up()
        await self.world.quiet()
        posts = self.world.desk.posts.values()
        return [
            Question(post)
            for post in posts
            if len(post.entries) == 1
            and isinstance(post.entries[0], Prompt)
            and "same person" in str(post.entries[0].lines)
        ]

    async def handle(self, words: str) -> str:
        (person,) = await self.casework.lookup(words, SUPPORT)
        return person.handle


async def test_the_same_phone_number_is_asked_about_once(database: Database) -> None:
    async with Office(World(database)) as office:
        await office.mails("Call me: +49 (0)151 2345 6789. Ordered on 21.11.2026.", "dana@mail.example")
        assert await office.questions() == []
        await office.chats("my number is 0151/23456789", "v1", name="Visitor")
        (question,) = await office.questions()
        assert question.lines[0] == "Is this the same person? C2 Visitor and C1 dana"
        assert question.lines[1].startswith("• The same phone number, 0151/23456789: C2 by chat on ")
        assert "C1 by email on" in question.lines[1] and "not verified" in question.lines[1]
        assert question.buttons == ["Merge…", "Not the same"]
        card = office.world.desk.posts[question.thread_ts].card
        assert card is not None and card.handle == "C2"
        await office.chats("again: 0151/23456789", "v1", name="Visitor")
        assert len(await office.questions()) == 1


async def test_not_the_same_is_for_ever_and_for_the_family(database: Database) -> None:
    async with Office(World(database)) as office:
        await office.mails("+49 151 23456789", "dana@mail.example")
        await office.chats("+49 151 23456789", "v1", name="Visitor")
        (question,) = await office.questions()
        number = int(question.prompt.buttons[1].value)
        await office.casework.merging.not_the_same(number, KIM, "press-1")
        (question,) = await office.questions()
        assert question.done == "Kim: they are not the same." and question.buttons == []
        with pytest.raises(UserError, match="not the same"):
            await office.casework.merging.not_the_same(number, KIM, "press-2")
        await office.mails("I am dana@mail.example too", "third@mail.example")
        await office.casework.merging.merge(CustomerId(3), CustomerId(2), KIM, "merge-1")
        await office.chats("my mail is dana@mail.example", "v1", name="Visitor")
        assert len(await office.questions()) == 1  # both are of a family of whom it was said
        assert (await office.casework.merging.proposal(number)).decided is not None


async def test_an_address_in_a_signature_and_one_that_was_left(database: Database) -> None:
    async with Office(World(database), own_addresses=frozenset({"support@shop.example"})) as office:
        await office.mails("Hello", "dana@mail.example")
        await office.chats("Hi, write to Dana@Mail.example, cc support@shop.example", "v1", name="Visitor")
        (question,) = await office.questions()
        assert "wrote Dana@Mail.example, which is proven to be C1's" in question.lines[1]
        await office.mails("I am Dana!", "dana@mail.example", verified=False, source="spoofed")
        found = [one for one in await office.questions() if "C3" in one.lines[0]]
        assert (
            "C3 wrote from it without proof (no DKIM): a forged sender looks just like this."
            in found[0].lines[1]
        )


async def test_a_proof_that_comes_later_is_noticed(database: Database) -> None:
    async with Office(World(database)) as office:
        await office.chats("my mail is dana@mail.example", "v1", name="Visitor")
        assert await office.questions() == []
        await office.mails("Hello", "dana@mail.example")
        (question,) = await office.questions()
        assert "Visitor" in question.lines[0]


async def test_what_many_share_is_no_evidence(database: Database) -> None:
    async with Office(World(database)) as office:
        await office.mails("+49 30 1234567", "one@mail.example")
        await office.matching.catch_up()
        for number in range(2, 7):
            await office.mails("switchboard +49 30 1234567", f"p{number}@mail.example")
        questions = await office.questions()
        named = " ".join(one.lines[0] for one in questions)
        assert "p4" not in named and "p5" not in named and "p6" not in named


async def test_orders_machines_and_profiles(database: Database) -> None:
    async with Office(World(database), order_number=r"\bAC-\d{5,8}\b") as office:
        await office.mails("Where is AC-77777?", "dana@mail.example", name="Dana Petrov")
        await office.mails("AC-77777 +49 151 23456789", "robot@mail.example", automated="newsletter")
        assert await office.questions() == []
        await office.chats("ac-77777 no, AC-77777", "v1", name="Visitor")
        (question,) = await office.questions()
        assert "The same order number, AC-77777" in question.lines[1]
        for person in (1, 3):
            await office.casework.profile.set(
                CustomerId(person), SUPPORT, KIM, {"company": "Acme"}, f"set-{person}"
            )
        await office.mails("More of it", "petrov@mail.example", name="Dana Petrov")
        await office.casework.profile.set(CustomerId(4), SUPPORT, KIM, {"company": "ACME "}, "set-4")
        await office.mails("And more", "petrov@mail.example", name="Dana Petrov")
        await office.mails("I am here too", "dana@mail.example", name="Dana Petrov")
        named = [one for one in await office.questions() if "same company" in one.lines[1]]
        assert len(named) == 1 and "Dana Petrov" in named[0].lines[1]


async def test_a_merge_decides_what_was_asked(database: Database) -> None:
    async with Office(World(database)) as office:
        await office.mails("+49 151 23456789", "dana@mail.example")
        await office.chats("+49 151 23456789", "v1", name="Visitor")
        (question,) = await office.questions()
        done = await office.casework.merging.merge(CustomerId(1), CustomerId(2), KIM, "m-1", "Same phone.")
        (question,) = await office.questions()
        assert question.done == "Kim merged them."
        await office.casework.merging.unmerge(done.merge_id, KIM, "u-1")
        await office.chats("once more +49 151 23456789", "v1", name="Visitor")
        await office.mails("once more +49 151 23456789", "dana@mail.example")
        assert len(await office.questions()) == 1
        rows = await database.read(lambda connection: connection.execute(select(merge_proposal)).all())
        assert [row.state for row in rows] == [clues.REFUSED]


async def test_evidence_is_added_to_the_question(database: Database) -> None:
    async with Office(World(database)) as office:
        await office.mails("+49 151 23456789", "dana@mail.example")
        await office.chats("+49 151 23456789", "v1", name="Visitor")
        assert len(await office.questions()) == 1
        await office.chats("dana@mail.example", "v1", name="Visitor")
        (question,) = await office.questions()
        assert len([line for line in question.lines if line.startswith("•")]) == 2


async def test_the_past_is_left_alone_and_the_cursor_is_durable(database: Database) -> None:
    world = World(database)
    await world.says("+49 151 23456789", source="old-1", who="dana@mail.example")
    office = Office(world)
    async with office:
        await office.chats("+49 151 23456789", "v1", name="Visitor")
        assert await office.questions() == []
        job = await database.read(clues.newest)
        again = Matching(office.casework.hands, office.casework.merging)
        await again.catch_up()
        stored = await database.read(lambda connection: jobs.find(connection, matching.SCAN, "clues"))
        assert stored is not None and json.loads(stored.progress) == {"message": job[0], "identity": job[1]}
