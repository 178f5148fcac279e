"""Several customers match: a picker, and the command goes on with the one that is pressed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.commands.nouns import Person
from bot.commands.pending import Pending
from bot.commands.types import Answer, Button, Call, Row
from bot.errors import UserError
from bot.messages import Text


class Ambiguous(UserError):
    """Several customers match ``words`` in ``call.args``. The sentence names them, for faces without buttons."""

    def __init__(self, words: str, found: tuple[Person, ...]) -> None:
        names = ", ".join(f"{person.handle} {person.name}" for person in found)
        super().__init__(f"Several people match “{words}”: {names}. Say which with the handle.")
        self.words = words
        self.found = found


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits for the agent to say whom they mean. ``what`` is the command's or action's name."""

    what: str
    call: Call
    words: str


_waiting: Pending[Waiting] = Pending()
ACTION = "pick.customer"


def picker(what: str, call: Call, asked: Ambiguous) -> Answer:
    """The customers that match, a button each."""
    token = _waiting.keep(Waiting(what, call, asked.words))
    rows = tuple(
        Row(
            Text(f"{person.handle} {person.name}"),
            " · ".join(
                part for part in (person.address, f"“{person.excerpt}”" if person.excerpt else "") if part
            ),
            Button("This one", ACTION, f"{token} {person.handle}"),
        )
        for person in asked.found
    )
    return Answer(
        Text(f"Several people match “{asked.words}”. Whom do you mean? Nothing was done yet."), rows
    )


def picked(call: Call) -> tuple[str, Call]:
    """The command, and its call with the customer named by their handle. ``UserError`` where the question is too old."""
    token, _, handle = call.args.partition(" ")
    kept = _waiting.get(token)
    if kept.call.agent.id != call.agent.id:
        raise UserError("Only the person who asked can answer this.")
    at = kept.call.args.find(kept.words)
    if at < 0:
        raise UserError(
            "This question is too old, and nothing was done. Please write it again with the handle."
        )
    end = at + len(kept.words)
    text = kept.call.text
    if text.plain[at:end] == kept.words:
        text = text.cut(0, at) + Text(handle) + text.cut(end)
    args = kept.call.args[:at] + handle + kept.call.args[end:]
    return kept.what, replace(kept.call, args=args, text=text, agent=call.agent)
