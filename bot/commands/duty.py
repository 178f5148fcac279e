"""``duty``: who is there to be given customers."""

from __future__ import annotations

import time

from bot.commands.desk_services import Duty
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Result
from bot.commands.words import clock
from bot.errors import UserError
from bot.messages import Text

_ON = frozenset({"on", "start", "yes"})
_OFF = frozenset({"off", "stop", "end", "no"})


async def duty(services: Services, call: Call) -> Result:
    """``/duty on``, ``/duty off``; without a word it tells who is on duty."""
    word = call.args.strip().casefold()
    if word and word not in _ON | _OFF:
        raise UserError("Say on or off: /duty on, /duty off. Without a word it tells who is there.")
    on = word in _ON if word else None
    state = await services.desk.duty(call.agent, on, call.source)
    names = [await services.agent_name(one) for one in state.others]
    lines = [_mine(state, call, asked=on is None)]
    lines.append(f"Also on duty: {', '.join(names)}." if names else "Nobody else is on duty.")
    label, value = ("Go off duty", "off") if state.on else ("Go on duty", "on")
    replace = call.face is Face.BUTTON
    return Answer(Text("\n".join(lines)), buttons=(Button(label, "duty.set", value),), replace=replace)


def _mine(state: Duty, call: Call, *, asked: bool) -> str:
    if state.on:
        since = f" since {clock(state.since, call.agent.zone, time.time())}" if asked and state.since else ""
        return f"You are on duty{since}: new customers may be given to you."
    if state.given_back:
        cases = "1 case in which a customer waits" if state.given_back == 1 else f"{state.given_back} cases"
        return f"You are off duty. {cases} went back to the team; what waits for customers stays with you."
    return "You are off duty: nobody is given to you."


COMMANDS = (
    Command(
        "duty",
        "go on or off duty, or see who is there",
        duty,
        usage="on",
        in_thread="on",
        examples=("/duty", "/duty off", "!duty on"),
    ),
)
ACTIONS = (Action("duty.set", duty),)
