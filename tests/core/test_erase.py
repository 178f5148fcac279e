"""Erasing somebody: nothing of them is left, nothing of anybody else is touched, and nothing comes back."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from bot.blobs import FolderBlobs
from bot.commands.services import Draft
from bot.commands.types import Agent, Role
from bot.desk import Prompt, State
from bot.errors import PermanentFailure, TemporaryFailure, UserError
from bot.messages import (
    AgentId,
    Attachment,
    BlobId,
    CustomerId,
    Delete,
    Edit,
    Failure,
    RemoteId,
    SourceId,
    Text,
)
from bot.storage import inboxes, people
from bot.storage.database import Database, connect
from bot.storage.migrate import migrate
from bot.storage.schema import customer, delivery, message
from bot.tombstones import keys_of
from tests.core.canaries import in_files, in_tables
from tests.core.world import CHAT, KIM, MAIL, PRESS, PRESS_MAIL, SUPPORT, World
from tests.core.world import message as said

ANN = Agent(AgentId("UANN"), "Ann", Role.ADMIN)
WORD = "kestrelberry"
"""In everything that Dana says, and that is said to her or of her."""
DANA = ("dana@mail.example", "Dana Petrov", "petrov", WORD)
"""What nothing may hold when she is erased."""


async def live(world: World, tmp_path: Path, *, prefix: str = "") -> None:
    """Dana mails twice with a file, edits, is answered, is talked about; Omar is there too."""
    photo = Attachment(f"{WORD}.jpg", "image/jpeg", 5, await world.blobs.put(f"{WORD} photo".encode()))
    raw = await world.blobs.put(f"From: dana\n\n{WORD}".encode())
    await world.says(
        f"My {WORD} is late", source=f"{prefix}1", attachments=(photo,), raw=raw, subject=f"About {WORD}"
    )
    await world.says(f"Still no {WORD}", source=f"{prefix}2", tail=Text(f"quoted {WORD}"))
    await world.says("I am somebody else", source=f"{prefix}o1", who="omar@mail.example", name="Omar Said")
    await world.quiet()
    await world.relay.accept_customer(
        MAIL,
        Edit(
            SourceId(f"{prefix}e1"), RemoteId(f"<{prefix}2@mail.example>"), None, Text(f"changed {WORD}"), now()
        ),
    )
    await world.reply("C1", f"Your {WORD} is on its way", source=f"{prefix}r1")
    await world.reply("C2", "Hello Omar", source=f"{prefix}r2")
    person = (await world.casework.lookup("C1", SUPPORT))[0]
    root = person.place[1]
    assert root is not None
    written = f"1700000001.{len(world.desk.theirs):06d}"
    world.desk.theirs[written] = root
    await world.casework.note(
        person.customer_id, SUPPORT, KIM, Text(f"she loves {WORD}"), f"{prefix}n1", written
    )
    await world.casework.note(person.customer_id, SUPPORT, KIM, Text(f"posted {WORD}"), f"{prefix}n2")
    await world.quiet()


def now() -> datetime:
    return datetime.now(UTC)


async def erase(world: World, number: int = 1) -> None:
    await world.casework.privacy.erase(CustomerId(number), ANN)
    outcome = await world.casework.erasing.work_off()
    assert outcome.waiting == 0


async def rows(world: World) -> list[Any]:
    return await world.database.read(
        lambda c: list(c.execute(select(message).order_by(message.c.id)).mappings())
    )


async def test_nothing_of_her_is_left_and_nothing_of_him_is_touched(
    database: Database, tmp_path: Path
) -> None:
    async with World(database) as world:
        await live(world, tmp_path)
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
        await live(world, tmp_path)
        await erase(world)
        await world.quiet()
        told = [post for post in world.desk.posts.values() if post.channel == ANN.id]
        (prompt,) = told[0].entries
        assert isinstance(prompt, Prompt)
        words = json.dumps([[str(piece) for piece in line] for line in prompt.lines])
        assert "C1 is erased: 5 messages, 2 files" in words
        assert "1 message of your team" in words and "1700000001.000000" in words


async def test_her_handle_says_when_and_by_whom(database: Database, tmp_path: Path) -> None:
    async with World(database) as world:
        await live(world, tmp_path)
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
        await live(world, tmp_path)
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
        await live(world, tmp_path)
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
        await live(world, tmp_path)
        case = (await rows(world))[0]["conversation_id"]
        await erase(world)
        bounce = Failure(SourceId("b1"), None, f"<dana@mail.example>: no {WORD}", now(), answers=case)
        assert (await world.relay.accept_customer(MAIL, bounce)).duplicate
        assert await in_tables(database, *DANA) == []


async def test_a_mail_that_answers_what_we_sent_her_begins_anew(database: Database, tmp_path: Path) -> None:
    async with World(database) as world:
        await live(world, tmp_path)
        case = (await rows(world))[0]["conversation_id"]
        await erase(world)
        await world.says("an answer, later", source="9", answers=case)
        (again,) = await world.casework.lookup("dana@mail.example", SUPPORT)
        assert again.handle == "C3" and again.conversation_id != case
