"""Reminders in words. One about one promise, a list of several, and what came of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.cases.prompts import unpack_line
from bot.desk import Group, Line, Piece, Press, Prompt, Strong, When
from bot.storage import reminders as rows
from bot.timing import notices

MOST = 12
"""Promises that one list names; the others are counted."""
_WHAT = {"first": "First reply", "next": "Reply", "resolution": "Resolution"}
LATER, ACK, TAKE = "remind.later", "remind.ack", "remind.take"


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise that somebody is reminded of: the row of its clock and case, and how its customer is called."""

    row: Any
    customer_id: int
    name: str
    thread: Any | None

    @property
    def link(self) -> Piece:
        """Their name, which leads to their thread."""
        return notices.link(self.name, self.thread)


def span(seconds: float) -> str:
    """``40 s``, ``12 min``, ``1 h 5 min``, ``3 days``."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(seconds / 86_400)} days"


def single(one: Promise, now: float, about: str) -> Prompt:
    """A reminder of one promise, by direct message."""
    lines: tuple[Line, ...] = (_first(one, one.link, now),)
    if one.row.excerpt:
        lines += (notices.quoted(one.row.excerpt),)
    return Prompt(lines, now, _buttons(one, about))


def in_thread(one: Promise, now: float, about: str, groups: tuple[str, ...], *, to_all: bool) -> Prompt:
    """The same in the customer's own thread. ``groups`` are named, ``to_all``: the channel sees it."""
    named = tuple(piece for group in groups for piece in (Group(group), " "))
    line = (*named, *_first(one, Strong(one.name), now))
    return Prompt((line,), now, _buttons(one, about), broadcast=to_all)


def _first(one: Promise, name: Piece, now: float) -> Line:
    return ("⏰ ", name, f" {_waits(one.row, now)}. ", *_due(one.row, now, with_span=True))


def _buttons(one: Promise, about: str) -> tuple[Press, ...]:
    value = notices.value(one.customer_id, one.row.team)
    mine = Press("Take", TAKE, about) if one.row.owner is None else Press("I'm on it", ACK, about)
    return (Press("Reply", "reply.open", value, "primary"), mine, Press("Snooze 15 min", LATER, about))


def several(
    promises: Sequence[Promise], now: float, about: str, *, night: bool = False, take: bool = False
) -> Prompt:
    """One list instead of many reminders; what something came of says so."""
    left = [one for one in promises if one.row.state != rows.OVER]
    late = sum(one.row.breached_at is not None for one in promises)
    if night:
        missed = f"{late} {'promise was' if late == 1 else 'promises were'} missed"
        title = f"🌅 Overnight: {missed if late else 'these came near'}."
    else:
        title = f"⏰ {len(promises)} customers wait for an answer."
    lines: list[Line] = [(Strong(title),)]
    lines += [_item(one, now) for one in promises[:MOST]]
    if len(promises) > MOST:
        lines.append((f"and {len(promises) - MOST} more: /sla shows all",))
    if not left:
        return Prompt(tuple(lines), now, done=("✓ Something came of all of them.",))
    mine = Press("Take them", TAKE, about) if take else Press("I'm on them", ACK, about)
    return Prompt(tuple(lines), now, (mine, Press("Snooze 15 min", LATER, about)))


def _item(one: Promise, now: float) -> Line:
    if one.row.state == rows.OVER:
        return ("✓ ", one.link, ": ", *unpack_line(json.loads(one.row.outcome)))
    due = _due(one.row, now, with_span=False)
    return ("• ", one.link, ": ", str(due[0])[:1].lower() + str(due[0])[1:], *due[1:])


def _waits(row: Any, now: float) -> str:
    if row.waiting_since is not None:
        return f"has waited {span(now - row.waiting_since)}"
    return f"is not settled since {span(now - row.opened_at)}"


def _due(row: Any, now: float, *, with_span: bool) -> Line:
    """``First reply due 10:14 (in 12 min).``"""
    late = row.due_at < now
    said: tuple[Piece, ...] = (f"{_WHAT[row.kind]} {'was due' if late else 'due'} ", When(row.due_at))
    if not with_span:
        return said
    return (*said, f" ({span(now - row.due_at)} ago)." if late else f" (in {span(row.due_at - now)}).")


def outcome(row: Any, author: str | None) -> Line:
    """What came of a promise whose clock does not run any more."""
    at: Piece = When(row.stopped_at, "time") if row.stopped_at is not None else ""
    if row.clock_state == "stopped" and author is not None:
        return ("answered ", at, f" by {author}")
    if row.clock_state == "stopped":
        words = {"resolved": "resolved ", "answered": "answered "}.get(str(row.cause), "over ")
        return (words, at)
    rests = {"waiting": "waits for the customer now", "snoozed": "snoozed", "by hand": "paused by a lead"}
    return (rests.get(str(row.cause), "paused"),)
