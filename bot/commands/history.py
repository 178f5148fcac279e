"""``history``: what was said with a customer, over all channels, ten at a time; and the parts that a post folds away."""

from __future__ import annotations

import time

from bot.commands import refs
from bot.commands.registry import Action, Command
from bot.commands.services import HistoryItem, Person, Services
from bot.commands.types import Answer, Button, Call, Result, Row
from bot.commands.words import STATE_WORDS, clock, size
from bot.errors import UserError
from bot.messages import CustomerId, MessageId, Text

PAGE = 10
EXCERPT = 400
WHOLE = 9000
_SIGN = {"inbound": "←", "outbound": "→", "note": "✎", "system": "·"}


async def history(services: Services, call: Call) -> Result:
    """The newest ten."""
    return await _page(services, call, await refs.whole(services, call), None)


async def older(services: Services, call: Call) -> Result:
    """The ten before those, in their place."""
    raw = refs.values(call.args)
    person = await refs.pressed(services, call)
    before = raw.get("b")
    return await _page(services, call, person, MessageId(int(str(before))) if before is not None else None)


async def _page(services: Services, call: Call, person: Person, before: MessageId | None) -> Answer:
    items = await services.history(CustomerId(person.customer_id), before, PAGE + 1)
    if not items:
        said = "That is all." if before else f"Nothing was said with {person.name} yet."
        return Answer(Text(said), replace=before is not None)
    shown = items[:PAGE]
    rows = tuple(_row(item, call, time.time()) for item in shown)
    value = refs.ref_value(person.customer_id, person.team, b=shown[-1].message_id)
    buttons = (Button("Older", "history.older", value),) if len(items) > PAGE else ()
    title = f"{refs.described(person)}, newest first"
    return Answer(Text(title), rows, buttons, replace=before is not None)


def _row(item: HistoryItem, call: Call, now: float) -> Row:
    text = item.text if len(item.text) <= EXCERPT else item.text.cut(0, EXCERPT) + Text("…")
    if not text:
        text = Text("(no words)")
    facts = [
        f"{_SIGN.get(item.direction, '·')} {item.author}",
        item.via,
        clock(item.at, call.agent.zone, now),
    ]
    if item.direction == "note":
        facts[1] = "note, only the team sees it"
    if item.subject:
        facts.append(item.subject)
    if item.state is not None:
        facts.append(STATE_WORDS[item.state])
    facts += [f"{file.name} ({size(file.size)})" for file in item.attachments]
    return Row(text, " · ".join(fact for fact in facts if fact))


async def show_tail(services: Services, call: Call) -> Result:
    """*Show quoted text*."""
    item = await services.message(_message(call))
    if item.tail is None or not item.tail.plain:
        raise UserError("There is no quoted text in this message.")
    return Answer(Text("Quoted below their words:\n") + _fitting(item.tail))


async def show_whole(services: Services, call: Call) -> Result:
    """*Show all*: the words of a message that was too long for one post."""
    item = await services.message(_message(call))
    return Answer(_fitting(item.text))


def _fitting(text: Text) -> Text:
    if len(text) <= WHOLE:
        return text
    return text.cut(0, WHOLE) + Text(
        f"\n… and {len(text) - WHOLE} more characters, in the file below the message."
    )


def _message(call: Call) -> MessageId:
    try:
        return MessageId(int(call.args))
    except ValueError:
        raise UserError("This button is too old to be understood. Use /history instead.") from None


COMMANDS = (Command("history", "what was said, over all channels", history, usage="C42"),)
ACTIONS = (
    Action("history.open", older),
    Action("history.older", older),
    Action("tail.show", show_tail),
    Action("whole.show", show_whole),
)
