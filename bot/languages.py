"""Codes of languages, as people and their programs write them. Pure."""

from __future__ import annotations

import re

_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")
_RANGES = 20
"""So many of an ``Accept-Language`` are looked at."""


def tag(given: str) -> str | None:
    """A code as BCP 47 writes it ("pt_br" is "pt-BR"), None where it is none. Variants and extensions are not known."""
    match = _TAG.fullmatch(given.strip())
    if match is None:
        return None
    code, script, place = match.groups()
    return "-".join(part for part in (code.lower(), (script or "").title(), (place or "").upper()) if part)


def preferred(header: str) -> str | None:
    """The language that a header wants most (RFC 9110, ``Accept-Language``); None where it names none."""
    best: tuple[float, str] | None = None
    for one in header.split(",")[:_RANGES]:
        words, _, weight = one.partition(";")
        found = tag(words)
        match = re.fullmatch(r"\s*q=([01](?:\.[0-9]{0,3})?)\s*", weight)
        rank = float(match[1]) if match else 1.0
        if found is not None and rank > 0 and (best is None or rank > best[0]):
            best = rank, found
    return best[1] if best else None
