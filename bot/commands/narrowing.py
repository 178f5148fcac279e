"""What a history or a search is narrowed down to: from words, from a form, and kept in the buttons that follow."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace

from bot.commands import ranges
from bot.commands.finding_services import Narrowed, Place
from bot.commands.services import Services
from bot.commands.types import Call, Choice, Field
from bot.errors import UserError
from bot.messages import AgentId

_TOKEN = re.compile(r'-?["“„][^"“”„]*["”“]?\*?|\S+')
_MENTION = re.compile(r"^<@([UW][A-Z0-9]+)(?:\|[^>]*)?>$")
_FILES = frozenset({"files", "file", "attachments"})
_DIRECTIONS = {"received": "inbound", "replies": "outbound", "sent": "outbound", "notes": "note"}
DIRECTION_WORDS = {"inbound": "what they said", "outbound": "what we answered", "note": "notes"}
ANY = "any"
HOW = f"a channel or inbox, a time ({ranges.HELP}), @agent, files, notes, replies, received"


@dataclass(frozen=True, slots=True)
class Read:
    """What words narrow it down to, and the words that say something else."""

    narrowed: Narrowed
    rest: tuple[str, ...]


def tokens(words: str) -> list[str]:
    """Words; what stands in quotes is one."""
    return _TOKEN.findall(words)


async def read_all(services: Services, call: Call, words: list[str]) -> Read:
    """Every word that narrows is taken; the others are the rest."""
    places = await services.finding.places()
    narrowed, rest, at = Narrowed(), [], 0
    while at < len(words):
        stretch = ranges.leading(words[at:], time.time(), call.agent.zone)
        if stretch is not None:
            found, count = stretch
            narrowed = replace(narrowed, since=found.since, until=found.until)
            at += count
            continue
        one = _one(narrowed, words[at], places)
        if one is None:
            rest.append(words[at])
        narrowed = one or narrowed
        at += 1
    return Read(narrowed, tuple(rest))


async def read_end(services: Services, call: Call, words: list[str]) -> Read:
    """What narrows stands at the end, and the first word never does: it is looked for. A mention narrows anywhere."""
    places = await services.finding.places()
    narrowed = Narrowed()
    for word in [word for word in words if _MENTION.match(word)]:
        narrowed = _one(narrowed, word, places) or narrowed
    left = [word for word in words if not _MENTION.match(word)]
    while len(left) > 1:
        stretch = ranges.trailing(left[1:], time.time(), call.agent.zone)
        if stretch is not None:
            found, count = stretch
            narrowed = replace(narrowed, since=found.since, until=found.until)
            del left[-count:]
            continue
        one = _one(narrowed, left[-1], places)
        if one is None:
            break
        narrowed = one
        left.pop()
    return Read(narrowed, tuple(left))


def _one(narrowed: Narrowed, word: str, places: tuple[Place, ...]) -> Narrowed | None:
    """Narrowed further by one word; None where it is another kind of word."""
    mention = _MENTION.match(word)
    low = word.casefold()
    if mention:
        return replace(narrowed, agent=AgentId(mention.group(1)))
    if low in _FILES:
        return replace(narrowed, files=True)
    if low in _DIRECTIONS:
        return replace(narrowed, direction=_DIRECTIONS[low])
    for place in places:
        if low in place.names:
            return replace(narrowed, places=(*narrowed.places, place.value))
    return None


async def said(services: Services, call: Call, narrowed: Narrowed) -> str:
    """What it is narrowed down to, in words; empty where it is not."""
    labels = {place.value: place.label for place in await services.finding.places()}
    parts = [labels.get(place, place) for place in narrowed.places]
    if narrowed.since is not None or narrowed.until is not None:
        parts.append(_stretch(narrowed, call.agent.zone))
    if narrowed.agent is not None:
        parts.append(f"by {await services.agent_name(narrowed.agent)}")
    if narrowed.direction:
        parts.append(DIRECTION_WORDS.get(narrowed.direction, narrowed.direction))
    if narrowed.files:
        parts.append("with files")
    return " · ".join(parts)


def _stretch(narrowed: Narrowed, zone: str) -> str:
    first, last = _day(narrowed.since, zone), _day(narrowed.until, zone, -1.0)
    found = ranges.parse(f"{first}..{last}", time.time(), zone)
    return found.label if found is not None else f"{first}..{last}"


def _day(at: float | None, zone: str, shift: float = 0.0) -> str:
    if at is None:
        return ""
    return ranges.day_of(at + shift, zone)


def pack(narrowed: Narrowed) -> dict[str, object]:
    """For a button's value."""
    made = {
        "p": list(narrowed.places),
        "s": narrowed.since,
        "u": narrowed.until,
        "g": narrowed.agent,
        "x": int(narrowed.files),
        "d": narrowed.direction,
    }
    return {key: value for key, value in made.items() if value}


def unpack(raw: object) -> Narrowed:
    """What ``pack`` made; nothing where it is something else."""
    if not isinstance(raw, dict):
        return Narrowed()
    places = raw.get("p")
    return Narrowed(
        tuple(str(one) for one in places) if isinstance(places, list) else (),
        _number(raw.get("s")),
        _number(raw.get("u")),
        AgentId(str(raw["g"])) if raw.get("g") else None,
        bool(raw.get("x")),
        str(raw.get("d") or ""),
    )


def _number(raw: object) -> float | None:
    return float(raw) if isinstance(raw, int | float) else None


def value(**given: object) -> str:
    """A button's value, as short as it gets."""
    return json.dumps(
        {key: one for key, one in given.items() if one}, separators=(",", ":"), ensure_ascii=False
    )


async def fields(services: Services, call: Call, narrowed: Narrowed) -> tuple[Field, ...]:
    """The inputs of a form that narrows."""
    every = Choice("All channels", ANY)
    places = tuple(Choice(place.label, place.value) for place in await services.finding.places())
    kinds = (Choice("Everything", ANY), *(Choice(words, kind) for kind, words in DIRECTION_WORDS.items()))
    since, until = _day(narrowed.since, call.agent.zone), _day(narrowed.until, call.agent.zone, -1.0)
    hint = "A day or more: 2026-10-01, yesterday, last week, 2026-10, 30d."
    return (
        Field("place", "select", "Channel", narrowed.places[0] if narrowed.places else ANY, (every, *places)),
        Field("from", "text", "From", since, hint=hint, optional=True),
        Field("to", "text", "To", until, hint="The last day that counts; empty: until now.", optional=True),
        Field("agent", "agent", "By", narrowed.agent or "", optional=True, hint="Somebody of the team."),
        Field("direction", "select", "What", narrowed.direction or ANY, kinds),
        Field(
            "files",
            "check",
            "Files",
            "yes" if narrowed.files else "",
            choices=(Choice("Only with files", "yes"),),
            optional=True,
        ),
    )


def filled(call: Call) -> Narrowed:
    """What was filled in. ``Wrong`` names the field."""
    given = call.fields
    since = _range(call, "from")
    until = _range(call, "to")
    if since is not None and until is not None and (since.since or 0) >= (until.until or float("inf")):
        raise Wrong("to", "This is before the day in From.")
    place, direction = given.get("place", ANY), given.get("direction", ANY)
    return Narrowed(
        () if place == ANY else (place,),
        since.since if since is not None else None,
        until.until if until is not None else None,
        AgentId(given["agent"]) if given.get("agent") else None,
        bool(given.get("files")),
        "" if direction == ANY else direction,
    )


class Wrong(UserError):
    """A field of the form is wrong."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def _range(call: Call, name: str) -> ranges.Range | None:
    words = call.fields.get(name, "").strip()
    if not words:
        return None
    found = ranges.parse(words, time.time(), call.agent.zone)
    if found is None:
        raise Wrong(name, f"“{words}” is no time that is understood here. Write for example {ranges.HELP}.")
    return found
