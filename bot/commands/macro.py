"""``macro``: canned replies, listed, previewed, sent, and edited where they are used."""

from __future__ import annotations

import difflib
from dataclasses import replace

from bot.cases.macros import check_name
from bot.commands import refs
from bot.commands.macro_services import Macro
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.reply import accept, draft
from bot.commands.services import Services
from bot.commands.types import (
    Answer,
    Button,
    Call,
    Choice,
    Face,
    Field,
    Form,
    Problems,
    Result,
    Role,
    Row,
)
from bot.errors import UserError
from bot.messages import TeamId, Text

EXCERPT = 120
_LEADS = frozenset({Role.LEAD, Role.ADMIN})


async def macro(services: Services, call: Call) -> Result:
    """``!m refund`` sends it; ``/macro C42 refund`` too; ``/macro refund`` shows it; ``/macro`` lists them."""
    known = await services.macros.visible(call.agent, call.team)
    if not call.args.strip():
        return _listed(known, call)
    person = await refs.thread_person(services, call)
    words = call.args.split()
    if person is None and len(words) == 1 and not refs.is_reference(words[0]):
        return _shown(_named(known, words[0]), call)
    meant = await refs.first(services, call)
    rest = call.args[meant.rest :].strip()
    if not rest:
        raise UserError("Say which macro, e.g. refund. /macro lists them.")
    name, _, more = rest.partition(" ")
    return await _send(services, call, meant.person, _named(known, name), more.strip())


def _named(known: tuple[Macro, ...], word: str) -> Macro:
    name = word.casefold().removeprefix("!")
    found = next((one for one in known if one.name == name), None)
    if found is not None:
        return found
    close = difflib.get_close_matches(name, [one.name for one in known], n=3, cutoff=0.5)
    hint = f"Closest: {', '.join(close)}." if close else "/macro lists those there are."
    raise UserError(f"There is no macro {name}. Nothing was sent. {hint}")


async def _send(services: Services, call: Call, person: Person, chosen: Macro, more: str) -> Result:
    """Sends it like any reply. The words are shown in the thread, because the agent's own message does not hold them."""
    words = await services.macros.filled(chosen, person, call.agent)
    text = Text(f"{words}\n\n{more}" if more else words)
    result = await accept(
        services, call, replace(draft(call, person, text), from_thread=False, message_ts=None)
    )
    await services.macros.used(chosen)
    if isinstance(result, Answer) and not result.error:
        return replace(result, rows=(Row(text, f"macro {chosen.name}"), *result.rows), quiet=False)
    return result


def _listed(known: tuple[Macro, ...], call: Call) -> Answer:
    rows = tuple(
        Row(Text(f"{one.name}: {_excerpt(one.text)}"), _whose(one), Button("Show", "macro.show", str(one.id)))
        for one in known
    )
    how = "Send one with !m name in a thread, with /macro C42 name, or from the Reply form."
    title = how if known else f"There are no macros yet. {how}"
    return Answer(Text(title), rows, (Button("New macro", "macro.new", "", "primary"),))


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def _whose(one: Macro) -> str:
    shared = "shared by the team" if one.team is not None else "your own"
    return f"{shared} · sent {one.used} times" if one.used != 1 else f"{shared} · sent once"


def _shown(one: Macro, call: Call) -> Answer:
    mine = one.team is None or call.agent.role in _LEADS
    buttons = (
        Button("Edit", "macro.edit", str(one.id)),
        Button("Delete", "macro.delete", str(one.id), "danger"),
    )
    return Answer(Text(one.text), (Row(Text(f"macro {one.name}"), _whose(one)),), buttons if mine else ())


async def _pressed(services: Services, call: Call) -> Macro:
    for one in await services.macros.visible(call.agent, None):
        if str(one.id) == call.args:
            return one
    raise UserError("This macro is not there any more. /macro lists those there are.")


async def show(services: Services, call: Call) -> Result:
    """A macro from the list."""
    return _shown(await _pressed(services, call), call)


async def new(services: Services, call: Call) -> Result:
    """The form for a new one."""
    return await _form(services, call, None)


async def edit(services: Services, call: Call) -> Result:
    """The form for one that there is."""
    return await _form(services, call, await _pressed(services, call))


async def _form(services: Services, call: Call, one: Macro | None) -> Form:
    hint = "{customer.first_name|there}, {agent.name}, {case}, {team}, {customer.plan} and the like are filled in."
    fields = [
        Field(
            "name", "text", "Name", one.name if one else "", hint="One word, e.g. refund: !m refund sends it."
        ),
        Field("text", "lines", "Words", one.text if one else "", hint=hint),
    ]
    teams = await services.desk.teams_of(call.agent.id) if call.agent.role in _LEADS else ()
    if teams:
        choices = (Choice("Only me", "-"), *(Choice(f"Everybody in {team}", team) for team in teams))
        fields.append(Field("whose", "select", "Who can use it", (one.team if one else None) or "-", choices))
    title = f"Macro {one.name}"[:24] if one else "New macro"
    return Form(title, "macro.save", "Save", tuple(fields), str(one.id) if one else "")


async def save(services: Services, call: Call) -> Result:
    """Save was pressed in the form."""
    given = call.fields.get("whose", "-")
    team = TeamId(given) if given != "-" else None
    before = next(
        (one for one in await services.macros.visible(call.agent, None) if str(one.id) == call.args), None
    )
    name = call.fields.get("name", "")
    try:
        check_name(name)
    except UserError as error:
        return Problems({"name": str(error)})
    try:
        after = await services.macros.save(call.agent, team, name, call.fields.get("text", ""))
    except UserError as error:
        return Problems({"text": str(error)})
    if before is not None and before.id != after.id:
        await services.macros.remove(call.agent, before)
    return Answer(Text(f"The macro {after.name} is saved. !m {after.name} in a thread sends it."))


async def delete(services: Services, call: Call) -> Result:
    """Asks first."""
    one = await _pressed(services, call)
    buttons = (
        Button(f"Delete {one.name}", "macro.deleted", str(one.id), "danger"),
        Button("Keep it", "macro.show", str(one.id)),
    )
    whose = "Everybody in the team loses it." if one.team is not None else "It is your own."
    return Answer(Text(f"Delete the macro {one.name}? {whose}"), buttons=buttons)


async def deleted(services: Services, call: Call) -> Result:
    """Yes was said."""
    one = await _pressed(services, call)
    await services.macros.remove(call.agent, one)
    return Answer(Text(f"The macro {one.name} is deleted."), replace=call.face is Face.BUTTON)


COMMANDS = (
    Command(
        "macro",
        "canned replies: list, show, send",
        macro,
        usage="C42 name",
        in_thread="name",
        aliases=("m", "macros"),
        examples=("/macro", "/macro C42 refund", "!m refund"),
        also="Macro in the Reply form",
    ),
)
ACTIONS = (
    Action("macro.show", show),
    Action("macro.new", new, opens=True),
    Action("macro.edit", edit, opens=True),
    Action("macro.save", save),
    Action("macro.delete", delete),
    Action("macro.deleted", deleted),
)
