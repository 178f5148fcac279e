"""The types of attributes: from what somebody typed, or a token holds, to a value; and from a value to words."""

from __future__ import annotations

import contextlib
import math
import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import TypeAlias
from urllib.parse import urlsplit

from bot import languages
from bot.policy import AttributeRule

Scalar: TypeAlias = str | int | float | bool
"""What a value is."""

LONGEST = 200
"""Characters of a text."""
LONGEST_URL = 500
_YES = frozenset({"yes", "y", "true", "on", "1"})
_NO = frozenset({"no", "n", "false", "off", "0"})
_PHONE = re.compile(r"\+?[0-9]{6,15}")
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?")


def read(rule: AttributeRule, given: object) -> Scalar:
    """The value that is meant. ``ValueError`` with one sentence, the cure in it, where it does not fit the type."""
    try:
        return _READERS[rule.type](rule, given)
    except (_Wrong, ValueError):
        raise ValueError(f"{rule.label} {_CURES[rule.type](rule)}.") from None


def words(rule: AttributeRule, value: Scalar) -> str:
    """A value as a person reads it, and as it could be typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


class _Wrong(Exception):
    """It does not fit."""


def _line(given: object) -> str:
    """One line of words; nothing that moves or hides others."""
    if not isinstance(given, str):
        raise _Wrong
    kept = "".join(one for one in given if unicodedata.category(one) not in ("Cf", "Cs", "Co", "Cn"))
    line = " ".join("".join(" " if unicodedata.category(one) == "Cc" else one for one in kept).split())
    if not line:
        raise _Wrong
    return line


def _text(rule: AttributeRule, given: object) -> str:
    line = _line(given)
    if len(line) > LONGEST:
        raise _Wrong
    return line


def _choice(rule: AttributeRule, given: object) -> str:
    line = _line(given).casefold()
    for choice in rule.choices:
        if choice.casefold() == line:
            return choice
    raise _Wrong


def _number(rule: AttributeRule, given: object) -> int | float:
    if isinstance(given, str):
        typed = given.strip().replace("_", "")
        if not _NUMBER.fullmatch(typed):
            raise _Wrong
        given = float(typed) if "." in typed else int(typed)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise _Wrong
    if not math.isfinite(given) or abs(given) >= 1e15:
        raise _Wrong
    return int(given) if given == int(given) else given


def _flag(rule: AttributeRule, given: object) -> bool:
    if isinstance(given, bool):
        return given
    line = _line(given).casefold()
    if line in _YES or line in _NO:
        return line in _YES
    raise _Wrong


def _date(rule: AttributeRule, given: object) -> str:
    return date.fromisoformat(_line(given)).isoformat()


@cache
def _zones() -> Mapping[str, str]:
    """All of them: reads a whole folder, so it is asked only where the name is not right as it was written."""
    return {name.casefold(): name for name in zoneinfo.available_timezones()}


def _zone(rule: AttributeRule, given: object) -> str:
    name = _line(given).replace(" ", "_")
    if "/" in name and name[0].isupper():
        with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            return zoneinfo.ZoneInfo(name).key
    found = _zones().get(name.casefold())
    if found is None:
        raise _Wrong
    return found


def _language(rule: AttributeRule, given: object) -> str:
    code = languages.tag(_line(given))
    if code is None:
        raise _Wrong
    return code


def _phone(rule: AttributeRule, given: object) -> str:
    digits = re.sub(r"[\s()./\u2010-\u2015-]", "", _line(given).replace("(0)", ""))
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    if not _PHONE.fullmatch(digits):
        raise _Wrong
    return digits


def _url(rule: AttributeRule, given: object) -> str:
    line = _line(given)
    parts = urlsplit(line)
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in line or len(line) > LONGEST_URL:
        raise _Wrong
    return line


_READERS: dict[str, Callable[[AttributeRule, object], Scalar]] = {
    "text": _text,
    "choice": _choice,
    "number": _number,
    "flag": _flag,
    "date": _date,
    "zone": _zone,
    "language": _language,
    "phone": _phone,
    "url": _url,
}
TYPES = tuple(_READERS)
"""All types."""

_CURES: dict[str, Callable[[AttributeRule], str]] = {
    "text": lambda rule: f"is words on one line, at most {LONGEST} characters",
    "choice": lambda rule: f"is one of {', '.join(rule.choices)}",
    "number": lambda rule: "is a number, such as 12",
    "flag": lambda rule: "is yes or no",
    "date": lambda rule: "is a date, such as 2026-11-03",
    "zone": lambda rule: "is a time zone, such as Europe/Berlin",
    "language": lambda rule: "is a language code, such as en or pt-BR",
    "phone": lambda rule: "is a telephone number, such as +49 30 1234567",
    "url": lambda rule: "is a web address, such as https://example.com",
}
