"""Who did what: the audit log, read."""

from __future__ import annotations

import re

from sqlalchemy import Connection, or_, select

from bot.storage.schema import audit, customer, message

EXCERPT = 120
_MESSAGE = re.compile(r"message (\d+)(.*)", re.DOTALL)


def page(
    connection: Connection, customer_id: int | None, agent: str | None, before: float | None, limit: int
) -> list[tuple[float, str, str, str | None]]:
    """What was done to a customer (and to whom they were merged from), or by an agent: (at, agent, action, detail).

    Newest first. Where it is about a message, the detail holds its first words.
    """
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
    rows = connection.execute(wanted.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)).all()
    about = {row: found for row in rows if (found := _MESSAGE.fullmatch(row.detail or ""))}
    ids = [int(found[1]) for found in about.values()]
    rows_of = connection.execute(select(message.c.id, message.c.text).where(message.c.id.in_(ids)))
    said = {row.id: row.text for row in rows_of}
    told = []
    for row in rows:
        detail = row.detail
        if row in about:
            words = " ".join(said.get(int(about[row][1]), "").split())
            cut = words if len(words) <= EXCERPT else words[: EXCERPT - 1] + "…"
            detail = (f"“{cut}”" if cut else "") + about[row][2]
        told.append((row.at, row.agent, row.action, detail))
    return told
