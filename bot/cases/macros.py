"""Macros: canned replies with placeholders. Pure: what a placeholder means is given.

A placeholder is ``{customer.first_name}``, with words for where it is not known: ``{customer.first_name|there}``.
``{{`` is a brace that is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.errors import UserError

KNOWN = {
    "customer.name": "the customer's name",
    "customer.first_name": "the first word of their name",
    "customer.handle": "their handle, e.g. C42",
    "agent.name": "who sends it",
    "agent.first_name": "the first word of that name",
    "team": "the team's name",
    "case": "the number of the case",
}
"""Placeholders that are always known; ``customer.<attribute>`` are those of app.yaml."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MAX_TEXT = 3000
"""Characters of a macro: what a form of Slack's takes."""
_PLACE = re.compile(r"\{\{|\{([^{}|\n]*)(?:\|([^{}\n]*))?\}")


def check_name(name: str) -> str:
    """A macro's name. ``UserError`` for what cannot be one."""
    made = name.strip().casefold().removeprefix("!")
    if not NAME.fullmatch(made):
        raise UserError(
            f"“{name}” cannot be a macro's name: lower-case letters, digits, - and _, at most 40."
        )
    return made


def check(text: str, attributes: frozenset[str]) -> str:
    """A macro's text. ``UserError`` for one that is empty, too long, or has a placeholder that nobody knows."""
    words = text.strip()
    if not words:
        raise UserError("A macro needs words.")
    if len(words) > MAX_TEXT:
        raise UserError(
            f"That is {len(words) - MAX_TEXT} characters too long: a macro has at most {MAX_TEXT}."
        )
    known = set(KNOWN) | {f"customer.{name}" for name in attributes}
    for name in placeholders(words):
        if name not in known:
            raise UserError(f"{{{name}}} means nothing here. Known are: {', '.join(sorted(known))}.")
    return words


def placeholders(text: str) -> tuple[str, ...]:
    """The placeholders of a text, each once."""
    return tuple(
        dict.fromkeys(
            (found.group(1) or "").strip() for found in _PLACE.finditer(text) if found.group(0) != "{{"
        )
    )


def unfilled(text: str) -> str | None:
    """The first placeholder of ours that is still in a text, as it stands there; None where there is none."""
    for found in _PLACE.finditer(text):
        name = (found.group(1) or "").strip()
        if name in KNOWN or name.startswith("customer."):
            return found.group(0)
    return None


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every placeholder replaced. ``UserError`` where one is not known and has no words of its own."""

    def value(found: re.Match[str]) -> str:
        if found.group(0) == "{{":
            return "{"
        name = (found.group(1) or "").strip()
        given = values.get(name) or found.group(2)
        if given is None:
            raise UserError(
                f"{{{name}}} is not known for this customer. Give the macro other words for that: {{{name}|there}}."
            )
        return given

    return _PLACE.sub(value, text)
