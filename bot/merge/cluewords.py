"""What in somebody's words may say who they are: phone numbers, addresses, order numbers. Pure.

Everything here reads strangers' words: each is cut before it is looked at, and every pattern of ours runs in linear time.
"""

from __future__ import annotations

import re
from re import _constants, _parser  # type: ignore[attr-defined]  # a pattern's parts are not told otherwise
from typing import Any, NamedTuple

PHONE, ORDER, ADDRESS, COMPANY = "phone", "order", "address", "company"
"""The kinds of clues."""

LOOKED_AT = 4_000
"""Characters at the start, and at the end, of a message that are looked at."""
LINE = 400
"""Characters of a line that an order number's pattern is tried on."""
MOST = 6
"""Clues of one kind that a message gives: a list of numbers says nothing of whose they are."""
SHORT = 300
"""A message of at most so many characters is all about what it says; in a longer one only its last lines sign it."""
SIGNATURE = 8
_DIGITS = re.compile(r"(?<![\w.,:/@+#-])[+(]?\d[\d ()./\-]{6,28}(?![\w@])")
_DATE = re.compile(r"^(\d{1,4}([./-])\d{1,2}\2\d{1,4})(\s.*)?$")
_GROUPS = re.compile(r"^\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}$")
_MAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,5}(?![\w-])", re.IGNORECASE
)


class Found(NamedTuple):
    """A clue: what is compared, and how it was written."""

    kind: str
    value: str
    written: str


def clues(text: str, order: re.Pattern[str] | None) -> list[Found]:
    """The clues in a message's own words (quoted text is not in them)."""
    cut = text if len(text) <= 2 * LOOKED_AT else f"{text[:LOOKED_AT]}\n{text[-LOOKED_AT:]}"
    orders = _orders(cut, order)
    known = {one.written for one in orders}
    phones = [one for one in phones_in(cut) if one.written not in known]
    return [*_few(phones), *_few(orders), *_few(_addresses(cut))]


def _few(found: list[Found]) -> list[Found]:
    made = list({one.value: one for one in found}.values())
    return made if len(made) <= MOST else []


def phones_in(text: str) -> list[Found]:
    """Phone numbers: they begin with + or 0, or come in groups as in North America. No dates, no bare numbers."""
    found = []
    for match in _DIGITS.finditer(text):
        written = match.group().strip(" -./(")
        value = phone(written)
        if value is not None:
            found.append(Found(PHONE, value, written))
    return found


def phone(written: str) -> str | None:
    """What is the same of a number however it is written, with or without its country: its last nine digits.

    None where it is no phone number.
    """
    written = written.strip()
    if _DATE.match(written):
        return None
    bare = written.replace("(0)", "")
    digits = re.sub(r"\D", "", bare)
    if not 8 <= len(digits) <= 15:
        return None
    if not (bare.lstrip("(").startswith(("+", "0")) or _GROUPS.match(bare)):
        return None
    return digits.lstrip("0")[-9:]


def _orders(text: str, pattern: re.Pattern[str] | None) -> list[Found]:
    if pattern is None:
        return []
    found = []
    for line in text.splitlines():
        for match in pattern.finditer(line[:LINE]):
            written = (match.group(1) if match.groups() else match.group()) or ""
            if len(written.strip()) >= 4:
                found.append(Found(ORDER, written.strip().upper(), written.strip()))
    return found


def _addresses(text: str) -> list[Found]:
    if len(text) > SHORT:
        text = "\n".join([line for line in text.splitlines() if line.strip()][-SIGNATURE:])
    return [Found(ADDRESS, match.group().lower(), match.group()) for match in _MAIL.finditer(text)]


def company(name: str, of: str) -> Found | None:
    """A full name (two words or more) with a company."""
    words, firm = " ".join(name.split()), " ".join(of.split())
    if len(words.split()) < 2 or not firm or "@" in words:
        return None
    return Found(COMPANY, f"{words.casefold()}|{firm.casefold()}", f"{words}, {firm}")


class SlowPattern(ValueError):
    """A pattern that somebody's words could keep busy for ever."""


def order_pattern(words: str) -> re.Pattern[str]:
    """A pattern of app.yaml, compiled. ``ValueError`` where it is wrong or may take for ever (``(a+)+``)."""
    try:
        parsed = _parser.parse(words)
    except re.error as error:
        raise ValueError(f"this is not a regular expression: {error}") from None
    if _nested(parsed, inside=False):
        raise SlowPattern("one repetition stands inside another: say it with a single one, e.g. AC-\\d{5,8}")
    return re.compile(words)


def _nested(parsed: Any, *, inside: bool) -> bool:
    """Whether a repetition of unknown length is in another."""
    for op, given in parsed:
        repeats = op in (_constants.MAX_REPEAT, _constants.MIN_REPEAT) and given[1] > 40
        if repeats and inside:
            return True
        if any(_nested(one, inside=inside or repeats) for one in _parts(given)):
            return True
    return False


def _parts(given: Any) -> list[Any]:
    if isinstance(given, _parser.SubPattern):
        return [given]
    if isinstance(given, list | tuple):
        return [part for one in given for part in _parts(one)]
    return []
