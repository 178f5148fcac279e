"""Which customer an agent means: the thread they write in, a handle, an address or a name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bot.commands.nouns import Person
from bot.commands.pick import Ambiguous
from bot.commands.services import Services
from bot.commands.types import Call, Role
from bot.errors import UserError
from bot.messages import CustomerId, TeamId

_HANDLE = re.compile(r"^c\d+$", re.IGNORECASE)
_ADDRESS = re.compile(r"^[^\s@]+@[^\s@]+$")
_QUOTED = re.compile(r"""^(?:"([^"\n]+)"|“([^”\n]+)”)\s*""")
_WORD = re.compile(r"^(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Meant:
    """The customer meant, and where in ``call.args`` what follows them begins."""

    person: Person
    rest: int


def described(person: Person) -> str:
    """``C42 Dana Petrov``."""
    return f"{person.handle} {person.name}"


def is_reference(word: str) -> bool:
    """Whether a word is a handle or an address: something that can only mean a customer."""
    return bool(_HANDLE.match(word) or _ADDRESS.match(word))


def is_address(word: str) -> bool:
    """Whether a word can be an address: ``ann@mail.example``."""
    return bool(_ADDRESS.match(word))


def is_handle(word: str) -> bool:
    """Whether a word is a handle: ``C42``."""
    return bool(_HANDLE.match(word))


async def thread_person(services: Services, call: Call) -> Person | None:
    """The customer in whose thread the call was made."""
    if call.thread_ts is None:
        return None
    return await services.at_thread(call.channel, call.thread_ts)


async def exactly(services: Services, call: Call, words: str, *, of_any_team: bool = False) -> Person:
    """The one customer that the words name; ``UserError`` with the closest, or with those that match, otherwise.

    ``of_any_team``: also one of another team, for what only reads (what may be read is decided there).
    """
    found = await services.lookup(words, call.team)
    if len(found) == 1:
        return found[0] if of_any_team else await mine(services, call, found[0])
    if found:
        raise Ambiguous(words, found)
    raise UserError(await _nobody(services, words, call.team))


async def mine(services: Services, call: Call, person: Person) -> Person:
    """The customer, if the agent is in their team. In a team's own Slack channel the role has said so already."""
    if person.team != call.team and not await services.may_be_owner(call.agent.id, person.team):
        raise UserError(f"{described(person)} belongs to another team, {person.team}, and you are not in it.")
    return person


async def leads(services: Services, call: Call, person: Person) -> bool:
    """Whether the caller leads the customer's team. The role in a call is that of the channel it was made in."""
    if person.team == call.team:
        return call.agent.role in (Role.LEAD, Role.ADMIN)
    return await services.is_lead(call.agent.id, person.team)


async def _nobody(services: Services, words: str, team: TeamId | None) -> str:
    closest = await services.nearest(words, team)
    if not closest:
        return f"{words} is nobody. Use a handle such as C42, an address, or a name."
    return f"{words} is nobody. Closest: {', '.join(described(person) for person in closest)}."


async def whole(services: Services, call: Call) -> Person:
    """For commands where all words name the customer (``/history Dana Petrov``); in a thread no words are needed."""
    words = _unquoted(call.args)
    if words:
        return await exactly(services, call, words)
    person = await thread_person(services, call)
    if person is None:
        raise UserError("Say which customer: a handle such as C42, an address, or a name.")
    return person


async def first(services: Services, call: Call) -> Meant:
    """For commands where words follow the customer (``/reply C42 text``).

    In a customer's thread that customer is meant. A handle of somebody else there is refused: it is how words
    reach the wrong person.
    """
    person = await thread_person(services, call)
    quoted = _QUOTED.match(call.args)
    match = quoted or _WORD.match(call.args)
    word = (quoted.group(1) or quoted.group(2)) if quoted else (match.group(1) if match else "")
    if person is not None:
        return await _in_thread(services, call, person, word, match.end() if match else 0)
    if match is None:
        raise UserError("Say which customer: a handle such as C42, an address, or a name.")
    return Meant(await exactly(services, call, word.rstrip(":,") or word), match.end())


async def _in_thread(services: Services, call: Call, person: Person, word: str, end: int) -> Meant:
    bare = word.rstrip(":,")
    if not _HANDLE.match(bare):
        return Meant(person, 0)
    if bare.casefold() == person.handle.casefold():
        return Meant(person, end)
    other = await services.lookup(bare, call.team, 1)
    if not other:
        return Meant(person, 0)
    if other[0].customer_id == person.customer_id:
        return Meant(person, end)
    raise UserError(
        f"This is {person.name}'s thread ({person.handle}), and {described(other[0])} is somebody else. Nothing was done."
    )


def _unquoted(words: str) -> str:
    return words.strip().strip('"“”').strip()


def ref_value(customer_id: CustomerId, team: TeamId, **more: str | int | None) -> str:
    """The value of a button that is about a customer."""
    given = {key: value for key, value in more.items() if value is not None}
    return json.dumps({"c": customer_id, "t": team, **given}, separators=(",", ":"))


def values(raw: str) -> dict[str, object]:
    """What ``ref_value`` packed; ``UserError`` where a button is from another time."""
    try:
        unpacked = json.loads(raw)
    except ValueError:
        unpacked = None
    if not isinstance(unpacked, dict):
        raise UserError("This button is too old to be understood. Use the command instead.")
    return unpacked


async def pressed(services: Services, call: Call, *, of_any_team: bool = False) -> Person:
    """The customer whose button was pressed, else the one whose thread it is."""
    if not call.args:
        return await whole(services, call)
    return await valued(services, call, call.args, of_any_team=of_any_team)


async def valued(services: Services, call: Call, raw: str, *, of_any_team: bool = False) -> Person:
    """The customer that a button or a choice names."""
    unpacked = values(raw)
    try:
        customer, team = CustomerId(int(str(unpacked["c"]))), TeamId(str(unpacked["t"]))
    except (KeyError, ValueError):
        raise UserError("Say which customer: a handle such as C42, an address, or a name.") from None
    person = await services.person(customer, team)
    return person if of_any_team else await mine(services, call, person)
