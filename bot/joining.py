"""Two customers that turn out to be one, without an agent: joined where that is certain, else people are asked. Units."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select, update

from bot.policy import CorePolicy
from bot.storage import links
from bot.storage.schema import customer, identity
from bot.storage.schema_people import merge_proposal


def nothing_proven(connection: Connection, customer_id: int) -> bool:
    """Whether nobody knows who a customer is: all that is theirs are browsers, and what they said of themselves."""
    return not any(one.verified and not one.anonymous for one in links.held(connection, customer_id))


def join(
    connection: Connection,
    policy: CorePolicy,
    survivor_id: int,
    merged_id: int,
    evidence: str,
    key: str,
    now: float,
) -> set[str]:
    """One customer becomes part of another."""
    connection.execute(
        update(identity).where(identity.c.customer_id == merged_id).values(customer_id=survivor_id)
    )
    connection.execute(
        update(customer)
        .where(customer.c.id == merged_id)
        .values(merged_into=survivor_id, root_id=survivor_id)
    )
    return set()


def propose(
    connection: Connection, policy: CorePolicy, one: int, other: int, evidence: Sequence[str], now: float
) -> set[str]:
    """Asks whether two customers are one."""
    import json

    low, high = sorted((one, other))
    known = connection.execute(
        select(merge_proposal.c.id).where(merge_proposal.c.one_id == low, merge_proposal.c.other_id == high)
    ).scalar()
    if known is None:
        connection.execute(
            insert(merge_proposal),
            {
                "one_id": low,
                "other_id": high,
                "evidence": json.dumps(list(evidence)),
                "state": "proposed",
                "at": now,
            },
        )
    return set()
