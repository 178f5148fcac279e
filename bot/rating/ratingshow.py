"""Ratings as the team sees them: a line when somebody was asked, what they say in the thread, low ones for the leads. Units."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from bot.cases import prompts
from bot.desk import Group, Piece, Press, Prompt, State
from bot.messages import TeamId
from bot.policy import CorePolicy
from bot.rating.rating_words import stars
from bot.storage import asks, cases, history, lanes, people
from bot.storage import ratings as rows
from bot.storage.lanes import NewDelivery
from bot.timing import notices

SHOWN = 600
"""Code points of comments in a post."""


def show(connection: Connection, policy: CorePolicy, row: Any, now: float) -> set[str]:
    """A rating as it is now: in the thread, and for the leads where it is low. What was posted before is shown anew."""
    case = cases.case(connection, row.conversation_id)
    customer_id = people.final(connection, case.customer_id) if case is not None else None
    named = people.named(connection, [customer_id]).get(customer_id) if customer_id is not None else None
    if case is None or named is None:
        return set()
    leads = policy.teams[TeamId(case.team)].leads
    low = row.score is not None and row.score <= policy.ratings.low
    about = f"rating:{row.id}"
    groups: list[Piece] = [piece for one in leads if one.startswith("S") for piece in (" ", Group(one))]
    buttons = _buttons(named.id, case.team)
    line = (f"⭐ {named.name} {_words(row)}", *(groups if low else ()))
    thread = Prompt((line,), now, buttons if low or row.comment else ())
    if asks.about(connection, about):
        buckets = prompts.renew(connection, about, thread, now)
    else:
        buckets = prompts.in_thread(connection, named.id, case.team, thread, about, now)
    told = f"{about}:lead"
    if not low:
        return buckets | prompts.withdraw(connection, told, (f"They {_words(row)} now.",), now)
    name = notices.customer(connection, named.id, case.team, named.name)
    direct = Prompt((("⭐ ", name, f" {_words(row)}"),), now, buttons)
    if asks.about(connection, told):
        return buckets | prompts.renew(connection, told, direct, now)
    for lead in leads:
        if not lead.startswith("S"):
            buckets |= prompts.to_person(connection, lead, direct, told, now)
    return buckets


def _words(row: Any) -> str:
    """``rated ★★☆☆☆ 2 of 5: “Slow.”``"""
    said = "commented" if row.score is None else f"rated {stars(row.score)} {row.score} of 5"
    comment = " ".join((row.comment or "").split())
    if not comment:
        return said
    return f"{said}: “{comment if len(comment) <= SHOWN else comment[: SHOWN - 1].rstrip() + '…'}”"


def _buttons(customer_id: int, team: str) -> tuple[Press, ...]:
    value = notices.value(customer_id, team)
    return (
        Press("Reply", "reply.open", value, "primary"),
        Press("Reopen", "case.reopen", value),
        Press("Follow up tomorrow", "rating.tomorrow", value),
    )


def went_out(connection: Connection, message: Any, now: float, trouble: str | None = None) -> set[str]:
    """The question was taken by the channel, or with ``trouble`` it did not arrive. ``message`` is its row.

    The token is forgotten once it was sent: its keyed hash is enough then.
    """
    if trouble is None:
        meta: dict[str, Any] = json.loads(message.meta) if message.meta else {}
        meta.pop("ask", None)
        history.change(connection, message.id, meta=json.dumps(meta))
    row = rows.by_message(connection, message.conversation_id, message.id)
    if row is None and trouble is None:
        return set()  # it was brought by another way, and the thread says so already
    if row is not None and trouble is not None and row.state == rows.ASKED and message.state == State.FAILED:
        rows.change(connection, row.id, state=rows.FAILED, asked_at=None, reason=trouble)
    line = "Asked for a rating"
    if message.state == State.UNCERTAIN:
        line += f", but it may not have arrived: {trouble}"
    elif trouble is not None:
        line = f"Asking for a rating did not work: {trouble}"
    return _line(connection, message, line, now)


def _line(connection: Connection, message: Any, words: str, now: float) -> set[str]:
    case = cases.case(connection, message.conversation_id)
    customer_id = people.final(connection, message.customer_id)
    if case is None or customer_id is None:
        return set()
    thread = cases.current_thread(connection, customer_id, case.team)
    if thread is None:
        return set()
    payload = {"text": words, "at": now}
    return {lanes.append(connection, thread.desk_lane, [NewDelivery("activity", payload=payload)], now)}
