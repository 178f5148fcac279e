"""``spam`` and ``quarantine``: whose words the team does not want to see, and those of whom nobody knows yet."""

from __future__ import annotations

import time

from bot.commands import refs
from bot.commands.nouns import Person
from bot.commands.profile_services import Held
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Result, Row
from bot.commands.words import clock
from bot.errors import UserError
from bot.messages import CustomerId, TeamId, Text

PAGE = 8
OLD = 30 * 86_400.0
"""Seconds after which the list says that something waits for long."""


# Spam


async def spam(services: Services, call: Call) -> Result:
    """``/spam C42`` asks first; ``/spam C42 off`` takes it back."""
    words = call.args.split()
    off = bool(words) and words[-1].casefold() == "off"
    if off:
        words = words[:-1]
    person = await _named(services, call, " ".join(words))
    return await _take_back(services, call, person) if off else _ask(person)


async def _named(services: Services, call: Call, words: str) -> Person:
    if words:
        return await refs.exactly(services, call, words.strip('"“” '))
    person = await refs.thread_person(services, call)
    if person is None:
        raise UserError("Say which customer: a handle such as C42, an address, or a name.")
    return person


def _ask(person: Person) -> Answer:
    value = refs.ref_value(person.customer_id, person.team)
    if person.spam:
        buttons = (Button("Not spam", "spam.off", value),)
        return Answer(Text(f"{refs.described(person)} is marked as spam already."), buttons=buttons)
    said = (
        f"Mark {refs.described(person)} as spam? The case is closed, nothing is sent to them, and what they write is "
        "kept but shown nowhere."
    )
    return Answer(Text(said), buttons=(Button("Mark as spam", "spam.mark", value, "danger"),))


async def ask(services: Services, call: Call) -> Result:
    """*Spam* was pressed on a card or in its menu."""
    return _ask(await refs.pressed(services, call))


async def mark(services: Services, call: Call) -> Result:
    """*Mark as spam* was pressed."""
    person = await refs.pressed(services, call)
    await services.spam.mark(person.customer_id, person.team, call.agent, True, call.source)
    value = refs.ref_value(person.customer_id, person.team)
    said = f"{refs.described(person)} is spam: what they write is kept and shown nowhere."
    return Answer(Text(said), buttons=(Button("Not spam", "spam.off", value),), replace=True)


async def take_back(services: Services, call: Call) -> Result:
    """*Not spam* was pressed."""
    return await _take_back(services, call, await refs.pressed(services, call))


async def _take_back(services: Services, call: Call, person: Person) -> Answer:
    if not person.spam:
        raise UserError(f"{refs.described(person)} is not marked as spam.")
    after = await services.spam.mark(person.customer_id, person.team, call.agent, False, call.source)
    said = f"{refs.described(after)} is no spam any more. What came meanwhile is told in their thread."
    return Answer(Text(said), replace=call.face is Face.BUTTON)


async def show_kept(services: Services, call: Call) -> Result:
    """*Show* was pressed below what came while they were hidden."""
    person = await refs.pressed(services, call)
    count = await services.spam.show_kept(person.customer_id, person.team, call.agent, call.source)
    if not count:
        raise UserError("They are shown already.")
    return Answer(Text(f"{count} messages are shown in the thread."), quiet=True)


# Quarantine


async def quarantine(services: Services, call: Call) -> Result:
    """The senders that nobody has looked at yet."""
    if call.team is None:
        raise UserError("Write this in the team's channel: each team has a quarantine of its own.")
    return await _list(services, call, call.team, None)


async def look(services: Services, call: Call) -> Result:
    """*Look* was pressed in the channel; the button's value is the team."""
    return await quarantine(services, call)


async def older(services: Services, call: Call) -> Result:
    """The next page, in the place of this one."""
    raw = refs.values(call.args)
    team, before = TeamId(str(raw.get("t", ""))), CustomerId(int(str(raw.get("b", 0))))
    if team != call.team and not await services.may_be_owner(call.agent.id, team):
        raise UserError("You are not in that team.")
    return await _list(services, call, team, before)


async def _list(
    services: Services, call: Call, team: TeamId, before: CustomerId | None, first: str = ""
) -> Answer:
    found = await services.spam.held(team, before, PAGE + 1)
    count = await services.spam.held_senders(team)
    if not found:
        words = "That is all." if before is not None else "Nothing waits in quarantine."
        return Answer(Text(f"{first} {words}".strip()), replace=bool(first) or before is not None)
    now = time.time()
    rows = tuple(_row(one, call, now) for one in found[:PAGE])
    many = "1 sender waits" if count == "1" else f"{count} senders wait"
    said = f"{first} {many} in quarantine, newest first. Nothing is lost or answered here."
    buttons: tuple[Button, ...] = ()
    if len(found) > PAGE:
        value = refs.ref_value(found[PAGE - 1].customer_id, team, b=found[PAGE - 1].customer_id)
        buttons = (Button("Older", "quarantine.older", value),)
    return Answer(Text(said.strip()), rows, buttons, replace=bool(first) or before is not None)


def _row(one: Held, call: Call, now: float) -> Row:
    value = refs.ref_value(one.customer_id, one.team)
    more = f" · {one.count} messages" if one.count > 1 else ""
    old = " · for more than 30 days" if now - one.since > OLD else ""
    address = f" · {one.address}" if one.address and one.address != one.name else ""
    return Row(
        Text(
            f"{one.handle} {one.name}{address}\n“{one.words}”"
            if one.words
            else f"{one.handle} {one.name}{address}"
        ),
        f"{one.why} · {clock(one.since, call.agent.zone, now)}{more}{old}",
        Button("Let in", "quarantine.let_in", value),
        (Button("Spam", "quarantine.spam", value),),
    )


async def let_in(services: Services, call: Call) -> Result:
    """*Let in* was pressed: in the list, which is then shown without them, or on a card."""
    person = await refs.pressed(services, call)
    await services.spam.let_in(person.customer_id, person.team, call.agent, call.source)
    return await _list(services, call, person.team, None, f"{refs.described(person)} is let in.")


async def spam_in_list(services: Services, call: Call) -> Result:
    """*Spam* was pressed in the list: nobody has talked with them, so nothing is asked."""
    person = await refs.pressed(services, call)
    await services.spam.mark(person.customer_id, person.team, call.agent, True, call.source)
    return await _list(services, call, person.team, None, f"{refs.described(person)} is spam.")


COMMANDS = (
    Command(
        "spam",
        "close, block and hide somebody who only sends spam",
        spam,
        usage="C42 [off]",
        in_thread="[off]",
        examples=("/spam C42", "/spam C42 off", "!spam"),
        also="⋯ More… Spam on the card",
    ),
    Command(
        "quarantine",
        "look at what was kept apart",
        quarantine,
        examples=("/quarantine", "!quarantine"),
        also="Look below what was kept apart",
    ),
)
ACTIONS = (
    Action("spam.on", ask),
    Action("spam.mark", mark),
    Action("spam.off", take_back),
    Action("spam.show", show_kept),
    Action("quarantine.look", look),
    Action("quarantine.older", older),
    Action("quarantine.let_in", let_in),
    Action("quarantine.spam", spam_in_list),
)
