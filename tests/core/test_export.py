"""An archive of everything about one person: complete, theirs alone, and harmless whatever strangers put into it."""

from __future__ import annotations

import io
import json
import re
import tracemalloc
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from bot.commands.types import Agent, Role
from bot.errors import PermanentFailure, UserError
from bot.messages import AgentId, Attachment, CustomerId, RemoteId, SourceId, Text
from bot.messages import Delete as TakenBack
from bot.privacy.export import Export, Wanted, safe_name
from bot.privacy.privacy import clear_exports
from bot.storage.database import Database
from bot.storage.schema import message as messages
from tests.core.canaries import in_files
from tests.core.dana import ANN, WORD, erase, live, now
from tests.core.world import MAIL, PRESS, PRESS_MAIL, SUPPORT, World

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)> & \" ' <!--"
ARABIC = "مرحبا، أين طردي؟"


class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


async def exported(world: World, number: int = 1, **more: bool) -> zipfile.ZipFile:
    """The archive that Ann was handed."""
    await world.casework.privacy.export(CustomerId(number), ANN, **more)
    opened = zipfile.ZipFile(io.BytesIO(world.desk.handed[-1][3]))
    assert opened.testzip() is None
    return opened


def read(archive: zipfile.ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))


async def test_it_holds_everything_of_hers_and_nothing_of_his(database: Database) -> None:
    async with World(database) as world:
        await live(world)
        await world.relay.accept_customer(
            MAIL, TakenBack(SourceId("d1"), RemoteId("<1@mail.example>"), None, now())
        )
        archive = await exported(world)
        assert sorted(archive.namelist()) == [
            "README.txt",
            "customer.json",
            f"files/000001-1 {WORD}.jpg",
            "history.html",
            "messages.json",
        ]
        profile = read(archive, "customer.json")
        assert (profile["handle"], profile["name"]) == ("C1", "Dana Petrov")
        (identity,) = profile["identities"]
        assert (identity["address"], identity["verified"], identity["how"]) == (
            "dana@mail.example",
            True,
            "dkim=pass",
        )
        assert identity["language"] == "sv-SE"
        assert [one["status"] for one in profile["cases"]] == ["pending"]
        said = read(archive, "messages.json")
        assert [(one["direction"], one["text"]) for one in said] == [
            ("inbound", f"My {WORD} is late"),
            ("inbound", f"changed {WORD}"),
            ("outbound", f"Your {WORD} is on its way"),
        ]
        assert said[0]["taken_back"] is True and said[0]["subject"] == f"About {WORD}"
        assert said[0]["files"][0]["path"] == f"files/000001-1 {WORD}.jpg"
        assert said[1]["before_changes"][0]["text"] == f"Still no {WORD}"
        assert said[1]["quoted"] == f"quoted {WORD}"
        assert (said[2]["author"], said[2]["state"]) == ("Kim", "accepted")
        everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
        assert "Omar" not in everything and "somebody else" not in everything
        assert "loves" not in everything and "posted" not in everything
        assert archive.read(f"files/000001-1 {WORD}.jpg") == f"{WORD} photo".encode()


async def test_what_no_person_wrote_says_so(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is my parcel?", source="1")
        await world.says("I am away", source="2", automated="Auto-Submitted")

        def more(connection: Connection) -> None:
            (first, *_) = connection.execute(messages.select()).mappings().all()
            said = {**first, "author": "Support", "direction": "outbound", "state": "accepted"}
            said |= {"automated": "off_hours", "text": "We are back tomorrow."}
            rated = {**first, "automated": "rating", "text": "5, thanks!"}
            for number, row in ((8, said), (9, rated)):
                connection.execute(insert(messages), [{**row, "id": number, "dedup_key": f"t:{number}"}])

        await world.database.write(more)
        archive = await exported(world)
        assert {one["text"]: one.get("automatic") for one in read(archive, "messages.json")} == {
            "Where is my parcel?": None,
            "I am away": "automatic message",
            "We are back tomorrow.": "automatic answer",
            "5, thanks!": None,
        }
        whole = archive.read("history.html").decode()
        assert '<b>automatic answer</b>, as <span dir="auto">Support</span>' in whole
        assert '<b dir="auto">Dana Petrov</b>, automatic message' in whole
        assert whole.count('<article class="ours machine">') == 1


async def test_notes_are_in_it_only_where_they_are_asked_for(database: Database) -> None:
    async with World(database) as world:
        await live(world)
        archive = await exported(world, notes=True, files=False)
        assert [one["text"] for one in read(archive, "notes.json")] == [
            f"she loves {WORD}",
            f"posted {WORD}",
        ]
        assert len(read(archive, "messages.json")) == 3 and not archive.read("history.html").count(b"loves")
        file = read(archive, "messages.json")[0]["files"][0]
        assert "path" not in file and file["missing"] == "left out of this export, as was asked"
        assert "notes.json" in archive.read("README.txt").decode()


async def test_hostile_words_stay_words(database: Database) -> None:
    async with World(database) as world:
        names = (
            "../../etc/passwd",
            "C:\\evil.exe",
            "a\u202egpj.exe",
            "nul",
            "",
            "x" * 300 + ".pdf",
            "..",
            "ok\n.txt",
        )
        blobs = [await world.blobs.put(f"{number}".encode()) for number in range(len(names))]
        files = tuple(Attachment(name, "text/html", 2, blob) for name, blob in zip(names, blobs, strict=True))
        await world.says(
            HOSTILE, source="1", name=HOSTILE, subject=HOSTILE, tail=Text(HOSTILE), attachments=files
        )
        await world.says(ARABIC, source="2")
        archive = await exported(world)
        inside = [name for name in archive.namelist() if name.startswith("files/")]
        assert len(inside) == len(set(inside)) == len(names)
        for name in archive.namelist():
            assert not Path(name).is_absolute() and ".." not in Path(name).parts and name.isprintable()
            assert "\\" not in name and len(name) < 110
        page = Page(archive.read("history.html").decode())
        tags = {tag for tag, _ in page.elements}
        assert not tags & {"script", "img", "iframe", "link", "object", "form", "base", "svg"}
        assert page.words.count("<script>alert(1)</script>") >= 4
        links = [given.get("href") for tag, given in page.elements if tag == "a"]
        assert len(links) == len(names) and all(link and link.startswith("files/") for link in links)
        assert not [given for _, given in page.elements if any(key.startswith("on") for key in given)]
        assert not re.search(
            r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//|url\(|@import", archive.read("history.html").decode()
        )
        policy = next(given for tag, given in page.elements if given.get("http-equiv"))
        assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"
        assert ARABIC in page.words
        assert any(given.get("dir") == "auto" and given.get("class") == "words" for _, given in page.elements)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a/b\\c:d*.txt", "a_b_c_d_.txt"),
        ("CON.txt", "file CON.txt"),
        ("", "file"),
        ("  .hidden. ", "hidden"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("x" * 300 + ".pdf", "x" * 76 + ".pdf"),
        ("счёт №7.pdf", "счёт №7.pdf"),
    ],
)
def test_names_of_files_are_only_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe


async def test_bytes_that_are_gone_are_said_to_be(database: Database) -> None:
    async with World(database) as world:
        blob = await world.blobs.put(b"here")
        files = (
            Attachment("a.txt", "text/plain", 4, blob),
            Attachment("b.txt", "text/plain", 9, None, "too large"),
        )
        await world.says("see", source="1", attachments=files)
        await world.blobs.delete(blob)
        found = read(await exported(world), "messages.json")[0]["files"]
        assert [one["missing"] for one in found] == ["not kept any more", "too large"]


async def test_what_cannot_be_handed_over_leaves_nothing_behind(database: Database) -> None:
    async with World(database) as world:
        await live(world)
        world.desk.faults.fail("hand", PermanentFailure("The file has 1.2 GB, and Slack takes 1 GB."))
        with pytest.raises(UserError, match=r"1\.2 GB"):
            await world.casework.privacy.export(CustomerId(1), ANN)
        await exported(world)
        assert in_files(world.folder / "exports", "export", "C1") == []
        await clear_exports(str(world.folder / "exports"))
        await erase(world)
        assert [one for one in world.desk.files if one[1].media_type == "application/zip"] == []
        with pytest.raises(UserError, match="was erased"):
            await world.casework.privacy.export(CustomerId(1), ANN)


async def test_a_long_history_takes_no_more_memory_than_a_short_one(
    database: Database, tmp_path: Path
) -> None:
    many = 6_000  # 50,000 take the same memory, and half a minute
    async with World(database) as world:
        await world.says("first", source="1")
        (first,) = await world.database.read(lambda c: c.execute(messages.select()).mappings().all())
        words = "Where is my parcel? It should have come on Monday. " * 8

        def fill(connection: Connection, start: int, stop: int) -> None:
            rows = [
                {**first, "id": number, "dedup_key": f"in:x:{number}", "text": words}
                for number in range(start, stop)
            ]
            columns = {column.name for column in messages.columns}
            connection.execute(insert(messages), [{key: row[key] for key in columns} for row in rows])

        for start in range(2, many, 5_000):
            stop = min(start + 5_000, many + 1)
            await world.database.write(lambda c, a=start, b=stop: fill(c, a, b))
        work = Export(world.database, world.policy, world.blobs, tmp_path / "out", 0.0)
        tracemalloc.start()
        made = await work.make(Wanted((1,)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert made.messages == many
        print(f"{database.dialect}: {many} messages, peak {peak / 1e6:.1f} MB")
        assert peak < 4_000_000
        with zipfile.ZipFile(made.path) as archive:
            assert sum(one.file_size for one in archive.infolist()) > 6_000_000  # what is in it is larger
        await made.remove()


async def test_what_a_team_does_not_see_only_an_admin_exports(database: Database) -> None:
    async with World(database) as world:
        await world.says("For support", source="1", who="dana@mail.example")
        await world.says("For the press", source="2", who="dana@mail.example", inbox=PRESS_MAIL)
        support = replace(world.policy.teams[SUPPORT], sees=frozenset({SUPPORT}))
        world.policy.teams[SUPPORT] = support  # type: ignore[index]
        press = replace(world.policy.teams[PRESS], sees=frozenset({SUPPORT}))
        world.policy.teams[PRESS] = press  # type: ignore[index]
        lead = Agent(AgentId("UKIM"), "Kim", Role.LEAD)
        world.directory.only = SUPPORT
        with pytest.raises(UserError, match="belongs to press, which your team does not see"):
            await world.casework.privacy.export(CustomerId(1), lead)
        assert world.desk.handed == []
        await world.casework.privacy.export(CustomerId(1), ANN)
        assert len(world.desk.handed) == 1
