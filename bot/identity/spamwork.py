"""Spam and quarantine, for commands: implements ``bot.commands.profile_services.SpamServices``."""

from __future__ import annotations

import json

from sqlalchemy import Connection

from bot import conversations, sla
from bot.cases import acts, lookups, prompts
from bot.cases.hands import Hands
from bot.commands.nouns import Person
from bot.commands.profile_services import Held
from bot.commands.types import Agent
from bot.desk import Press, Prompt, Status
from bot.errors import UserError
from bot.identity import attributes, quarantine
from bot.messages import CustomerId, TeamId
from bot.policy import CorePolicy
from bot.privacy.keys import new_key
from bot.storage import cases, inboxes, people
from bot.storage import quarantine as rows


class SpamWork:
    """Who is hidden, and who is let in."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def mark(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, on: bool, source: str
    ) -> Person:
        """Marks a customer as spam, or not any more."""
        key = new_key()

        def unit(connection: Connection) -> tuple[Person, set[str]]:
            now, policy = self._hands.clock(), self._hands.policy
            final = people.final(connection, customer_id) or customer_id
            buckets: set[str] = set()
            if inboxes.first_time(connection, source, now):
                change = _spam if on else _not_spam
                buckets = change(connection, policy, final, agent, now, key)
            return lookups.person(connection, policy, final, team), buckets

        return await self._hands.change(unit)

    async def show_kept(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> int:
        """Posts what came while a customer was hidden."""
        key = new_key()

        def unit(connection: Connection) -> tuple[int, set[str]]:
            now, policy = self._hands.clock(), self._hands.policy
            final = people.final(connection, customer_id) or customer_id
            kept = [row for row in rows.unseen(connection, final) if row.team == team]
            if not inboxes.first_time(connection, source, now) or not kept:
                return 0, set()
            done = (f"{agent.name} had them shown below.",)
            buckets = prompts.settle(connection, _about(final, team), done, now)
            return len(kept), buckets | quarantine.post(connection, policy, final, team, kept, now, key)

        return await self._hands.change(unit)

    async def held(self, team: TeamId, before: CustomerId | None = None, limit: int = 10) -> tuple[Held, ...]:
        """Who is in quarantine, newest first."""
        return await self._hands.read(_held, team, before, limit)

    async def held_senders(self, team: TeamId) -> str:
        """How many senders wait in quarantine, in words."""
        count = await self._hands.read(lambda connection, policy: rows.waiting(connection, team))
        return quarantine.how_many(count)

    async def let_in(self, customer_id: CustomerId, team: TeamId, agent: Agent, source: str) -> Person:
        """Out of quarantine, once."""
        key = new_key()

        def unit(connection: Connection) -> tuple[Person, set[str]]:
            now, policy = self._hands.clock(), self._hands.policy
            final = people.final(connection, customer_id) or customer_id
            buckets: set[str] = set()
            if inboxes.first_time(connection, source, now):
                person = lookups.person(connection, policy, final, team)
                if people.named(connection, [final])[final].quarantine is None:
                    raise UserError(f"{person.handle} {person.name} is not in quarantine any more.")
                buckets = quarantine.let_in(connection, policy, final, now, key)
                line = f"{agent.name} let {person.name} in from quarantine"
                inboxes.write_audit(connection, agent.id, "let in", final, line, now)
                buckets |= acts.say(connection, policy, final, person.team, agent.id, line, key, now)
            return lookups.person(connection, policy, final, team), buckets

        return await self._hands.change(unit)


def _about(customer_id: int, team: str) -> str:
    return f"kept:{customer_id}:{team}"


def _spam(
    connection: Connection, policy: CorePolicy, customer_id: int, agent: Agent, now: float, key: str
) -> set[str]:
    """Closes, blocks and hides."""
    held = {row.team for row in rows.unseen(connection, customer_id)}
    if not rows.set_spam(connection, customer_id, True):
        return set()
    for case in rows.open_cases(connection, customer_id):
        closed = {"status": Status.RESOLVED, "resolved_at": now, "waiting_since": None, "snoozed_until": None}
        cases.change(connection, case.id, **closed)
        sla.moved(connection, policy, case.id, now, "spam", agent.id)
    rows.drop_waiting(connection, customer_id)
    line = f"{agent.name} marked it as spam"
    inboxes.write_audit(connection, agent.id, "spam", customer_id, line, now)
    buckets = _say(connection, policy, customer_id, agent, line, now, key)
    for team in held:
        buckets |= prompts.settle(connection, _about(customer_id, team), (f"{line}.",), now)
        buckets |= quarantine.tell(connection, policy, team, now, new=False)
    return buckets


def _not_spam(
    connection: Connection, policy: CorePolicy, customer_id: int, agent: Agent, now: float, key: str
) -> set[str]:
    """As before: cases that were closed by it are open again, and the thread tells what came meanwhile."""
    if not rows.set_spam(connection, customer_id, False):
        return set()
    marked = rows.marked_at(connection, customer_id)
    for case in rows.closed_at(connection, customer_id, marked) if marked is not None else ():
        if cases.open_case(connection, customer_id, case.team) is not None:
            continue
        waits = case.last_in_at is not None and case.last_in_at > (case.last_out_at or 0.0)
        cases.change(
            connection,
            case.id,
            status=Status.OPEN if waits else Status.PENDING,
            resolved_at=None,
            waiting_since=case.last_in_at if waits else None,
        )
        sla.moved(connection, policy, case.id, now, "not spam", agent.id)
    line = f"{agent.name} says it is no spam"
    inboxes.write_audit(connection, agent.id, "not spam", customer_id, line, now)
    buckets = _say(connection, policy, customer_id, agent, line, now, key)
    kept = rows.unseen(connection, customer_id)
    for team in dict.fromkeys(row.team for row in kept):
        if TeamId(team) not in policy.teams:
            continue
        conversations.ensure_desk(connection, customer_id, policy.teams[TeamId(team)], key, now)
        count = sum(row.team == team for row in kept)
        many = "1 message was" if count == 1 else f"{count} messages were"
        value = json.dumps({"c": customer_id, "t": team}, separators=(",", ":"))
        prompt = Prompt(((f"{many} kept and not shown.",),), now, (Press("Show", "spam.show", value),))
        about = _about(customer_id, team)
        buckets |= prompts.in_thread(connection, customer_id, team, prompt, about, now)
        buckets |= attributes.refresh_cards(connection, policy, customer_id, now)
    return buckets


def _say(
    connection: Connection,
    policy: CorePolicy,
    customer_id: int,
    agent: Agent,
    line: str,
    now: float,
    key: str,
) -> set[str]:
    """One line in each of their threads, and each card anew. Who has no thread gets none."""
    buckets: set[str] = set()
    for thread in cases.current_threads(connection, [customer_id]).values():
        buckets |= acts.say(connection, policy, customer_id, thread.team, agent.id, line, key, now)
    return buckets


def _held(
    connection: Connection, policy: CorePolicy, team: TeamId, before: int | None, limit: int
) -> tuple[Held, ...]:
    found = rows.page(connection, team, before, limit)
    return tuple(
        Held(
            CustomerId(row.id),
            people.handle(row.id),
            row.name,
            row.address or "",
            team,
            row.quarantine,
            conversations.excerpt(row.text or "") or conversations.excerpt(row.subject or ""),
            row.created_at or 0.0,
            row.count,
        )
        for row in found
    )
