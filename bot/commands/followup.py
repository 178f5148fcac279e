"""``followup`` and ``followups``: what an agent wants to come back to, and when."""

from __future__ import annotations

import time

from bot.calendar.when import said
from bot.commands import refs
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.snooze import moment
from bot.commands.timing_services import FollowUp
from bot.commands.types import Answer, Button, Call, Face, Result, Row
from bot.errors import UserError
from bot.messages import Text


async def follow_up(services: Services, call: Call) -> Result:
    """``/followup C42 tomorrow 10 send the invoice``."""
    meant = await refs.first(services, call)
    words = call.text.plain[meant.rest :].strip()
    at = moment(words, call)
    person = meant.person
    made = await services.follow_ups.add(
        person.customer_id, person.team, call.agent, at.at, at.rest, call.source
    )
    about = f": {made.words}" if made.words else ""
    return Answer(
        Text(f"You will be reminded of {made.name} ({made.handle}) {at.said}{about}."),
        buttons=(Button("Cancel", "followup.cancel", str(made.id)),),
    )


async def mine(services: Services, call: Call) -> Result:
    """``/followups``: what I wanted to come back to."""
    found = await services.follow_ups.mine(call.agent.id)
    if not found:
        return Answer(Text("You have no follow-ups. Make one with /followup C42 tomorrow 10 and some words."))
    now = time.time()
    rows = tuple(_row(one, call.agent.zone, now) for one in found[:20])
    more = f" (the next {len(rows)} of {len(found)})" if len(found) > len(rows) else ""
    return Answer(Text(f"Your follow-ups{more}:"), rows)


def _row(one: FollowUp, zone: str, now: float) -> Row:
    text = f"{one.name} ({one.handle}): {one.words or 'look at it again'}"
    when = said(one.at, now, zone)
    if one.told:
        return Row(Text(text), f"was due {when}", Button("Done", "followup.done", str(one.id)))
    return Row(Text(text), when, Button("Cancel", "followup.cancel", str(one.id)))


async def cancel(services: Services, call: Call) -> Result:
    """Cancel."""
    one = await services.follow_ups.cancel(_number(call), call.agent, call.source)
    return Answer(Text(f"Cancelled: you will not be reminded of {one.name}."), replace=True)


async def done(services: Services, call: Call) -> Result:
    """Done."""
    one = await services.follow_ups.done(_number(call), call.agent, call.source)
    return Answer(Text(f"Done: {one.words or one.name}."), quiet=True, replace=True)


async def tomorrow(services: Services, call: Call) -> Result:
    """Tomorrow: it comes back at nine."""
    at = moment("tomorrow 9:00", call)
    one = await services.follow_ups.later(_number(call), call.agent, at.at, call.source)
    return Answer(Text(f"{one.name} comes back {at.said}."), quiet=True)


def _number(call: Call) -> int:
    try:
        return int(call.args)
    except ValueError:
        raise UserError("This button is too old to be understood. Use /followups instead.") from None


COMMANDS = (
    Command(
        "followup",
        "come back to a customer at a time",
        follow_up,
        usage="C42 tomorrow 10 send the invoice",
        in_thread="tomorrow 10 send the invoice",
        examples=("/followup C42 tomorrow 10 send the invoice", "!followup Monday 9 ask again"),
    ),
    Command(
        "followups",
        "what you wanted to come back to",
        mine,
        faces=frozenset({Face.SLASH, Face.THREAD}),
        examples=("/followups", "!followups"),
    ),
)
ACTIONS = (
    Action("followup.cancel", cancel),
    Action("followup.done", done),
    Action("followup.tomorrow", tomorrow),
)
