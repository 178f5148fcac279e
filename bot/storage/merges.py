"""Merges of customers as rows, and the moves that they are made of."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from bot.storage.schema import RESOLVED, conversation, customer, identity, lane, message, thread
from bot.storage.schema_people import attribute, customer_merge

WENT_OUT = ("accepted", "delivered", "seen")
"""States of a reply that the channel has taken."""

_CUSTOMER = select(customer).where(customer.c.id == bindparam("which"))


def customer_row(connection: Connection, customer_id: int) -> Any | None:
    """A customer as stored, merged or not."""
    return connection.execute(_CUSTOMER, {"which": customer_id}).one_or_none()


def change_customer(connection: Connection, customer_id: int, **values: Any) -> None:
    """Changes columns of a customer."""
    connection.execute(update(customer).where(customer.c.id == customer_id).values(**values))


# What was merged


def add(
    connection: Connection,
    survivor_id: int,
    merged_id: int,
    agent: str,
    evidence: str | None,
    after_message: int,
    before: dict[str, Any],
    now: float,
) -> int:
    """Writes down a merge with what it takes to undo it."""
    values = {
        "survivor_id": survivor_id,
        "merged_id": merged_id,
        "at": now,
        "agent": agent,
        "evidence": evidence,
        "after_message": after_message,
        "before": json.dumps(before, separators=(",", ":")),
    }
    made = insert(customer_merge).returning(customer_merge.c.id)
    return int(connection.execute(made, values).scalar_one())


def get(connection: Connection, merge_id: int) -> Any | None:
    """One merge."""
    return connection.execute(select(customer_merge).where(customer_merge.c.id == merge_id)).one_or_none()


def standing(connection: Connection, numbers: Collection[int]) -> Sequence[Any]:
    """Merges that somebody of these has a part in and that were not undone, newest first."""
    return connection.execute(
        select(customer_merge)
        .where(
            or_(customer_merge.c.survivor_id.in_(numbers), customer_merge.c.merged_id.in_(numbers)),
            customer_merge.c.undone_at.is_(None),
        )
        .order_by(customer_merge.c.id.desc())
    ).all()


def undone(connection: Connection, merge_id: int, agent: str, now: float) -> None:
    """A merge does not stand any more."""
    connection.execute(
        update(customer_merge).where(customer_merge.c.id == merge_id).values(undone_at=now, undone_by=agent)
    )


# Pointers and identities


def point(connection: Connection, numbers: Collection[int], root: int | None) -> None:
    """Says who customers are today; None: themselves."""
    connection.execute(update(customer).where(customer.c.id.in_(numbers)).values(root_id=root))


def identities_of(connection: Connection, customer_id: int) -> Sequence[Any]:
    """The identities of a customer, oldest first."""
    return connection.execute(
        select(identity).where(identity.c.customer_id == customer_id).order_by(identity.c.id)
    ).all()


def move_identities(connection: Connection, ids: Collection[int], to: int) -> None:
    """Identities belong to another customer now; their routes and what waits in them go with them."""
    connection.execute(update(identity).where(identity.c.id.in_(ids)).values(customer_id=to))


# Cases


def cases_of(connection: Connection, customer_id: int) -> Sequence[Any]:
    """All cases of a customer, oldest first."""
    return connection.execute(
        select(conversation).where(conversation.c.customer_id == customer_id).order_by(conversation.c.id)
    ).all()


def open_cases(connection: Connection, customer_id: int) -> dict[str, Any]:
    """The cases of a customer that are not resolved, by team."""
    rows = connection.execute(
        select(conversation).where(
            conversation.c.customer_id == customer_id, conversation.c.status != RESOLVED
        )
    )
    return {row.team: row for row in rows}


def move_cases(connection: Connection, ids: Collection[int], to: int) -> None:
    """Cases belong to another customer now."""
    connection.execute(update(conversation).where(conversation.c.id.in_(ids)).values(customer_id=to))


def add_case(connection: Connection, values: dict[str, Any]) -> int:
    """A new case as it is to be."""
    return int(connection.execute(insert(conversation).returning(conversation.c.id), values).scalar_one())


def newest_ids(connection: Connection) -> tuple[int, int]:
    """The newest message and the newest case of all."""
    newest_message = connection.execute(select(func.max(message.c.id))).scalar() or 0
    newest_case = connection.execute(select(func.max(conversation.c.id))).scalar() or 0
    return int(newest_message), int(newest_case)


# Threads


def threads_of(connection: Connection, customer_id: int) -> dict[str, Any]:
    """The threads that a customer has now, by team."""
    rows = connection.execute(
        select(thread).where(thread.c.customer_id == customer_id, thread.c.current).order_by(thread.c.id)
    )
    return {row.team: row for row in rows}


def hand_threads(connection: Connection, ids: Collection[int], lanes: Collection[int], to: int) -> None:
    """Threads and their lanes belong to another customer now."""
    connection.execute(update(thread).where(thread.c.id.in_(ids)).values(customer_id=to))
    connection.execute(update(lane).where(lane.c.id.in_(lanes)).values(customer_id=to))


# Attributes


def attributes_of(connection: Connection, customer_id: int) -> dict[str, Any]:
    """What is known of a customer, by name."""
    rows = connection.execute(select(attribute).where(attribute.c.customer_id == customer_id))
    return {row.name: row for row in rows}


def copy_attribute(connection: Connection, row: Any, to: int) -> None:
    """What is known of one customer is known of another too."""
    connection.execute(insert(attribute), {**row._mapping, "customer_id": to})


def drop_attribute(connection: Connection, customer_id: int, name: str, value: str, at: float) -> None:
    """Forgets an attribute where it is still as it was copied."""
    connection.execute(
        attribute.delete().where(
            attribute.c.customer_id == customer_id,
            attribute.c.name == name,
            attribute.c.value == value,
            attribute.c.at == at,
        )
    )


# What was said since


def _said_since(customer_id: int, after: int) -> Any:
    return (message.c.customer_id == customer_id, message.c.id > after)


def _whose(identities: Collection[int], *, by: bool) -> Any:
    return message.c.identity_id.in_(identities) if by else message.c.identity_id.not_in(identities)


def first_of_side(
    connection: Connection,
    customer_id: int,
    after: int,
    case_id: int,
    identities: Collection[int],
    *,
    by: bool,
) -> float | None:
    """Since when a side has a part in a case after a message; None where it has none.

    ``by``: the side of these identities, else that of all others.
    """
    return connection.execute(
        select(message.c.created_at)
        .where(
            message.c.conversation_id == case_id,
            *_said_since(customer_id, after),
            _whose(identities, by=by),
        )
        .order_by(message.c.id)
        .limit(1)
    ).scalar()


def count_since(connection: Connection, customer_id: int, after: int, identities: Collection[int]) -> int:
    """How many messages came from or went to identities since a message."""
    wanted = (*_said_since(customer_id, after), message.c.identity_id.in_(identities))
    return int(connection.execute(select(func.count()).select_from(message).where(*wanted)).scalar_one())


@dataclass(frozen=True, slots=True)
class Said:
    """What one side said in a case since a message, as far as the state of a case depends on it.

    Rows have ``id``, ``created_at``, ``state_at`` and ``text``. ``waits`` is the first of theirs that nobody answered,
    ``asked`` any of theirs that wants an answer, ``newest`` the newest of theirs, ``words`` the newest that has some.
    """

    first_out: Any | None
    last_out: Any | None
    asked: Any | None
    waits: Any | None
    newest: Any | None
    words: Any | None


def said_in(
    connection: Connection,
    customer_id: int,
    after: int,
    case_id: int,
    identities: Collection[int],
    *,
    by: bool,
) -> Said:
    """What one side said in a case since a message: a few looks by the case's index, however much it was."""
    columns = (
        message.c.id,
        message.c.created_at,
        message.c.state_at,
        func.substr(message.c.text, 1, 600).label("text"),
    )
    wanted = select(*columns).where(
        message.c.conversation_id == case_id, *_said_since(customer_id, after), _whose(identities, by=by)
    )
    came = wanted.where(message.c.direction == "inbound")
    asked = came.where(message.c.automated.is_(None))
    went = wanted.where(message.c.direction == "outbound", message.c.state.in_(WENT_OUT))
    oldest, newest = message.c.id, message.c.id.desc()

    def one(statement: Any, order: Any) -> Any | None:
        return connection.execute(statement.order_by(order).limit(1)).one_or_none()

    last_out = one(went, newest)
    unanswered = asked if last_out is None else asked.where(message.c.id > last_out.id)
    return Said(
        one(went, oldest),
        last_out,
        one(asked, oldest),
        one(unanswered, oldest),
        one(came, newest),
        one(came.where(message.c.text != ""), newest),
    )


def chunk(connection: Connection, customer_id: int, after: int, until: int, most: int) -> Sequence[Any]:
    """A few messages of a customer between two numbers, oldest first."""
    return connection.execute(
        select(message.c.id, message.c.conversation_id, message.c.identity_id)
        .where(*_said_since(customer_id, after), message.c.id <= until)
        .order_by(message.c.id)
        .limit(most)
    ).all()


def move_messages(connection: Connection, ids: Collection[int], customer_id: int, case_id: int) -> None:
    """Messages belong to another customer and case now."""
    connection.execute(
        update(message).where(message.c.id.in_(ids)).values(customer_id=customer_id, conversation_id=case_id)
    )


def count_messages(connection: Connection, numbers: Collection[int]) -> int:
    """How many messages a family has."""
    return int(
        connection.execute(
            select(func.count()).select_from(message).where(message.c.customer_id.in_(numbers))
        ).scalar_one()
    )


def last_words(
    connection: Connection, numbers: Collection[int], team: str, after: int, most: int
) -> list[Any]:
    """What was said last between a family and a team after a message, oldest first: theirs and ours, no notes.

    Looks at the newest hundred of each number, so it is quick however long the history is.
    """
    found: list[Any] = []
    for number in numbers:
        newest = (
            select(message.c.id)
            .where(message.c.customer_id == number, message.c.id > after)
            .order_by(message.c.id.desc())
            .limit(100)
            .subquery()
        )
        found += connection.execute(
            select(
                message.c.id,
                message.c.direction,
                message.c.author,
                message.c.inbox,
                message.c.text,
                message.c.created_at,
            )
            .join(newest, newest.c.id == message.c.id)
            .join(conversation, conversation.c.id == message.c.conversation_id)
            .where(message.c.direction.in_(("inbound", "outbound")), conversation.c.team == team)
            .order_by(message.c.id.desc())
            .limit(most)
        ).all()
    return sorted(found, key=lambda row: int(row.id))[-most:]
