"""``history``: what was said with a customer, over all channels, ten at a time; and the parts that a post folds away."""

from __future__ import annotations

import time

from bot.commands import narrowing, refs
from bot.commands.finding_services import HistoryPage, Narrowed, Overview
from bot.commands.nouns import HistoryItem, Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Agent, Answer, Button, Call, Form, Problems, Result, Row
from bot.commands.words import STATE_WORDS, clock, size
from bot.errors import UserError
from bot.messages import CustomerId, MessageId, Text

PAGE = 10
EXCERPT = 400
WHOLE = 9000
COUNTED = 10_000
_SIGN = {"inbound": "←", "outbound": "→", "note": "✎", "system": "·"}
_SIDES = {"b": "before", "a": "after", "m": "around"}
"""Where a page is, as its button's value says it."""


async def history(services: Services, call: Call) -> Result:
    """``/history C42``, and ``/history C42 telegram last week @kim files``."""
    person, words = await _meant(services, call)
    read = await narrowing.read_all(services, call, words)
    if read.rest:
        raise UserError(f"“{read.rest[0]}” is not understood here. After the customer: {narrowing.HOW}.")
    return await _page(services, call, person, read.narrowed)


async def _meant(services: Services, call: Call) -> tuple[Person, list[str]]:
    """The customer, and the words that follow. A name may have several words: what narrows is no part of it."""
    tokens = narrowing.tokens(call.args)
    if tokens and (refs.is_reference(tokens[0]) or tokens[0][0] in '"“„'):
        return await refs.exactly(services, call, tokens[0].strip('"“”„'), of_any_team=True), tokens[1:]
    read = await narrowing.read_all(services, call, tokens)
    person = await refs.thread_person(services, call)
    if read.rest:
        name = " ".join(read.rest)
        if person is not None:
            raise UserError(f"“{read.rest[0]}” is not understood here. In a thread: {narrowing.HOW}.")
        return await refs.exactly(services, call, name, of_any_team=True), [
            token for token in tokens if token not in read.rest
        ]
    if person is None:
        raise UserError("Say which customer: a handle such as C42, an address, or a name.")
    return person, tokens


async def turn(services: Services, call: Call) -> Result:
    """Another page, in the place of the one before; or the one around a message that was found."""
    raw = refs.values(call.args) if call.args else {}
    person = await refs.pressed(services, call, of_any_team=True)
    sides = {name: MessageId(_number(raw[key])) for key, name in _SIDES.items() if key in raw}
    turned = "b" in raw or "a" in raw or bool(raw.get("r"))
    return await _page(services, call, person, narrowing.unpack(raw.get("f")), replace=turned, **sides)


def _number(raw: object) -> int:
    try:
        return int(str(raw))
    except ValueError:
        raise UserError("This button is too old to be understood. Use /history instead.") from None


async def _page(
    services: Services,
    call: Call,
    person: Person,
    narrowed: Narrowed,
    *,
    replace: bool = False,
    **sides: MessageId,
) -> Answer:
    customer = CustomerId(person.customer_id)
    page = await services.finding.page(call.agent, customer, narrowed, limit=PAGE, **sides)
    said = await narrowing.said(services, call, narrowed)
    title = heading(page.overview, call.agent, time.time())
    if said:
        title += f"\nOnly {said}"
    if not page.items:
        return _nothing(page, person, narrowed, title, said, replace=replace)
    rows = tuple(row(item, call, time.time()) for item in page.items)
    return Answer(Text(f"{title}, newest first"), rows, _buttons(page, person, narrowed), replace=replace)


def heading(overview: Overview, agent: Agent, now: float) -> str:
    """``C42 Dana Petrov · open since Mon 09:14 · email, telegram · 57 messages``."""
    facts = [f"{overview.handle} {overview.name}"]
    if overview.open_since is not None:
        facts.append(f"open since {clock(overview.open_since, agent.zone, now)}")
    if overview.channels:
        facts.append(", ".join(overview.channels))
    count = overview.messages
    if count:
        counted = f"more than {COUNTED:,}" if count > COUNTED else f"{count:,}"
        facts.append(f"{counted} message{'s' if count != 1 else ''}")
    return " · ".join(facts)


def nothing_yet(overview: Overview) -> str:
    """That there is no message, or none for this team."""
    return f"Nothing was said with {overview.name} yet{'' if overview.whole else ' that your team may read'}."


def _nothing(
    page: HistoryPage, person: Person, narrowed: Narrowed, title: str, said: str, *, replace: bool
) -> Answer:
    if not narrowed:
        return Answer(Text(nothing_yet(page.overview)), replace=replace)
    total = page.overview.messages
    words = f"{title}\nNothing like that, of {total:,} message{'s' if total != 1 else ''}."
    everything = Button("Everything", "history.older", _value(person, Narrowed(), r=1))
    return Answer(Text(words), (), (everything, _filter_button(person, narrowed)), replace=replace)


def _value(person: Person, narrowed: Narrowed, **more: object) -> str:
    return narrowing.value(c=person.customer_id, t=person.team, f=narrowing.pack(narrowed), **more)


def _filter_button(person: Person, narrowed: Narrowed) -> Button:
    return Button("Filter", "history.filter", _value(person, narrowed))


def _buttons(page: HistoryPage, person: Person, narrowed: Narrowed) -> tuple[Button, ...]:
    made = []
    if page.older:
        made.append(Button("Older", "history.older", _value(person, narrowed, b=page.items[-1].message_id)))
    if page.newer:
        made.append(Button("Newer", "history.newer", _value(person, narrowed, a=page.items[0].message_id)))
    made.append(_filter_button(person, narrowed))
    if narrowed:
        made.append(Button("Everything", "history.older", _value(person, Narrowed(), r=1)))
    return tuple(made)


async def open_filter(services: Services, call: Call) -> Result:
    """*Filter*: the form."""
    raw = refs.values(call.args)
    person = await refs.pressed(services, call, of_any_team=True)
    fields = await narrowing.fields(services, call, narrowing.unpack(raw.get("f")))
    return Form(f"History of {person.handle}", "history.filtered", "Show", fields, _value(person, Narrowed()))


async def filtered(services: Services, call: Call) -> Result:
    """*Show* in the form."""
    person = await refs.pressed(services, call, of_any_team=True)
    try:
        narrowed = narrowing.filled(call)
    except narrowing.Wrong as wrong:
        return Problems({wrong.field: str(wrong)})
    return await _page(services, call, person, narrowed)


def row(item: HistoryItem, call: Call, now: float, *, whose: str = "", shown: Text | None = None) -> Row:
    """A message in a list. ``whose``: the customer, where the list is not of one; ``shown`` in place of its words."""
    text = item.text if len(item.text) <= EXCERPT else item.text.cut(0, EXCERPT) + Text("…")
    if shown is not None:
        text = shown
    if not text:
        text = Text("(no words)")
    facts = [
        whose,
        _who(item),
        item.via,
        clock(item.at, call.agent.zone, now),
    ]
    if item.direction == "note":
        facts[2] = "note, only the team sees it"
    if item.subject:
        facts.append(item.subject)
    if item.state is not None:
        facts.append(STATE_WORDS[item.state])
    facts += [f"{file.name} ({size(file.size)})" for file in item.attachments]
    return Row(text, " · ".join(fact for fact in facts if fact))


def _who(item: HistoryItem) -> str:
    """``→ Kim``; ``⚙ automatic answer, as Support``: the name that it went out with wrote nothing."""
    if item.automatic is None:
        return f"{_SIGN.get(item.direction, '·')} {item.author}"
    if item.direction == "outbound":
        return f"⚙ {item.automatic}, as {item.author}"
    return f"{_SIGN.get(item.direction, '·')} {item.author}, {item.automatic}"


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


COMMANDS = (
    Command(
        "history",
        "what was said, over all channels",
        history,
        usage="C42 [telegram] [last week] [@kim] [files]",
        in_thread="[telegram] [last week] [@kim] [files]",
        examples=("/history C42", "/history Dana Petrov last week files", "!history telegram"),
        also="⋯ History on the card",
    ),
)
ACTIONS = (
    Action("history.open", turn),
    Action("history.older", turn),
    Action("history.newer", turn),
    Action("history.around", turn),
    Action("history.filter", open_filter, opens=True),
    Action("history.filtered", filtered),
    Action("tail.show", show_tail),
    Action("whole.show", show_whole),
)
