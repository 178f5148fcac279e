"""``audit`` and ``whoami``: who did what, and who the bot thinks I am."""

from __future__ import annotations

import time

from bot.commands import refs
from bot.commands.desk_services import Deed
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Result, Role, Row
from bot.commands.words import clock
from bot.messages import AgentId, CustomerId, Text

PAGE = 12


async def audit(services: Services, call: Call) -> Result:
    """``/audit C42``: who did what with a customer, newest first."""
    return await _page(services, call, await refs.whole(services, call), None)


async def older(services: Services, call: Call) -> Result:
    """The ones before, in their place."""
    before = refs.values(call.args).get("b")
    return await _page(
        services, call, await refs.pressed(services, call), float(str(before)) if before else None
    )


async def _page(services: Services, call: Call, person: Person, before: float | None) -> Answer:
    found = await services.desk.deeds(CustomerId(person.customer_id), None, before, PAGE + 1)
    shown = found[:PAGE]
    replace = call.face is Face.BUTTON
    if not shown:
        return Answer(Text(f"Nothing was done with {person.name} yet."), replace=replace)
    rows = tuple([await _row(services, call, deed) for deed in shown])
    buttons: tuple[Button, ...] = ()
    if len(found) > PAGE:
        value = refs.ref_value(person.customer_id, person.team, b=repr(shown[-1].at))
        buttons = (Button("Older", "audit.older", value),)
    return Answer(
        Text(f"Who did what with {refs.described(person)}, newest first"), rows, buttons, replace=replace
    )


async def _row(services: Services, call: Call, deed: Deed) -> Row:
    who = deed.agent if deed.agent == "bot" else await services.agent_name(AgentId(deed.agent))
    line = deed.detail if deed.detail.startswith(who) else f"{who}: {deed.action}"
    under = [clock(deed.at, call.agent.zone, time.time())]
    if deed.detail and line != deed.detail:
        under.append(deed.detail)
    return Row(Text(line), " · ".join(under))


async def whoami(services: Services, call: Call) -> Result:
    """Who the bot thinks the caller is, and what they may do."""
    agent = call.agent
    teams = [str(one) for one in await services.desk.teams_of(agent.id)]
    may = {
        Role.AGENT: "answer customers and work on their cases",
        Role.LEAD: "do what agents do, and see the figures of the team",
        Role.ADMIN: "do everything, erasing a customer included",
    }.get(agent.role, "do nothing here")
    lines = [
        f"Customers see you as {agent.name}" + (" with your Slack picture." if agent.image else "."),
        f"Role: {agent.role.value}. You may {may}.",
        f"Teams: {', '.join(teams)}." if teams else "You are in no team.",
        f"Times are read and shown in {agent.zone}, the time zone of your Slack profile.",
    ]
    return Answer(Text("\n".join(lines)))


COMMANDS = (
    Command(
        "audit",
        "who did what with a customer",
        audit,
        usage="C42",
        examples=("/audit C42", "!audit"),
        also="⋯ More… Audit on the card",
    ),
    Command(
        "whoami",
        "who you are here, and what you may do",
        whoami,
        examples=("/whoami", "!whoami"),
    ),
)
ACTIONS = (Action("audit.open", older), Action("audit.older", older))
