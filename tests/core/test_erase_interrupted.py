"""Erasing somebody while things go wrong: crashes between any two steps, a busy Slack, replies on their way, a restore."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from bot.cases.prompts import to_person
from bot.desk import Line, Prompt
from bot.errors import StorageError, TemporaryFailure, UserError
from bot.messages import Attachment, CustomerId
from bot.storage import erasing
from bot.storage.database import Database, SqliteDatabase
from bot.storage.group import Unit
from bot.storage.migrate import migrate
from tests.core.canaries import in_files, in_tables
from tests.core.dana import ANN, DANA, WORD, erase, live, rows
from tests.core.world import KIM, MAIL, SUPPORT, World, message


class Dying:
    """A database that is gone after so many writes: what was committed before stays."""

    def __init__(self, database: Database, writes: int) -> None:
        self._database = database
        self.left = writes
        self.dialect = database.dialect
        self.problem = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, unit: Unit[Any]) -> Any:
        self.left -= 1
        if self.left < 0:
            raise StorageError("gone")
        return await self._database.write(unit)


async def test_killed_after_any_write_it_goes_on_and_ends_the_same(
    database: Database, tmp_path: Path
) -> None:
    async with World(database) as world:
        await live(world)
        await world.stop()
        await world.casework.privacy.erase(CustomerId(1), ANN)
        number = 0
        while True:
            number += 1
            dying = Dying(database, number % 3 + 1)  # one, two or three steps, then the process is gone
            world.database = dying  # type: ignore[assignment]
            world.build()
            outcome = await world.casework.erasing.work_off()
            if outcome.waiting == 0:
                break
            assert number < 200
        assert number > 5
        world.database = database
        world.build()
        world.start()
        await world.quiet()
        assert await in_tables(database, *DANA) == []
        assert in_files(tmp_path, *DANA) == []
        assert not [one for one in world.blobs.kept.values() if WORD.encode() in one]
        assert WORD not in repr([one for one in world.desk.posts.values() if one.channel == "C1"])
        told = [post for post in world.desk.posts.values() if post.channel == ANN.id]
        assert len(told) == 1  # she is told once


@pytest.mark.parametrize("step", ["remove", "remove_file", "standing"])
async def test_slack_that_hurries_us_or_loses_answers_changes_nothing(
    database: Database, tmp_path: Path, step: str
) -> None:
    async with World(database) as world:
        await live(world)
        world.desk.faults.fail(step, TemporaryFailure("slow down", 0.5, freeze=True))
        world.desk.faults.fail(step, TemporaryFailure("lost", 0.5), after=True)
        await world.casework.privacy.erase(CustomerId(1), ANN)
        first = await world.casework.erasing.work_off()
        assert (first.waiting, first.pause) == (1, 0.5)
        assert await in_tables(database, *DANA) == []  # the database does not wait for Slack
        while (await world.casework.erasing.work_off()).waiting:
            pass
        await world.quiet()
        assert {post.card.customer_name for post in world.desk.posts.values() if post.card} == {"Omar Said"}


async def test_it_goes_on_by_itself(database: Database, tmp_path: Path) -> None:
    async with World(database) as world:
        await live(world)
        world.desk.faults.fail("remove", TemporaryFailure("slow down", 0.01))
        running = asyncio.create_task(world.casework.erasing.run())
        await world.casework.privacy.erase(CustomerId(1), ANN)
        await world.until(lambda: any(post.channel == ANN.id for post in world.desk.posts.values()))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await in_tables(database, *DANA) == []


async def test_a_reply_that_waits_is_never_sent(database: Database, tmp_path: Path) -> None:
    async with World(database, undo=30.0) as world:
        await world.says("hello", source="1")
        await world.until(world.desk.entries)
        sent = await world.reply("C1", f"{WORD} one", source="r1")
        assert (await world.casework.privacy.footprint(CustomerId(1))).waiting == 1
        await erase(world)
        await world.quiet()
        assert world.mail.words() == []
        assert (await rows(world))[1]["state"] == "cancelled"
        assert sent.message_id and await in_tables(database, *DANA) == []


async def test_a_reply_that_is_going_out_ends_first(database: Database, tmp_path: Path) -> None:
    async with World(database, undo=0.0) as world:
        await world.says("hello", source="1")
        await world.until(world.desk.entries)
        gate = world.mail.faults.gate("send")
        await world.reply("C1", f"{WORD} one", source="r1")
        await world.reply("C1", f"{WORD} two", source="r2")
        await asyncio.wait_for(world.mail.faults.reached["send", False].wait(), 20)
        await world.casework.privacy.erase(CustomerId(1), ANN)
        work = asyncio.create_task(world.casework.erasing.work_off())
        done, _ = await asyncio.wait({work}, timeout=0.5)
        assert not done  # it waits for what is on its way
        gate.set()
        assert (await asyncio.wait_for(work, 30)).waiting == 0
        await world.quiet()
        assert world.mail.words() == [f"{WORD} one"]  # that one was out; the next never left
        assert await in_tables(database, *DANA) == []
        assert WORD not in repr(world.desk.posts)


async def test_a_file_that_another_sent_too_stays(database: Database) -> None:
    async with World(database) as world:
        blob = await world.blobs.put(b"the price list")
        files = (Attachment("prices.pdf", "application/pdf", 14, blob),)
        await world.says("see this", source="1", attachments=files)
        await world.says("this?", source="2", attachments=files, who="omar@mail.example", name="Omar")
        await world.quiet()
        await erase(world)
        assert await world.blobs.get(blob) == b"the price list"
        (his,) = await world.casework.history(CustomerId(2))
        assert [one.name for one in his.attachments] == ["prices.pdf"]
        await erase(world, 2)
        assert world.blobs.kept == {}


async def test_what_people_were_told_of_her_elsewhere_goes_too(database: Database, tmp_path: Path) -> None:
    async with World(database) as world:
        await live(world)
        about: tuple[tuple[Line, str], ...] = (
            (("Dana Petrov (C1) waits for 40 min",), "clock:1"),
            (("Omar Said (C2) waits for 40 min",), "clock:2"),
            (("C11 waits",), "clock:3"),
        )

        def tell(connection: Any) -> set[str]:
            return set().union(
                *(to_person(connection, KIM.id, Prompt((line,), 1.0), what, 1.0) for line, what in about)
            )

        world.outbox.wake(await database.write(tell))
        await world.quiet()
        await erase(world)
        await world.quiet()
        shown = [post.entries for post in world.desk.posts.values() if post.channel == KIM.id]
        assert [str(one[0].lines[0][0]) for one in shown if isinstance(one[0], Prompt)] == [  # type: ignore[union-attr]
            "Omar Said (C2) waits for 40 min",
            "C11 waits",
        ]
        assert await in_tables(database, *DANA) == []


async def test_who_was_merged_is_erased_as_a_whole(database: Database, tmp_path: Path) -> None:
    async with World(database) as world:
        await live(world)
        await world.says(f"a {WORD} from the office", source="w1", who="dp@work.example", name="D. Petrov")
        await world.quiet()
        merged = await world.casework.merging.merge(
            CustomerId(1), CustomerId(3), KIM, "m1", f"both say {WORD}"
        )
        await world.quiet()
        assert (await world.casework.privacy.footprint(CustomerId(3))).handles == ("C1", "C3")
        await erase(world, 3)
        await world.quiet()
        assert await in_tables(database, *DANA, "dp@work.example") == []
        assert {post.card.customer_name for post in world.desk.posts.values() if post.card} == {"Omar Said"}
        for handle in ("C1", "C3"):
            with pytest.raises(UserError, match=rf"{handle} was erased on .* by Ann"):
                await world.casework.lookup(handle, SUPPORT)
        with pytest.raises(UserError):
            await world.casework.merging.unmerge(merged.merge_id, KIM, "u1")


async def test_a_restored_backup_is_erased_again_before_anybody_reads(tmp_path: Path) -> None:
    path = tmp_path / "live" / "t.db"
    database = SqliteDatabase(path)
    await database.open()
    await database.write(migrate)
    async with World(database) as world:
        await live(world)
        backup = tmp_path / "backup.db"
        await database.write(lambda c: c.exec_driver_sql("select 1"))
        await database.tidy()
        shutil.copy(path, backup)
        await world.says(f"after the backup, {WORD}", source="late")
        await world.quiet()
        await erase(world)
    await database.close()
    assert in_files(path.parent, *DANA) == []
    shutil.copy(backup, path)
    for leftover in ("t.db-wal", "t.db-shm"):
        (path.parent / leftover).unlink(missing_ok=True)
    assert in_files(path.parent, WORD)
    database = SqliteDatabase(path)
    await database.open()
    async with World(database, desk=world.desk) as world:
        assert await world.casework.erasing.replay() == 1
        # Nobody is known from here on: what came between the backup and the erasure does not come back either.
        assert (
            await world.relay.accept_customer(MAIL, message(f"after the backup, {WORD}", source="late"))
        ).duplicate
        assert (await world.casework.erasing.work_off()).waiting == 0
        await world.quiet()
        assert await in_tables(database, *DANA) == []
        with pytest.raises(Exception, match=r"C1 was erased on .* by Ann"):
            await world.casework.lookup("C1", SUPPORT)
        assert [one.handle for one in await world.casework.lookup("omar", SUPPORT)] == ["C2"]
        await world.says("I am back", source="new")
        assert await world.casework.erasing.replay() == 0  # the next start does nothing
        assert [one.handle for one in await world.casework.lookup("dana@mail.example", SUPPORT)] == ["C3"]
    await database.close()
    assert in_files(path.parent, WORD) == []


async def test_chunks_are_small(database: Database) -> None:
    """Many long messages: the writer is never held for long, so every chunk is bounded by its rows."""
    async with World(database) as world:
        for number in range(120):
            await world.says(f"{WORD} {number} " + "words and words " * 100, source=str(number))
        await world.quiet()
        sizes: list[int] = []
        blank = erasing.blank

        def counted(connection: Any, ids: Any) -> None:
            sizes.append(len(ids))
            blank(connection, ids)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(erasing, "blank", counted)
            await erase(world)
        longest = world.casework.erasing.longest
        print(f"{database.dialect}: longest chunk {longest * 1000:.1f} ms, sizes {sizes}")
        assert sum(sizes) == 120 and max(sizes) <= 60 and len(sizes) >= 3
        assert longest < 1.0
        assert await in_tables(database, WORD) == []


async def test_without_its_journal_nothing_is_erased(database: Database) -> None:
    async with World(database) as world:
        await live(world)
        world.folder = world.folder / "t.db"  # a file where the folder should be
        await asyncio.to_thread(world.folder.parent.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(world.folder.touch)
        world.build()
        with pytest.raises(UserError, match=r"Nothing was erased: .*erased\.jsonl cannot be written"):
            await world.casework.privacy.erase(CustomerId(1), ANN)
        assert [one.handle for one in await world.casework.lookup("C1", SUPPORT)] == ["C1"]
