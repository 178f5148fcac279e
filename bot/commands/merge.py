"""``merge`` and ``unmerge``: two customers that are one person, and were not."""

from __future__ import annotations

import json
import re
import time

from bot.commands import refs
from bot.commands.merge_form import form_for, preview_text
from bot.commands.merging_services import Standing
from bot.commands.nouns import Person
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Problems, Result, Row
from bot.commands.words import clock
from bot.errors import UserError
from bot.messages import CustomerId, Text

_NUMBER = re.compile(r"^c(\d{1,17})$", re.IGNORECASE)
WHICH = "Say which two: /merge C42 C77. The one that you name first keeps its handle and its thread."


async def merge(services: Services, call: Call) -> Result:
    """``/merge C42 C77``: who they are and what would happen; nothing is done before Merge is pressed."""
    one, other = await _two(services, call)
    if call.face is Face.THREAD:
        if other is None:
            raise UserError("Say with whom: !merge C77, an address, or a name.")
        return await _asked(services, one, other)
    return await form_for(services, one, other)


async def _two(services: Services, call: Call) -> tuple[Person, Person | None]:
    here = await refs.thread_person(services, call)
    words = call.args.strip()
    first, _, rest = words.partition(" ")
    if here is not None and words:
        both = refs.is_reference(first) and rest.strip()
        one = await refs.exactly(services, call, first) if both else here
        return one, await refs.exactly(services, call, rest.strip() if both else words)
    if here is not None:
        return here, None
    if not words:
        raise UserError(WHICH)
    if not refs.is_reference(first):
        return await refs.exactly(services, call, words), None
    one = await refs.exactly(services, call, first)
    return one, await refs.exactly(services, call, rest.strip()) if rest.strip() else None


async def _asked(services: Services, one: Person, other: Person) -> Answer:
    preview = await services.merging.preview(one.customer_id, other.customer_id)
    kept, gone = preview.survivor.person, preview.merged.person
    buttons = (
        Button(f"Merge, {kept.handle} stays", "merge.do", _pair(kept, gone), "primary"),
        Button(f"Merge, {gone.handle} stays", "merge.do", _pair(gone, kept)),
    )
    return Answer(preview_text(preview), buttons=buttons)


def _pair(survivor: Person, merged: Person) -> str:
    return json.dumps({"s": survivor.customer_id, "m": merged.customer_id}, separators=(",", ":"))


async def do(services: Services, call: Call) -> Result:
    """Merge was pressed below the preview in a thread."""
    given = refs.values(call.args)
    try:
        survivor, merged = CustomerId(int(str(given["s"]))), CustomerId(int(str(given["m"])))
    except (KeyError, ValueError):
        raise UserError(WHICH) from None
    return await _merge(services, call, survivor, merged, None)


async def open_form(services: Services, call: Call) -> Result:
    """Merge in the card's menu."""
    return await form_for(services, await refs.pressed(services, call), None)


async def proposed(services: Services, call: Call) -> Result:
    """Merge below a proposal: the preview first."""
    found = await services.merging.proposal(_number(call.args))
    if found.decided is not None:
        raise UserError(found.decided)
    one, other = [await _seen(services, call, number) for number in (found.one, found.other)]
    return await form_for(services, one, other, found.evidence)


async def _seen(services: Services, call: Call, number: CustomerId) -> Person:
    return await refs.exactly(services, call, f"C{number}")


async def refresh(services: Services, call: Call) -> Result:
    """Another customer, or another survivor, was chosen in the form."""
    one, other, why = await _of_form(services, call)
    return await form_for(services, one, other, why)


async def submit(services: Services, call: Call) -> Result:
    """Merge was pressed in the form."""
    one, other, why = await _of_form(services, call)
    if other is None:
        return Problems({"other": "Choose the other customer."})
    return await _merge(services, call, one.customer_id, other.customer_id, " ".join(why) or None)


async def _of_form(services: Services, call: Call) -> tuple[Person, Person | None, tuple[str, ...]]:
    """The survivor, the other one, and why, as the form says."""
    given = refs.values(call.args)
    one = await refs.valued(services, call, json.dumps(given))
    chosen, kept = call.fields.get("other"), given.get("o")
    other = None
    if chosen:
        other = await refs.valued(services, call, chosen)
    elif isinstance(kept, dict):
        other = await refs.valued(services, call, json.dumps(kept))
    why = given.get("w")
    survivor = call.fields.get("survivor", "")
    if other is not None and survivor == other.handle:
        one, other = other, one
    return one, other, tuple(str(line) for line in why) if isinstance(why, list) else ()


async def _merge(
    services: Services, call: Call, survivor: CustomerId, merged: CustomerId, why: str | None
) -> Answer:
    done = await services.merging.merge(survivor, merged, call.agent, call.source, why)
    return Answer(
        Text(f"{done.merged_handle} is {refs.described(done.survivor)} now."),
        buttons=(Button("Unmerge", "merge.undo", str(done.merge_id)),),
        replace=call.face is Face.BUTTON,
    )


async def unmerge(services: Services, call: Call) -> Result:
    """``/unmerge C42`` or ``C77``: what was merged, and what undoing it would do."""
    words = call.args.strip()
    match = _NUMBER.match(words)
    person = await refs.whole(services, call)
    number = int(match.group(1)) if match else int(person.customer_id)
    found = await services.merging.standing(number)
    if not found:
        raise UserError(f"Nobody was merged with {refs.described(person)}, so there is nothing to undo.")
    return _which(call, found)


async def undo(services: Services, call: Call) -> Result:
    """Unmerge on a card or below the line that told of the merge: asks first."""
    if call.args.isdigit():
        return _which(call, (await services.merging.one_standing(int(call.args)),))
    given = refs.values(call.args)
    found = await services.merging.standing(int(str(given.get("c"))))
    if not found:
        raise UserError("This merge was undone already.")
    return _which(call, found)


def _which(call: Call, found: tuple[Standing, ...]) -> Answer:
    if len(found) > 1:
        rows = tuple(
            Row(
                Text(f"{one.merged} was merged into {one.survivor}"),
                one.why_not or f"by {one.by}, {clock(one.at, call.agent.zone, time.time())}",
                None if one.why_not else Button("Unmerge…", "merge.undo", str(one.merge_id)),
            )
            for one in found
        )
        return Answer(Text("Which merge do you want to undo? Nothing was done yet."), rows)
    (one,) = found
    if one.why_not is not None:
        raise UserError(one.why_not)
    when = clock(one.at, call.agent.zone, time.time())
    lines = [f"{one.by} merged {one.merged} into {one.survivor}, {when}. Undo it?", *one.effects]
    return Answer(
        Text("\n".join(lines)), buttons=(Button("Unmerge", "merge.part", str(one.merge_id), "danger"),)
    )


async def part(services: Services, call: Call) -> Result:
    """Unmerge was confirmed."""
    done = await services.merging.unmerge(_number(call.args), call.agent, call.source)
    words = f"{done.merged} and {done.survivor} are two customers again."
    return Answer(Text(words), replace=call.face is Face.BUTTON)


async def refuse(services: Services, call: Call) -> Result:
    """Not the same."""
    await services.merging.not_the_same(_number(call.args), call.agent, call.source)
    return Answer(Text("Noted: they are not the same, and nobody is asked again."), quiet=True)


def _number(words: str) -> int:
    if not words.isdigit():
        raise UserError("This button is too old to be understood. Use /merge or /unmerge instead.")
    return int(words)


COMMANDS = (
    Command(
        "merge",
        "make two customers one",
        merge,
        usage="C42 C77",
        in_thread="C77",
        opens=lambda call: call.face is Face.SLASH and bool(call.args.strip()),
        examples=("/merge C42 C77", "!merge C77"),
        also="⋯ More… Merge on the card",
    ),
    Command(
        "unmerge",
        "make them two again",
        unmerge,
        usage="C42",
        examples=("/unmerge C42", "!unmerge"),
        also="⋯ Unmerge on the merged card",
    ),
)
ACTIONS = (
    Action("merge.open", open_form, opens=True),
    Action("merge.do", do),
    Action("merge.submit", submit),
    Action("merge.submit.refresh", refresh),
    Action("merge.undo", undo),
    Action("merge.part", part),
    Action("proposal.merge", proposed, opens=True),
    Action("proposal.refuse", refuse),
)
