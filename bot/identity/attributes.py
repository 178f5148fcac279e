"""What is noted of a customer: attributes with a type each, said by agents or proven by a site's signed token. Units.

Other parts read ``of``. Each value remembers who said it: an agent's goes before a token's, unless the attribute's rule trusts
the token more. Values belong to a customer; after a merge they are those of the one who goes on.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from bot import replies
from bot.clockwork import recount
from bot.commands.profile_services import WrongValues
from bot.identity.valuetypes import Scalar, read, words
from bot.policy import AttributeRule, CorePolicy
from bot.storage import attributes as rows
from bot.storage import cases, inboxes, lanes
from bot.storage.lanes import NewDelivery
from bot.storage.words import storable

log = structlog.get_logger(__name__)

TOKEN = "signed token"
"""The source of a value that a site's signed token held."""
CHANNEL = "channel"
"""The source of a value that a channel told (a messenger's language)."""


@dataclass(frozen=True, slots=True)
class Value:
    """One attribute of a customer. ``source``: an agent's Slack id, ``TOKEN`` or ``CHANNEL``. ``at`` in epoch seconds."""

    name: str
    value: Scalar
    source: str
    at: float

    @property
    def by_agent(self) -> bool:
        """Whether a person of the team said so."""
        return self.source not in (TOKEN, CHANNEL)


def of(connection: Connection, customer_id: int) -> dict[str, Value]:
    """What is noted of a customer, by name. Names that app.yaml does not know any more are kept, and are here too."""
    found = rows.of(connection, customer_id)
    return {row.name: Value(row.name, json.loads(row.value), row.source, row.at) for row in found}


def set_(
    connection: Connection,
    policy: CorePolicy,
    customer_id: int,
    changes: Mapping[str, object],
    source: str,
    now: float,
) -> str | None:
    """Sets attributes as an agent (``source`` is their Slack id) or ``CHANNEL``; None takes one away. All of them or none.

    Returns what changed, in words ("plan pro · VIP · no company any more"); None where nothing did. ``WrongValues`` where
    a name or value does not fit.
    """
    before = of(connection, customer_id)
    wrong: dict[str, str] = {}
    wanted: dict[str, Scalar | None] = {}
    for name, given in changes.items():
        rule = policy.attributes.get(name)
        try:
            if rule is None:
                raise ValueError(unknown(policy, name))
            if rule.trust == "token" and name in before and before[name].source == TOKEN:
                raise ValueError(f"{rule.label} comes from the site's signed token and is changed there.")
            wanted[name] = None if given is None else read(rule, given)
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise WrongValues(wrong)
    done = [
        _said(policy.attributes[name], value)
        for name, value in wanted.items()
        if _put(connection, customer_id, before.get(name), name, value, source, now)
    ]
    if done:
        recount.reapply_all(connection, policy, customer_id, now, " · ".join(done), source)
    return " · ".join(done) or None


def unknown(policy: CorePolicy, name: str) -> str:
    """That there is no such attribute, with the closest, or all."""
    close = difflib.get_close_matches(name.casefold(), list(policy.attributes), n=1, cutoff=0.6)
    if close:
        return f"There is no attribute “{name}”. Did you mean {close[0]}?"
    return f"There is no attribute “{name}”. There are: {', '.join(policy.attributes)}."


def _put(
    connection: Connection,
    customer_id: int,
    before: Value | None,
    name: str,
    value: Scalar | None,
    source: str,
    now: float,
) -> bool:
    """Whether that changed anything. The same value from another source is no change."""
    if value is None:
        if before is not None:
            rows.remove(connection, customer_id, name)
        return before is not None
    if before is not None and before.value == value and type(before.value) is type(value):
        return False
    kept = storable(value) if isinstance(value, str) else value
    rows.put(connection, customer_id, name, json.dumps(kept), source, now)
    return True


def _said(rule: AttributeRule, value: Scalar | None) -> str:
    if value is None:
        return f"no {rule.label} any more"
    if rule.type == "flag":
        return rule.label if value else f"not {rule.label}"
    return f"{rule.label} {words(rule, value)}"


def from_token(
    connection: Connection, policy: CorePolicy, customer_id: int, values: Mapping[str, object], now: float
) -> set[str]:
    """Takes over what a site's signed token says. Returns what to wake. Never raises: a token may hold anything.

    Names that are not configured are left out and counted in the log. A value of a wrong type is left out, and the thread says
    so once. What an agent said stays, unless the attribute trusts the token.
    """
    before = of(connection, customer_id)
    changed: list[str] = []
    strange = 0
    buckets: set[str] = set()
    for name, given in list(values.items())[:100]:
        rule = policy.attributes.get(name)
        if rule is None:
            strange += 1
            continue
        known = before.get(name)
        if given is None or (known is not None and known.by_agent and rule.trust != "token"):
            continue
        try:
            value = read(rule, given)
        except ValueError as error:
            buckets |= _refused(connection, customer_id, name, given, str(error), now)
            continue
        if _put(connection, customer_id, known, name, value, TOKEN, now):
            changed.append(_said(rule, value))
    if strange:
        log.info("attributes.unknown_in_token", count=strange)
    if changed:
        recount.reapply_all(connection, policy, customer_id, now, " · ".join(changed))
        inboxes.write_audit(connection, TOKEN, "attributes", customer_id, " · ".join(changed), now)
        buckets |= refresh_cards(connection, policy, customer_id, now)
    return buckets


def _refused(
    connection: Connection, customer_id: int, name: str, given: object, why: str, now: float
) -> set[str]:
    """One line in the customer's threads, for each wrong value once."""
    digest = hashlib.blake2s(repr(given)[:2000].encode(errors="replace"), digest_size=8).hexdigest()
    if not inboxes.first_time(connection, f"attribute:{customer_id}:{name}:{digest}", now):
        return set()
    line = f"The site's token holds a wrong value for {name}, which was left out: {why}"
    item = NewDelivery("activity", payload={"text": line, "at": now})
    lanes_of = {row.desk_lane for row in cases.current_threads(connection, [customer_id]).values()}
    return {lanes.append(connection, lane, [item], now) for lane in lanes_of}


def refresh_cards(connection: Connection, policy: CorePolicy, customer_id: int, now: float) -> set[str]:
    """Renders every card of a customer anew, soon."""
    buckets: set[str] = set()
    for row in cases.current_threads(connection, [customer_id]).values():
        buckets |= replies.refresh_card(connection, policy, customer_id, row.team, now)
    return buckets


def on_card(policy: CorePolicy, values: Mapping[str, Value]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the card shows: flags that are set, by label; and the others as "label: value". In the order of app.yaml."""
    flags: list[str] = []
    others: list[str] = []
    for rule in policy.attributes.values():
        value = values.get(rule.name)
        if value is None or not rule.card:
            continue
        if rule.type == "flag":
            flags += [rule.label] if value.value else []
        else:
            others.append(f"{rule.label}: {words(rule, value.value)}")
    return tuple(flags), tuple(others)
