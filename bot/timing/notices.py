"""What notices to people share: a customer's name that leads to their thread, times as they are written, buttons' values."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from bot.calendar import timewords
from bot.calendar.wallclock import wall
from bot.desk import Line, Piece, Strong, ThreadLink
from bot.storage import cases, people

EXCERPT = 120


def value(customer_id: int, team: str, **more: str | int) -> str:
    """The value of a button about a customer, as the commands read it."""
    return json.dumps({"c": customer_id, "t": team, **more}, separators=(",", ":"))


def customer(connection: Connection, customer_id: int, team: str, name: str) -> Piece:
    """``Dana Petrov (C42)``, which leads to their thread where there is one."""
    words = f"{name} ({people.handle(customer_id)})"
    thread = cases.current_thread(connection, customer_id, team)
    return link(words, thread)


def link(words: str, thread: Any | None) -> Piece:
    """Words that lead to a thread where it is open."""
    if thread is None or thread.ts is None:
        return Strong(words)
    return ThreadLink(words, thread.channel, thread.ts)


def quoted(words: str) -> Line:
    """A customer's newest words on a line, shortened; an empty line where there are none."""
    line = " ".join(words.split())
    if not line:
        return ()
    return (f"“{line if len(line) <= EXCERPT else line[: EXCERPT - 1].rstrip() + '…'}”",)


def dated(at: float, zone: str, now: float) -> str:
    """A time that can be read on any day: ``Mon 24 Nov 09:00``."""
    shown = wall(zone, at)
    day = timewords.day_words(shown.date(), wall(zone, now).year)
    return f"{day} {timewords.clock_words(shown.hour * 60 + shown.minute)}"
