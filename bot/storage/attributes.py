"""What is noted of a customer, and what their profile is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.storage.hot import Hot
from bot.storage.schema import conversation, customer, identity, message, route
from bot.storage.schema_people import attribute

_OF = Hot(
    select(attribute.c.name, attribute.c.value, attribute.c.source, attribute.c.at).where(
        attribute.c.customer_id == bindparam("which")
    )
)


def of(connection: Connection, customer_id: int) -> Sequence[Any]:
    """The attributes of a customer: name, value (JSON), source, time."""
    return list(_OF.run(connection, {"which": customer_id}))


def put(connection: Connection, customer_id: int, name: str, value: str, source: str, now: float) -> None:
    """Sets one attribute."""
    made: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(attribute)
    changed = {"value": value, "source": source, "at": now}
    statement = made.values(customer_id=customer_id, name=name, **changed).on_conflict_do_update(
        index_elements=["customer_id", "name"], set_=changed
    )
    connection.execute(statement)


def remove(connection: Connection, customer_id: int, name: str) -> None:
    """Takes one attribute away."""
    connection.execute(
        delete(attribute).where(attribute.c.customer_id == customer_id, attribute.c.name == name)
    )


def facts(connection: Connection, customer_id: int) -> Any | None:
    """What the customer's own row says."""
    return connection.execute(
        select(
            customer.c.id,
            customer.c.name,
            customer.c.created_at,
            customer.c.blocked,
            customer.c.spam,
            customer.c.quarantine,
        ).where(customer.c.id == customer_id)
    ).one_or_none()


def aliases(connection: Connection, customer_id: int) -> list[int]:
    """The numbers that mean this customer since they were merged."""
    rows = connection.execute(
        select(customer.c.id)
        .where(
            or_(customer.c.merged_into == customer_id, customer.c.root_id == customer_id),
            customer.c.id != customer_id,
        )
        .order_by(customer.c.id)
    )
    return list(rows.scalars())


def counts(connection: Connection, customer_ids: Sequence[int]) -> tuple[int, int]:
    """How many cases, and how many messages in and out."""
    cases = connection.execute(
        select(func.count()).where(conversation.c.customer_id.in_(customer_ids))
    ).scalar_one()
    said = connection.execute(
        select(func.count()).where(
            message.c.customer_id.in_(customer_ids), message.c.direction.in_(("inbound", "outbound"))
        )
    ).scalar_one()
    return int(cases), int(said)


def identities(connection: Connection, customer_ids: Sequence[int]) -> Sequence[Any]:
    """Their identities with the routes to them, the one they used last first; an identity has a row for each route."""
    return connection.execute(
        select(
            identity.c.id,
            identity.c.channel,
            identity.c.address,
            identity.c.verified,
            identity.c.evidence,
            identity.c.given,
            identity.c.created_at,
            identity.c.verified_at,
            identity.c.language,
            route.c.inbox,
            route.c.last_in_at,
        )
        .outerjoin(route, route.c.identity_id == identity.c.id)
        .where(identity.c.customer_id.in_(customer_ids))
        .order_by(route.c.last_in_at.desc().nulls_last(), identity.c.id)
    ).all()


def rename(connection: Connection, customer_id: int, name: str) -> None:
    """Calls a customer otherwise; an address of theirs that has told no name yet does not call them back later."""
    connection.execute(update(customer).where(customer.c.id == customer_id).values(name=name))
    nameless = update(identity).where(identity.c.customer_id == customer_id, identity.c.name.is_(None))
    connection.execute(nameless.values(name=name))
