"""Two customers that turn out to be one, without an agent: joined where that is certain, else people are asked. Units."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.errors import UserError
from bot.merge import merging, proposing
from bot.policy import CorePolicy
from bot.storage import links

ITSELF = "onethread"
"""Who did it, where nobody of the team has: it stands in the audit."""


def nothing_proven(connection: Connection, customer_id: int) -> bool:
    """Whether nobody knows who a customer is: all that is theirs are browsers, and what they said of themselves."""
    return not any(one.verified and not one.anonymous for one in links.held(connection, customer_id))


def join(
    connection: Connection,
    policy: CorePolicy,
    survivor_id: int,
    merged_id: int,
    evidence: str,
    now: float,
) -> tuple[bool, set[str]]:
    """Makes one customer part of another. Where that cannot be just now (an unmerge is under way) people are asked."""
    try:
        told = merging.join(
            connection, policy, survivor_id, merged_id, agent=ITSELF, evidence=evidence, now=now
        )
    except UserError:
        return False, propose(connection, policy, survivor_id, merged_id, (evidence,), now)
    return True, told


def propose(
    connection: Connection, policy: CorePolicy, one: int, other: int, evidence: Sequence[str], now: float
) -> set[str]:
    """Asks whether two customers are one."""
    return proposing.propose(connection, one, other, evidence, now)
