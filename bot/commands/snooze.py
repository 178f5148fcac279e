"""``snooze``: put a case aside until a time, in words as people write them, or from a form."""

from __future__ import annotations

import time

from bot.calendar import when
from bot.commands import refs
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Call, Choice, Face, Field, Form, Problems, Result
from bot.errors import UserError
from bot.messages import Text

AGAIN = 15 * 60.0
_OFF = frozenset({"off", "end", "stop", "now"})
_CHOICES = ("in 1 hour", "in 3 hours", "tomorrow 9:00", "Monday 9:00")


def moment(words: str, call: Call) -> when.When:
    """The time that words begin with, by the agent's own clock; ``UserError`` says what is wrong with them."""
    try:
        return when.read(words, time.time(), call.agent.zone)
    except when.WhenError as error:
        raise UserError(str(error)) from None


async def snooze(services: Services, call: Call) -> Result:
    """``/snooze C42 until Monday 9``, ``/snooze C42 off``; without a time it opens the form."""
    if call.face is Face.SLASH and not call.args.strip():
        raise UserError("Say which customer and until when: /snooze C42 tomorrow 9.")
    meant = await refs.first(services, call)
    words = call.text.plain[meant.rest :].strip()
    if not words:
        if call.face is Face.THREAD:
            raise UserError(f"Say until when: write a time such as {when.EXAMPLES}.")
        return _form(call, meant.person)
    if words.casefold() in _OFF:
        return await _wake(services, call, meant.person)
    until = moment(words, call)
    return await _put_aside(services, call, meant.person, until, until.rest)


def opens_form(call: Call) -> bool:
    """A slash command with nothing after the customer opens the form."""
    return call.face is Face.SLASH and len(call.args.split()) == 1


async def _put_aside(services: Services, call: Call, person: Person, until: when.When, reason: str) -> Answer:
    why = reason.removeprefix("because ").strip()
    await services.snoozes.snooze(person.customer_id, person.team, call.agent, until.at, why, call.source)
    quiet = call.face is Face.THREAD
    return Answer(
        Text(f"{person.name} ({person.handle}) is snoozed until {until.said}, or until they write."),
        quiet=quiet,
        replace=call.face is Face.BUTTON,
    )


async def _wake(services: Services, call: Call, person: Person) -> Answer:
    await services.snoozes.wake(person.customer_id, person.team, call.agent, call.source)
    quiet = call.face in (Face.THREAD, Face.BUTTON)
    return Answer(Text(f"{person.name} ({person.handle}) is open again."), quiet=quiet)


async def wake(services: Services, call: Call) -> Result:
    """Wake up on a snoozed card."""
    return await _wake(services, call, await refs.pressed(services, call))


async def again(services: Services, call: Call) -> Result:
    """Snooze 15 min on what came back."""
    person = await refs.pressed(services, call)
    until = moment("15 min", call)
    return await _put_aside(services, call, person, until, "")


async def open_form(services: Services, call: Call) -> Result:
    """Snooze in the card's menu."""
    return _form(call, await refs.pressed(services, call))


def _form(call: Call, person: Person) -> Form:
    choices = []
    for words in _CHOICES:
        until = moment(words, call)
        choices.append(Choice(words[0].upper() + words[1:], words, until.said))
    fields = (
        Field("until", "select", "Until", choices[0].value, tuple(choices), optional=True),
        Field(
            "words",
            "text",
            "Or another time",
            hint=f"Such as {when.EXAMPLES}. It counts instead of the choice above.",
            optional=True,
        ),
        Field("reason", "text", "What for", hint="You are told it when the case comes back.", optional=True),
    )
    value = refs.ref_value(person.customer_id, person.team)
    return Form(f"Snooze {person.handle}", "snooze.submit", "Snooze", fields, value)


async def submit(services: Services, call: Call) -> Result:
    """Snooze was pressed in the form."""
    person = await refs.pressed(services, call)
    typed = call.fields.get("words", "").strip()
    field = "words" if typed else "until"
    try:
        until = moment(typed or call.fields.get("until") or "", call)
    except UserError as error:
        return Problems({field: str(error)})
    if until.rest:
        return Problems(
            {field: f"“{until.rest}” is no part of a time. Write only the time, e.g. tomorrow 9."}
        )
    return await _put_aside(services, call, person, until, call.fields.get("reason", ""))


COMMANDS = (
    Command(
        "snooze",
        "put a case aside until a time, or “off”",
        snooze,
        usage="C42 tomorrow 9",
        in_thread="tomorrow 9",
        opens=opens_form,
        examples=("/snooze C42 tomorrow 9", "/snooze C42 off", "!snooze 3h"),
        also="⋯ Snooze on the card",
    ),
)
ACTIONS = (
    Action("case.snooze", open_form, opens=True),
    Action("case.wake", wake),
    Action("snooze.submit", submit),
    Action("snooze.again", again),
)
