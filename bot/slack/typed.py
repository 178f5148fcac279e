"""What an agent typed in a thread: words for the customer, a command, or a message that stays in the team.

Only four beginnings send anything: ``! ``, ``!`` and a line break, ``!reply`` and ``@bot reply``. Everything
else stays, and an unknown
``!word`` is asked about, because the worst that can happen here is an internal word that reaches a customer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.commands.registry import Command, Registry
from bot.commands.types import Face
from bot.messages import Text

_NAME = re.compile(r"[^\W\d_][\w-]*")
_MENTION_TAIL = re.compile(r"^[\s,:]+")


class Kind(StrEnum):
    """What it is. MENTION: the bot was named without a command."""

    COMMAND = "command"
    UNKNOWN = "unknown"
    MENTION = "mention"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed. ``rest`` follows the command's name; ``word`` is an unknown command as it was written."""

    kind: Kind
    rest: Text
    command: Command | None = None
    word: str = ""


def read_typed(text: Text, bot_user: str, registry: Registry) -> Typed:
    """Reads a message of a thread; people are still ``<@U…>`` in it."""
    text = text.strip()
    mention = f"<@{bot_user}>"
    if text.plain.startswith(mention):
        return _after_mention(text.cut(len(mention)), registry)
    if text.plain.startswith("!"):
        return _after_bang(text.cut(1), registry, text)
    return Typed(Kind.MENTION if mention in text.plain else Kind.PLAIN, text)


def _after_mention(rest: Text, registry: Registry) -> Typed:
    tail = _MENTION_TAIL.match(rest.plain)
    rest = rest.cut(tail.end()) if tail else rest
    name = _NAME.match(rest.plain)
    command = _in_thread(registry, name.group()) if name else None
    if name is None or command is None or not _ends(rest.plain, name.end()):
        return Typed(Kind.MENTION, rest)
    return Typed(Kind.COMMAND, _skip(rest, name.end()), command)


def _after_bang(rest: Text, registry: Registry, whole: Text) -> Typed:
    if not rest.plain or rest.plain[0].isspace():
        return Typed(Kind.COMMAND, rest.strip(), registry.find("reply"))
    name = _NAME.match(rest.plain)
    if name is None:
        return Typed(Kind.PLAIN, whole)
    command = _in_thread(registry, name.group())
    if command is None or not _ends(rest.plain, name.end()):
        return Typed(Kind.UNKNOWN, whole, word=name.group())
    return Typed(Kind.COMMAND, _skip(rest, name.end()), command)


def _in_thread(registry: Registry, name: str) -> Command | None:
    command = registry.find(name)
    return command if command is not None and Face.THREAD in command.faces else None


def _ends(plain: str, at: int) -> bool:
    """Whether a word is over there: ``!resolve.`` and ``!reply-all`` are no commands."""
    return at >= len(plain) or plain[at].isspace()


def _skip(text: Text, at: int) -> Text:
    return text.cut(at).strip()


def meant_for_customer(text: Text, bot_user: str, registry: Registry) -> Text:
    """A message that an agent chose to send, without the sign or command before it."""
    typed = read_typed(text, bot_user, registry)
    if typed.kind is Kind.COMMAND and typed.command is not None:
        return typed.rest
    if typed.kind is Kind.UNKNOWN:
        return text.strip().cut(1).strip()
    return text.strip()
