"""Customers, their identities and the routes to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from bot.storage.hot import Hot
from bot.storage.schema import customer, identity, route

HANDLE = "C"
"""A customer's handle is this letter and their number."""


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """An identity and whose it is."""

    id: int
    customer_id: int
    address: str
    verified: bool
    name: str | None
    blocked: bool
    customer_name: str
    erased_before: bool = False
    """Somebody at this address was erased once: what comes again of then is not kept."""
    quarantine: str | None = None
    since: float = 0.0
    """Since when the customer is known."""
    language: str | None = None


def handle(customer_id: int) -> str:
    """The handle of a customer: ``C42``."""
    return f"{HANDLE}{customer_id}"


def number(words: str) -> int | None:
    """The customer number that a handle names, or None where it is no handle."""
    body = words.strip().lstrip("#")
    if body[:1].upper() != HANDLE or not body[1:].isascii() or not body[1:].isdigit() or len(body) > 18:
        return None
    return int(body[1:])


_BY_ADDRESS = Hot(
    select(
        identity.c.id,
        identity.c.customer_id,
        identity.c.address,
        identity.c.verified,
        identity.c.name,
        customer.c.blocked,
        customer.c.name.label("customer_name"),
        identity.c.erased_before,
        customer.c.quarantine,
        customer.c.created_at,
        identity.c.language,
    )
    .join(customer, customer.c.id == identity.c.customer_id)
    .where(
        identity.c.channel == bindparam("channel"),
        identity.c.address == bindparam("address"),
        ~identity.c.given,
    )
)


def identities_at(connection: Connection, channel: str, address: str) -> list[KnownIdentity]:
    """The proven owner of an address and the unproven claim to it: none, one or both."""
    rows = _BY_ADDRESS.run(connection, {"channel": channel, "address": address})
    return [
        KnownIdentity(
            row[0],
            row[1],
            row[2],
            bool(row[3]),
            row[4],
            bool(row[5]),
            row[6],
            bool(row[7]),
            *row[8:],
        )
        for row in rows
    ]


_ADD_CUSTOMER = insert(customer).returning(customer.c.id)
_ADD_IDENTITY = insert(identity).returning(identity.c.id)


def add_customer(connection: Connection, name: str, now: float) -> int:
    """A new customer; the number is their handle."""
    return int(
        connection.execute(_ADD_CUSTOMER, {"name": name, "blocked": False, "created_at": now}).scalar_one()
    )


def add_identity(
    connection: Connection,
    customer_id: int,
    channel: str,
    address: str,
    *,
    verified: bool,
    evidence: str | None,
    name: str | None,
    now: float,
    given: bool = False,
    anonymous: bool = False,
    erased_before: bool = False,
    language: str | None = None,
) -> int:
    """A new identity of a customer. ``given``: they only said, on another channel, that it is theirs.

    ``anonymous``: it proves only that it is the same one as before.
    """
    values = {
        "customer_id": customer_id,
        "channel": channel,
        "address": address,
        "verified": verified,
        "evidence": evidence,
        "name": name,
        "created_at": now,
        "given": given,
        "verified_at": now if verified else None,
        "anonymous": anonymous,
        "erased_before": erased_before,
        "language": language,
    }
    return int(connection.execute(_ADD_IDENTITY, values).scalar_one())


def has_identity(connection: Connection, customer_id: int, channel: str, address: str) -> bool:
    """Whether a customer has this address, in whatever way."""
    return (
        connection.execute(
            select(identity.c.id)
            .where(
                identity.c.customer_id == customer_id,
                identity.c.channel == channel,
                identity.c.address == address,
            )
            .limit(1)
        ).scalar()
        is not None
    )


def customer_in_thread(connection: Connection, inbox: str, thread_key: str) -> int | None:
    """Whose thread of a channel it is."""
    return connection.execute(
        select(identity.c.customer_id)
        .join(route, route.c.identity_id == identity.c.id)
        .where(route.c.inbox == inbox, route.c.thread_key == thread_key)
        .order_by(route.c.last_used_at.desc())
        .limit(1)
    ).scalar()


def rename_threads(connection: Connection, inbox: str, old: str, new: str) -> None:
    """The channel calls a thread otherwise now; where both are known already, the old one stays as it is."""
    taken = select(route.c.identity_id).where(route.c.inbox == inbox, route.c.thread_key == new)
    connection.execute(
        update(route)
        .where(route.c.inbox == inbox, route.c.thread_key == old, route.c.identity_id.not_in(taken))
        .values(thread_key=new)
    )


def verify(connection: Connection, identity_id: int, evidence: str | None, now: float) -> None:
    """An identity that was only claimed, or only given, has been proven."""
    connection.execute(
        update(identity)
        .where(identity.c.id == identity_id)
        .values(verified=True, evidence=evidence, verified_at=now, given=False)
    )


def name_customer(connection: Connection, customer_id: int, identity_id: int, name: str) -> None:
    """A customer who had no name but an address has told it."""
    connection.execute(update(customer).where(customer.c.id == customer_id).values(name=name))
    connection.execute(update(identity).where(identity.c.id == identity_id).values(name=name))


def set_language(connection: Connection, identity_id: int, language: str) -> None:
    """A channel has told what somebody reads."""
    connection.execute(update(identity).where(identity.c.id == identity_id).values(language=language))


def set_blocked(connection: Connection, customer_id: int, on: bool) -> None:
    """Blocks or unblocks a customer. Who is not blocked any more is no spam any more."""
    values = {"blocked": True} if on else {"blocked": False, "spam": False}
    connection.execute(update(customer).where(customer.c.id == customer_id).values(**values))


_INTO = select(customer.c.merged_into, customer.c.erased_at).where(customer.c.id == bindparam("which"))
_NAMES = select(
    customer.c.id,
    customer.c.name,
    customer.c.merged_into,
    customer.c.blocked,
    customer.c.spam,
    customer.c.quarantine,
).where(customer.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Named:
    """A customer as a number means them today: ``id`` differs from the number where they were merged."""

    id: int
    name: str
    blocked: bool
    spam: bool = False
    quarantine: str | None = None


def named(connection: Connection, ids: Iterable[int]) -> dict[int, Named]:
    """Who numbers mean today; numbers of nobody are left out."""
    wanted = list(set(ids))
    if not wanted:
        return {}
    found: dict[int, Named] = {}
    for row in connection.execute(_NAMES, {"ids": wanted}).all():
        if row.merged_into is None:
            found[row.id] = Named(row.id, row.name, row.blocked, row.spam, row.quarantine)
        else:
            into = final(connection, row.merged_into)
            today = named(connection, [into]).get(into) if into is not None else None
            if today is not None:
                found[row.id] = today
    return found


def final(connection: Connection, customer_id: int) -> int | None:
    """The customer that a number means today: a merged one points to who they became. None: nobody, or erased."""
    seen: set[int] = set()
    current: int | None = customer_id
    while current is not None and current not in seen:
        seen.add(current)
        row = connection.execute(_INTO, {"which": current}).one_or_none()
        if row is None or row.erased_at is not None:
            return None
        if row.merged_into is None:
            return current
        current = row.merged_into
    return None


def own_name(connection: Connection, customer_id: int) -> str:
    """What a customer was called under exactly this number, merged or not."""
    name = connection.execute(select(customer.c.name).where(customer.c.id == customer_id)).scalar()
    return name or handle(customer_id)


_ROOT = select(func.coalesce(customer.c.root_id, customer.c.id)).where(customer.c.id == bindparam("which"))
_FAMILY = (
    select(customer.c.id)
    .where(or_(customer.c.id == bindparam("root"), customer.c.root_id == bindparam("root")))
    .order_by(customer.c.id)
)


def family(connection: Connection, customer_id: int) -> tuple[int, ...]:
    """All numbers of the person that a number means today, today's own first: whatever is theirs has one of these.

    Messages and cases keep the number that they came under, so a customer's history is that of the family. The number
    alone where nobody has it.
    """
    root = connection.execute(_ROOT, {"which": customer_id}).scalar()
    if root is None:
        return (customer_id,)
    rows = connection.execute(_FAMILY, {"root": root}).scalars().all()
    return (root, *(one for one in rows if one != root))


_ROUTE = select(route.c.id).where(
    route.c.identity_id == bindparam("identity"),
    route.c.inbox == bindparam("which"),
    route.c.thread_key == bindparam("thread"),
)
_USED = Hot(
    update(route)
    .where(
        route.c.identity_id == bindparam("identity"),
        route.c.inbox == bindparam("which"),
        route.c.thread_key == bindparam("thread"),
    )
    .values(last_in_at=bindparam("now"), last_used_at=bindparam("now"))
    .returning(route.c.id)
)
_ADD_ROUTE = insert(route).returning(route.c.id)


def find_route(connection: Connection, identity_id: int, inbox: str, thread_key: str) -> int | None:
    """The route to an identity by an inbox and thread."""
    return connection.execute(
        _ROUTE, {"identity": identity_id, "which": inbox, "thread": thread_key}
    ).scalar()


def touch_route(
    connection: Connection, identity_id: int, inbox: str, thread_key: str, now: float
) -> int | None:
    """The customer wrote by this route just now; None where there is no such route yet."""
    values = {"identity": identity_id, "which": inbox, "thread": thread_key, "now": now}
    return _USED.run(connection, values).scalar()


def add_route(
    connection: Connection,
    identity_id: int,
    inbox: str,
    thread_key: str,
    lane_id: int,
    now: float,
    *,
    inbound: bool,
) -> int:
    """A new route to an identity."""
    values = {
        "identity_id": identity_id,
        "inbox": inbox,
        "thread_key": thread_key,
        "lane_id": lane_id,
        "last_in_at": now if inbound else None,
        "last_used_at": now if inbound else 0.0,
    }
    return int(connection.execute(_ADD_ROUTE, values).scalar_one())


_ROUTES = select(
    route.c.id,
    route.c.inbox,
    route.c.thread_key,
    route.c.lane_id,
    route.c.last_in_at,
    route.c.last_used_at,
    identity.c.id.label("identity_id"),
    identity.c.customer_id,
    identity.c.channel,
    identity.c.address,
    identity.c.verified,
    identity.c.evidence,
    identity.c.name,
).join(identity, identity.c.id == route.c.identity_id)
_ROUTES_OF = _ROUTES.where(identity.c.customer_id == bindparam("which")).order_by(
    route.c.last_used_at.desc(), route.c.id.desc()
)
_ONE_ROUTE = _ROUTES.where(route.c.id == bindparam("which"))


def routes_of(connection: Connection, customer_id: int) -> Sequence[Any]:
    """All routes to a customer, the one they used last first."""
    return connection.execute(_ROUTES_OF, {"which": customer_id}).all()


def route_by_id(connection: Connection, route_id: int | None) -> Any | None:
    """One route with its identity."""
    if route_id is None:
        return None
    return connection.execute(_ONE_ROUTE, {"which": route_id}).one_or_none()


def search(connection: Connection, words: str, limit: int) -> list[int]:
    """Customers whose name or address contains the words, newest first; by what they were called before a merge, too."""
    pattern = "%" + words.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    rows = connection.execute(
        select(customer.c.id)
        .where(
            customer.c.erased_at.is_(None),
            ~customer.c.spam,
            customer.c.quarantine.is_(None),
            or_(
                func.lower(customer.c.name).like(pattern, escape="\\"),
                customer.c.id.in_(
                    select(identity.c.customer_id).where(
                        func.lower(identity.c.address).like(pattern, escape="\\")
                    )
                ),
            ),
        )
        .order_by(customer.c.id.desc())
        .limit(limit)
    )
    return [row.id for row in rows]


def by_exact_address(connection: Connection, address: str) -> list[int]:
    """Customers with exactly this address on some channel, the proven one first."""
    rows = connection.execute(
        select(identity.c.customer_id)
        .where(identity.c.address == address)
        .order_by(identity.c.verified.desc(), identity.c.id)
    )
    return list(dict.fromkeys(row.customer_id for row in rows))


def some_names(connection: Connection, limit: int = 5000) -> list[tuple[int, str]]:
    """Names of the newest customers, to say whom a misspelt one may mean."""
    rows = connection.execute(
        select(customer.c.id, customer.c.name)
        .where(
            customer.c.merged_into.is_(None),
            customer.c.erased_at.is_(None),
            ~customer.c.spam,
            customer.c.quarantine.is_(None),
        )
        .order_by(customer.c.id.desc())
        .limit(limit)
    )
    return [(row.id, row.name) for row in rows]
