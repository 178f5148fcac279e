"""``pending``, ``priority`` and ``tag``: how a case stands among the others."""

from __future__ import annotations

import re

from bot.commands import refs
from bot.commands.desk_services import Priority
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Call, Choice, Face, Field, Form, Problems, Result
from bot.errors import UserError
from bot.messages import Text

_QUIET = frozenset({Face.BUTTON, Face.THREAD})
_TAG = re.compile(r"[\w][\w-]{0,39}")
_PRIORITIES = ", ".join(one.value for one in Priority)


async def pending(services: Services, call: Call) -> Result:
    """Waiting for the customer: nobody has to answer now, and the clocks that allow it stand still."""
    person = await _whose(services, call)
    after = await services.desk.pending(person.customer_id, person.team, call.agent, call.source)
    line = f"{after.name} is to write next. Their next message makes it open again."
    return Answer(Text(line), quiet=call.face in _QUIET)


async def _whose(services: Services, call: Call) -> Person:
    return (
        await refs.pressed(services, call) if call.face is Face.BUTTON else await refs.whole(services, call)
    )


async def _with_last(services: Services, call: Call) -> tuple[Person, list[str]]:
    """The customer, and the words that follow: in a thread all of them, else those after the first."""
    meant = await refs.first(services, call)
    return meant.person, call.args[meant.rest :].split()


async def priority(services: Services, call: Call) -> Result:
    """``/priority C42 high``."""
    person, words = await _with_last(services, call)
    to = _priority(words)
    after = await services.desk.prioritise(person.customer_id, person.team, call.agent, to, call.source)
    return Answer(Text(f"{after.name}'s case has the priority {to.value}."), quiet=call.face in _QUIET)


def _priority(words: list[str]) -> Priority:
    try:
        (word,) = words
        return Priority(word.casefold())
    except ValueError:
        raise UserError(f"Say which priority: {_PRIORITIES}.") from None


async def tag(services: Services, call: Call) -> Result:
    """``/tag C42 refund -late``: adds and takes off; without words it tells what there is."""
    person, words = await _with_last(services, call)
    add, remove = read_tags(words)
    if not add and not remove:
        now = await services.desk.tags(person.customer_id, person.team)
        return Answer(Text(_tagged(person, now)))
    now = await services.desk.tag(person.customer_id, person.team, call.agent, add, remove, call.source)
    return Answer(Text(_tagged(person, now)), quiet=call.face is Face.THREAD)


async def untag(services: Services, call: Call) -> Result:
    """``/untag C42 refund``."""
    person, words = await _with_last(services, call)
    gone, _ = read_tags([word.lstrip("-") for word in words])
    if not gone:
        raise UserError("Say which tags to take off, e.g. refund.")
    now = await services.desk.tag(person.customer_id, person.team, call.agent, (), gone, call.source)
    return Answer(Text(_tagged(person, now)), quiet=call.face is Face.THREAD)


def _tagged(person: Person, tags: tuple[str, ...]) -> str:
    return f"{person.name}'s case: {', '.join(tags)}." if tags else f"{person.name}'s case has no tags."


def read_tags(words: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tags to add and tags (``-late``) to take off. ``UserError`` for what cannot be a tag."""
    add: list[str] = []
    remove: list[str] = []
    for word in " ".join(words).replace(",", " ").split():
        name = word.lstrip("#+-").casefold()
        if not _TAG.fullmatch(name):
            raise UserError(f"“{word}” cannot be a tag: letters, digits, - and _, at most 40.")
        (remove if word.startswith("-") else add).append(name)
    return tuple(dict.fromkeys(add)), tuple(dict.fromkeys(remove))


async def open_form(services: Services, call: Call) -> Result:
    """Priority and tags of a case in a form, from the card's menu."""
    person = await refs.pressed(services, call)
    now = await services.desk.tags(person.customer_id, person.team)
    known = [one for one in await services.desk.known_tags() if one not in now][:20]
    choices = tuple(Choice(one.value, one.value) for one in Priority)
    current = await services.desk.priority_of(person.customer_id, person.team)
    hint = "Separated by spaces." + (f" In use: {', '.join(known)}." if known else "")
    fields = (
        Field("priority", "select", "Priority", current.value, choices),
        Field("tags", "text", "Tags", " ".join(now), hint=hint[:2000], optional=True),
    )
    value = refs.ref_value(person.customer_id, person.team)
    return Form(f"Case of {person.handle}", "case.sorted", "Save", fields, value)


async def sorted_(services: Services, call: Call) -> Result:
    """Save was pressed in the form."""
    person = await refs.pressed(services, call)
    try:
        wanted, _ = read_tags([word.lstrip("-") for word in call.fields.get("tags", "").split()])
    except UserError as error:
        return Problems({"tags": str(error)})
    before = await services.desk.tags(person.customer_id, person.team)
    gone = tuple(one for one in before if one not in wanted)
    to = Priority(call.fields.get("priority", Priority.NORMAL.value))
    await services.desk.prioritise(person.customer_id, person.team, call.agent, to, f"{call.source}:p")
    await services.desk.tag(person.customer_id, person.team, call.agent, wanted, gone, f"{call.source}:t")
    return Answer(Text(f"{person.name}'s case is saved."), quiet=True)


COMMANDS = (
    Command(
        "pending",
        "wait for the customer",
        pending,
        usage="C42",
        examples=("/pending C42", "!pending"),
        also="⋯ More… Pending on the card",
    ),
    Command(
        "priority",
        f"how urgent a case is: {_PRIORITIES}",
        priority,
        usage="C42 high",
        in_thread="high",
        examples=("/priority C42 high", "!priority urgent"),
        also="⋯ More… Sort on the card",
    ),
    Command(
        "tag",
        "put tags on a case, or take them off with -",
        tag,
        usage="C42 refund",
        in_thread="refund -late",
        examples=("/tag C42 refund", "!tag refund -late", "!tag"),
        also="⋯ More… Sort on the card",
    ),
    Command(
        "untag",
        "take tags off a case",
        untag,
        usage="C42 refund",
        in_thread="refund",
        examples=("/untag C42 refund", "!untag refund"),
        also="⋯ More… Sort on the card",
    ),
)
ACTIONS = (
    Action("case.pending", pending),
    Action("case.sort", open_form, opens=True),
    Action("case.sorted", sorted_),
)
