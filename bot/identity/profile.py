"""Who a customer is, for commands: implements ``bot.commands.profile_services.ProfileServices``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from bot.cases import acts, lookups
from bot.cases.hands import Hands
from bot.commands.nouns import Person
from bot.commands.profile_services import KnownAs, Profile, Shown
from bot.commands.types import Agent
from bot.errors import UserError
from bot.identity import attributes
from bot.identity.valuetypes import words
from bot.messages import AgentId, CustomerId, InboxId, TeamId
from bot.policy import AttributeRule, CorePolicy
from bot.privacy.keys import new_key
from bot.storage import attributes as rows
from bot.storage import cases, inboxes, people

LONGEST_NAME = 80


class Profiles:
    """Profiles of customers, and what agents change in them."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def rules(self) -> tuple[AttributeRule, ...]:
        """The attributes that customers can have here."""
        return tuple(self._hands.policy.attributes.values())

    async def show(self, customer_id: CustomerId, team: TeamId) -> Profile:
        """Everything that is known of a customer."""
        found = await self._hands.read(_profile, customer_id, team)
        said_by = {one.by for one in found.attributes if one.by not in (attributes.TOKEN, attributes.CHANNEL)}
        names = {agent: await self._hands.directory.public_name(AgentId(agent)) for agent in said_by}
        names |= {attributes.TOKEN: "the site's signed token", attributes.CHANNEL: "told by the channel"}
        shown = tuple(
            Shown(one.rule, one.words, names.get(one.by, one.by), one.at) for one in found.attributes
        )
        return Profile(
            found.person,
            found.aliases,
            found.known_as,
            found.first_seen,
            found.cases,
            found.messages,
            shown,
            found.spam,
            found.quarantine,
        )

    async def values(self, customer_id: CustomerId) -> dict[str, str]:
        """What a customer has, in the words in which it is typed."""
        return await self._hands.read(_values, customer_id)

    async def set(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        changes: Mapping[str, str | None],
        source: str,
    ) -> str | None:
        """Sets attributes, all of them or none."""

        def act(connection: Connection, final: int, now: float) -> tuple[str | None, str | None]:
            policy = self._hands.policy
            line = attributes.set_(connection, policy, final, changes, agent.id, now)
            return line, f"{agent.name} set {line}" if line else None

        return await self._changed(customer_id, team, agent, source, "attributes", act)

    async def rename(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, name: str, source: str
    ) -> Person:
        """Calls a customer otherwise."""
        wanted = " ".join(name.replace('"', "").split())
        if not wanted:
            raise UserError("Write the name, such as: name Dana Petrov.")
        if len(wanted) > LONGEST_NAME:
            raise UserError(f"A name has at most {LONGEST_NAME} characters.")

        def act(connection: Connection, final: int, now: float) -> tuple[None, str | None]:
            before = rows.facts(connection, final)
            if before is None or before.name == wanted:
                return None, None
            rows.rename(connection, final, wanted)
            return None, f"{agent.name} calls {before.name} {wanted} now"

        await self._changed(customer_id, team, agent, source, "rename", act)
        return await self._hands.read(lookups.person, customer_id, team)

    async def _changed(
        self,
        customer_id: CustomerId,
        team: TeamId,
        agent: Agent,
        source: str,
        action: str,
        act: Callable[[Connection, int, float], tuple[str | None, str | None]],
    ) -> str | None:
        """One change, once per ``source``. ``act`` returns the result, and the line of the thread: None, nothing changed."""
        key = new_key()

        def unit(connection: Connection) -> tuple[str | None, set[str]]:
            now, policy = self._hands.clock(), self._hands.policy
            final = people.final(connection, customer_id) or customer_id
            if not inboxes.first_time(connection, source, now):
                return None, set()
            result, line = act(connection, final, now)
            if line is None:
                return result, set()
            inboxes.write_audit(connection, agent.id, action, final, line, now)
            buckets = attributes.refresh_cards(connection, policy, final, now)
            if cases.current_thread(connection, final, team) is not None:
                buckets |= acts.say(connection, policy, final, team, agent.id, line, key, now)
            return result, buckets

        return await self._hands.change(unit)


def _profile(connection: Connection, policy: CorePolicy, customer_id: int, team: TeamId) -> Profile:
    """``Shown.by`` is the source as it is stored."""
    person = lookups.person(connection, policy, customer_id, team)
    final = int(person.customer_id)
    fact = rows.facts(connection, final)
    assert fact is not None, "it was found a moment ago"
    others = rows.aliases(connection, final)
    every = [final, *others]
    count, said = rows.counts(connection, every)
    has = attributes.of(connection, final)
    shown = [
        Shown(rule, words(rule, has[name].value), has[name].source, has[name].at)
        for name, rule in policy.attributes.items()
        if name in has
    ]
    return Profile(
        person,
        tuple(people.handle(one) for one in others),
        _known_as(policy, rows.identities(connection, every)),
        fact.created_at,
        count,
        said,
        tuple(shown),
        bool(fact.spam),
        fact.quarantine,
    )


def _known_as(policy: CorePolicy, found: Any) -> tuple[KnownAs, ...]:
    """A row for each identity, with the inboxes that they wrote by."""
    labels: dict[int, list[str]] = {}
    for row in found:
        inbox = policy.inboxes.get(InboxId(row.inbox or ""))
        if inbox is not None and row.last_in_at is not None:
            labels.setdefault(row.id, []).append(inbox.label)
    made: dict[int, KnownAs] = {}
    for row in found:
        if row.id not in made:
            proven = (row.verified_at or row.created_at) if row.verified else None
            names = tuple(dict.fromkeys(labels.get(row.id, ())))
            made[row.id] = KnownAs(
                *(row.channel, row.address, proven, row.evidence, bool(row.given), names, row.last_in_at),
                language=row.language,
            )
    return tuple(made.values())


def _values(connection: Connection, policy: CorePolicy, customer_id: int) -> dict[str, str]:
    has = attributes.of(connection, people.final(connection, customer_id) or customer_id)
    return {name: words(rule, has[name].value) for name, rule in policy.attributes.items() if name in has}
