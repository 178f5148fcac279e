"""Everything about one person as a ZIP archive, for a request of access.

Made in a folder of its own, chunk by chunk, so that fifty thousand messages take no more memory than five hundred; disk work
happens in threads. Names that strangers gave to files become plain, unique names; nothing in the archive leads out of it.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from bot.cases import views
from bot.contract import BlobStore
from bot.messages import Attachment
from bot.policy import CorePolicy
from bot.privacy import exportpage
from bot.storage import exporting, history, people
from bot.storage.database import Database
from bot.storage.exporting import About, Spoken

CHUNK = 500
_RESERVED = re.compile(r"(?i)\A(con|prn|aux|nul|com\d|lpt\d)(\.|\Z)")
_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]+')
_NAME = 80
"""Characters of a file's name at most."""
_LEFT_OUT = "left out of this export, as was asked"
README = """This archive holds what is kept about one customer.

customer.json   who they are here: names, addresses (with how and when they were proven), attributes, cases, ratings
messages.json   everything they said and we sent them, oldest first, with earlier versions of what was changed;
                "automatic" stands where no person wrote it
history.html    the same to be read and printed; it opens in any browser and loads nothing from elsewhere
files/          the files of these messages
{notes}
Times are UTC. Made {at} by Onethread.
"""
NOTES = "notes.json      internal notes of the team about them\n"
NO_NOTES = "\nInternal notes of the team are not in it.\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported: all numbers of a person, today's first; ``notes`` of the team too; ``files`` or only their names."""

    ids: tuple[int, ...]
    notes: bool = False
    files: bool = True


@dataclass(slots=True)
class Made:
    """The archive. The caller removes ``folder`` when it is done with it."""

    folder: Path
    path: Path
    messages: int = 0
    files: int = 0

    async def remove(self) -> None:
        """Takes it from the disk."""
        await asyncio.to_thread(shutil.rmtree, self.folder, True)


class _List:
    """A JSON array that is written item by item."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._file.write("[")
        self._count = 0

    def add(self, items: Iterable[Any]) -> None:
        for one in items:
            self._file.write(",\n" if self._count else "\n")
            json.dump(one, self._file, ensure_ascii=False, indent=1)
            self._count += 1

    def close(self) -> None:
        self._file.write("\n]\n")
        self._file.close()


class Export:
    """Makes one archive. ``folder`` is where it is built; ``now`` in epoch seconds."""

    def __init__(
        self, database: Database, policy: CorePolicy, blobs: BlobStore, folder: Path, now: float
    ) -> None:
        self._database = database
        self._policy = policy
        self._blobs = blobs
        self._root = folder
        self._at = _time(now)

    async def make(self, wanted: Wanted) -> Made:
        """Builds the archive. Raises ``OSError`` where the disk refuses, ``StorageError`` where the database does."""
        made = await asyncio.to_thread(self._begin)
        try:
            about = await self._database.read(partial(exporting.about, ids=wanted.ids))
            await self._fill(wanted, made, about)
        except BaseException:
            await made.remove()
            raise
        return made

    def _begin(self) -> Made:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="export-", dir=self._root))
        return Made(folder, folder / "export.zip")

    async def _fill(self, wanted: Wanted, made: Made, about: About) -> None:
        profile = _profile(wanted.ids, about, self._at)
        archive = await asyncio.to_thread(zipfile.ZipFile, made.path, "w", zipfile.ZIP_DEFLATED)
        try:
            said = await asyncio.to_thread(_Said, made.folder, profile, wanted.notes)
            try:
                after = 0
                while rows := await self._database.read(
                    partial(exporting.spoken, ids=wanted.ids, after=after, most=CHUNK, notes=wanted.notes)
                ):
                    items = [await self._item(one, wanted, made, archive) for one in rows]
                    await asyncio.to_thread(said.add, items)
                    made.messages += sum(item["direction"] != "note" for item in items)
                    after = rows[-1].row.id
            finally:
                await asyncio.to_thread(said.close)
            await asyncio.to_thread(self._finish, archive, made, profile, wanted.notes)
        finally:
            await asyncio.to_thread(archive.close)

    def _finish(self, archive: zipfile.ZipFile, made: Made, profile: dict[str, Any], notes: bool) -> None:
        archive.writestr("customer.json", json.dumps(profile, ensure_ascii=False, indent=1) + "\n")
        readme = README.format(notes=NOTES if notes else NO_NOTES, at=self._at)
        archive.writestr("README.txt", readme)
        for name in ("messages.json", "history.html", *(("notes.json",) if notes else ())):
            archive.write(made.folder / name, name)

    async def _item(
        self, one: Spoken, wanted: Wanted, made: Made, archive: zipfile.ZipFile
    ) -> dict[str, Any]:
        item = _item(self._policy, one)
        files = [
            await self._file(one.row.id, number, file, wanted, made, archive)
            for number, file in enumerate(one.files, 1)
        ]
        return item | ({"files": files} if files else {})

    async def _file(
        self,
        message: int,
        number: int,
        file: Attachment,
        wanted: Wanted,
        made: Made,
        archive: zipfile.ZipFile,
    ) -> dict[str, Any]:
        known: dict[str, Any] = {"name": file.name, "type": file.media_type, "size": file.size}
        if not wanted.files or file.blob is None:
            return known | {"missing": _LEFT_OUT if not wanted.files else file.problem or "not kept"}
        try:
            data = await self._blobs.get(file.blob)
        except KeyError:
            return known | {"missing": "not kept any more"}
        path = f"files/{message:06d}-{number} {safe_name(file.name)}"
        await asyncio.to_thread(archive.writestr, path, data)
        made.files += 1
        return known | {"path": path}


class _Said:
    """The files that messages are written to. Used from one thread at a time."""

    def __init__(self, folder: Path, profile: dict[str, Any], notes: bool) -> None:
        self._messages = _List(folder / "messages.json")
        self._notes = _List(folder / "notes.json") if notes else None
        self._page: TextIO = (folder / "history.html").open("w", encoding="utf-8")
        self._page.write(exportpage.head(profile))

    def add(self, items: list[dict[str, Any]]) -> None:
        said = [one for one in items if one["direction"] != "note"]
        self._messages.add(said)
        for one in said:
            self._page.write(exportpage.article(one))
        if self._notes is not None:
            self._notes.add(one for one in items if one["direction"] == "note")

    def close(self) -> None:
        self._messages.close()
        if self._notes is not None:
            self._notes.close()
        self._page.write(exportpage.tail())
        self._page.close()


def safe_name(name: str) -> str:
    """A file's name that every system can hold and that leads nowhere: no folders, no controls, no names of devices."""
    words = unicodedata.normalize("NFC", name)
    words = "".join(sign for sign in words if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co"))
    words = " ".join(_UNSAFE.sub("_", words).split()).strip(" .")
    if len(words) > _NAME:
        stem, dot, end = words.rpartition(".")
        keep = f".{end}" if dot and len(end) <= 10 else ""
        words = (stem if keep else words)[: _NAME - len(keep)].rstrip(" .") + keep
    if not words or _RESERVED.match(words):
        words = f"file {words}".strip()
    return words


def _time(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _profile(ids: tuple[int, ...], about: About, at: str | None) -> dict[str, Any]:
    today = next((row for row in about.customers if row.id == ids[0]), about.customers[0])
    return {
        "handle": people.handle(today.id),
        "name": today.name,
        "also_known_as": [people.handle(one) for one in ids[1:]],
        "names_before": sorted({row.name for row in about.customers} - {today.name}),
        "first_seen": _time(min(row.created_at for row in about.customers)),
        "exported_at": at,
        "identities": [
            {
                "channel": row.channel,
                "address": row.address,
                "name": row.name,
                "verified": bool(row.verified),
                "how": row.evidence,
                "verified_at": _time(row.verified_at),
                "only_said_so": bool(row.given),
                "language": row.language,
                "first_seen": _time(row.created_at),
            }
            for row in about.identities
        ],
        "attributes": [
            {"name": row.name, "value": _value(row.value), "source": row.source, "at": _time(row.at)}
            for row in about.attributes
        ],
        "cases": [
            {
                "number": row.id,
                "team": row.team,
                "subject": row.subject,
                "status": row.status,
                "opened_at": _time(row.opened_at),
                "resolved_at": _time(row.resolved_at),
            }
            for row in about.cases
        ],
        "ratings": [
            {
                "case": row.conversation_id,
                "asked_at": _time(row.asked_at),
                "score": row.score,
                "comment": row.comment,
                "answered_at": _time(row.answered_at),
            }
            for row in about.ratings
        ],
    }


def _value(stored: str) -> Any:
    try:
        return json.loads(stored)
    except ValueError:
        return stored


def _item(policy: CorePolicy, one: Spoken) -> dict[str, Any]:
    row = one.row
    meta: dict[str, Any] = json.loads(row.meta) if row.meta else {}
    quoted = history.unpack_packed(row.tail)
    automatic = views.automatic(row)
    item = {
        "number": row.id,
        "case": row.conversation_id,
        "direction": row.direction,
        "at": _time(row.sent_at),
        "via": views.via(policy, row.inbox)[1],
        "author": row.author,
        "subject": row.subject,
        "text": row.text,
        "quoted": quoted.plain if quoted is not None else None,
        "state": row.state,
        "state_at": _time(row.state_at),
        "automatic": automatic,
        "written_by_a_machine": row.automated if automatic is not None else None,
        "copied_to": meta.get("copied") or meta.get("cc"),
        "somebody_else": meta.get("other_sender"),
        "taken_back": meta.get("deleted"),
        "reaction": meta.get("reaction"),
        "before_changes": [{"until": _time(old.at), "text": old.text} for old in one.versions],
    }
    always = ("number", "case", "direction", "at", "via", "author", "text")
    return {name: value for name, value in item.items() if name in always or value}
