"""Small words that answers share: times as the agent's clock shows them, names, states."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.desk import State

STATE_WORDS = {
    State.HELD: "waiting to be sent",
    State.PENDING: "on its way",
    State.SENDING: "being sent",
    State.ACCEPTED: "sent",
    State.DELIVERED: "delivered",
    State.SEEN: "seen",
    State.FAILED: "failed",
    State.UNCERTAIN: "may have been sent",
    State.CANCELLED: "taken back",
}


@lru_cache(maxsize=512)
def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name; UTC where this machine does not know it. The first time it reads a file."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def clock(at: float, zone: str, now: float) -> str:
    """``09:14`` today, ``Tue 09:14`` within a week, ``12 Mar 09:14`` this year, ``12 Mar 2025`` before."""
    where = zone_of(zone)
    then = datetime.fromtimestamp(at, where)
    today = datetime.fromtimestamp(now, where)
    if then.date() == today.date():
        return then.strftime("%H:%M")
    if 0 <= (today.date() - then.date()).days < 7:
        return then.strftime("%a %H:%M")
    if then.year == today.year:
        return f"{then.day} {then.strftime('%b %H:%M')}"
    return f"{then.day} {then.strftime('%b %Y')}"


def ago(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h``, ``2 days``."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86400)} days"


def size(count: int) -> str:
    """``1 byte``, ``812 bytes``, ``24 kB``, ``3.1 MB``."""
    if count < 1000:
        return f"{count} byte" if count == 1 else f"{count} bytes"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.3g} MB" if count < 1_000_000_000 else f"{count / 1_000_000_000:.3g} GB"
