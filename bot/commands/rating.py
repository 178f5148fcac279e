"""``rating``: what a customer was asked after their cases, and what they said; and asking them not this time."""

from __future__ import annotations

import time
from dataclasses import replace

from bot.calendar.when import said
from bot.commands import refs
from bot.commands.nouns import Person
from bot.commands.rating_services import Rating
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.snooze import moment
from bot.commands.types import Answer, Button, Call, Face, Result
from bot.messages import Text
from bot.rating.rating_words import stars

SKIP = "skip"


async def rating(services: Services, call: Call) -> Result:
    """``/rating C42`` shows them; ``/rating C42 skip reason`` (or ``skip C42 reason``) asks for none."""
    begins, _, rest = call.args.partition(" ")
    skips = begins.casefold() == SKIP
    if skips:
        call = replace(call, args=rest.strip(), text=call.text.cut(len(begins)).strip())
    meant = await refs.first(services, call)
    words = call.text.plain[meant.rest :].strip()
    first, _, reason = words.partition(" ")
    if skips or first.casefold() == SKIP:
        return await _skip(services, call, meant.person, words if skips else reason.strip())
    return await _show(services, call, meant.person)


async def _show(services: Services, call: Call, person: Person) -> Answer:
    found = await services.ratings.of(person.customer_id, person.team)
    if not found:
        return Answer(Text(f"{person.name} ({person.handle}) was not asked for a rating yet."))
    now = time.time()
    lines = [await _line(services, one, now, call.agent.zone) for one in found]
    waits = found[0].state == "due"
    buttons = (skip_button(person),) if waits else ()
    return Answer(Text("\n".join([f"Ratings of {person.name} ({person.handle}):", *lines])), buttons=buttons)


async def _line(services: Services, one: Rating, now: float, zone: str) -> str:
    when = said(one.at, now, zone)
    if one.state == "due":
        return f"• will be asked {when}"
    had = f" · {await services.agent_name(one.agent)} had the case" if one.agent is not None else ""
    if one.score is not None:
        words = f": “{' '.join(one.comment.split())}”" if one.comment else ""
        return f"• {stars(one.score)} {one.score} of 5, {when}{words}{had}"
    if one.state == "asked":
        return f"• asked {when}, no answer yet{had}"
    did = "could not be asked" if one.state == "failed" else "not asked"
    return f"• {did}, {when}{f': {one.reason}' if one.reason else ''}"


def skip_button(person: Person) -> Button:
    """Don't ask for a rating."""
    return Button("Don't ask for a rating", "rating.skip", refs.ref_value(person.customer_id, person.team))


async def _skip(services: Services, call: Call, person: Person, reason: str) -> Answer:
    await services.ratings.skip(person.customer_id, person.team, call.agent, reason, call.source)
    return Answer(
        Text(f"{person.name} ({person.handle}) is not asked for a rating of this case."),
        quiet=call.face is Face.THREAD,
        replace=call.face is Face.BUTTON,
    )


async def skip(services: Services, call: Call) -> Result:
    """Don't ask for a rating."""
    return await _skip(services, call, await refs.pressed(services, call), "")


async def tomorrow(services: Services, call: Call) -> Result:
    """Follow up tomorrow: it comes back at nine, to whoever pressed."""
    person = await refs.pressed(services, call)
    at = moment("tomorrow 9:00", call)
    newest = next(
        (one for one in await services.ratings.of(person.customer_id, person.team) if one.score is not None),
        None,
    )
    about = f"they rated {newest.score} of 5" if newest is not None else "what they said about their case"
    made = await services.follow_ups.add(
        person.customer_id, person.team, call.agent, at.at, about, call.source
    )
    return Answer(Text(f"You will be reminded of {made.name} ({made.handle}) {at.said}: {about}."))


COMMANDS = (
    Command(
        "rating",
        "what a customer said of how they were served, or ask them not this time",
        rating,
        usage="C42 skip reason",
        in_thread="skip reason",
        examples=("/rating C42", "/rating C42 skip they were only testing", "!rating"),
        also="Don't ask for a rating, after resolve",
    ),
)
ACTIONS = (Action("rating.skip", skip), Action("rating.tomorrow", tomorrow))
