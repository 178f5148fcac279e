"""``switch``: going on with a customer by another channel, with a recap of the last words or without a word."""

from __future__ import annotations

from bot.commands import refs
from bot.commands.nouns import Person, Way
from bot.commands.registry import Action, Command
from bot.commands.reply import sent_answer
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Result, Row
from bot.errors import UserError
from bot.messages import InboxId, RouteId, Span, SpanKind, Text


async def switch(services: Services, call: Call) -> Result:
    """``/switch C42 telegram``, ``!switch mail``; without a channel it shows the ways there are."""
    meant = await refs.first(services, call)
    words = call.args[meant.rest :].strip().casefold()
    ways = await services.ways(meant.person.customer_id, meant.person.team)
    if not words:
        return await _choice(services, call, meant.person, ways)
    way = next((one for one in _matching(ways, words) if one.closed is None), None)
    if way is not None:
        return await _to(services, call, meant.person, ways, way)
    return await _not_there(services, meant.person, ways, words)


def _matching(ways: tuple[Way, ...], words: str) -> list[Way]:
    """The ways that a channel, an inbox, an address or a part of a label names; the channel's name goes first."""
    exact = [way for way in ways if words in (way.channel, way.inbox.casefold(), way.address.casefold())]
    return exact or [way for way in ways if words in way.channel or words in way.label.casefold()]


async def opened(services: Services, call: Call) -> Result:
    """*Switch…* in a menu: the ways there are."""
    person = await refs.pressed(services, call)
    return await _choice(services, call, person, await services.ways(person.customer_id, person.team))


async def _choice(services: Services, call: Call, person: Person, ways: tuple[Way, ...]) -> Result:
    rows = [
        Row(
            Text(way.label),
            "answers go this way now" if not number else way.closed or way.carries,
            _button("Switch", "switch.to", person, r=way.route_id) if number and way.closed is None else None,
        )
        for number, way in enumerate(ways)
    ]
    for one in await services.linking.invitations(person.customer_id, person.team):
        button = _button("Send a link", "switch.link", person, i=one.inbox)
        rows.append(Row(Text(one.label), f"{person.name} has not come this way yet", button))
    if not rows:
        raise UserError(f"There is no way to reach {person.name}.")
    return Answer(Text(f"How do you want to go on with {refs.described(person)}?"), tuple(rows))


async def chosen(services: Services, call: Call) -> Result:
    """*Switch* beside a way."""
    person, route = await _pressed(services, call)
    ways = await services.ways(person.customer_id, person.team)
    way = next((one for one in ways if one.route_id == route), None)
    if way is None:
        raise UserError(f"{person.name} cannot be reached that way any more. Choose another.")
    return await _to(services, call, person, ways, way)


async def _to(services: Services, call: Call, person: Person, ways: tuple[Way, ...], way: Way) -> Result:
    """Shows the recap before it goes; without one there is nothing to ask."""
    if way.route_id == ways[0].route_id:
        raise UserError(f"Answers to {person.name} go by {way.label} already.")
    words = await services.linking.preview(person.customer_id, way.route_id)
    if not words:
        return await _done(services, call, person, way.route_id, way.label, recap=False)
    question = f"Go on with {refs.described(person)} by {way.label}? These words can go there first:\n"
    shown = Text(words.plain, (*words.spans, Span(0, len(words), SpanKind.QUOTE)))
    buttons = (
        _button("Switch and send", "switch.send", person, "primary", r=way.route_id),
        _button("Switch without a word", "switch.quiet", person, r=way.route_id),
        Button("Cancel", "switch.cancel"),
    )
    return Answer(Text(question) + shown, buttons=buttons, replace=call.face is Face.BUTTON)


async def send(services: Services, call: Call) -> Result:
    """*Switch and send*."""
    person, route = await _pressed(services, call)
    return await _done(services, call, person, route, None, recap=True)


async def quiet(services: Services, call: Call) -> Result:
    """*Switch without a word*."""
    person, route = await _pressed(services, call)
    return await _done(services, call, person, route, None, recap=False)


async def _done(
    services: Services, call: Call, person: Person, route: RouteId, label: str | None, *, recap: bool
) -> Result:
    sent = await services.linking.switch(
        person.customer_id, person.team, call.agent, route, call.source, recap=recap
    )
    replace = call.face is Face.BUTTON
    if sent is not None:
        return sent_answer(sent, replace=replace)
    where = f"by {label}" if label else "that way"
    line = f"Answers to {person.name} go {where} now, until they write by another channel."
    return Answer(Text(line), replace=replace)


async def _not_there(services: Services, person: Person, ways: tuple[Way, ...], words: str) -> Result:
    """Says why a channel cannot be used, with the cure where there is one: a link."""
    closed = next((way for way in _matching(ways, words) if way.closed is not None), None)
    found = await services.linking.invitations(person.customer_id, person.team)
    wanted = [one for one in found if words in (one.channel, one.inbox.casefold())]
    wanted = wanted or [one for one in found if words in one.label.casefold()]
    why = (
        f"{closed.label}: {closed.closed}."
        if closed is not None
        else f"{person.name} has no {words} here yet."
    )
    if wanted:
        button = _button("Send them a link", "switch.link", person, i=wanted[0].inbox)
        return Answer(
            Text(f"{why} A link brings them there, and they stay the same customer."), buttons=(button,)
        )
    others = ", ".join(dict.fromkeys(way.channel for way in ways if way.closed is None))
    cure = f"There is: {others}." if others else "There is no other way now."
    raise UserError(f"{why} {cure}")


async def link(services: Services, call: Call) -> Result:
    """*Send them a link*: a reply by the present way."""
    person = await refs.pressed(services, call)
    inbox = InboxId(str(refs.values(call.args).get("i", "")))
    sent = await services.linking.invite(person.customer_id, person.team, call.agent, inbox, call.source)
    return sent_answer(sent, replace=True)


async def cancel(services: Services, call: Call) -> Result:
    """*Cancel*."""
    return Answer(Text("Nothing was changed."), replace=True)


async def _pressed(services: Services, call: Call) -> tuple[Person, RouteId]:
    person = await refs.pressed(services, call)
    try:
        return person, RouteId(int(str(refs.values(call.args)["r"])))
    except (KeyError, ValueError):
        raise UserError("This button is too old to be understood. Use the command instead.") from None


def _button(label: str, action: str, person: Person, style: str | None = None, **more: str | int) -> Button:
    return Button(label, action, refs.ref_value(person.customer_id, person.team, **more), style)


COMMANDS = (
    Command(
        "switch",
        "go on by another channel",
        switch,
        usage="C42 telegram",
        in_thread="telegram",
        examples=("/switch C42", "/switch C42 telegram", "!switch telegram"),
        also="⋯ More… Switch on the card",
    ),
)
ACTIONS = (
    Action("switch.open", opened),
    Action("switch.to", chosen),
    Action("switch.send", send),
    Action("switch.quiet", quiet),
    Action("switch.link", link),
    Action("switch.cancel", cancel),
)
