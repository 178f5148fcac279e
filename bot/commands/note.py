"""``note``: words for the team that never reach a customer."""

from __future__ import annotations

from bot.commands import refs
from bot.commands.registry import Command
from bot.commands.services import Services
from bot.commands.types import Answer, Call, Face, Result
from bot.errors import UserError
from bot.messages import Text


async def note(services: Services, call: Call) -> Result:
    """Keeps an internal note."""
    meant = await refs.first(services, call)
    text = call.text.cut(meant.rest).strip()
    if not text:
        raise UserError("There is nothing to note: write the words after it.")
    person = meant.person
    await services.note(person.customer_id, person.team, call.agent, text, call.source, call.message_ts)
    return Answer(Text(f"Noted for {person.name}. Only the team sees it."), quiet=call.face is Face.THREAD)


COMMANDS = (
    Command(
        "note",
        "keep a note that only the team sees",
        note,
        usage="C42 text",
        in_thread="text",
        examples=("/note C42 She called, too.", "!note She called, too."),
        also="any plain message in the customer's thread",
    ),
)
