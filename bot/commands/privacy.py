"""``customer C42 export`` and ``customer C42 erase``: somebody's right to see what is kept of them, and to have it erased."""

from __future__ import annotations

from bot.commands import refs
from bot.commands.customer import FORMS, SUBCOMMANDS
from bot.commands.nouns import Person
from bot.commands.privacy_services import Footprint
from bot.commands.registry import Action, refusal
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Field, Form, Later, Problems, Result, Role
from bot.commands.words import size
from bot.errors import StorageError, UserError
from bot.messages import Text

_SHOWN = 8
"""Addresses that the form names."""


async def export(services: Services, call: Call, person: Person, words: str) -> Result:
    """``export``, ``export notes``, ``export nofiles``: an archive by direct message, for leads and admins."""
    if not await refs.leads(services, call, person):
        return refusal(call.agent.role, Role.LEAD)
    asked = {word.strip("-,").casefold() for word in words.split()}
    unknown = asked - {"notes", "nofiles"}
    if unknown:
        raise UserError(
            f"There is no “{min(unknown)}” here. It may be: export, export notes, export nofiles."
        )
    notes, files = "notes" in asked, "nofiles" not in asked

    async def work() -> Answer:
        try:
            made = await services.privacy.export(person.customer_id, call.agent, notes=notes, files=files)
        except UserError as error:
            return Answer(Text(str(error)), error=True)
        except (StorageError, OSError):
            said = "The archive could not be made: the disk or the database refused. Please try again."
            return Answer(Text(said), error=True)
        held = f"{_many(made.messages, 'message')}, {_many(made.files, 'file')}, {size(made.size)}"
        return Answer(Text(f"{refs.described(person)}: {made.name} ({held}) is in your direct messages."))

    return Later(Answer(Text(f"Collecting everything about {refs.described(person)}…")), work)


async def erase(services: Services, call: Call, person: Person, words: str = "") -> Result:
    """``erase``: a form that says what will happen, for admins; in a thread, a button that opens it."""
    if call.agent.role is not Role.ADMIN:
        return refusal(call.agent.role, Role.ADMIN)
    value = refs.ref_value(person.customer_id, person.team)
    if call.face is Face.THREAD:
        button = Button(f"Erase {person.handle}…", "privacy.open", value, "danger")
        return Answer(Text(f"{refs.described(person)} can be erased for good:"), buttons=(button,))
    found = await services.privacy.footprint(person.customer_id)
    hint = f"Type {person.handle} to confirm."
    fields = (
        Field("info", "info", "", what_happens(person, found)),
        Field("typed", "text", f"Erase {person.handle} for good?", hint=hint),
    )
    return Form(f"Erase {person.handle}", "privacy.erase", "Erase", fields, value)


def what_happens(person: Person, found: Footprint) -> str:
    """What an erasure takes and what it leaves, in words."""
    also = f", also {', '.join(found.handles[1:])}" if len(found.handles) > 1 else ""
    known = ", ".join(found.addresses[:_SHOWN]) + (" …" if len(found.addresses) > _SHOWN else "")
    posts = found.posts - found.own_posts
    lines = [
        f"{person.name} ({person.handle}{also}) is erased for good. This cannot be undone, not even by a backup.",
        "",
        f"Goes: {_many(found.messages, 'message')}, {_many(found.notes, 'internal note')} and {_many(found.files, 'file')}; "
        f"{_many(posts, 'Slack post')} of the bot in {_many(len(found.channels), 'channel')}; "
        f"their name and addresses ({known or 'none'}), and what was noted about them.",
        f"Stays: the team's figures, without names or words (how many messages in {_many(found.cases, 'case')}, and when); "
        "what lies in their own mailbox or app.",
    ]
    if found.own_posts:
        lines.append(
            f"By hand: {_many(found.own_posts, 'message')} that your team wrote in the thread. No bot can delete these; "
            "you get links to them."
        )
    if found.waiting:
        lines.append(f"Replies that wait and will not be sent: {found.waiting}.")
    if found.others:
        lines.append(
            f"Not with them: {', '.join(found.others[:_SHOWN])}, of whom the same address is known, not proven. "
            "Look whether that is the same person, and erase them too."
        )
    return "\n".join([*lines, "", "If they write again, they are a new customer of whom nothing is known."])


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


async def open_form(services: Services, call: Call) -> Result:
    """*Erase…* was pressed in a thread."""
    return await erase(services, call, await refs.pressed(services, call))


async def submit(services: Services, call: Call) -> Result:
    """*Erase* was pressed in the form."""
    person = await refs.pressed(services, call)
    if call.fields.get("typed", "").strip().casefold() != person.handle.casefold():
        return Problems({"typed": f"To erase {person.name}, type {person.handle}."})
    await services.privacy.erase(person.customer_id, call.agent)
    return Answer(
        Text(
            f"{person.handle} is being erased: nobody finds them any more, and the rest is taken away now. "
            "You get a direct message when it is done."
        )
    )


SUBCOMMANDS |= {"export": export, "erase": erase}
FORMS.add("erase")
ACTIONS = (
    Action("privacy.open", open_form, role=Role.ADMIN, opens=True),
    Action("privacy.erase", submit, role=Role.ADMIN),
)
