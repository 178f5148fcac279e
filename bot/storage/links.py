"""Link codes, as they are kept: a keyed hash, whose it is, where it was given and where it may be used."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from bot.storage.schema import conversation, identity, message, route
from bot.storage.schema_people import link_code


@dataclass(frozen=True, slots=True)
class KnownCode:
    """A code that was given once. ``via`` is the inbox where it was given, ``inbox`` where it may be used. Epoch seconds."""

    hash: str
    customer_id: int
    inbox: str
    via: str
    created_at: float
    expires_at: float
    used_by: int | None


_COLUMNS = (
    link_code.c.hash,
    link_code.c.customer_id,
    link_code.c.inbox,
    link_code.c.via,
    link_code.c.created_at,
    link_code.c.expires_at,
    link_code.c.used_by,
)
_FIND = select(*_COLUMNS).where(link_code.c.hash.in_(bindparam("hashes", expanding=True)))


def add(
    connection: Connection,
    code_hash: str,
    customer_id: int,
    identity_id: int,
    inbox: str,
    via: str,
    now: float,
    expires_at: float,
) -> None:
    """Keeps a new code."""
    connection.execute(
        insert(link_code),
        {
            "hash": code_hash,
            "customer_id": customer_id,
            "identity_id": identity_id,
            "inbox": inbox,
            "via": via,
            "created_at": now,
            "expires_at": expires_at,
        },
    )


def find(connection: Connection, hashes: Collection[str]) -> KnownCode | None:
    """The code with one of these hashes, used or not."""
    row = connection.execute(_FIND, {"hashes": list(hashes)}).first()
    return KnownCode(*row) if row is not None else None


def use(connection: Connection, code_hash: str, used_by: int, now: float) -> bool:
    """Uses a code up; False where it was used before or is too old. One of several that try at a time gets it."""
    changed = connection.execute(
        update(link_code)
        .where(link_code.c.hash == code_hash, link_code.c.used_by.is_(None), link_code.c.expires_at > now)
        .values(used_by=used_by, used_at=now)
    )
    return changed.rowcount == 1


def made_since(connection: Connection, customers: Collection[int], since: float) -> int:
    """How many codes a customer was given since a time."""
    return int(
        connection.execute(
            select(func.count())
            .select_from(link_code)
            .where(link_code.c.customer_id.in_(customers), link_code.c.created_at >= since)
        ).scalar_one()
    )


def keep_newest(connection: Connection, customer_id: int, most: int, now: float) -> None:
    """Ends a customer's older codes, so that only so many are good at a time."""
    good = (
        link_code.c.customer_id == customer_id,
        link_code.c.used_by.is_(None),
        link_code.c.expires_at > now,
    )
    newest = select(link_code.c.hash).where(*good)
    newest = newest.order_by(link_code.c.created_at.desc(), link_code.c.hash).limit(most)
    connection.execute(update(link_code).where(*good, link_code.c.hash.not_in(newest)).values(expires_at=now))


def forget_old(connection: Connection, before: float) -> int:
    """Forgets codes that ended before a time, used or not."""
    return connection.execute(delete(link_code).where(link_code.c.expires_at < before)).rowcount


@dataclass(frozen=True, slots=True)
class Held:
    """One identity of a customer, as far as it matters for joining."""

    id: int
    channel: str
    address: str
    verified: bool
    given: bool
    anonymous: bool
    name: str | None


_HELD = (
    select(
        identity.c.id,
        identity.c.channel,
        identity.c.address,
        identity.c.verified,
        identity.c.given,
        identity.c.anonymous,
        identity.c.name,
    )
    .where(identity.c.customer_id == bindparam("which"))
    .order_by(identity.c.id)
)


def held(connection: Connection, customer_id: int) -> tuple[Held, ...]:
    """The identities of a customer."""
    return tuple(Held(*row) for row in connection.execute(_HELD, {"which": customer_id}))


def has_open_case(connection: Connection, customers: Collection[int]) -> bool:
    """Whether a case of theirs is not resolved, with any team."""
    return (
        connection.execute(
            select(conversation.c.id)
            .where(conversation.c.customer_id.in_(customers), conversation.c.status != "resolved")
            .limit(1)
        ).scalar()
        is not None
    )


def has_words(connection: Connection, customers: Collection[int]) -> bool:
    """Whether they ever said something themselves: what a channel says for them ("Started the chat") does not count."""
    return (
        connection.execute(
            select(message.c.id)
            .where(
                message.c.customer_id.in_(customers),
                message.c.direction == "inbound",
                message.c.automated.is_(None),
            )
            .limit(1)
        ).scalar()
        is not None
    )


def given_identity(connection: Connection, customer_id: int, channel: str, address: str) -> int | None:
    """A customer's own word that an address is theirs."""
    return connection.execute(
        select(identity.c.id).where(
            identity.c.customer_id == customer_id,
            identity.c.channel == channel,
            identity.c.address == address,
            identity.c.given,
        )
    ).scalar()


def move_threads(connection: Connection, identity_id: int, inbox: str, thread_key: str) -> None:
    """What was said by an identity in an inbox belongs to another thread of the channel from now on."""
    connection.execute(
        update(route)
        .where(route.c.identity_id == identity_id, route.c.inbox == inbox)
        .values(thread_key=thread_key)
    )


def prefer(connection: Connection, route_id: int, now: float) -> None:
    """A route is the customer's default way until they write by another one."""
    connection.execute(update(route).where(route.c.id == route_id).values(last_used_at=now))
