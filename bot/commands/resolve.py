"""``resolve`` and ``reopen``: the end of a case, and the end of the end."""

from __future__ import annotations

import time

from bot.calendar.when import said
from bot.commands import rating, refs
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Result
from bot.desk import Status
from bot.errors import UserError
from bot.messages import Text


async def resolve(services: Services, call: Call) -> Result:
    """Closes a customer's case. Their next message opens a new one."""
    person = (
        await refs.pressed(services, call) if call.face is Face.BUTTON else await refs.whole(services, call)
    )
    if person.status is Status.RESOLVED:
        raise UserError(f"{person.name}'s case is already resolved.")
    after = await services.resolve(person.customer_id, person.team, call.agent, call.source)
    value = refs.ref_value(person.customer_id, person.team)
    asked_at = await services.ratings.waiting(person.customer_id, person.team)
    buttons: tuple[Button, ...] = (Button("Reopen", "case.reopen", value),)
    words = f"{after.name}'s case is resolved. Their next message opens a new one."
    if asked_at is not None:
        words += f" They are asked for a rating {_soon(asked_at, call.agent.zone)}."
        buttons += (rating.skip_button(person),)
    quiet = asked_at is None and call.face in (Face.BUTTON, Face.THREAD)
    return Answer(Text(words), buttons=buttons, quiet=quiet)


def _soon(at: float, zone: str) -> str:
    now = time.time()
    minutes = round((at - now) / 60)
    return said(at, now, zone) if minutes > 60 else f"in {minutes} min" if minutes > 0 else "now"


async def reopen(services: Services, call: Call) -> Result:
    """Opens a resolved case again."""
    person = (
        await refs.pressed(services, call) if call.face is Face.BUTTON else await refs.whole(services, call)
    )
    if person.status is not Status.RESOLVED:
        raise UserError(f"{person.name}'s case is not resolved, so there is nothing to reopen.")
    after = await services.reopen(person.customer_id, person.team, call.agent, call.source)
    line = Text(f"{after.name}'s case is open again.")
    return Answer(line, quiet=call.face in (Face.BUTTON, Face.THREAD), replace=call.face is Face.BUTTON)


COMMANDS = (
    Command(
        "resolve",
        "close the case",
        resolve,
        usage="C42",
        examples=("/resolve C42", "!resolve"),
        also="Resolve on the card",
    ),
    Command(
        "reopen",
        "open a resolved case again",
        reopen,
        usage="C42",
        examples=("/reopen C42", "!reopen"),
        also="Reopen on the card",
    ),
)
ACTIONS = (Action("case.resolve", resolve), Action("case.reopen", reopen))
