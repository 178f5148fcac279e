"""``more``: what can be done with a customer and is too rare for the card itself, whose menu holds five entries."""

from __future__ import annotations

from bot.commands import refs
from bot.commands.nouns import Person
from bot.commands.registry import Action
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Result, Row
from bot.desk import Status
from bot.messages import Text

Offer = tuple[str, str, str]
"""What it does in words, the button's label, the action."""


def offers(person: Person) -> tuple[Offer, ...]:
    """What can be done with a customer as they are."""
    always: list[Offer] = [
        ("The last words with them, for whoever comes in", "Recap", "recap.open"),
        ("Go on with them by another channel", "Switch", "switch.open"),
        ("Join them with another customer who is the same person", "Merge", "merge.open"),
        ("Who did what with them", "Audit", "audit.open"),
    ]
    if person.status is not Status.RESOLVED:
        always.insert(0, ("Give the case to another team", "Transfer", "case.transfer"))
        always.insert(0, ("Priority and tags of the case", "Sort", "case.sort"))
    if person.status is Status.OPEN:
        always.insert(0, ("Wait for their answer: nobody has to reply now", "Pending", "case.pending"))
    if person.blocked:
        always.append(("Let their messages through again", "Unblock", "case.unblock"))
    else:
        always.append(("They only send spam: close, block and hide them", "Spam", "spam.on"))
        always.append(
            ("Keep their messages without showing them, and send them nothing", "Block", "case.block")
        )
    return tuple(always)


async def more(services: Services, call: Call) -> Result:
    """*More…* in the card's menu."""
    person = await refs.pressed(services, call)
    value = refs.ref_value(person.customer_id, person.team)
    rows = tuple(
        Row(Text(words), "", Button(label, action, value)) for words, label, action in offers(person)
    )
    return Answer(Text(f"What to do with {refs.described(person)}?"), rows)


ACTIONS = (Action("case.more", more),)
