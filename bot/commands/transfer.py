"""``transfer``: the case goes to another team, with what they should know."""

from __future__ import annotations

from bot.commands import refs
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Call, Choice, Face, Field, Form, Result
from bot.errors import UserError
from bot.messages import TeamId, Text


async def transfer(services: Services, call: Call) -> Result:
    """``/transfer C42 press they ask for an interview``."""
    meant = await refs.first(services, call)
    word, _, words = call.args[meant.rest :].strip().partition(" ")
    to = await _team(services, word)
    return await _give(services, call, meant.person, to, words.strip())


async def _team(services: Services, word: str) -> TeamId:
    known = await services.desk.teams()
    low = word.casefold()
    for team, name in known:
        if low and low in (team.casefold(), name.casefold()):
            return team
    raise UserError(f"Say to which team: {', '.join(team for team, _ in known)}.")


async def _give(services: Services, call: Call, person: Person, to: TeamId, words: str) -> Answer:
    after = await services.desk.transfer(person.customer_id, person.team, call.agent, to, words, call.source)
    name = dict(await services.desk.teams()).get(to, to)
    return Answer(Text(f"{after.name}'s case is with {name} now."), quiet=call.face is Face.THREAD)


async def open_form(services: Services, call: Call) -> Result:
    """Transfer below More…."""
    person = await refs.pressed(services, call)
    choices = tuple(
        Choice(name[:75], team) for team, name in await services.desk.teams() if team != person.team
    )
    if not choices:
        raise UserError("There is no other team.")
    fields = (
        Field("to", "select", "To which team", choices[0].value, choices),
        Field("text", "lines", "What they should know", hint="Only the team sees it.", optional=True),
    )
    value = refs.ref_value(person.customer_id, person.team)
    return Form(f"Transfer {person.handle}", "transfer.submit", "Transfer", fields, value)


async def submit(services: Services, call: Call) -> Result:
    """Transfer was pressed in the form."""
    person = await refs.pressed(services, call)
    words = call.fields.get("text", "").strip()
    return await _give(services, call, person, TeamId(call.fields.get("to", "")), words)


COMMANDS = (
    Command(
        "transfer",
        "give a case to another team",
        transfer,
        usage="C42 team what they should know",
        in_thread="team what they should know",
        examples=(
            "/transfer C42 press They ask for an interview.",
            "!transfer press They ask for an interview.",
        ),
        also="⋯ More… Transfer on the card",
    ),
)
ACTIONS = (Action("case.transfer", open_form, opens=True), Action("transfer.submit", submit))
