"""The words of times: what a day, a clock time and a span look like in English. Pure; ``when`` gives them meaning."""

from __future__ import annotations

import re
from datetime import date

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_WEEKDAY = (
    r"(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:s|nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?)\.?"
)
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_END = r"(?!\w)(?![.:]\d)"
"""Where a word may end: not inside of a longer word, and not inside of a number with a point or colon."""

_COUNTS = {
    **{"a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0},
    **{"seven": 7.0, "eight": 8.0, "nine": 9.0, "ten": 10.0, "eleven": 11.0, "twelve": 12.0},
    **{"half a": 0.5, "half an": 0.5, "half": 0.5},
}
_UNIT = r"(?:m(?:o(?:nths?)?|ins?|inutes?)?|h(?:rs?|ours?)?|d(?:ays?)?|w(?:ks?|eeks?)?|y(?:rs?|ears?)?)"


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(r"\s*" + pattern, re.IGNORECASE | re.ASCII)


LEAD = _words(r"(?:(?:until|till?|by|on|at|@|from)\s+|@(?=\d))?")
AT = _words(r"(?:,\s*)?(?:(?P<at>at|@|by|until|till?|from)(?=[\s\d])\s*)?")
ON = _words(r"(?:,\s*)?(?:on\s+)?")
IN = _words(r"(?:(?:in|for)\s+)?")
AND = _words(r"(?:,|and\b)?\s*")
LATER = _words(r"(?:later|from\s+now)" + _END)

SPAN = _words(
    rf"(?P<count>\d{{1,6}}(?:[.,]\d{{1,3}})?|half(?:\s+an?)?|{'|'.join(k for k in _COUNTS if 'half' not in k)})"
    rf"(?:\s*(?<=\d)|\s+)(?P<unit>{_UNIT})(?![A-Za-z_])"
)
SPAN_MINUTES = re.compile(r"(?<=[hH])(?P<minutes>[0-5]\d)(?!\w)", re.ASCII)
"""The 30 of 1h30."""
INSIDE = re.compile(r"\w", re.ASCII)

RELATIVE = _words(
    r"(?P<relative>today|tonight|(?:the\s+)?day\s+after\s+tomorrow|tomorrow|tmrw?|tmw"
    r"|this\s+(?:morning|afternoon|evening)|next\s+(?:week|month)"
    r"|(?:the\s+)?end\s+of\s+(?:the\s+)?(?:week|month)|eow|eom)" + _END
)
WEEKDAY = _words(rf"(?:(?P<which>this|next|coming)\s+)?{_WEEKDAY}{_END}")
NEXT_WEEK = _words(r"next\s+week" + _END)
ISO = _words(
    r"(?P<year>\d{4})-(?P<number>\d{1,2})-(?P<day>\d{1,2})(?:(?!\w)|T(?=\d{1,2}:\d\d(?::\d\d)?(?!\w)))"
)
DOTTED = _words(
    r"(?P<day>\d{1,2})\.(?P<number>\d{1,2})(?:\.(?P<year>20\d\d|\d\d)(?![\w.:])|(?P<dot>\.)|(?![.\d]))(?!\w)"
)
DAY_MONTH = _words(
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?{_MONTH}(?!\w)(?:,?\s+(?P<year>20\d\d){_END})?"
)
MONTH_DAY = _words(
    rf"{_MONTH}\s+(?:the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\w:])(?:,?\s+(?P<year>20\d\d){_END})?"
)
SLASHED = _words(r"(?P<one>\d{1,2})/(?P<two>\d{1,2})(?:/(?P<year>20\d\d|\d\d))?(?!\w)")

NAMED_CLOCK = _words(
    r"(?P<clock>noon|midday|midnight|(?:the\s+)?end\s+of\s+(?:the\s+)?(?:business\s+)?day|eod|cob"
    r"|close\s+of\s+business)" + _END
)
PART_OF_DAY = _words(r"(?:in\s+the\s+)?(?P<part>morning|afternoon|evening|night)" + _END)
TWELVE = _words(r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?\s*(?P<half>[ap])(?:m(?!\w)|\.m\.)")
TWENTY_FOUR = _words(r"(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?::\d\d)?(?!\w)(?![:.]\d)")
BARE_HOUR = _words(
    rf"(?P<hour>\d{{1,2}})(?:\s*(?P<clock>o['’]?clock)(?!\w)|(?![\w/%])(?![:.,-]\d)(?!\s*{_UNIT}(?!\w)))"
)


def count_of(found: re.Match[str]) -> float:
    """How many of its unit a span says."""
    said = " ".join(found["count"].lower().split())
    return _COUNTS[said] if said in _COUNTS else float(said.replace(",", "."))


def unit_of(found: re.Match[str]) -> str:
    """The unit of a span: minute, hour, day, week, month or year."""
    said = found["unit"].lower()
    if said.startswith("mo"):
        return "month"
    return {"m": "minute", "h": "hour", "d": "day", "w": "week", "y": "year"}[said[0]]


def weekday_of(found: re.Match[str]) -> int:
    """0 for Monday."""
    return WEEKDAYS.index(found["weekday"][:3].title())


def month_of(found: re.Match[str]) -> int:
    """1 for January, by name or number."""
    named = found.groupdict().get("month")
    return MONTHS.index(named[:3].title()) + 1 if named else int(found["number"])


def day_words(day: date, this_year: int) -> str:
    """A date as it is said: "Mon 24 Nov", with its year where that is another one."""
    words = f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"
    return words if day.year == this_year else f"{words} {day.year}"


def clock_words(minute: int) -> str:
    """Minutes since midnight as "09:30"."""
    return f"{minute // 60 % 24:02}:{minute % 60:02}"
