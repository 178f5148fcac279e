"""Two customers that may be one: clues are looked for in what people write, and people are asked. Nothing joins by itself.

A background task reads new messages and identities behind a durable cursor, in chunks, so the path of a message knows nothing
of it. A clue that two customers share becomes a sentence of evidence, and a proposal in the thread of the one whose clue came
in: Merge, or Not the same, which is remembered for ever. What more than ``SHARED`` customers share (info@, a switchboard) is
no evidence; neither is what machines wrote, nor our own addresses.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from bot.cases import views
from bot.cases.hands import Hands
from bot.errors import StorageError
from bot.merge import cluewords
from bot.merge.cluewords import Found
from bot.merge.proposing import propose
from bot.policy import CorePolicy
from bot.storage import clues, history, jobs, people

log = structlog.get_logger(__name__)

SHARED = 3
"""Customers that may share a clue."""
CHUNK = 100
EVERY = 3.0
"""Seconds between two looks."""
SCAN = "scan"
_SUBJECT = "clues"
_NOT_VERIFIED = "not verified: anybody can write that"


@dataclass(frozen=True, slots=True)
class Clue:
    """A clue and where it was found. ``message_id`` None: in the profile."""

    found: Found
    customer_id: int
    message_id: int | None
    team: str
    at: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is new: messages, identities, and the attributes and names of who wrote."""

    messages: Sequence[Any]
    identities: Sequence[Any]
    attributes: dict[int, dict[str, str]]
    names: dict[int, people.Named]
    job_id: int

    @property
    def cursor(self) -> dict[str, int]:
        """Behind what is here."""
        found = {}
        if self.messages:
            found["message"] = self.messages[-1].id
        if self.identities:
            found["identity"] = self.identities[-1].id
        return found


class Unfinished(Protocol):
    """Work that an earlier process had begun."""

    async def go_on(self) -> None: ...


class Matching:
    """Looks for clues while the bot runs."""

    def __init__(self, hands: Hands, work: Unfinished) -> None:
        self._hands = hands
        self._work = work
        given = hands.policy.order_number
        self._order = cluewords.order_pattern(given) if given else None

    async def run(self) -> None:
        """Runs until cancelled. First it ends what an earlier process had begun."""
        await self._patiently(self._work.go_on)
        while True:
            await self._patiently(self.catch_up)
            await asyncio.sleep(EVERY)

    async def _patiently(self, work: Any) -> None:
        try:
            await work()
        except StorageError as error:
            log.warning("matching.failed", error=type(error).__name__)

    async def catch_up(self) -> None:
        """Looks at everything that is new."""
        await self._hands.database.write(partial(begin, now=self._hands.clock()))
        while True:
            chunk = await self._hands.read(_load)
            if not chunk.cursor:
                return
            found = await asyncio.to_thread(_look, chunk, self._hands.policy, self._order)
            unit = partial(_settle, self._hands.policy, chunk, found, self._hands.clock())
            await self._hands.change(unit)


def begin(connection: Connection, now: float) -> None:
    """The first time, what came before is left alone: a team is not asked about its whole past at once."""
    if jobs.find(connection, SCAN, _SUBJECT) is None:
        message, identity = clues.newest(connection)
        jobs.add(connection, SCAN, _SUBJECT, {"message": message, "identity": identity}, now)


def _load(connection: Connection, policy: CorePolicy) -> Chunk:
    job = jobs.find(connection, SCAN, _SUBJECT)
    assert job is not None
    at = json.loads(job.progress)
    messages = clues.new_messages(connection, at["message"], CHUNK)
    identities = clues.new_identities(connection, at["identity"], CHUNK)
    who = {row.customer_id for row in messages}
    known = clues.attributes(connection, who) if who else {}
    return Chunk(messages, identities, known, people.named(connection, who), job.id)


def _look(chunk: Chunk, policy: CorePolicy, order: re.Pattern[str] | None) -> list[Clue]:
    """The clues in a chunk; in a thread of its own, for patterns take their time."""
    found: list[Clue] = []
    for row in chunk.messages:
        if row.blocked or row.spam or row.erased_at is not None:
            continue
        said = cluewords.clues(row.text, order)
        found += [Clue(one, row.customer_id, row.id, row.team, row.created_at) for one in said]
        name = chunk.names.get(row.customer_id)
        noted = _noted(policy, chunk.attributes.get(row.customer_id, {}), name.name if name else "")
        found += [Clue(one, row.customer_id, None, row.team, row.created_at) for one in noted]
    return [one for one in found if one.found.value not in policy.own_addresses]


def _noted(policy: CorePolicy, values: dict[str, str], name: str) -> list[Found]:
    """Clues in the profile: phone numbers, and the name with the company."""
    found: list[Found | None] = []
    for attribute, value in values.items():
        rule = policy.attributes.get(attribute)
        if rule is not None and rule.type == "phone":
            phone = cluewords.phone(value)
            found.append(Found(cluewords.PHONE, phone, value) if phone else None)
        if attribute == cluewords.COMPANY:
            found.append(cluewords.company(name, value))
    return [one for one in found if one is not None]


def _settle(
    policy: CorePolicy, chunk: Chunk, found: list[Clue], now: float, connection: Connection
) -> tuple[None, set[str]]:
    buckets: set[str] = set()
    for clue in found:
        new = clues.keep(
            connection, clue.found.kind, clue.found.value, clue.customer_id, clue.message_id, clue.at
        )
        if new:
            buckets |= _shared(connection, policy, clue, now)
    for row in chunk.identities:
        buckets |= _claimed(connection, policy, row, now)
    job = jobs.find(connection, SCAN, _SUBJECT)
    assert job is not None
    jobs.progressed(connection, job.id, json.loads(job.progress) | chunk.cursor, now)
    return None, buckets


def _shared(connection: Connection, policy: CorePolicy, clue: Clue, now: float) -> set[str]:
    """Who else has a clue that is new of somebody."""
    kind, value = clue.found.kind, clue.found.value
    rows = clues.shared(connection, kind, value, 4 * SHARED)
    if len({row.root for row in rows}) > SHARED:
        return set()
    if kind == cluewords.ADDRESS:
        return _mentioned(connection, policy, clue, now)
    buckets: set[str] = set()
    mine = people.final(connection, clue.customer_id)
    for row in rows:
        if row.root != mine:
            evidence = _same(connection, policy, clue, row)
            buckets |= propose(connection, clue.customer_id, row.root, [evidence], now, clue.team)
    return buckets


def _same(connection: Connection, policy: CorePolicy, clue: Clue, other: Any) -> str:
    here = _where(connection, policy, clue.customer_id, clue.message_id)
    there = _where(connection, policy, other.customer_id, other.message_id)
    if clue.found.kind == cluewords.COMPANY:
        return f"The same name and the same company: {clue.found.written}."
    what = "phone number" if clue.found.kind == cluewords.PHONE else "order number"
    return f"The same {what}, {clue.found.written}: {here}, and {there} ({_NOT_VERIFIED})."


def _where(connection: Connection, policy: CorePolicy, customer_id: int, message_id: int | None) -> str:
    handle = people.handle(customer_id)
    row = history.get(connection, message_id) if message_id is not None else None
    if row is None:
        return f"{handle} in the profile"
    return f"{handle} by {views.via(policy, row.inbox)[0]} on {_day(row.created_at)}"


def _day(at: float) -> str:
    then = datetime.fromtimestamp(at, UTC)
    return f"{then.day} {then.strftime('%B')}"


def _mentioned(connection: Connection, policy: CorePolicy, clue: Clue, now: float) -> set[str]:
    """Somebody wrote an address that is proven to be another customer's."""
    for channel in sorted({one.channel for one in policy.inboxes.values()}):
        owner = clues.owner(connection, channel, clue.found.value)
        if owner is None:
            continue
        where = _where(connection, policy, clue.customer_id, clue.message_id)
        evidence = (
            f"{where} wrote {clue.found.written}, which is proven to be {people.handle(owner.customer_id)}'s "
            f"({_NOT_VERIFIED})."
        )
        return propose(connection, clue.customer_id, owner.customer_id, [evidence], now, clue.team)
    return set()


def _claimed(connection: Connection, policy: CorePolicy, row: Any, now: float) -> set[str]:
    """A new identity: somebody claims an address that another one has proven, or proves one that others claim or wrote."""
    if row.address in policy.own_addresses:
        return set()
    buckets: set[str] = set()
    if row.given or not row.verified:
        owner = clues.owner(connection, row.channel, row.address)
        if owner is not None:
            buckets |= propose(connection, row.customer_id, owner.customer_id, [_claim(row, owner)], now)
        return buckets
    for claim in clues.claims(connection, row.channel, row.address):
        buckets |= propose(connection, claim.customer_id, row.customer_id, [_claim(claim, row)], now)
    wrote = clues.shared(connection, cluewords.ADDRESS, row.address, 4 * SHARED)
    if len({one.root for one in wrote}) <= SHARED:
        for one in wrote:
            where = _where(connection, policy, one.customer_id, one.message_id)
            evidence = (
                f"{where} wrote {row.address}, which is proven to be {people.handle(row.customer_id)}'s "
                f"({_NOT_VERIFIED})."
            )
            buckets |= propose(connection, one.customer_id, row.customer_id, [evidence], now)
    return buckets


def _claim(claim: Any, owner: Any) -> str:
    one, other = people.handle(claim.customer_id), people.handle(owner.customer_id)
    if claim.given:
        return f"{claim.address} is proven to be {other}'s; {one} said that it is theirs ({_NOT_VERIFIED})."
    how = f"wrote from it without proof ({claim.evidence or 'none'})"
    return f"{claim.address} is proven to be {other}'s; {one} {how}: a forged sender looks just like this."
