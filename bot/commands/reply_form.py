"""The reply form: to whom, by which way, what; and a line that says in words what happens on Send."""

from __future__ import annotations

import json

from bot.cases import macros
from bot.commands import refs
from bot.commands.macro_services import Macro
from bot.commands.nouns import Draft, Person, Way
from bot.commands.services import Services
from bot.commands.types import Call, Choice, Field, Form, Problems, Result
from bot.errors import UserError
from bot.messages import RouteId

NEW_SUBJECT = "(no subject)"
MAX_FORM_TEXT = 3000
"""Slack's limit for one text input, in characters."""


async def form_for(
    services: Services,
    call: Call,
    person: Person | None,
    text: str = "",
    subject: str | None = None,
    stamp: str = "",
    failed: RouteId | None = None,
) -> Form:
    """The form, for a customer or with the customer still to be chosen. ``failed``: the way that did not work, put last."""
    if person is None:
        return Form(
            "Reply to a customer",
            "reply.submit",
            "Send",
            (_customer_field(None), _text_field(text)),
            _context(call, None),
        )
    await services.composing(person.customer_id, person.team)
    ways = await services.ways(person.customer_id, person.team)
    ways = tuple(sorted(ways, key=lambda way: way.route_id == failed))
    known = await services.macros.visible(call.agent, person.team)
    others = await services.desk.writing(person.customer_id, call.agent, begins=True)
    return Form(
        f"Reply to {person.handle}",
        "reply.submit",
        "Send",
        (*_others(person, others), *_fields(person, ways, text, subject, known, stamp)),
        _context(call, person),
    )


def _fields(
    person: Person,
    ways: tuple[Way, ...],
    text: str,
    subject: str | None,
    known: tuple[Macro, ...],
    stamp: str,
) -> tuple[Field, ...]:
    usable = [way for way in ways if way.closed is None]
    closed = [way for way in ways if way.closed is not None]
    fields = [_customer_field(person)]
    if not usable:
        why = " ".join(str(way.closed) for way in closed) or f"There is no way to reach {person.name}."
        return (*fields, Field("info", "info", "", why))
    fields.append(_way_field(person, usable))
    if usable[0].subjects:
        fields.append(_subject_field(person, usable[0], subject))
    fields += [*_macro_field(known, stamp), _text_field(text, stamp), _files_field(usable[0])]
    if usable[0].has_copies:
        fields.append(
            Field(
                "cc", "text", "CC", hint="Addresses, separated by commas.", optional=True, stamp=person.handle
            )
        )
    fields.append(Field("info", "info", "", _what_happens(person, usable[0], closed)))
    return tuple(fields)


def _customer_field(person: Person | None) -> Field:
    if person is None:
        hint = "Type a name, an address or a handle. Your open customers come first."
        return Field("customer", "customer", "Customer", hint=hint, live=True)
    here = Choice(refs.described(person)[:75], refs.ref_value(person.customer_id, person.team))
    return Field("customer", "customer", "Customer", here.value, (here,), live=True)


def _way_field(person: Person, ways: list[Way]) -> Field:
    choices = tuple(Choice(_cut(way.label), str(way.route_id), _cut(way.carries)) for way in ways)
    return Field("way", "select", "Send by", choices[0].value, choices, stamp=person.handle)


def _subject_field(person: Person, way: Way, subject: str | None) -> Field:
    subjects = list(dict.fromkeys([*([subject] if subject else []), *way.subjects]))
    choices = tuple(
        Choice(_cut(title or NEW_SUBJECT), str(number)) for number, title in enumerate(subjects[:100])
    )
    return Field("subject", "select", "Subject", "0", choices, optional=True, stamp=person.handle)


def _others(person: Person, names: tuple[str, ...]) -> tuple[Field, ...]:
    """Other agents who have a reply to the same customer open."""
    if not names:
        return ()
    who = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"
    return (Field("others", "info", "", f"⚠ {who} writing to {person.name} just now."),)


def _macro_field(known: tuple[Macro, ...], stamp: str) -> tuple[Field, ...]:
    """A menu of macros; the words of the one that is chosen are put behind what is written already."""
    if not known:
        return ()
    choices = tuple(
        Choice(_cut(one.name), str(one.id), _cut(" ".join(one.text.split()))) for one in known[:100]
    )
    hint = "Its words are put into the message below."
    return (Field("macro", "select", "Macro", "", choices, hint, optional=True, live=True, stamp=stamp),)


def _text_field(text: str, stamp: str = "") -> Field:
    hint = "Words, files, or both."
    return Field("text", "lines", "Message", text[:MAX_FORM_TEXT], hint=hint, optional=True, stamp=stamp)


def _files_field(way: Way) -> Field:
    return Field("files", "files", "Files", hint=_cut(way.carries, 150), optional=True)


def _what_happens(person: Person, way: Way, closed: list[Way]) -> str:
    words = (
        f"Send: {person.name} gets this by {way.label}, unless you choose another way above. "
        f"You can take it back for a few seconds."
    )
    if not way.verified:
        words += " Careful: nobody has proved that this address is theirs."
    return " ".join([words, *(str(other.closed) for other in closed)])


def _cut(words: str, limit: int = 75) -> str:
    return words if len(words) <= limit else words[: limit - 1] + "…"


def _context(call: Call, person: Person | None) -> str:
    if person is None:
        return json.dumps({"t": call.team})
    return refs.ref_value(person.customer_id, person.team)


async def refresh(services: Services, call: Call) -> Result:
    """Another customer was chosen in the form: their ways, with the words that were typed."""
    chosen = call.fields.get("customer")
    if not chosen:
        return None
    person = await refs.valued(services, call, chosen)
    text = call.fields.get("text", "")
    stamp = ""
    if call.fields.get("macro"):
        text, stamp = await _with_macro(services, call, person, text), call.source[-24:]
    return await form_for(services, call, person, text=text, stamp=stamp)


async def _with_macro(services: Services, call: Call, person: Person, text: str) -> str:
    """What was written, and the words of the chosen macro; where one of its placeholders is not known, it stays to be seen."""
    known = await services.macros.visible(call.agent, person.team)
    chosen = next((one for one in known if str(one.id) == call.fields["macro"]), None)
    if chosen is None:
        return text
    try:
        words = await services.macros.filled(chosen, person, call.agent)
    except UserError:
        words = chosen.text
    return f"{text.rstrip()}\n\n{words}" if text.strip() else words


async def read_form(services: Services, call: Call) -> Draft | Problems:
    """The reply that the form describes; ``Problems`` where something is missing."""
    fields = call.fields
    text = call.text.strip()
    if not fields.get("customer"):
        return Problems({"customer": "Choose the customer."})
    if not text and not call.files:
        return Problems({"text": "Write something, or add a file."})
    unfilled = macros.unfilled(text.plain)
    if unfilled:
        return Problems({"text": f"{unfilled} is still in the message. Put the words in its place."})
    person = await refs.valued(services, call, fields["customer"])
    way = await _chosen_way(services, person, fields.get("way"))
    if isinstance(way, Problems):
        return way
    copies = _copies(fields.get("cc", ""))
    wrong = next((one for one in copies if not refs.is_address(one)), None)
    if wrong is not None:
        return Problems({"cc": f"“{wrong}” is no address. Write it in full, e.g. ann@mail.example."})
    return Draft(
        customer_id=person.customer_id,
        team=person.team,
        agent=call.agent,
        text=text,
        source=call.source,
        route_id=way.route_id,
        subject=_subject(call, way),
        cc=copies,
        files=call.files,
        order=call.order,
    )


def _copies(words: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in words.replace(";", ",").split(",") if part.strip())


async def _chosen_way(services: Services, person: Person, chosen: str | None) -> Way | Problems:
    ways = await services.ways(person.customer_id, person.team)
    if chosen is None:
        ways = tuple(way for way in ways if way.closed is None)
        if not ways:
            raise UserError(f"There is no way to reach {person.name} now.")
        return ways[0]
    for way in ways:
        if way.route_id == RouteId(int(chosen)):
            return way if way.closed is None else Problems({"way": way.closed})
    return Problems({"way": f"That way does not lead to {person.name}. Choose another."})


def _subject(call: Call, way: Way) -> str | None:
    """The label of the chosen subject: the desk gives it as ``subject.label``."""
    label = call.fields.get("subject.label")
    if label is None or label == NEW_SUBJECT:
        return None
    full = [title for title in way.subjects if _cut(title) == label]
    return full[0] if full else label
