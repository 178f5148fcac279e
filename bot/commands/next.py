"""``next``: whom I should answer now, and why."""

from __future__ import annotations

import time

from bot.commands import refs
from bot.commands.desk_services import NextUp
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Result, Row
from bot.commands.words import ago, clock
from bot.messages import Text

KINDS = {"first": "first reply", "next": "reply", "resolution": "resolution"}
"""What a promise is called in words."""


async def next_up(services: Services, call: Call) -> Result:
    """The customer to answer now, with the ways to do it."""
    return await _give(services, call, 0)


async def skip(services: Services, call: Call) -> Result:
    """The one after that, in its place."""
    return await _give(services, call, int(call.args) if call.args.isdigit() else 0)


async def _give(services: Services, call: Call, skipped: int) -> Answer:
    found = await services.desk.next_up(call.agent, call.team, skipped)
    pressed = call.face is Face.BUTTON
    if found is None:
        said = "Nobody else waits for you." if skipped else "Nobody waits for you. Well done."
        return Answer(Text(said), replace=pressed)
    person = found.person
    value = refs.ref_value(person.customer_id, person.team)
    buttons = [Button("Reply", "reply.open", value, "primary")]
    if not found.own:
        buttons.append(Button("Take it", "case.take", value))
    buttons += [Button("History", "history.open", value)]
    if found.behind:
        buttons.append(Button("Skip", "next.skip", str(skipped + 1)))
    excerpt = f"“{person.excerpt}”" if person.excerpt else "(no words)"
    row = Row(Text(excerpt), why(found, call.agent.zone, time.time()))
    return Answer(Text(refs.described(person)), (row,), tuple(buttons), replace=pressed)


def why(found: NextUp, zone: str, now: float) -> str:
    """Why they come first, in words."""
    facts = ["yours" if found.own else "nobody has it"]
    if found.priority in ("urgent", "high"):
        facts.append(found.priority)
    if found.due_at is not None:
        what = KINDS.get(found.due_kind or "", "answer")
        if found.due_at <= now:
            facts.append(f"{what} was due {clock(found.due_at, zone, now)}, {ago(now - found.due_at)} ago")
        else:
            facts.append(f"{what} due {clock(found.due_at, zone, now)}, in {ago(found.due_at - now)}")
    if found.person.waiting_since is not None:
        facts.append(f"waits {ago(now - found.person.waiting_since)}")
    if found.behind:
        facts.append(f"{found.behind} more after this")
    return " · ".join(facts)


COMMANDS = (
    Command(
        "next",
        "whom to answer now, and why",
        next_up,
        examples=("/next", "!next"),
    ),
)
ACTIONS = (Action("next.skip", skip),)
