"""Dana, who is erased, and Omar, of whom nothing may be touched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from bot.commands.types import Agent, Role
from bot.messages import AgentId, Attachment, Contact, CustomerId, Edit, RemoteId, SourceId, Text
from bot.storage.schema import message
from tests.core.world import KIM, MAIL, SUPPORT, World

ANN = Agent(AgentId("UANN"), "Ann", Role.ADMIN)
WORD = "kestrelberry"
"""In everything that Dana says, and that is said to her or of her."""
DANA = ("dana@mail.example", "Dana Petrov", "petrov", WORD, "sv-SE")
"""What nothing may hold when she is erased."""


async def live(world: World) -> None:
    """Dana mails twice with a file, edits, is answered, is talked about; Omar is there too."""
    photo = Attachment(f"{WORD}.jpg", "image/jpeg", 5, await world.blobs.put(f"{WORD} photo".encode()))
    raw = await world.blobs.put(f"From: dana\n\n{WORD}".encode())
    await world.says(f"My {WORD} is late", source="1", attachments=(photo,), raw=raw, subject=f"About {WORD}")
    speaks = Contact("email", DANA[0], DANA[1], True, "dkim=pass", language="sv-SE")
    await world.says(f"Still no {WORD}", source="2", tail=Text(f"quoted {WORD}"), sender=speaks)
    await world.says("I am somebody else", source="o1", who="omar@mail.example", name="Omar Said")
    await world.quiet()
    await world.relay.accept_customer(
        MAIL,
        Edit(SourceId("e1"), RemoteId("<2@mail.example>"), None, Text(f"changed {WORD}"), now()),
    )
    await world.reply("C1", f"Your {WORD} is on its way", source="r1")
    await world.reply("C2", "Hello Omar", source="r2")
    person = (await world.casework.lookup("C1", SUPPORT))[0]
    root = person.place[1]
    assert root is not None
    written = f"1700000001.{len(world.desk.theirs):06d}"
    world.desk.theirs[written] = root
    await world.casework.note(person.customer_id, SUPPORT, KIM, Text(f"she loves {WORD}"), "n1", written)
    await world.casework.note(person.customer_id, SUPPORT, KIM, Text(f"posted {WORD}"), "n2")
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
