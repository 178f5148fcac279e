"""``assign``, ``take`` and ``unassign``: whose case it is."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.commands import recap, refs
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Call, Face, Field, Form, Problems, Result
from bot.errors import UserError
from bot.messages import AgentId, Text

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_NOBODY = frozenset({"nobody", "none", "-"})
_ME = frozenset({"me", "myself"})


async def assign(services: Services, call: Call) -> Result:
    """``/assign C42 @kim``; ``me`` and ``nobody`` work too."""
    mention = _MENTION.search(call.args)
    words = call.args[: mention.start()] if mention else call.args
    kept = words.split()
    last = kept[-1].casefold() if kept else ""
    to = AgentId(mention.group(1)) if mention else None
    if mention is None:
        if last in _ME:
            to = call.agent.id
        elif last not in _NOBODY:
            raise UserError("Say to whom: @name, me, or nobody.")
        words = " ".join(kept[:-1])
    person = await _person(services, call, words)
    return await _give(services, call, person, to)


async def take(services: Services, call: Call) -> Result:
    """The caller takes it."""
    person = (
        await refs.pressed(services, call) if call.face is Face.BUTTON else await refs.whole(services, call)
    )
    return await _give(services, call, person, call.agent.id)


async def unassign(services: Services, call: Call) -> Result:
    """Back to the team."""
    return await _give(services, call, await refs.whole(services, call), None)


async def _person(services: Services, call: Call, words: str) -> Person:
    if words.strip():
        return await refs.exactly(services, call, words.strip())
    person = await refs.thread_person(services, call)
    if person is None:
        raise UserError("Say which customer: a handle such as C42, an address, or a name.")
    return person


async def _give(services: Services, call: Call, person: Person, to: AgentId | None) -> Answer:
    quiet = call.face in (Face.BUTTON, Face.THREAD)
    if to is not None and not await services.may_be_owner(to, person.team):
        raise UserError("They are not in this team. Choose one of the team's agents.")
    await services.assign(person.customer_id, person.team, call.agent, to, call.source)
    if to is None:
        return Answer(Text(f"{person.name} belongs to the team again."), quiet=quiet)
    if to == call.agent.id:
        told = await recap.for_a_newcomer(services, call, person)
        if told is not None:
            return replace(told, text=Text(f"{person.name} is with you now.\n") + told.text)
    name = "you" if to == call.agent.id else await services.agent_name(to)
    return Answer(Text(f"{person.name} is with {name} now."), quiet=quiet)


async def open_form(services: Services, call: Call) -> Result:
    """Assign in the card's menu."""
    person = await refs.pressed(services, call)
    field = Field(
        "agent",
        "agent",
        "Who has it",
        value=person.owner or "",
        optional=True,
        hint="Empty: it belongs to the team.",
    )
    value = refs.ref_value(person.customer_id, person.team)
    return Form(f"Assign {person.handle}", "assign.submit", "Assign", (field,), value)


async def submit(services: Services, call: Call) -> Result:
    """Assign was pressed in the form."""
    person = await refs.pressed(services, call)
    chosen = call.fields.get("agent") or None
    if chosen and not await services.may_be_owner(AgentId(chosen), person.team):
        return Problems({"agent": "They are not in this team. Choose one of the team's agents."})
    return await _give(services, call, person, AgentId(chosen) if chosen else None)


COMMANDS = (
    Command(
        "assign",
        "give a case to somebody",
        assign,
        usage="C42 @name",
        in_thread="@name",
        examples=("/assign C42 @kim", "/assign C42 nobody", "!assign me"),
        also="⋯ Assign on the card",
    ),
    Command(
        "take",
        "take a case yourself",
        take,
        usage="C42",
        examples=("/take C42", "!take"),
        also="Take it on the card",
    ),
    Command(
        "unassign",
        "give a case back to the team",
        unassign,
        usage="C42",
        examples=("/unassign C42", "!unassign"),
    ),
)
ACTIONS = (
    Action("case.take", take),
    Action("case.assign", open_form, opens=True),
    Action("assign.submit", submit),
)
