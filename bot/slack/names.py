"""Names that strangers chose, made safe to show: no direction tricks, no line breaks, no towers of accents."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

MAX_NAME = 60
NOBODY = "Unknown sender"
_ANGLES = str.maketrans({"<": "‹", ">": "›"})
_KEPT_FORMAT = {"\u200d"}
"""ZERO WIDTH JOINER: emoji and several scripts need it."""


@lru_cache(maxsize=4096)
def safe_name(name: str, limit: int = MAX_NAME) -> str:
    """One line, at most ``limit`` characters, without controls, direction marks and zero-width tricks."""
    shown: list[str] = []
    accents = 0
    for char in unicodedata.normalize("NFC", name):
        kind = unicodedata.category(char)
        accents = accents + 1 if kind in ("Mn", "Me") else 0
        if kind in ("Cc", "Zl", "Zp"):
            shown.append(" ")
        elif (kind not in ("Cf", "Cs", "Co", "Cn") or char in _KEPT_FORMAT) and accents <= 3:
            shown.append(char)
    line = " ".join("".join(shown).split()).strip("\u200d ").translate(_ANGLES)
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return line or NOBODY


def sender(name: str, channel: str) -> str:
    """The name of a post: always with the channel, so that nobody can look like one of the team. At most 80 characters."""
    return f"{safe_name(name)} ({channel})"


def pair(agent: str, customer: str, channel: str) -> str:
    """The name of a reply's post: ``Kim → Dana Petrov (email)``. At most 80 characters."""
    return f"{safe_name(agent, 28)} → {safe_name(customer, 32)} ({channel})"[:80]


def one_line(text: str, limit: int) -> str:
    """Text as one line of at most ``limit`` characters."""
    line = " ".join(
        "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text).split()
    )
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
