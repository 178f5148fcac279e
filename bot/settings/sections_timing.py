"""What may stand in app.yaml about reminders and automatic answers: ``reminders`` and ``answers``.

A field's description is its cure. Spans as people write them ("30 min", "1h"); ``policies_timing.py`` makes policies of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from bot.answering.answer_words import HOLES, LANGUAGES
from bot.clockwork.promises import Target
from bot.settings.sections_base import Model
from bot.settings.sections_sla import target_of

_ZERO = re.compile(r"0+\s*(m|min|minutes?|h|s)?", re.IGNORECASE)
_LANGUAGES = ", ".join(LANGUAGES)


def seconds_of(value: Any) -> Any:
    """What "15 min" or "1h" means, in seconds; 0 is one, too."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        raise ValueError(f"{value} of what? Write {value} min or {value}h")
    if _ZERO.fullmatch(str(value).strip()):
        return 0.0
    found = target_of(value)
    if not isinstance(found, Target) or found.days:
        raise ValueError(f"{value!r} is not minutes or hours: write 15 min or 1h")
    return found.seconds


def _many(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _text(words: str) -> str:
    holes = re.findall(r"\{([^{}]*)\}", words)
    wrong = [hole for hole in holes if hole not in HOLES]
    if wrong:
        raise ValueError(f"there is no {{{wrong[0]}}}: write {', '.join(f'{{{one}}}' for one in HOLES)}")
    if not words.strip():
        raise ValueError("this text is empty: leave it out for the built-in one")
    return words


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"there are no words in {code!r}: there are {_LANGUAGES}")
    return code


Seconds: TypeAlias = Annotated[float, BeforeValidator(seconds_of)]
Words: TypeAlias = Annotated[str, AfterValidator(_text)]
Language: TypeAlias = Annotated[str, AfterValidator(_language)]
Told: TypeAlias = Literal["owner", "thread", "on_call", "leads"]


class AfterBreach(Model):
    """Who hears of a broken promise, and when."""

    after: Seconds = Field(
        0.0, ge=0, le=30 * 86_400, description="How long after the breach: 0 min, 15 min, 1h."
    )
    tell: Annotated[tuple[Told, ...], BeforeValidator(_many)] = Field(
        min_length=1, description="owner, thread, on_call or leads, or a list."
    )


def _usual() -> tuple[AfterBreach, ...]:
    return (
        AfterBreach(after="0 min", tell=["owner", "thread"]),
        AfterBreach(after="15 min", tell="on_call"),
        AfterBreach(after="30 min", tell="leads"),
    )


class Reminders(Model):
    """Who hears of promises that are broken, and how. Before the breach the owner does: ``remind`` in ``sla``."""

    after_breach: tuple[AfterBreach, ...] = Field(
        default_factory=_usual,
        max_length=8,
        description="A list such as [{after: 0 min, tell: [owner, thread]}, {after: 15 min, tell: on_call}].",
    )
    on_it: Seconds = Field(
        1800.0,
        ge=60,
        le=86_400,
        description="How long nobody is reminded after “I'm on it”: 1 min to 24h, e.g. 30 min.",
    )
    list_from: int = Field(
        4, ge=2, le=100, description="So many reminders at once for one person are one list: 2 to 100."
    )


class Texts(Model):
    """Own words of one language."""

    off_hours: Words | None = Field(
        None,
        description="Words with {back}, {wait}, {faster}; a line with one that is not known is left out.",
    )
    busy: Words | None = Field(
        None, description="Words with {wait}, {faster}; a line with one that is not known is left out."
    )


def _by_language(value: Any) -> Any:
    return {"": value} if isinstance(value, str) else value


class InboxAnswers(Model):
    """Automatic answers of one inbox."""

    off_hours: bool = Field(False, description="true: who writes while nobody is there is answered.")
    busy: Seconds | None = Field(
        None, ge=60, description="Who writes while others wait longer than this is answered, e.g. 20 min."
    )
    language: Language = Field("en", description=f"The usual language of its customers: {_LANGUAGES}.")
    faster: Annotated[dict[str, str], BeforeValidator(_by_language)] = Field(
        default_factory=dict,
        description="How they reach you faster, e.g. https://acme.example/chat; or by language: {en: …, de: …}.",
    )
    texts: dict[Language, Texts] = Field(
        default_factory=dict, description="Own words by language: {en: {off_hours: …, busy: …}}."
    )


class Answers(Model):
    """Automatic answers: none but where an inbox says so."""

    inboxes: dict[str, InboxAnswers] = Field(
        default_factory=dict, description="The name of an inbox, and off_hours or busy."
    )
    per_address: int = Field(3, ge=1, le=50, description="At most so many to one address a day: 1 to 50.")
    per_hour: int = Field(
        200, ge=1, le=100_000, description="At most so many to all together an hour: 1 to 100000."
    )


def unknown_inboxes(
    answers: Any, inboxes: Iterable[str], section: str = "answers"
) -> list[tuple[tuple[str | int, ...], str, str]]:
    """Inboxes that are named and are not there: (key, what is wrong, cure). Of data as it stands in the file."""
    given = answers.get("inboxes") if isinstance(answers, dict) else None
    known = list(inboxes)
    return [
        (
            (section, "inboxes", name),
            f"there is no inbox {name!r}",
            f"There are: {', '.join(known) or 'none'}.",
        )
        for name in (given if isinstance(given, dict) else {})
        if name not in known
    ]
