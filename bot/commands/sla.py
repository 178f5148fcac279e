"""``sla``: what is due next, what a customer is promised, why it is due then; leads pause clocks and let them go on."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from bot.commands import refs
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.sla_services import DueCase, DueList, Promised
from bot.commands.types import Answer, Button, Call, Face, Field, Form, Result, Role, Row
from bot.commands.words import ago, clock, zone_of
from bot.errors import UserError
from bot.messages import TeamId, Text

KIND_WORDS = {"first": "first response", "next": "next response", "resolution": "resolution"}
_PAUSE = "Say why: /sla pause C42 waits for the supplier."
_LEADS = (Role.LEAD, Role.ADMIN)


async def sla(services: Services, call: Call) -> Result:
    """``/sla``, ``/sla team``, ``/sla C42``, ``/sla why C42``, ``/sla pause C42 reason``, ``/sla resume C42``."""
    word, _, rest = call.args.strip().partition(" ")
    verb = word.casefold()
    if verb in ("mine", "team") and not rest.strip():
        return await _due(services, call, whole_team=verb == "team")
    if verb == "why":
        return await _why(services, call, await refs.whole(services, _after(call, word)))
    if verb == "pause":
        meant = await refs.first(services, _after(call, word))
        reason = _after(call, word).args[meant.rest :].strip().removeprefix("because ").strip()
        return await _pause(services, call, meant.person, reason)
    if verb == "resume":
        return await _resume(services, call, await refs.whole(services, _after(call, word)))
    if not word and await refs.thread_person(services, call) is None:
        return await _due(services, call, whole_team=call.agent.role in _LEADS)
    return await _state(services, call, await refs.whole(services, call))


def _after(call: Call, word: str) -> Call:
    """The call without its first word."""
    start = call.args.index(word) + len(word)
    return replace(call, args=call.args[start:].strip())


async def _teams(services: Services, call: Call) -> tuple[TeamId, ...]:
    if call.team is not None:
        return (call.team,)
    return await services.desk.teams_of(call.agent.id)


async def _due(services: Services, call: Call, *, whole_team: bool) -> Answer:
    teams = await _teams(services, call)
    found = await services.sla.due(None if whole_team else call.agent.id, teams)
    rows = tuple(_row(one, call.agent.zone) for one in found.cases)
    other = Button("Mine", "sla.mine") if whole_team else Button("The team's", "sla.team")
    head = Text(_head(found, whole_team=whole_team))
    return Answer(head, rows, (other,), replace=call.face is Face.BUTTON)


def _head(found: DueList, *, whole_team: bool) -> str:
    whose = "of the team" if whole_team else "of yours"
    if not found.total:
        return f"Nothing {whose} is due."
    late = f"{found.late} late, " if found.late else ""
    more = f" The first {len(found.cases)}:" if found.total > len(found.cases) else ""
    return f"Due next {whose}: {late}{found.total - found.late} to come.{more}"


def _row(one: DueCase, zone: str) -> Row:
    now = time.time()
    urgent = f", {one.priority}" if one.priority in ("high", "urgent") else ""
    owner = f"<@{one.person.owner}>" if one.person.owner else "nobody's yet"
    line = f"{refs.described(one.person)}{urgent} · {_due_words(one.kind, one.due_at, one.late, zone, now)}"
    value = refs.ref_value(one.person.customer_id, one.person.team)
    under = f"{owner} · {one.person.excerpt}" if one.person.excerpt else owner
    return Row(Text(("⏰ " if one.late else "") + line), under, Button("Why?", "sla.why", value))


def _due_words(kind: str, due_at: float, late: bool, zone: str, now: float) -> str:
    at = clock(due_at, zone, now) if due_at <= now else _coming(due_at, zone, now)
    if late:
        return f"{KIND_WORDS[kind]} was due {at}, {ago(now - due_at)} ago"
    return f"{KIND_WORDS[kind]} due {at}, in {ago(due_at - now)}"


def _coming(at: float, zone: str, now: float) -> str:
    """A time to come, with its day where that is not today."""
    where = zone_of(zone)
    then, today = datetime.fromtimestamp(at, where), datetime.fromtimestamp(now, where)
    if then.date() == today.date():
        return then.strftime("%H:%M")
    return then.strftime("%a %H:%M" if (then.date() - today.date()).days < 7 else "%a %d %b %H:%M")


async def _state(services: Services, call: Call, person: Person) -> Answer:
    found = await services.sla.promised(person.customer_id, person.team)
    value = refs.ref_value(person.customer_id, person.team)
    if not found:
        last = (Button("Why?", "sla.why", value),)
        return Answer(Text(f"{refs.described(person)}: no promise is open."), buttons=last)
    lines = [_promised(one, call.agent.zone) for one in found]
    buttons: tuple[Button, ...] = (Button("Why?", "sla.why", value),)
    if await refs.leads(services, call, person):
        held = any(one.paused == "paused by hand" for one in found)
        act = Button("Resume", "sla.resume", value) if held else Button("Pause", "sla.pause", value)
        buttons = (*buttons, act)
    return Answer(Text("\n".join([f"{refs.described(person)}:", *lines])), buttons=buttons)


def _promised(one: Promised, zone: str) -> str:
    now = time.time()
    if one.due_at is None:
        late = ", and late" if one.late else ""
        return f"• {KIND_WORDS[one.kind]}: stands still ({one.paused}){late}"
    return f"• {_due_words(one.kind, one.due_at, one.due_at < now, zone, now)} (policy “{one.policy}”)"


async def _why(services: Services, call: Call, person: Person) -> Answer:
    told = await services.sla.why(person.customer_id, person.team, call.agent.zone)
    if not told:
        return Answer(
            Text(
                f"{refs.described(person)}: nothing was promised in this case, because nobody had to answer."
            )
        )
    return Answer(Text("\n\n".join([f"{refs.described(person)}, times in {call.agent.zone}:", *told])))


async def _pause(services: Services, call: Call, person: Person, reason: str) -> Answer:
    await _lead(services, call, person)
    if not reason:
        raise UserError(_PAUSE)
    await services.sla.pause(person.customer_id, person.team, call.agent, reason, call.source)
    quiet = call.face is Face.THREAD
    return Answer(
        Text(f"The clocks of {refs.described(person)} stand still until /sla resume {person.handle}."),
        quiet=quiet,
    )


async def _resume(services: Services, call: Call, person: Person) -> Answer:
    await _lead(services, call, person)
    await services.sla.resume(person.customer_id, person.team, call.agent, call.source)
    quiet = call.face is Face.THREAD
    return Answer(
        Text(f"The clocks of {refs.described(person)} go on."), quiet=quiet, replace=call.face is Face.BUTTON
    )


async def _lead(services: Services, call: Call, person: Person) -> None:
    if not await refs.leads(services, call, person):
        raise UserError("Only a lead can pause clocks. Ask one of yours.")


async def why(services: Services, call: Call) -> Result:
    """Why? was pressed."""
    return await _why(services, call, await refs.pressed(services, call))


async def mine(services: Services, call: Call) -> Result:
    """Mine was pressed below the team's list."""
    return await _due(services, call, whole_team=False)


async def team(services: Services, call: Call) -> Result:
    """The team's was pressed below one's own list."""
    return await _due(services, call, whole_team=True)


async def open_pause(services: Services, call: Call) -> Result:
    """Pause was pressed: the form asks why."""
    person = await refs.pressed(services, call)
    field = Field("reason", "text", "Why", hint="It is kept in the ledger, and the thread is told.")
    value = refs.ref_value(person.customer_id, person.team)
    return Form(f"Pause {person.handle}'s clocks"[:24], "sla.pause.submit", "Pause", (field,), value)


async def submit_pause(services: Services, call: Call) -> Result:
    """Pause was pressed in the form."""
    person = await refs.pressed(services, call)
    return await _pause(services, call, person, call.fields.get("reason", "").strip())


async def resume(services: Services, call: Call) -> Result:
    """Resume was pressed."""
    return await _resume(services, call, await refs.pressed(services, call))


COMMANDS = (
    Command(
        "sla",
        "what is due next; what a customer is promised, and why",
        sla,
        usage="team · C42 · why C42 · pause C42 reason · resume C42",
        in_thread="why · pause reason · resume",
        examples=("/sla", "/sla why C42", "!sla why"),
    ),
)
ACTIONS = (
    Action("sla.why", why),
    Action("sla.mine", mine),
    Action("sla.team", team),
    Action("sla.pause", open_pause, role=Role.LEAD, opens=True),
    Action("sla.pause.submit", submit_pause, role=Role.LEAD),
    Action("sla.resume", resume, role=Role.LEAD),
)
