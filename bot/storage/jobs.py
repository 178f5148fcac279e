"""Jobs in chunks: what takes longer than a transaction may, and goes on after a crash where it stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from bot.storage.schema_people import job

WAITING, DONE, FAILED = "waiting", "done", "failed"

_ADD = insert(job).returning(job.c.id)
_ONE = select(job).where(job.c.kind == bindparam("sort"), job.c.subject == bindparam("about"))
_WAITING = select(job).where(job.c.kind == bindparam("sort"), job.c.state == "waiting").order_by(job.c.id)


def add(
    connection: Connection, kind: str, subject: str, progress: Any, now: float, agent: str | None = None
) -> int:
    """A new job. ``progress`` is anything that JSON can hold. A kind has one job for a subject."""
    values = {
        "kind": kind,
        "subject": subject,
        "state": WAITING,
        "progress": json.dumps(progress, separators=(",", ":")),
        "agent": agent,
        "created_at": now,
        "changed_at": now,
    }
    return int(connection.execute(_ADD, values).scalar_one())


def find(connection: Connection, kind: str, subject: str) -> Any | None:
    """The job of a kind about a subject."""
    return connection.execute(_ONE, {"sort": kind, "about": subject}).one_or_none()


def waiting(connection: Connection, kind: str) -> Sequence[Any]:
    """The jobs of a kind that are not done, oldest first."""
    return connection.execute(_WAITING, {"sort": kind}).all()


def progressed(
    connection: Connection, job_id: int, progress: Any, now: float, *, state: str = WAITING
) -> None:
    """Stores how far a job has come, in the transaction of the work itself."""
    packed = json.dumps(progress, separators=(",", ":"))
    connection.execute(
        update(job).where(job.c.id == job_id).values(progress=packed, state=state, changed_at=now)
    )
