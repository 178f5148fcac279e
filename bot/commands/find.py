"""``find``: words in everything that was said, by everybody, on all channels; in a customer's thread, in theirs."""

from __future__ import annotations

import time

from bot.commands import narrowing, refs
from bot.commands.finding_services import Found, Hit, Narrowed
from bot.commands.history import row
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Field, Form, Problems, Result, Row
from bot.errors import UserError
from bot.messages import CustomerId, MessageId, TeamId, Text

PAGE = 8
MAX_WORDS = 200
"""Characters that are looked for: they travel in the buttons below what was found."""
HOW = "All words must be there. “several words” together, ware* for a beginning, -late for what must not be there."
ASK = "Say what to look for: words, or an address, an order number, a file's name."


async def find(services: Services, call: Call) -> Result:
    """``/find words``, ``/find C42 words``, ``/find words telegram last week @kim files``."""
    tokens = narrowing.tokens(call.args)
    if not tokens:
        if call.face is Face.SLASH:
            return await _form(services, call, "", Narrowed(), None)
        raise UserError(ASK)
    person, tokens = await _within(services, call, tokens)
    read = await narrowing.read_end(services, call, tokens)
    return await _search(services, call, " ".join(read.rest), read.narrowed, person)


def opens_form(call: Call) -> bool:
    """``/find`` alone asks what for."""
    return call.face is Face.SLASH and not call.args.strip()


async def _within(services: Services, call: Call, tokens: list[str]) -> tuple[Person | None, list[str]]:
    """In whose history: of the handle that comes first, else of the customer whose thread it is, else of all."""
    if len(tokens) > 1 and refs.is_handle(tokens[0]):
        return await refs.exactly(services, call, tokens[0], of_any_team=True), tokens[1:]
    return await refs.thread_person(services, call), tokens


async def _search(
    services: Services,
    call: Call,
    words: str,
    narrowed: Narrowed,
    person: Person | None,
    before: MessageId | None = None,
    *,
    replace: bool = False,
) -> Answer:
    if len(words) > MAX_WORDS:
        raise UserError(f"That is too much to look for: at most {MAX_WORDS} characters.")
    customer = CustomerId(person.customer_id) if person is not None else None
    found = await services.finding.find(
        call.agent, words, narrowed, customer_id=customer, before=before, limit=PAGE
    )
    if not found.understood:
        raise UserError(f"There is no word to look for in “{words}”. {HOW}")
    said = await narrowing.said(services, call, narrowed)
    where = f"in what was said with {refs.described(person)}" if person is not None else "everywhere"
    title = " · ".join(part for part in (f"“{words}” {where}", said) if part)
    buttons = _buttons(found, words, narrowed, person)
    if not found.hits:
        ended = (
            "That is all."
            if before is not None
            else f"Nothing was found for {title}.\n{_wider(found, said, person)}"
        )
        return Answer(Text(ended), (), buttons, replace=replace)
    now = time.time()
    rows = tuple(_row(hit, call, now, narrowed) for hit in found.hits)
    return Answer(Text(f"{title}, newest first"), rows, buttons, replace=replace)


def _wider(found: Found, said: str, person: Person | None) -> str:
    """How to find more."""
    ways = []
    if said:
        ways.append("leave out what narrows it (words in quotes are only looked for)")
    if person is not None:
        ways.append("look everywhere")
    ways.append("try fewer words, or the beginning of one with * behind it")
    return f"To find more: {', or '.join(ways)}."


def _row(hit: Hit, call: Call, now: float, narrowed: Narrowed) -> Row:
    made = row(hit.item, call, now, whose=f"{hit.handle} {hit.name}", shown=hit.shown)
    value = narrowing.value(c=hit.customer_id, t=hit.team, m=hit.item.message_id)
    return Row(made.text, made.under, Button("Open there", "history.around", value))


def _value(words: str, narrowed: Narrowed, person: Person | None, **more: object) -> str:
    whose = {"c": person.customer_id, "t": person.team} if person is not None else {}
    return narrowing.value(q=words, f=narrowing.pack(narrowed), **whose, **more)


def _buttons(found: Found, words: str, narrowed: Narrowed, person: Person | None) -> tuple[Button, ...]:
    made = []
    if found.older:
        last = found.hits[-1].item.message_id
        made.append(Button("Older", "find.older", _value(words, narrowed, person, b=last)))
    made.append(Button("Filter", "find.filter", _value(words, narrowed, person)))
    if person is not None:
        made.append(Button("Look everywhere", "find.older", _value(words, narrowed, None)))
    if narrowed:
        made.append(Button("Without the filter", "find.older", _value(words, Narrowed(), person)))
    return tuple(made)


async def again(services: Services, call: Call) -> Result:
    """Another page, or the same words somewhere else, in its place."""
    raw = refs.values(call.args)
    before = raw.get("b")
    return await _search(
        services,
        call,
        str(raw.get("q", "")),
        narrowing.unpack(raw.get("f")),
        await _person(services, raw),
        MessageId(before) if isinstance(before, int) else None,
        replace=True,
    )


async def _person(services: Services, raw: dict[str, object]) -> Person | None:
    if "c" not in raw:
        return None
    try:
        return await services.person(CustomerId(int(str(raw["c"]))), TeamId(str(raw["t"])))
    except (KeyError, ValueError):
        raise UserError("This button is too old to be understood. Use /find instead.") from None


async def open_filter(services: Services, call: Call) -> Result:
    """*Filter*: the form."""
    raw = refs.values(call.args)
    narrowed = narrowing.unpack(raw.get("f"))
    return await _form(services, call, str(raw.get("q", "")), narrowed, await _person(services, raw))


async def _form(
    services: Services, call: Call, words: str, narrowed: Narrowed, person: Person | None
) -> Form:
    looked_for = Field("words", "text", "Words", words, hint=HOW)
    fields = (looked_for, *await narrowing.fields(services, call, narrowed))
    title = f"Find in {person.handle}" if person is not None else "Find"
    return Form(title, "find.filtered", "Find", fields, _value("", Narrowed(), person) or "{}")


async def filtered(services: Services, call: Call) -> Result:
    """*Find* in the form."""
    words = call.fields.get("words", "").strip()
    if not words:
        return Problems({"words": ASK})
    try:
        narrowed = narrowing.filled(call)
    except narrowing.Wrong as wrong:
        return Problems({wrong.field: str(wrong)})
    return await _search(services, call, words, narrowed, await _person(services, refs.values(call.args)))


COMMANDS = (
    Command(
        "find",
        "words in everything that was said",
        find,
        usage="words [telegram] [last week] [@kim] [files]",
        in_thread="words",
        aliases=("search",),
        opens=opens_form,
        examples=("/find parcel 1001", '/find "not delivered" last week @kim', "!find invoice"),
    ),
)
ACTIONS = (
    Action("find.older", again),
    Action("find.filter", open_filter, opens=True),
    Action("find.filtered", filtered),
)
