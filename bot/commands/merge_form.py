"""The merge form: who the two are, what would happen, what to look at first, and which of them stays."""

from __future__ import annotations

import json

from bot.commands import refs
from bot.commands.merging_services import Preview, Side
from bot.commands.nouns import Person
from bot.commands.services import Services
from bot.commands.types import Choice, Field, Form
from bot.messages import Text

MAX_CONTEXT = 1_200
"""Characters of evidence that the form remembers."""


async def form_for(services: Services, one: Person, other: Person | None, why: tuple[str, ...] = ()) -> Form:
    """The form, with the other customer still to be chosen where there is none. ``why`` speaks for it."""
    if other is None:
        hint = "Type a name, an address or a handle. What would happen is shown before anything is done."
        fields: tuple[Field, ...] = (
            Field("info", "info", "", f"Who is the same person as {refs.described(one)}?"),
            Field("other", "customer", "The other customer", hint=hint, live=True),
        )
        return Form(f"Merge {one.handle}", "merge.submit", "Merge", fields, _context(one, None, why))
    preview = await services.merging.preview(one.customer_id, other.customer_id)
    kept, gone = preview.survivor, preview.merged
    choices = tuple(
        Choice(f"{person.handle} {person.name} stays"[:75], person.handle)
        for person in (kept.person, gone.person)
    )
    survivor = Field(
        "survivor", "select", "Whose handle and thread go on", choices[0].value, choices, live=True
    )
    parts = [("", _side(kept)), ("", _side(gone))]
    if why:
        parts.append(("Why they may be one", "\n".join(why)))
    if preview.warnings:
        parts.append(("Look at this first", "\n".join(f"⚠ {line}" for line in preview.warnings)))
    parts.append(("What happens", "\n".join(f"• {line}" for line in preview.effects)))
    infos = tuple(
        Field(f"info{number}", "info", "", f"{title}\n{words}".strip())
        for number, (title, words) in enumerate(parts)
    )
    title = f"{kept.person.handle} and {gone.person.handle}"
    return Form(title, "merge.submit", "Merge", (*infos, survivor), _context(kept.person, gone.person, why))


def preview_text(preview: Preview) -> Text:
    """The same in words, for a thread."""
    lines = [_side(preview.survivor), _side(preview.merged)]
    lines += [f"⚠ {line}" for line in preview.warnings]
    return Text("\n".join([*lines, *(f"• {line}" for line in preview.effects)]))


def _side(side: Side) -> str:
    count = "1 message" if side.messages == 1 else f"{side.messages} messages"
    cases = "; ".join(side.cases) or "no open case"
    facts = [f"{refs.described(side.person)} · {count} · {cases}", *side.identities]
    return "\n   ".join(facts)


def _context(one: Person, other: Person | None, why: tuple[str, ...]) -> str:
    given: dict[str, object] = {"c": one.customer_id, "t": one.team}
    if other is not None:
        given["o"] = {"c": other.customer_id, "t": other.team}
    if why and len(json.dumps(why)) <= MAX_CONTEXT:
        given["w"] = list(why)
    return json.dumps(given, separators=(",", ":"))
