"""Who did what: the audit log, read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, or_, select

from bot.storage.schema import audit, customer


def page(
    connection: Connection, customer_id: int | None, agent: str | None, before: float | None, limit: int
) -> Sequence[Any]:
    """What was done to a customer (and to whom they were merged from), or by an agent; newest first."""
    wanted = select(audit.c.at, audit.c.agent, audit.c.action, audit.c.detail)
    if customer_id is not None:
        family = select(customer.c.id).where(
            or_(customer.c.id == customer_id, customer.c.root_id == customer_id)
        )
        wanted = wanted.where(audit.c.customer_id.in_(family))
    if agent is not None:
        wanted = wanted.where(audit.c.agent == agent)
    if before is not None:
        wanted = wanted.where(audit.c.at < before)
    return connection.execute(wanted.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)).all()
