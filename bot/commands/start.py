"""``start``: a conversation that an agent begins, with somebody who has not written to us."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.desk_services import Begin, Opening
from bot.commands.nouns import Confirm
from bot.commands.pending import Pending
from bot.commands.registry import Action, Command
from bot.commands.reply import sent_answer
from bot.commands.services import Services
from bot.commands.types import (
    Answer,
    Button,
    Call,
    Choice,
    Face,
    Field,
    Form,
    Problems,
    Result,
)
from bot.errors import UserError
from bot.messages import InboxId, TeamId, Text

_waiting: Pending[Begin] = Pending()


async def start(services: Services, call: Call) -> Result:
    """``/start ann@new.example Hello Ann`` asks once and sends; without words it opens the form."""
    team, openings = await _openings(services, call)
    address, _, words = call.args.strip().partition(" ")
    if not words.strip() and not call.files:
        return _form(team, openings, address)
    at = call.args.find(address) + len(address)
    text = call.text.cut(at).strip() if call.text.plain == call.args else Text(words.strip())
    given = Begin(
        team, call.agent, openings[0].inbox, address, text, call.source, files=call.files, order=call.order
    )
    return await _begin(services, call, given)


def opens_form(call: Call) -> bool:
    """A slash command with no words after the address opens the form."""
    return call.face is Face.SLASH and not call.files and len(call.args.split()) <= 1


async def _openings(services: Services, call: Call) -> tuple[TeamId, tuple[Opening, ...]]:
    teams = [call.team] if call.team is not None else list(await services.desk.teams_of(call.agent.id))
    for team in teams:
        found = await services.desk.openings(team)
        if found:
            return team, found
    raise UserError("No inbox of your team can write first. E-mail can: add one to app.yaml.")


async def open_form(services: Services, call: Call) -> Result:
    """The entry of Slack's own menu."""
    team, openings = await _openings(services, call)
    return _form(team, openings, "")


def _form(team: TeamId, openings: tuple[Opening, ...], address: str) -> Form:
    choices = tuple(Choice(one.label[:75], one.inbox) for one in openings[:100])
    fields = [
        Field("address", "text", "To", address, hint="An address in full, e.g. ann@mail.example."),
        Field("name", "text", "Their name", optional=True),
        Field("inbox", "select", "Send by", choices[0].value, choices),
    ]
    if any(one.has_subject for one in openings):
        fields.append(Field("subject", "text", "Subject", optional=True))
    fields.append(Field("text", "lines", "Message"))
    fields.append(Field("files", "files", "Files", optional=True))
    return Form("Write to somebody", "start.submit", "Next", tuple(fields), team)


async def submit(services: Services, call: Call) -> Result:
    """Next was pressed in the form: whom it goes to is asked before it does."""
    fields = call.fields
    given = Begin(
        TeamId(call.args),
        call.agent,
        InboxId(fields.get("inbox", "")),
        fields.get("address", "").strip(),
        call.text.strip(),
        call.source,
        fields.get("name", "").strip(),
        fields.get("subject", "").strip(),
        call.files,
        call.order,
    )
    if not await services.may_be_owner(call.agent.id, given.team):
        raise UserError(f"You are not in the team {given.team}.")
    try:
        return await _begin(services, call, given)
    except UserError as error:
        return Problems({"address": str(error)})


async def _begin(services: Services, call: Call, given: Begin) -> Result:
    outcome = await services.desk.begin(given)
    if not isinstance(outcome, Confirm):
        return sent_answer(outcome, replace=call.face is Face.BUTTON)
    token = _waiting.keep(given)
    if call.face is Face.FORM:
        info = Field("question", "info", "", outcome.question)
        return Form("Before it goes out", "start.confirm", outcome.yes, (info,), context=token)
    buttons = (Button(outcome.yes, "start.confirm", token, "primary"), Button("Do not send", "answer.close"))
    return Answer(Text(outcome.question), buttons=buttons)


async def confirm(services: Services, call: Call) -> Result:
    """The agent has seen whom it goes to, and said yes."""
    given = _waiting.get(call.args)
    if given.agent.id != call.agent.id:
        raise UserError("Only the person who wrote this can send it.")
    return await _begin(services, call, replace(given, confirmed=True))


COMMANDS = (
    Command(
        "start",
        "write to somebody who has not written to us",
        start,
        usage="ann@mail.example text",
        faces=frozenset({Face.SLASH}),
        opens=opens_form,
        examples=("/start", "/start ann@mail.example Your order is back."),
        also="⚡ Write to somebody new",
    ),
)
ACTIONS = (
    Action("start.open", open_form, opens=True),
    Action("start.submit", submit),
    Action("start.confirm", confirm),
)
