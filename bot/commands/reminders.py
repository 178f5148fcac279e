"""What is pressed on a reminder: snooze it, be on it, take it."""

from __future__ import annotations

from bot.commands.registry import Action
from bot.commands.services import Services
from bot.commands.types import Answer, Call, Result
from bot.messages import Text

LATER = 15 * 60.0
"""Seconds."""


async def later(services: Services, call: Call) -> Result:
    """Snooze 15 min: the reminder comes back to whoever pressed it; the promise goes on."""
    return Answer(Text(await services.reminders.put_off(call.args, call.agent, LATER, call.source)))


async def on_it(services: Services, call: Call) -> Result:
    """I'm on it: nobody else is reminded for a while."""
    return Answer(Text(await services.reminders.acknowledge(call.args, call.agent, call.source)))


async def take(services: Services, call: Call) -> Result:
    """Take: theirs from now on, and they are on it."""
    return Answer(Text(await services.reminders.take(call.args, call.agent, call.source)))


ACTIONS = (Action("remind.later", later), Action("remind.ack", on_it), Action("remind.take", take))
