"""``customer``: who somebody is, and what the team notes about them.

Words after the customer name a subcommand; other files add theirs to ``SUBCOMMANDS`` (and to ``FORMS`` where its answer to a
slash command is a form).
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from bot.commands import refs
from bot.commands.nouns import Person
from bot.commands.profile_services import KnownAs, Profile, Shown, WrongValues
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Choice, Face, Field, Form, Problems, Result, Row
from bot.commands.words import clock
from bot.errors import UserError
from bot.messages import Text
from bot.policy import AttributeRule

Subcommand: TypeAlias = Callable[[Services, Call, Person, str], Awaitable[Result]]
"""Given the core, the call, the customer meant, and the words after the subcommand's name."""

_UNSET = "-"
_PAIR = re.compile(
    r"""\s*([\w-]+)(?:\s*=\s*(?:"([^"\n]*)"|[“„]([^“”\n]*)[“”]|'([^'\n]*)'|([^\s"“„']\S*)))?(?=[\s,]|$)"""
)


async def customer(services: Services, call: Call) -> Result:
    """The profile, or what a subcommand makes of it."""
    person, name, words = await _meant(services, call)
    if not name:
        return await shown(services, call, person)
    return await SUBCOMMANDS[name](services, call, person, words)


async def _meant(services: Services, call: Call) -> tuple[Person, str, str]:
    """The customer, the subcommand, and what follows it."""
    if call.face is Face.THREAD:
        meant = await refs.first(services, call)
        name, _, rest = call.args[meant.rest :].strip().partition(" ")
        if name and name.casefold() not in SUBCOMMANDS:
            raise UserError(f"There is no “{name}” here. It may be: {', '.join(SUBCOMMANDS)}, or nothing.")
        return meant.person, name.casefold(), rest.strip()
    who, name, rest = split(call.args)
    if not who:
        raise UserError("Say which customer: a handle such as C42, an address, or a name.")
    words = who.split()
    if not name and len(words) > 1 and refs.is_reference(words[0]):
        raise UserError(f"There is no “{words[1]}” here. It may be: {', '.join(SUBCOMMANDS)}, or nothing.")
    return await refs.exactly(services, call, who.strip('"“” ')), name, rest


def split(args: str) -> tuple[str, str, str]:
    """The customer's words, the subcommand, what follows it: the first word but one that is a subcommand divides them."""
    words = list(re.finditer(r"\S+", args))
    for word in words[1:]:
        if word.group().casefold() in SUBCOMMANDS:
            return args[: word.start()].strip(), word.group().casefold(), args[word.end() :].strip()
    return args.strip(), "", ""


# The profile


async def shown(services: Services, call: Call, person: Person) -> Answer:
    """Everything that is known of a customer, for the caller only."""
    profile = await services.profile.show(person.customer_id, person.team)
    now = time.time()
    rows = (
        *_attribute_rows(profile, call, now),
        *(Row(Text(f"{one.channel} {one.address}"), _proof(one, call, now)) for one in profile.known_as),
    )
    value = refs.ref_value(person.customer_id, person.team)
    buttons = (Button("Edit", "customer.edit", value), Button("History", "history.open", value))
    owner = "nobody" if person.owner is None else await services.agent_name(person.owner)
    return Answer(Text("\n".join(_head(profile, owner, call, now))), rows, buttons)


def _head(profile: Profile, owner: str, call: Call, now: float) -> list[str]:
    person = profile.person
    also = f" (also {', '.join(profile.aliases)})" if profile.aliases else ""
    lines = [f"{person.name} · {person.handle}{also}"]
    counts = f"{_many(profile.cases, 'case')}, {_many(profile.messages, 'message')}"
    lines.append(f"First seen {clock(profile.first_seen, call.agent.zone, now)} · {counts} · owner: {owner}")
    if profile.spam:
        lines.append("🚫 Spam: what they write is kept and not shown.")
    elif profile.quarantine:
        lines.append(f"In quarantine: {profile.quarantine}. What they write is kept and not shown.")
    elif person.blocked:
        lines.append("🚫 Blocked: what they write is kept and not shown.")
    return lines


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _attribute_rows(profile: Profile, call: Call, now: float) -> tuple[Row, ...]:
    if not profile.attributes:
        return (Row(Text("No attributes yet."), "Edit, or set with the command: set company=Acme vip"),)
    return tuple(_attribute_row(one, call, now) for one in profile.attributes)


def _attribute_row(one: Shown, call: Call, now: float) -> Row:
    return Row(Text(f"{one.rule.label}: {one.words}"), f"{one.by}, {clock(one.at, call.agent.zone, now)}")


def _proof(one: KnownAs, call: Call, now: float) -> str:
    zone = call.agent.zone
    why = f" ({one.evidence})" if one.evidence else ""
    if one.given:
        proof = "they said it is theirs, not proven"
    elif one.proven_at is None:
        proof = f"claims to be this address, not proven{why}"
    else:
        proof = f"proven {clock(one.proven_at, zone, now)}{why}"
    used = "never wrote by it" if one.last_used_at is None else f"last {clock(one.last_used_at, zone, now)}"
    by = f" to {', '.join(one.inboxes)}" if one.inboxes and one.last_used_at is not None else ""
    reads = f" · language {one.language}" if one.language else ""
    return f"{proof} · {used}{by}{reads}"


async def profile(services: Services, call: Call) -> Result:
    """*Profile* in the card's menu."""
    return await shown(services, call, await refs.pressed(services, call))


# What is set


async def set_(services: Services, call: Call, person: Person, words: str) -> Result:
    """``set plan=pro company="Acme Corp" vip``."""
    changes = dict(pairs(words))
    if not changes:
        names = ", ".join(rule.name for rule in services.profile.rules())
        raise UserError(f"Say what to set, such as company=Acme. There are: {names}.")
    return await _changed(services, call, person, changes)


async def unset(services: Services, call: Call, person: Person, words: str) -> Result:
    """``unset plan company``."""
    names = words.replace(",", " ").split()
    if not names:
        raise UserError("Say which to take away, such as: unset company.")
    return await _changed(services, call, person, dict.fromkeys(names))


async def _changed(
    services: Services, call: Call, person: Person, changes: Mapping[str, str | None]
) -> Answer:
    line = await services.profile.set(person.customer_id, person.team, call.agent, changes, call.source)
    said = (
        f"{refs.described(person)}: {line}." if line else f"{person.name} has that already; nothing changed."
    )
    return Answer(Text(said), quiet=call.face is Face.THREAD and line is not None)


def pairs(words: str) -> list[tuple[str, str]]:
    """``plan=pro company="Acme Corp" vip`` as names and values; a name alone means yes."""
    found: list[tuple[str, str]] = []
    at = 0
    words = words.strip()
    while at < len(words):
        match = _PAIR.match(words, at)
        if match is None or match.end() == at:
            rest = words[at:].split()
            raise UserError(
                f"“{rest[0] if rest else words[at:]}” is not understood: write name=value, "
                'with quotes around several words, such as company="Acme Corp".'
            )
        name, *values = match.groups()
        *quoted, bare = values
        value = (
            bare.rstrip(",") if bare is not None else next((one for one in quoted if one is not None), "yes")
        )
        found.append((name.casefold(), value))
        at = match.end()
        at += len(words[at:]) - len(words[at:].lstrip(" ,\n"))
    return found


async def rename(services: Services, call: Call, person: Person, words: str) -> Result:
    """``name Dana Petrov``."""
    after = await services.profile.rename(person.customer_id, person.team, call.agent, words, call.source)
    return Answer(Text(f"{person.handle} is called {after.name} now."), quiet=call.face is Face.THREAD)


# The form


async def edit(services: Services, call: Call, person: Person, words: str = "") -> Result:
    """A form with a field for each attribute; in a thread, a button that opens it."""
    value = refs.ref_value(person.customer_id, person.team)
    if call.face is Face.THREAD:
        return Answer(
            Text(f"What is known of {person.name}:"), buttons=(Button("Edit", "customer.edit", value),)
        )
    has = await services.profile.values(person.customer_id)
    fields = [Field("name", "text", "Name", person.name)]
    marks = {"name": _mark(person.name)}
    for rule in services.profile.rules():
        fields.append(_field(rule, has.get(rule.name, "")))
        marks[rule.name] = _mark(has.get(rule.name, ""))
    context = json.dumps({**json.loads(value), "m": marks}, separators=(",", ":"))
    return Form(f"Profile of {person.handle}", "customer.submit", "Save", tuple(fields), context)


def _mark(value: str) -> str:
    """A few characters that differ where the value differs: what somebody else changed meanwhile is not set back."""
    return f"{zlib.crc32(value.encode()):x}"


def _field(rule: AttributeRule, value: str) -> Field:
    name = f"a-{rule.name}"
    listed = ("yes", "no") if rule.type == "flag" else rule.choices
    if rule.type in ("flag", "choice"):
        choices = (Choice("not set", _UNSET), *(Choice(one, one) for one in listed))
        return Field(name, "select", rule.label, value or _UNSET, choices, optional=True)
    return Field(name, "text", rule.label, value, hint=HINTS.get(rule.type, ""), optional=True)


HINTS = {
    "number": "A number, such as 12.",
    "date": "A date, such as 2026-11-03.",
    "zone": "A time zone, such as Europe/Berlin.",
    "language": "A code, such as en or pt-BR.",
    "phone": "With the country, such as +49 30 1234567.",
    "url": "An address, such as https://example.com.",
}
"""What stands below a field of a type."""


async def open_form(services: Services, call: Call) -> Result:
    """*Edit* was pressed."""
    return await edit(services, call, await refs.pressed(services, call))


async def submit(services: Services, call: Call) -> Result:
    """*Save* was pressed in the form: only what was changed in it is set."""
    person = await refs.pressed(services, call)
    marks = refs.values(call.args).get("m")
    before = marks if isinstance(marks, dict) else {}
    name = call.fields.get("name", "").strip()
    if not name:
        return Problems({"name": "Write a name."})
    changes: dict[str, str | None] = {}
    for rule in services.profile.rules():
        value = call.fields.get(f"a-{rule.name}", "").strip()
        value = "" if value == _UNSET else value
        if rule.name in before and _mark(value) != before[rule.name]:
            changes[rule.name] = value or None
    line: str | None = None
    try:
        if changes:
            line = await services.profile.set(
                person.customer_id, person.team, call.agent, changes, f"{call.source}:set"
            )
    except WrongValues as wrong:
        return Problems({f"a-{one}": words for one, words in wrong.by_name.items()})
    if _mark(name) != before.get("name"):
        source = f"{call.source}:name"
        person = await services.profile.rename(person.customer_id, person.team, call.agent, name, source)
        line = " · ".join(part for part in (f"called {person.name}", line) if part)
    return Answer(Text(f"{refs.described(person)}: {line}." if line else "Nothing was changed."))


SUBCOMMANDS: dict[str, Subcommand] = {"set": set_, "unset": unset, "name": rename, "edit": edit}
"""What may follow the customer."""
FORMS = {"edit"}
"""Subcommands whose answer to a slash command is a form."""


def _opens(call: Call) -> bool:
    return call.face is Face.SLASH and split(call.args)[1] in FORMS


COMMANDS = (
    Command(
        "customer",
        "who somebody is, and what is noted about them",
        customer,
        usage="C42 [set plan=pro vip | unset plan | name Dana | edit | export | erase]",
        in_thread="[set plan=pro vip | unset plan | name Dana | edit | export | erase]",
        aliases=("profile",),
        opens=_opens,
        examples=("/customer C42", "/customer C42 set plan=pro vip", "!customer name Dana Petrov"),
        also="⋯ Profile on the card",
    ),
)
ACTIONS = (
    Action("customer.show", profile),
    Action("customer.edit", open_form, opens=True),
    Action("customer.submit", submit),
)
