"""Erasing somebody: nothing of them is left, nothing of anybody else is touched, and nothing comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.commands.nouns import Draft
from bot.desk import Prompt
from bot.errors import UserError
from bot.messages import (
    CustomerId,
    Edit,
    Failure,
    RemoteId,
    SourceId,
    Text,
)
from bot.privacy.tombstones import keys_of
from bot.storage.database import Database
from tests.core.canaries import in_files, in_tables
from tests.core.dana import ANN, DANA, WORD, erase, live, now, rows
from tests.core.world import KIM, MAIL, SUPPORT, World
from tests.core.world import message as said


async def test_nothing_of_her_is_left_and_nothing_of_him_is_touched(
    database: Database, tmp_path: Path
) -> None:
    async with World(database) as world:
        await live(world)
        before = await rows(world)
        assert await in_tables(database, *DANA)
        assert database.dialect != "sqlite" or in_files(tmp_path, WORD)
        found = await world.casework.privacy.footprint(CustomerId(1))
        assert (found.messages, found.notes, found.files, found.own_posts) == (3, 2, 1, 1)
        await erase(world)
        await world.quiet()
        assert await in_tables(database, *DANA) == []
        assert in_files(tmp_path, *DANA) == []
        assert not [one for one in world.blobs.kept.values() if WORD.encode() in one]
        after = await rows(world)
        figures = ("id", "direction", "sent_at", "created_at", "conversation_id", "inbox", "agent", "state")
        assert [[row[one] for one in figures] for row in after] == [
            [row[one] for one in figures] for row in before
        ]
        his = [row for row in before if row["customer_id"] == 2]
        assert [row for row in after if row["customer_id"] == 2] == his
        shown = [post for post in world.desk.posts.values() if post.channel == "C1"]
        assert {post.card.customer_name for post in shown if post.card} == {"Omar Said"}
        assert WORD not in repr(shown)
        assert [one for one in world.desk.files if one[0] is not None] == []


async def test_the_admin_hears_what_is_gone_and_what_only_people_can_delete(
    database: Database, tmp_path: Path
) -> None:
    async with World(database) as world:
        await live(world)
        await erase(world)
        await world.quiet()
        told = [post for post in world.desk.posts.values() if post.channel == ANN.id]
        (prompt,) = told[0].entries
        assert isinstance(prompt, Prompt)
        words = json.dumps([[str(piece) for piece in line] for line in prompt.lines])
        assert "C1 is erased: 5 messages, 1 file " in words
        assert "1 message of your team" in words and "1700000001.000000" in words


async def test_her_handle_says_when_and_by_whom(database: Database, tmp_path: Path) -> None:
    async with World(database) as world:
        await live(world)
        (person,) = await world.casework.lookup("C1", SUPPORT)
        await erase(world)
        with pytest.raises(UserError, match=r"C1 was erased on .* by Ann\."):
            await world.casework.lookup("c1", SUPPORT)
        with pytest.raises(UserError, match="was erased"):
            await world.casework.at_thread(*person.place)  # type: ignore[arg-type]
        with pytest.raises(UserError, match="was erased"):
            await world.casework.reply(Draft(CustomerId(1), SUPPORT, KIM, Text("Are you there?"), "late"))
        with pytest.raises(UserError, match="was erased"):
            await world.casework.note(CustomerId(1), SUPPORT, KIM, Text("hm"), "n9")
        with pytest.raises(UserError, match="was erased"):
            await world.casework.privacy.erase(CustomerId(1), ANN)
        assert await world.casework.lookup("erased", SUPPORT) == ()
        assert "erased" not in {one.name for one in await world.casework.nearest("erase", SUPPORT)}


async def test_what_was_erased_does_not_come_again_and_what_is_new_does(
    database: Database, tmp_path: Path
) -> None:
    async with World(database) as world:
        await live(world)
        await erase(world)
        for source in ("1", "2"):  # the mailbox is read again from its start
            event = said(f"My {WORD} is late", source=source)
            assert (await world.relay.accept_customer(MAIL, event)).duplicate
        edit = Edit(SourceId("e1"), RemoteId("<2@mail.example>"), None, Text(f"changed {WORD}"), now())
        assert (await world.relay.accept_customer(MAIL, edit)).duplicate
        assert await in_tables(database, *DANA) == []
        await world.says("Hello, I am new here", source="3")
        (again,) = await world.casework.lookup("dana@mail.example", SUPPORT)
        assert again.handle == "C3"
        # Now she is known again, and the mailbox is read once more.
        assert (await world.relay.accept_customer(MAIL, said(f"My {WORD} is late", source="1"))).duplicate
        assert await in_tables(database, WORD) == []
        history = await world.casework.history(again.customer_id)
        assert [item.text.plain for item in history] == ["Hello, I am new here"]


async def test_tombstones_work_with_a_new_key(database: Database, tmp_path: Path) -> None:
    async with World(database) as world:
        await live(world)
        await erase(world)
        await world.stop()
        old = world.policy.tombstone_keys
        world.policy = replace(world.policy, tombstone_keys=(*keys_of([b"a new secret"]), *old))
        world.build()
        world.start()
        assert (await world.relay.accept_customer(MAIL, said("again", source="1"))).duplicate
        world.policy = replace(world.policy, tombstone_keys=keys_of([b"the old one was thrown away"]))
        world.build()
        assert not (await world.relay.accept_customer(MAIL, said("again", source="1"))).duplicate


async def test_a_bounce_of_a_reply_to_her_brings_nothing_back(database: Database, tmp_path: Path) -> None:
    async with World(database) as world:
        await live(world)
        case = (await rows(world))[0]["conversation_id"]
        await erase(world)
        bounce = Failure(SourceId("b1"), None, f"<dana@mail.example>: no {WORD}", now(), answers=case)
        assert (await world.relay.accept_customer(MAIL, bounce)).duplicate
        assert await in_tables(database, *DANA) == []


async def test_a_mail_that_answers_what_we_sent_her_begins_anew(database: Database, tmp_path: Path) -> None:
    async with World(database) as world:
        await live(world)
        case = (await rows(world))[0]["conversation_id"]
        await erase(world)
        await world.says("an answer, later", source="9", answers=case)
        (again,) = await world.casework.lookup("dana@mail.example", SUPPORT)
        assert again.handle == "C3" and again.conversation_id != case


async def test_who_claims_her_address_is_somebody_else_and_is_named(database: Database) -> None:
    async with World(database) as world:
        await live(world)
        await world.says("It is me, Dana", source="f1", verified=False)
        found = await world.casework.privacy.footprint(CustomerId(1))
        assert found.others == ("C3",)
        assert (await world.casework.privacy.footprint(CustomerId(2))).others == ()
        await erase(world)
        (claim,) = await world.casework.lookup("C3", SUPPORT)
        assert [one.text.plain for one in await world.casework.history(claim.customer_id)] == [
            "It is me, Dana"
        ]
