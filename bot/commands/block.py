"""``block`` and ``unblock``: somebody whose messages the team does not want to see."""

from __future__ import annotations

from bot.commands import refs
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Result
from bot.errors import UserError
from bot.messages import Text


async def block(services: Services, call: Call) -> Result:
    """Blocks a customer: their messages are kept and not shown, nothing is sent to them."""
    person = await _person(services, call)
    if person.blocked:
        raise UserError(f"{person.name} is already blocked.")
    await services.block(person.customer_id, call.agent, True, call.source)
    value = refs.ref_value(person.customer_id, person.team)
    return Answer(
        Text(
            f"{person.name} is blocked: their messages are kept but not shown, and nothing is sent to them."
        ),
        buttons=(Button("Unblock", "case.unblock", value),),
    )


async def unblock(services: Services, call: Call) -> Result:
    """Lets a blocked customer through again."""
    person = await _person(services, call)
    if not person.blocked:
        raise UserError(f"{person.name} is not blocked.")
    await services.block(person.customer_id, call.agent, False, call.source)
    return Answer(Text(f"{person.name} is not blocked any more."), replace=call.face is Face.BUTTON)


async def _person(services: Services, call: Call) -> Person:
    if call.face is Face.BUTTON:
        return await refs.pressed(services, call)
    return await refs.whole(services, call)


COMMANDS = (
    Command(
        "block",
        "keep somebody's messages out of sight",
        block,
        usage="C42",
        examples=("/block C42", "!block"),
        also="⋯ More… Block on the card",
    ),
    Command(
        "unblock",
        "let a blocked customer through again",
        unblock,
        usage="C42",
        examples=("/unblock C42", "!unblock"),
        also="⋯ More… Unblock on the card",
    ),
)
ACTIONS = (Action("case.block", block), Action("case.unblock", unblock))
