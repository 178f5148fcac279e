"""Clues that two customers are one, and what was proposed and decided about pairs of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.storage.schema import conversation, customer, delivery, identity, lane, message
from bot.storage.schema_people import attribute, clue, merge_proposal
from bot.storage.words import indexed

PROPOSED, MERGED, REFUSED = "proposed", "merged", "refused"
"""What became of a proposal."""

# Clues


def keep(
    connection: Connection, kind: str, value: str, customer_id: int, message_id: int | None, now: float
) -> bool:
    """Keeps a clue; False where it was known of this customer."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {
        "kind": kind,
        "value": indexed(value),
        "customer_id": customer_id,
        "message_id": message_id,
        "at": now,
    }
    return connection.execute(dialect.insert(clue).values(values).on_conflict_do_nothing()).rowcount == 1


_SHARED = (
    select(
        clue.c.customer_id,
        clue.c.at,
        clue.c.message_id,
        func.coalesce(customer.c.root_id, customer.c.id).label("root"),
    )
    .join(customer, customer.c.id == clue.c.customer_id)
    .where(clue.c.kind == bindparam("sort"), clue.c.value == bindparam("what"))
    .order_by(clue.c.at, clue.c.customer_id)
    .limit(bindparam("most"))
)


def shared(connection: Connection, kind: str, value: str, most: int) -> Sequence[Any]:
    """Who has a clue, and who they are today: at most so many."""
    return connection.execute(_SHARED, {"sort": kind, "what": indexed(value), "most": most}).all()


# What clues are looked for in

_NEW = (
    select(
        message.c.id,
        message.c.customer_id,
        message.c.text,
        message.c.created_at,
        message.c.inbox,
        identity.c.channel,
        conversation.c.team,
        customer.c.blocked,
        customer.c.spam,
        customer.c.erased_at,
    )
    .join(identity, identity.c.id == message.c.identity_id)
    .join(conversation, conversation.c.id == message.c.conversation_id)
    .join(customer, customer.c.id == message.c.customer_id)
    .where(
        message.c.id > bindparam("after"),
        message.c.direction == "inbound",
        message.c.automated.is_(None),
    )
    .order_by(message.c.id)
    .limit(bindparam("most"))
)


def new_messages(connection: Connection, after: int, most: int) -> Sequence[Any]:
    """What people said themselves since a message, oldest first."""
    return connection.execute(_NEW, {"after": after, "most": most}).all()


_IDENTITY = select(
    identity.c.id,
    identity.c.customer_id,
    identity.c.channel,
    identity.c.address,
    identity.c.verified,
    identity.c.given,
    identity.c.evidence,
    identity.c.created_at,
)
_NEW_IDENTITIES = (
    _IDENTITY.where(identity.c.id > bindparam("after")).order_by(identity.c.id).limit(bindparam("most"))
)
_OWNER = _IDENTITY.where(
    identity.c.channel == bindparam("which"),
    identity.c.address == bindparam("whose"),
    identity.c.verified,
    ~identity.c.given,
)
_CLAIMED = _IDENTITY.where(
    identity.c.channel == bindparam("which"),
    identity.c.address == bindparam("whose"),
    ~identity.c.verified,
    ~identity.c.given,
)
_GIVEN = _IDENTITY.where(
    identity.c.channel == bindparam("which"), identity.c.address == bindparam("whose"), identity.c.given
).limit(5)


def new_identities(connection: Connection, after: int, most: int) -> Sequence[Any]:
    """Identities since one, oldest first."""
    return connection.execute(_NEW_IDENTITIES, {"after": after, "most": most}).all()


def owner(connection: Connection, channel: str, address: str) -> Any | None:
    """The proven owner of an address."""
    return connection.execute(_OWNER, {"which": channel, "whose": address}).one_or_none()


def claims(connection: Connection, channel: str, address: str) -> Sequence[Any]:
    """Who says that an address is theirs without a proof: a few."""
    about = {"which": channel, "whose": address}
    return [*connection.execute(_CLAIMED, about), *connection.execute(_GIVEN, about)]


def newest(connection: Connection) -> tuple[int, int]:
    """The newest message and the newest identity."""
    return (
        int(connection.execute(select(func.max(message.c.id))).scalar() or 0),
        int(connection.execute(select(func.max(identity.c.id))).scalar() or 0),
    )


def attributes(connection: Connection, numbers: Collection[int]) -> dict[int, dict[str, str]]:
    """The attributes of customers that are words: customer → name → value."""
    found: dict[int, dict[str, str]] = {}
    rows = connection.execute(
        select(attribute.c.customer_id, attribute.c.name, attribute.c.value).where(
            attribute.c.customer_id.in_(numbers)
        )
    )
    for row in rows:
        value = json.loads(row.value)
        if isinstance(value, str):
            found.setdefault(row.customer_id, {})[row.name] = value
    return found


# Proposals


def add_proposal(connection: Connection, one: int, other: int, evidence: Sequence[str], now: float) -> int:
    """A new proposal about a pair."""
    low, high = sorted((one, other))
    values = {
        "one_id": low,
        "other_id": high,
        "evidence": json.dumps(list(evidence)),
        "state": PROPOSED,
        "at": now,
    }
    made = insert(merge_proposal).returning(merge_proposal.c.id)
    return int(connection.execute(made, values).scalar_one())


def proposal(connection: Connection, proposal_id: int) -> Any | None:
    """One proposal."""
    return connection.execute(select(merge_proposal).where(merge_proposal.c.id == proposal_id)).one_or_none()


def between(connection: Connection, ones: Collection[int], others: Collection[int]) -> list[Any]:
    """All proposals, decided or not, between two families, newest first."""
    one, other = merge_proposal.c.one_id, merge_proposal.c.other_id
    return list(
        connection.execute(
            select(merge_proposal)
            .where(
                or_(
                    and_(one.in_(ones), other.in_(others)),
                    and_(one.in_(others), other.in_(ones)),
                )
            )
            .order_by(merge_proposal.c.id.desc())
        )
    )


def asked_of(connection: Connection, about: str) -> int | None:
    """In whose thread a proposal is asked about."""
    return connection.execute(
        select(lane.c.customer_id)
        .join(delivery, delivery.c.lane_id == lane.c.id)
        .where(delivery.c.about == about)
        .limit(1)
    ).scalar()


def add_evidence(connection: Connection, proposal_id: int, evidence: Sequence[str]) -> None:
    """Replaces what speaks for a proposal."""
    connection.execute(
        update(merge_proposal)
        .where(merge_proposal.c.id == proposal_id)
        .values(evidence=json.dumps(list(evidence)))
    )


def decide(connection: Connection, proposal_id: int, state: str, agent: str, now: float) -> None:
    """Writes down what became of a proposal."""
    connection.execute(
        update(merge_proposal)
        .where(merge_proposal.c.id == proposal_id)
        .values(state=state, decided_by=agent, decided_at=now)
    )
