"""Figures as rows: what changed, what a case has added, the cells by day."""

from __future__ import annotations

import json
import zlib
from base64 import b85decode, b85encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, Executable, bindparam, delete, func, insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from bot.stats.cells import MONTH, Cell, Key
from bot.storage.schema import conversation, message
from bot.storage.schema_clocks import clock
from bot.storage.schema_desk import case_tag
from bot.storage.schema_stats import rating, stat_case, stat_day, stat_dirty

AT_ONCE = 400
"""Keys of one query: SQLite takes so many parameters."""

_DIRTY = select(stat_dirty.c.conversation_id).order_by(stat_dirty.c.conversation_id).limit(bindparam("most"))


def dirty(connection: Connection, most: int) -> list[int]:
    """Cases that have changed since they were counted."""
    return list(connection.execute(_DIRTY, {"most": most}).scalars())


def clean(connection: Connection, ids: Collection[int]) -> None:
    """These are counted now."""
    connection.execute(delete(stat_dirty).where(stat_dirty.c.conversation_id.in_(list(ids))))


def ids_after(connection: Connection, after: int, most: int) -> list[int]:
    """The next cases, by number: those that are there, and those that were counted once."""
    there = select(conversation.c.id).where(conversation.c.id > after).order_by(conversation.c.id).limit(most)
    counted = (
        select(stat_case.c.conversation_id)
        .where(stat_case.c.conversation_id > after)
        .order_by(stat_case.c.conversation_id)
        .limit(most)
    )
    found = {*connection.execute(there).scalars(), *connection.execute(counted).scalars()}
    return sorted(found)[:most]


_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_CASES = select(
    conversation.c.id,
    conversation.c.team,
    conversation.c.priority,
    conversation.c.owner,
    conversation.c.joined_to,
    conversation.c.opened_at,
    conversation.c.resolved_at,
    conversation.c.status,
).where(conversation.c.id.in_(_IDS))
_SAID = (
    select(
        message.c.id,
        message.c.conversation_id,
        message.c.direction,
        message.c.inbox,
        message.c.agent,
        message.c.automated,
        message.c.state,
        message.c.created_at,
    )
    .where(message.c.conversation_id.in_(_IDS), message.c.direction.in_(("inbound", "outbound")))
    .order_by(message.c.conversation_id, message.c.id)
)
_CLOCKS = select(clock).where(clock.c.conversation_id.in_(_IDS)).order_by(clock.c.id)
_TAGS = select(case_tag).where(case_tag.c.conversation_id.in_(_IDS)).order_by(case_tag.c.tag)
_RATINGS = (
    select(rating)
    .where(rating.c.conversation_id.in_(_IDS), rating.c.asked_at.is_not(None))
    .order_by(rating.c.id)
)
_COUNTED = select(stat_case).where(stat_case.c.conversation_id.in_(_IDS))


def rows_of(connection: Connection, ids: Sequence[int]) -> dict[str, list[Any]]:
    """Everything that the figures look at, of these cases."""
    given = {"ids": list(ids)}
    statements = {"cases": _CASES, "said": _SAID, "clocks": _CLOCKS, "tags": _TAGS, "ratings": _RATINGS}
    return {name: list(connection.execute(one, given)) for name, one in statements.items()}


def counted(connection: Connection, ids: Sequence[int]) -> dict[int, dict[Key, Cell]]:
    """What these cases have added."""
    rows = connection.execute(_COUNTED, {"ids": list(ids)})
    return {row.conversation_id: unpack(row.cells) for row in rows}


def keep(connection: Connection, cases: Mapping[int, Mapping[Key, Cell]]) -> None:
    """Notes what these cases have added; one that adds nothing is forgotten."""
    if not cases:
        return
    connection.execute(delete(stat_case).where(stat_case.c.conversation_id.in_(list(cases))))
    rows = [{"conversation_id": one, "cells": pack(cells)} for one, cells in cases.items() if cells]
    if rows:
        connection.execute(insert(stat_case), rows)


def pack(cells: Mapping[Key, Cell]) -> str:
    """Cells in little space. The same cells give the same text."""
    rows = [
        [*key, cell.count, cell.total, sorted(cell.spread.items())] for key, cell in sorted(cells.items())
    ]
    return b85encode(zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 6)).decode()


def unpack(packed: str) -> dict[Key, Cell]:
    """The cells of ``pack``."""
    rows = json.loads(zlib.decompress(b85decode(packed)))
    return {
        (team, dimension, value, day, metric): Cell(count, total, dict(spread))
        for team, dimension, value, day, metric, count, total, spread in rows
    }


_KEY = (stat_day.c.team, stat_day.c.dimension, stat_day.c.value, stat_day.c.day, stat_day.c.metric)
_COLUMNS = tuple(column.name for column in _KEY)


def cells_at(connection: Connection, keys: Iterable[Key]) -> dict[Key, Cell]:
    """The cells with these keys, those that are there."""
    wanted = list(keys)
    found: dict[Key, Cell] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        for row in connection.execute(select(stat_day).where(tuple_(*_KEY).in_(some))):
            found[row.team, row.dimension, row.value, row.day, row.metric] = _cell(row)
    return found


def _cell(row: Any) -> Cell:
    spread = {int(step): many for step, many in json.loads(row.spread).items()} if row.spread else {}
    return Cell(row.count, row.total, spread)


def add(connection: Connection, changes: Mapping[Key, Cell]) -> None:
    """Adds to cells; one that becomes empty is taken away."""
    if not changes:
        return
    now = cells_at(connection, changes)
    gone: list[Key] = []
    rows: list[dict[str, Any]] = []
    for key, change in changes.items():
        cell = now.get(key, Cell())
        cell.add(change)
        if cell.empty:
            gone.append(key)
        else:
            rows.append(_row(key, cell))
    for start in range(0, len(gone), AT_ONCE):
        connection.execute(delete(stat_day).where(tuple_(*_KEY).in_(gone[start : start + AT_ONCE])))
    if rows:
        connection.execute(_upsert(connection), rows)


def _row(key: Key, cell: Cell) -> dict[str, Any]:
    spread = json.dumps(dict(sorted(cell.spread.items())), separators=(",", ":")) if cell.spread else None
    named = dict(zip(_COLUMNS, key, strict=True))
    return {**named, "count": cell.count, "total": cell.total, "spread": spread}


def _upsert(connection: Connection) -> Executable:
    made: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(stat_day)
    names = [*_COLUMNS, "count", "total", "spread"]
    bound = made.values({name: bindparam(name) for name in names})
    changed = {name: bound.excluded[name] for name in ("count", "total", "spread")}
    statement: Executable = bound.on_conflict_do_update(index_elements=list(_COLUMNS), set_=changed)
    return statement


def read(
    connection: Connection, teams: Sequence[str], dimension: str, first: str, last: str
) -> list[tuple[str, str, int, float, str | None]]:
    """A stretch of days, both ends included, as (value, metric, count, total, spread): months where whole ones are in it.

    The database adds up what are numbers; spreads come one by one, and count nothing.
    """
    months, days = split(date.fromisoformat(first), date.fromisoformat(last))
    wanted = [_given(teams, dimension, start.isoformat(), end.isoformat()) for start, end in days]
    if months:
        wanted.append(_given(teams, MONTH + dimension, months[0], months[-1]))
    rows: list[tuple[str, str, int, float, str | None]] = []
    for given in wanted:
        for value, metric, count, total in connection.execute(_SUMS, given):
            rows.append((value, metric, int(count), float(total), None))
        for value, metric, spread in connection.execute(_SPREADS, given):
            rows.append((value, metric, 0, 0.0, spread))
    return rows


_STRETCH = (
    stat_day.c.team.in_(bindparam("whose", expanding=True)),
    stat_day.c.dimension == bindparam("which"),
    stat_day.c.day >= bindparam("first"),
    stat_day.c.day <= bindparam("last"),
)
_SUMS = (
    select(stat_day.c.value, stat_day.c.metric, func.sum(stat_day.c.count), func.sum(stat_day.c.total))
    .where(*_STRETCH)
    .group_by(stat_day.c.value, stat_day.c.metric)
)
_SPREADS = select(stat_day.c.value, stat_day.c.metric, stat_day.c.spread).where(
    *_STRETCH, stat_day.c.spread.is_not(None)
)


def _given(teams: Sequence[str], dimension: str, first: str, last: str) -> dict[str, Any]:
    return {"whose": list(teams), "which": dimension, "first": first, "last": last}


def split(first: date, last: date) -> tuple[list[str], list[tuple[date, date]]]:
    """Whole months in a stretch of days (they follow each other), and the stretches before and after them."""
    months: list[str] = []
    begin = first if first.day == 1 else _month_after(first)
    at = begin
    while (after := _month_after(at)) - timedelta(days=1) <= last:
        months.append(at.isoformat()[:7])
        at = after
    if not months:
        return [], [(first, last)]
    rest = [(first, begin - timedelta(days=1)), (at, last)]
    return months, [(start, end) for start, end in rest if start <= end]


def _month_after(day: date) -> date:
    """The first day of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def by_day(
    connection: Connection, teams: Sequence[str], metrics: Sequence[str], first: str, last: str
) -> Sequence[Any]:
    """How many, and how much, by day."""
    return connection.execute(
        select(
            stat_day.c.day,
            stat_day.c.metric,
            func.sum(stat_day.c.count).label("count"),
            func.sum(stat_day.c.total).label("total"),
        )
        .where(
            stat_day.c.team.in_(list(teams)),
            stat_day.c.dimension == "all",
            stat_day.c.day >= first,
            stat_day.c.day <= last,
            stat_day.c.metric.in_(list(metrics)),
        )
        .group_by(stat_day.c.day, stat_day.c.metric)
        .order_by(stat_day.c.day)
    ).all()


def until_hour(
    connection: Connection, team: str, days: Sequence[str], hour: str, metrics: Sequence[str]
) -> Sequence[Any]:
    """How many on each of these days, up to an hour of the day ("09": until 09:59)."""
    return connection.execute(
        select(stat_day.c.day, stat_day.c.metric, func.sum(stat_day.c.count).label("count"))
        .where(
            stat_day.c.team == team,
            stat_day.c.dimension == "hour",
            stat_day.c.day.in_(list(days)),
            stat_day.c.value <= hour,
            stat_day.c.metric.in_(list(metrics)),
        )
        .group_by(stat_day.c.day, stat_day.c.metric)
    ).all()


def page(connection: Connection, after: Key | None, most: int) -> list[tuple[Key, Cell]]:
    """All cells in the order of their keys, some at a time."""
    statement = select(stat_day).order_by(*_KEY).limit(most)
    if after is not None:
        statement = statement.where(tuple_(*_KEY) > tuple_(*after))
    return [
        ((row.team, row.dimension, row.value, row.day, row.metric), _cell(row))
        for row in connection.execute(statement)
    ]


def set_cells(connection: Connection, cells: Mapping[Key, Cell]) -> None:
    """Replaces cells by others; an empty one is taken away."""
    gone = [key for key, cell in cells.items() if cell.empty]
    for start in range(0, len(gone), AT_ONCE):
        connection.execute(delete(stat_day).where(tuple_(*_KEY).in_(gone[start : start + AT_ONCE])))
    rows = [_row(key, cell) for key, cell in cells.items() if not cell.empty]
    if rows:
        connection.execute(_upsert(connection), rows)


def mark_all(connection: Connection, after: int, most: int) -> int | None:
    """Says of the next cases that they have changed; the number of the last one, None: that was all."""
    ids = ids_after(connection, after, most)
    known = set(
        connection.execute(
            select(stat_dirty.c.conversation_id).where(stat_dirty.c.conversation_id.in_(ids))
        ).scalars()
    )
    new = [{"conversation_id": one} for one in ids if one not in known]
    if new:
        connection.execute(insert(stat_dirty), new)
    return ids[-1] if ids else None
