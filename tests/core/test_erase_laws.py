"""Laws of erasing: nothing of one is left, every row of the others is as it was, and no column is forgotten."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import Connection, Text, select

from bot.errors import UserError
from bot.messages import Attachment, CustomerId, Edit, RemoteId, SourceId
from bot.messages import Text as Words
from bot.storage.database import Database
from bot.storage.tables import metadata
from tests.core.canaries import in_tables
from tests.core.dana import ANN, erase, now
from tests.core.world import CHAT, KIM, MAIL, PRESS_MAIL, SUPPORT, World, message

PEOPLE = ("dana", "omar", "lin")

EMPTIED = {
    "act": {"source"},
    "adapter_state": {"key", "value"},
    "attachment": {"name", "media_type", "blob", "problem", "source"},
    "attribute": {"name", "value", "source"},
    "audit": {"detail"},
    "clock_event": {"reason"},
    "clue": {"kind", "value"},
    "conversation": {"subject", "excerpt"},
    "customer": {"name", "quarantine"},
    "customer_merge": {"evidence", "before"},
    "delivery": {"error", "payload", "progress", "about"},
    "follow_up": {"words"},
    "identity": {"address", "evidence", "language", "name"},
    "job": {"progress", "detail"},
    "link_code": {"hash", "via"},
    "merge_proposal": {"evidence"},
    "message": {
        *(
            "dedup_key",
            "key",
            "remote_id",
            "author",
            "text",
            "spans",
            "subject",
            "tail",
            "raw",
            "detail",
            "meta",
        ),
        "file_names",
    },
    "message_version": {"text", "spans", "dedup_key"},
    "post": {"place", "remote_id"},
    "rating": {"token", "comment", "reason"},
    "reminder": {"outcome"},
    "route": {"thread_key"},
    "snooze": {"reason"},
    "thread": {"shown"},
}
"""Columns that an erasure empties (with their rows, or alone): they can hold words, names or addresses of a customer."""

HARMLESS = {
    "act": set[str](),
    "adapter_state": {"inbox"},
    "audit": {"agent", "action"},
    "auto_answer": {"kind"},
    "case_tag": {"tag"},
    "clock": {"kind", "state", "cause", "policy", "hours", "steps", "inbox"},
    "clock_event": {"what", "agent", "detail"},
    "conversation": {"team", "status", "owner", "priority", "due_kind", "clocks", "origin_team"},
    "customer_merge": {"agent", "undone_by"},
    "delivery": {"op", "state", "key"},
    "duty": {"agent"},
    "follow_up": {"team", "agent", "agent_name", "state"},
    "identity": {"channel"},
    "inbox_status": {"inbox", "problem"},
    "job": {"kind", "subject", "state", "agent"},
    "lane": {"kind", "bucket", "owner", "team", "target"},
    "lease": {"name", "owner"},
    "link_code": {"inbox"},
    "macro": {"scope", "name", "text", "spans", "changed_by"},
    "merge_proposal": {"state", "decided_by"},
    "message": {"inbox", "direction", "agent", "automated", "state"},
    "post": {"target"},
    "rating": {"inbox", "agent", "state"},
    "reminder": {"target", "about", "state"},
    "reminder_pause": {"agent"},
    "reminder_step": {"step", "state", "target"},
    "route": {"inbox"},
    "snooze": {"agent", "agent_name", "ended_why"},
    "source_cursor": {"inbox", "cursor"},
    "stat_case": {"cells"},
    "stat_day": {"team", "dimension", "day", "value", "metric", "spread"},
    "thread": {"team", "channel", "ts", "card_key", "gone"},
    "tombstone": {"hash"},
    "worker": {"id"},
}
"""Columns that hold nothing of a customer's: what the team or the bot itself chose."""


def test_no_column_is_forgotten() -> None:
    undecided = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Text)
        and column.name not in EMPTIED.get(table.name, set()) | HARMLESS.get(table.name, set())
    }
    assert not undecided, (
        f"{sorted(undecided)}: can it hold words, names or addresses of a customer? Then bot/storage/forgetting.py has to "
        "empty it, and EMPTIED here names it; else it is HARMLESS."
    )


async def happens(world: World, chance: random.Random, number: int) -> None:
    """Something happens to somebody, marked with their name."""
    who = chance.choice(PEOPLE)
    mark = f"word-of-{who}"
    address = f"{who}@mail.example"
    kind = chance.choice(("mail", "mail", "chat", "press", "file", "edit", "reply", "note", "forged"))
    if kind in ("mail", "press", "file", "forged"):
        files: tuple[Attachment, ...] = ()
        if kind == "file":
            blob = await world.blobs.put(chance.choice((b"shared", f"{mark} {number}".encode())))
            files = (Attachment(f"{mark}.txt", "text/plain", 4, blob),)
        event = message(
            f"{mark} {number}",
            source=f"{number}",
            who=address,
            name=f"{who.title()} Surname-{who}",
            verified=kind != "forged",
            attachments=files,
            subject=f"About {mark}" if chance.random() < 0.5 else None,
        )
        await world.relay.accept_customer(PRESS_MAIL if kind == "press" else MAIL, event)
    elif kind == "chat":
        event = message(
            f"{mark} {number}", source=f"{number}", who=f"visitor-{who}", channel="chat", name=None
        )
        await world.relay.accept_customer(CHAT, event)
    elif kind == "edit":
        about = RemoteId(f"<{chance.randrange(max(number, 1))}@mail.example>")
        await world.relay.accept_customer(
            MAIL, Edit(SourceId(f"e{number}"), about, None, Words(f"changed {number}"), now())
        )
    else:
        found = await world.casework.lookup(address, SUPPORT)
        if not found:
            return
        try:
            if kind == "reply":
                await world.reply(found[0].handle, f"to {mark} {number}", source=f"r{number}")
            else:
                words = Words(f"of {mark} {number}")
                await world.casework.note(found[0].customer_id, SUPPORT, KIM, words, f"n{number}")
        except UserError:
            return


def of_others(connection: Connection, ids: set[int]) -> dict[str, list[Any]]:
    """Every row that says whose it is and is not one of these customers'."""
    found = {}
    for table in metadata.sorted_tables:
        if "customer_id" in table.c and table.name not in ("audit", "lane"):
            rows = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
            found[table.name] = [dict(row) for row in rows if row["customer_id"] not in ids]
    return found


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_was_said_nothing_of_one_is_left_and_the_others_are_as_they_were(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    async with World(database, undo=0.0, echo_delay=0.01) as world:
        for number in range(30):
            await happens(world, chance, number)
        await world.quiet()
        address = "dana@mail.example"
        ids = {
            int(person.customer_id)
            for words in (address, "visitor-dana")
            for person in await world.casework.lookup(words, SUPPORT)
        }
        before = await database.read(lambda c: of_others(c, ids))
        for one in sorted(ids):
            await erase(world, one)
        await world.quiet()
        # A forged mail of hers made a customer of its own, whom she proved to be later or not: both are erased here.
        assert await in_tables(database, "word-of-dana", "Surname-dana", address, "visitor-dana") == []
        assert await database.read(lambda c: of_others(c, ids)) == before
        kept = list(world.blobs.kept.values())
        assert not [data for data in kept if b"word-of-dana" in data]
        assert "word-of-dana" not in repr([p for p in world.desk.posts.values() if p.channel != ANN.id])
        for person in ("omar", "lin"):
            for found in await world.casework.lookup(f"{person}@mail.example", SUPPORT):
                said = await world.casework.history(CustomerId(found.customer_id), limit=100)
                assert not [item for item in said if "dana" in item.text.plain]
