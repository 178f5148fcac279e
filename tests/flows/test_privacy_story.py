"""Stories of export and erasure with the real bot: then everything is searched for words that must not be there any more."""

from __future__ import annotations

import io
import json
import shutil
import signal
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.storage.database import connect
from tests.core.canaries import in_files, in_tables
from tests.flows.seen import read
from tests.flows.shop import DANA, OMAR, SUPPORT, Shop
from tests.flows.test_chat_story import INBOX, Visitor

WORD = "kestrelberry"
"""In everything that Dana says, and that is said to her or of her."""
HERS = (WORD, DANA, "Dana Petrov")
LONG = f"A long story of a {WORD}. " + "It goes on. " * 1500


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """The shop; Ruth is its admin."""
    async with Shop(tmp_path) as opened:
        lead = opened.slack.people["lead"].id
        opened.write_config(**{"inboxes:\n": INBOX, f"leads: [{lead}]": f"admins: [{lead}]"})
        yield opened


async def live(shop: Shop) -> str:
    """Dana writes with files, is answered, is talked about by hand. Returns the root of her thread."""
    await shop.mails(
        DANA, f"Where is my {WORD}?", subject=f"The {WORD}", files=[(f"{WORD}.bin", WORD.encode() * 50)]
    )
    await shop.sees(f"{WORD}.bin")
    await shop.mails(OMAR, "Hello from Omar", name="Omar Said")
    await shop.sees("Hello from Omar", "Omar Said")
    await shop.types("agent1", f"/reply C1 Your {WORD} ships today.")
    got = await shop.gets(DANA)
    await shop.sees("accepted")
    await shop.mails(DANA, LONG, answering=got)
    await shop.sees("message.txt")
    card = shop.card()
    assert card is not None
    await shop.writes("agent1", f"she is so fond of her {WORD}", card["ts"])
    await shop.writes("agent1", f"! And a second {WORD}.", card["ts"])
    await shop.gets(DANA, 2)
    await shop.types("agent2", f"/note C1 The {WORD} was my fault.")
    await shop.sees("was my fault")
    return str(card["ts"])


async def erases(shop: Shop, who: str = "lead", handle: str = "C1") -> None:
    """The admin types the command, and the handle into the form."""
    views = shop.slack.people[who].views
    await shop.types(who, f"/customer {handle} erase")
    await shop.until(lambda: views and views[-1].body["title"]["text"] == f"Erase {handle}")
    done = await shop.slack.act(who, "views.submit", view_id=views[-1].id, values={"typed": handle})
    assert done["ok"], done


def direct(shop: Shop, who: str) -> list[dict[str, Any]]:
    """What the bot has told somebody by direct message."""
    people = {shop.slack.workspace.bot.id, shop.slack.people[who].id}
    found = [
        one for one in shop.slack.workspace.by_id.values() if one.kind == "im" and set(one.members) == people
    ]
    return [message for one in found for message in one.messages.values()]


async def told(shop: Shop, who: str = "lead", words: str = "is erased", seconds: float = 30) -> str:
    """Waits until somebody has heard that it is done."""
    found: list[str] = []

    def look() -> bool:
        found[:] = [read(one) for one in direct(shop, who) if words in read(one)]
        return bool(found)

    await shop.until(look, seconds)
    return found[-1]


def in_slack(shop: Shop, *words: str) -> list[str]:
    """Messages and files of the workspace that hold one of the words."""
    messages = [
        message for channel in shop.slack.workspace.by_id.values() for message in channel.messages.values()
    ]
    found = [json.dumps(one) for one in messages if any(word in json.dumps(one) for word in words)]
    files = [one for one in shop.slack.workspace.files.values() if not one.deleted]
    return found + [one.name for one in files if any(word.encode() in (one.data or b"") for word in words)]


def kept(shop: Shop) -> list[str]:
    """Files of the bot's that hold something of hers; the mail server's are not the bot's."""
    return in_files(shop.folder, *HERS)


async def test_erased_and_then_searched_for_everywhere(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    async with shop.open() as made:
        root = await live(shop)
        assert kept(shop) and in_slack(shop, *HERS)
        await shop.types("lead", "/customer C1 export notes")
        await told(shop, words="C1-")
        await shop.until(lambda: any(one.name.endswith(".zip") and one.shares for one in uploaded(shop)))
        await erases(shop)
        report = await told(shop)
        assert "C1 is erased: 6 messages" in report and "2 messages of your team" in report

        assert kept(shop) == []
        assert await in_tables(made.database, *HERS) == []
        left = in_slack(shop, *HERS)
        assert len(left) == 2  # what Kim wrote by hand, which no bot can delete
        assert all(shop.slack.people["agent1"].id in one and f'"thread_ts": "{root}"' in one for one in left)
        assert [one for one in uploaded(shop) if not one.deleted] == []
        out, err = capfd.readouterr()
        assert not [word for word in HERS if word in out + err]
        assert not (shop.folder / "exports").exists() or not any((shop.folder / "exports").iterdir())

        await shop.types("agent1", f"/find {WORD}")
        await shop.until(lambda: any("Nothing was found" in one for one in shop.whispered("agent1")))
        for command in ("/customer C1", "/reply C1 Hello?", "/history C1", "/customer C1 export"):
            await refused(shop, command)
        await shop.writes("agent1", "! Are you there?", root)
        await shop.until(lambda: any("C1 was erased on" in one for one in shop.whispered("agent1")))
        assert len(shop.inbox(DANA)) == 2

        # The mailbox is read again from its first mail on; then she writes anew.
        shop.mail.change_uidvalidity(SUPPORT)
        await shop.mails(DANA, "Hello, it is me")
        await shop.sees("Hello, it is me")
        assert shop.card() is not None and "C3" in read(shop.card() or {})
        assert await in_tables(made.database, WORD) == []
        await made.casework.erasing._steps.tidy()
        assert in_files(shop.folder, WORD) == []
        assert [post for post in shop.thread("Omar Said") if "Hello from Omar" in post]


async def refused(shop: Shop, command: str) -> None:
    """Whatever is typed about her says when she was erased, and by whom."""
    heard = shop.slack.people["lead"].ephemerals
    before = len(heard)
    await shop.types("lead", command)
    await shop.until(lambda: len(heard) > before)
    assert "C1 was erased on" in read(heard[-1]) and "by Ruth" in read(heard[-1])


def uploaded(shop: Shop) -> list[Any]:
    return [one for one in shop.slack.workspace.files.values() if one.owner == shop.slack.workspace.bot.id]


async def test_an_archive_for_a_request_of_access(shop: Shop) -> None:
    async with shop.open():
        await live(shop)
        await shop.types("lead", "/customer C1 export")
        await shop.until(lambda: any(one.name.endswith(".zip") and one.shares for one in uploaded(shop)))
        (archive,) = [one for one in uploaded(shop) if one.name.endswith(".zip")]
        assert all(channel.startswith("D") for channel in archive.shares)  # by direct message, nowhere else
        with zipfile.ZipFile(io.BytesIO(archive.data or b"")) as opened:
            assert opened.testzip() is None
            said = json.loads(opened.read("messages.json"))
            assert [one["direction"] for one in said] == ["inbound", "outbound", "inbound", "outbound"]
            profile = json.loads(opened.read("customer.json"))
            assert profile["identities"][0]["address"] == DANA
            files = [name for name in opened.namelist() if name.startswith("files/")]
            assert [opened.read(name) for name in files] == [WORD.encode() * 50]
            page = opened.read("history.html").decode()
            assert WORD in page and "was my fault" not in page and "fond of" not in page
            assert "notes.json" not in opened.namelist()
        await shop.types("lead", "/customer C1 export notes nofiles")
        await shop.until(
            lambda: len([one for one in uploaded(shop) if one.name.endswith(".zip") and one.shares]) == 2
        )
        newest = [one for one in uploaded(shop) if one.name.endswith(".zip")][-1]
        with zipfile.ZipFile(io.BytesIO(newest.data or b"")) as opened:
            notes = json.loads(opened.read("notes.json"))
            assert {one["text"] for one in notes} == {
                f"she is so fond of her {WORD}",
                f"The {WORD} was my fault.",
            }
            assert not [name for name in opened.namelist() if name.startswith("files/")]


async def test_a_visitor_of_the_site_is_forgotten_with_the_token(shop: Shop) -> None:
    async with shop.open() as made, aiohttp.ClientSession() as session:
        visitor = Visitor(session, made.web_port)
        await visitor.arrive()
        await visitor.send(t="say", id="first-0001", text=f"Is the {WORD} in stock?")
        await visitor.until(lambda: any(frame["t"] == "sent" for frame in visitor.frames))
        await shop.until(shop.roots)
        card = shop.roots()[0]
        await shop.until(lambda: len(shop.slack.thread("support", card["ts"])) > 1)
        token = visitor.token
        assert token is not None
        name = token.partition(".")[0]
        assert await in_tables(made.database, name)
        await erases(shop)
        await told(shop)
        assert await in_tables(made.database, name, WORD) == []
        assert in_files(shop.folder, WORD, name) == []
        await visitor.leave()
        visitor.items.clear()
        await visitor.arrive()
        assert visitor.items == {}
        assert visitor.token != token  # a stranger now


@pytest.mark.parametrize(
    "point",
    [
        "bot.privacy.journal:Journal.append:after:1",
        "bot.slack.desk:SlackDesk.remove:after:2",
    ],
)
async def test_killed_while_erasing_it_goes_on_after_the_start(shop: Shop, point: str) -> None:
    async with shop.open():
        await live(shop)
    arguments = (sys.executable, "-m", "tests.flows.crash_child", str(shop.config_path))
    child = await shop.child(*arguments, CRASH_AT=point)
    await shop.until(lambda: shop.slack.connections >= 1 and "app.running" in shop.log(), 40)
    views = shop.slack.people["lead"].views
    before = len(views)
    await shop.types("lead", "/customer C1 erase")
    await shop.until(lambda: len(views) > before and views[-1].body["title"]["text"] == "Erase C1", 20)
    await shop.slack.act("lead", "views.submit", view_id=views[-1].id, values={"typed": "C1"})
    assert await child.wait() == -signal.SIGKILL, shop.log()
    assert not [word for word in HERS if word in shop.log()]
    again = await shop.child()
    await told(shop, seconds=60)
    assert await shop.end(again) == 0
    database = connect(shop.database)
    await database.open()
    assert await in_tables(database, *HERS) == []
    await database.close()
    assert kept(shop) == []
    assert len(in_slack(shop, *HERS)) == 2


async def test_a_restored_backup_holds_nothing_of_her_after_the_start(shop: Shop) -> None:
    async with shop.open() as made:
        await live(shop)
        await made.database.tidy()
        shutil.copytree(shop.folder / "blobs", shop.folder.parent / "backup-blobs")
        backup = (shop.folder / "onethread.db").read_bytes()
        await erases(shop)
        await told(shop)
    shutil.copytree(shop.folder.parent / "backup-blobs", shop.folder / "blobs", dirs_exist_ok=True)
    for leftover in shop.folder.glob("onethread.db-*"):
        leftover.unlink()
    (shop.folder / "onethread.db").write_bytes(backup)
    assert kept(shop)
    before = len([one for one in direct(shop, "lead") if "is erased" in read(one)])
    async with shop.open() as made:
        await shop.until(
            lambda: len([one for one in direct(shop, "lead") if "is erased" in read(one)]) > before, 20
        )
        assert await in_tables(made.database, *HERS) == []
        await shop.mails(OMAR, "Still here", name="Omar Said")
        await shop.sees("Still here", "Omar Said")
    assert kept(shop) == []
