"""The claim step of the outbox, as one unit: take lanes that are due, and load what they have to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from bot import replies
from bot.delivery.loading import Loader
from bot.delivery.work import Broken, Nothing, Wait, Work
from bot.desk import State
from bot.policy import CorePolicy
from bot.storage import holds, lanes
from bot.storage.lanes import Delivery, Lane


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed lane and what it has to do."""

    lane: Lane
    work: Work
    age: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What one round of claims found out.

    ``due``: when the next lane of a bucket is; a bucket where none waits is not in it.
    """

    claimed: list[Claimed]
    due: dict[str, float]
    next_hold: float | None


def claim_round(
    connection: Connection,
    *,
    policy: CorePolicy,
    wanted: Mapping[str, int],
    worker: str,
    key: str,
    now: float,
    carefully: bool,
) -> Claims:
    """One transaction: releases held deliveries that are due, claims lanes, loads what they have to do.

    A lane where there is nothing to do, or not yet, is settled here: it costs no token and no attempt.
    """
    released = holds.release_due(connection, now)
    replies.released(connection, released.messages, now)
    due = dict.fromkeys(released.buckets - set(wanted), now)
    taken: list[tuple[Lane, list[Delivery]]] = []
    for bucket, room in wanted.items():
        rows = lanes.claim(connection, bucket, worker, now, room)
        taken.extend(rows)
        following = now if len(rows) == room else lanes.next_due(connection, bucket)
        if following is not None:
            due[bucket] = following
    load = _load_carefully if carefully else _load
    claimed: list[Claimed] = []
    for (lane, heads), todo in zip(taken, load(connection, policy, taken, key, now), strict=True):
        if isinstance(todo, Nothing):
            moved = lanes.advance(connection, lane.id, worker, todo.run, State.CANCELLED, None, now)
            if moved is not None and moved.more:
                due[lane.bucket] = now
        elif isinstance(todo, Wait):
            at = now + todo.seconds
            lanes.postpone(connection, lane.id, worker, [], None, at, certain=True)
            due[lane.bucket] = min(at, due.get(lane.bucket, at))
        else:
            claimed.append(Claimed(lane, todo, now - heads[0].created_at, heads[0].attempts + 1))
    return Claims(claimed, due, released.next_at)


def _load(
    connection: Connection,
    policy: CorePolicy,
    taken: list[tuple[Lane, list[Delivery]]],
    key: str,
    now: float,
) -> list[Work]:
    if not taken:
        return []
    loader = Loader(connection, policy, taken, key, now)
    todo = [loader.load(lane, heads) for lane, heads in taken]
    loader.finish()
    return todo


def _load_carefully(
    connection: Connection,
    policy: CorePolicy,
    taken: list[tuple[Lane, list[Delivery]]],
    key: str,
    now: float,
) -> list[Work]:
    todo: list[Work] = []
    for lane, heads in taken:
        try:
            with connection.begin_nested():
                todo.extend(_load(connection, policy, [(lane, heads)], key, now))
        except OperationalError:
            raise  # the database's own fault
        except Exception as error:
            todo.append(Broken(heads[:1], f"unexpected {type(error).__name__} while it was being loaded"))
    return todo
