"""``recap``: where somebody comes in who has not talked with this customer before."""

from __future__ import annotations

import time

from bot.commands import refs
from bot.commands.finding_services import Recap
from bot.commands.history import heading, nothing_yet, row
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Result, Row
from bot.commands.words import clock
from bot.messages import CustomerId, Text


async def recap(services: Services, call: Call) -> Result:
    """``/recap C42``; Recap in the card's menu."""
    return await told(services, call, await refs.pressed(services, call))


async def typed(services: Services, call: Call) -> Result:
    """``/recap C42``."""
    return await told(services, call, await refs.whole(services, call))


async def told(services: Services, call: Call, person: Person) -> Answer:
    """Open since when, by which channels, and the last exchanges, oldest first."""
    found = await services.finding.recap(call.agent, CustomerId(person.customer_id))
    now = time.time()
    title = heading(found.overview, call.agent, now)
    if not found.items:
        return Answer(Text(nothing_yet(found.overview)))
    said = f"\n{_rated(found, call, now)}" if found.rating is not None else ""
    words = f"{title}{said}\nThe last words, oldest first:"
    return Answer(Text(words), _rows(found, call, now), (_all(person),))


def _rated(found: Recap, call: Call, now: float) -> str:
    """``They rated us 4 of 5, Mon 09:14: “Quick.”``."""
    when = f", {clock(found.rated_at, call.agent.zone, now)}" if found.rated_at is not None else ""
    words = " ".join((found.comment or "").split())
    cut = words if len(words) <= 160 else words[:159] + "…"
    return f"They rated us {found.rating} of 5{when}" + (f": “{cut}”" if cut else ".")


async def for_a_newcomer(services: Services, call: Call, person: Person) -> Answer | None:
    """The recap for somebody who has never written to a customer whom others have; None for whoever knows them."""
    if not await services.finding.is_new(call.agent, CustomerId(person.customer_id)):
        return None
    return await told(services, call, person)


def _rows(found: Recap, call: Call, now: float) -> tuple[Row, ...]:
    return tuple(row(item, call, now) for item in found.items)


def _all(person: Person) -> Button:
    return Button("History", "history.open", refs.ref_value(person.customer_id, person.team))


COMMANDS = (
    Command(
        "recap",
        "the last words with a customer, for whoever comes in",
        typed,
        usage="C42",
        examples=("/recap C42", "!recap"),
        also="⋯ More… Recap on the card",
    ),
)
ACTIONS = (Action("recap.open", recap),)
