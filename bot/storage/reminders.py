"""Reminders of promises: the steps that have to be told, what was told to whom, and who said that they are on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.storage.schema import conversation, message
from bot.storage.schema_clocks import clock
from bot.storage.schema_desk import duty
from bot.storage.schema_reminders import reminder, reminder_pause, reminder_step

WAITING, TOLD, OVER = "waiting", "told", "over"

_WAITS = reminder_step.c.state == literal_column("'waiting'")
_TOLD = reminder.c.state == literal_column("'told'")
_NEXT = select(func.min(reminder_step.c.at)).where(_WAITS)
_CLOCK = (
    clock.c.conversation_id,
    clock.c.kind,
    clock.c.policy,
    clock.c.state.label("clock_state"),
    clock.c.cause,
    clock.c.due_at,
    clock.c.breached_at,
    clock.c.stopped_at,
    clock.c.stopped_by,
)
_CASE = (
    conversation.c.customer_id,
    conversation.c.team,
    conversation.c.owner,
    conversation.c.waiting_since,
    conversation.c.opened_at,
    conversation.c.excerpt,
)
_DUE = (
    select(
        reminder_step.c.id,
        reminder_step.c.clock_id,
        reminder_step.c.step,
        reminder_step.c.round,
        reminder_step.c.at,
        reminder_step.c.target,
        reminder_step.c.night,
        reminder_pause.c.until.label("paused_until"),
        *_CLOCK,
        *_CASE,
    )
    .join(clock, clock.c.id == reminder_step.c.clock_id)
    .join(conversation, conversation.c.id == clock.c.conversation_id)
    .outerjoin(reminder_pause, reminder_pause.c.clock_id == clock.c.id)
    .where(_WAITS, reminder_step.c.at <= bindparam("now"))
    .order_by(reminder_step.c.clock_id, reminder_step.c.at, reminder_step.c.id)
    .limit(bindparam("most"))
)
_SHOWN = (
    select(reminder, *_CLOCK, *_CASE)
    .join(clock, clock.c.id == reminder.c.clock_id)
    .join(conversation, conversation.c.id == clock.c.conversation_id)
    .order_by(reminder.c.id)
)
_ABOUT = _SHOWN.where(reminder.c.about.in_(bindparam("what", expanding=True)))
_TOLD_OF = _SHOWN.where(clock.c.conversation_id.in_(bindparam("cases", expanding=True)), _TOLD)
_TOLD_TO = _SHOWN.where(reminder.c.target == bindparam("whom"), _TOLD, reminder.c.at > bindparam("since"))
_ANSWERED = _SHOWN.where(_TOLD, clock.c.state != "running").limit(bindparam("most"))
_ANY_ANSWERED = (
    select(reminder.c.id)
    .join(clock, clock.c.id == reminder.c.clock_id)
    .where(_TOLD, clock.c.state != "running")
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step of a clock's reminders, to be told at a time."""

    clock_id: int
    step: str
    at: float
    round: int = 0
    target: str | None = None


def next_at(connection: Connection) -> float | None:
    """When the first step has to be told; None where none waits."""
    return connection.execute(_NEXT).scalar()


def add_steps(connection: Connection, steps: Sequence[NewStep]) -> None:
    """Keeps steps that have to be told; one that is kept already stays as it is."""
    if not steps:
        return
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [
        {
            "clock_id": one.clock_id,
            "step": one.step,
            "round": one.round,
            "at": one.at,
            "state": WAITING,
            "target": one.target,
        }
        for one in steps
    ]
    connection.execute(dialect.insert(reminder_step).on_conflict_do_nothing(), rows)


def due(connection: Connection, now: float, most: int) -> Sequence[Any]:
    """Steps that have to be told now, with their clock and case; all of a clock together, the earliest first."""
    found = connection.execute(_DUE, {"now": now, "most": most}).all()
    if len(found) < most:
        return found
    whole = [one for one in found if one.clock_id != found[-1].clock_id]  # the last clock may have more
    return whole or found


_PUT_OFF = (
    update(reminder_step)
    .where(reminder_step.c.id == bindparam("which"))
    .values(at=bindparam("later"), night=bindparam("asleep"))
)
_STEP_IS = (
    update(reminder_step).where(reminder_step.c.id == bindparam("which")).values(state=bindparam("now_is"))
)


def put_off(connection: Connection, steps: Iterable[tuple[int, float, bool]]) -> None:
    """Steps are told later: (step, when, whether because nobody is there)."""
    rows = [{"which": one, "later": at, "asleep": night} for one, at, night in steps]
    if rows:
        connection.execute(_PUT_OFF, rows)


def step_became(connection: Connection, steps: Iterable[int], state: str) -> None:
    """Steps have been told, or are over."""
    rows = [{"which": one, "now_is": state} for one in steps]
    if rows:
        connection.execute(_STEP_IS, rows)


def rounds(connection: Connection, clock_id: int) -> int:
    """How often reminders of a clock were put off by hand."""
    found = connection.execute(
        select(func.max(reminder_step.c.round)).where(reminder_step.c.clock_id == clock_id)
    )
    return int(found.scalar() or 0)


_ADD = insert(reminder)


def add(connection: Connection, clock_ids: Iterable[int], target: str, about: str, now: float) -> None:
    """Keeps that somebody is told of clocks."""
    values = [
        {"clock_id": one, "target": target, "about": about, "at": now, "state": TOLD} for one in clock_ids
    ]
    if values:
        connection.execute(_ADD, values)


def shown_by(connection: Connection, about: Iterable[str]) -> Sequence[Any]:
    """What prompts show, told or over, in their order."""
    return connection.execute(_ABOUT, {"what": list(about)}).all()


def told_of(connection: Connection, case_ids: Iterable[int]) -> Sequence[Any]:
    """What people are told of cases and nothing has come of."""
    return connection.execute(_TOLD_OF, {"cases": list(case_ids)}).all()


def told_to(connection: Connection, target: str, since: float) -> Sequence[Any]:
    """What somebody was told since a time, and nothing has come of."""
    return connection.execute(_TOLD_TO, {"whom": target, "since": since}).all()


def answered(connection: Connection, most: int) -> Sequence[Any]:
    """What people are told of clocks that do not run any more."""
    return connection.execute(_ANSWERED, {"most": most}).all()


def any_answered(connection: Connection) -> bool:
    """Whether somebody is told of a clock that does not run any more."""
    return connection.execute(_ANY_ANSWERED).first() is not None


_OVER = (
    update(reminder)
    .where(reminder.c.id == bindparam("which"))
    .values(state=OVER, outcome=bindparam("came_of_it"))
)
_MOVE = update(reminder).where(reminder.c.id == bindparam("which")).values(about=bindparam("shown_by"))


def end(connection: Connection, rows: Iterable[tuple[int, list[Any]]]) -> None:
    """Something came of what somebody was told: (reminder, the line that says what, packed)."""
    values = [{"which": one, "came_of_it": json.dumps(line)} for one, line in rows]
    if values:
        connection.execute(_OVER, values)


def move(connection: Connection, reminder_ids: Iterable[int], about: str) -> None:
    """Another prompt shows them from now on."""
    rows = [{"which": one, "shown_by": about} for one in reminder_ids]
    if rows:
        connection.execute(_MOVE, rows)


def pause(connection: Connection, clock_ids: Iterable[int], agent: str, until: float) -> None:
    """Somebody is on it: nobody is told of these clocks until then."""
    wanted = sorted(set(clock_ids))
    if not wanted:
        return
    connection.execute(delete(reminder_pause).where(reminder_pause.c.clock_id.in_(wanted)))
    connection.execute(
        insert(reminder_pause), [{"clock_id": one, "agent": agent, "until": until} for one in wanted]
    )


def author_of(connection: Connection, message_id: int | None) -> str | None:
    """Who wrote a reply."""
    if message_id is None:
        return None
    return connection.execute(select(message.c.author).where(message.c.id == message_id)).scalar()


_AWAY = select(duty.c.agent).where(~duty.c.on_duty)


def off_duty(connection: Connection) -> frozenset[str]:
    """Agents who said that they are not there."""
    return frozenset(connection.execute(_AWAY).scalars())


_CASE_OF = select(conversation.c.customer_id, conversation.c.team).where(
    conversation.c.id == bindparam("which")
)


def case_of(connection: Connection, conversation_id: int) -> Any | None:
    """Whose case it is, and of which team."""
    return connection.execute(_CASE_OF, {"which": conversation_id}).one_or_none()
