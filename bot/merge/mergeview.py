"""What a merge would do and what its end would do, in sentences for whoever decides. Units that only read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from bot.cases import lookups, views
from bot.commands.merging_services import Preview, Side, Standing
from bot.desk import Status
from bot.merge import merging, unmerging
from bot.messages import TeamId
from bot.policy import CorePolicy
from bot.storage import merges, people

SHOWN = 6
"""Identities of one customer that are listed."""
_WAITS = {
    Status.OPEN: "open",
    Status.PENDING: "waiting for the customer",
    Status.SNOOZED: "snoozed",
}


def preview(connection: Connection, policy: CorePolicy, survivor_id: int, merged_id: int) -> Preview:
    """What a merge would do. ``UserError`` where it cannot be."""
    survivor, merged = merging.refuse(connection, survivor_id, merged_id)
    ours, theirs = _side(connection, policy, survivor.id), _side(connection, policy, merged.id)
    return Preview(
        ours,
        theirs,
        tuple(_effects(connection, policy, ours, theirs)),
        tuple(_warnings(connection, survivor, merged)),
    )


def _side(connection: Connection, policy: CorePolicy, customer_id: int) -> Side:
    person = lookups.person(connection, policy, customer_id, None)
    identities = [_identity(one) for one in merges.identities_of(connection, customer_id)]
    more = [f"and {len(identities) - SHOWN} more"] if len(identities) > SHOWN else []
    opened = merges.open_cases(connection, customer_id)
    lines = tuple(f"{_team(policy, team)}: {_WAITS[Status(row.status)]}" for team, row in opened.items())
    count = merges.count_messages(connection, people.family(connection, customer_id))
    return Side(person, (*identities[:SHOWN], *more), lines, count)


def _identity(one: Any) -> str:
    called = views.reach(one.channel, one.address)
    if called == one.channel and one.name:
        called = f"{one.channel} ({one.name})"
    if one.given:
        return f"{called}: they only said that it is theirs"
    if one.anonymous:
        return f"{called}: a browser, nobody knows whose"
    how = f" ({one.evidence})" if one.evidence else ""
    return f"{called}: {'proven' if one.verified else 'not proven'}{how}"


def _team(policy: CorePolicy, team: str) -> str:
    known = policy.teams.get(TeamId(team))
    return known.name if known is not None else team


def _effects(connection: Connection, policy: CorePolicy, ours: Side, theirs: Side) -> Iterable[str]:
    one, other = ours.person.handle, theirs.person.handle
    yield f"{one} goes on. {other} means {one} from then on, in commands too."
    survivor, merged = ours.person.customer_id, theirs.person.customer_id
    opened = merges.open_cases(connection, survivor), merges.open_cases(connection, merged)
    threads = merges.threads_of(connection, survivor), merges.threads_of(connection, merged)
    for team in sorted({*opened[1], *threads[1]}):
        said = []
        if team in opened[1]:
            both = team in opened[0]
            said.append("the two open cases become one" if both else f"the open case becomes {one}'s")
        if team in threads[1]:
            both = team in threads[0]
            links = f"it goes on in {one}'s thread, and {other}'s thread ends with a link to it"
            said.append(links if both else f"{other}'s thread becomes {one}'s")
        yield f"{_team(policy, team)}: {'; '.join(said)}."
    yield f"Replies to {one} can go by all of their addresses, first by the one they used last."
    known = merges.attributes_of(connection, survivor)
    copied = [name for name in merges.attributes_of(connection, merged) if name not in known]
    if copied:
        yield f"Taken over from {other}: {', '.join(sorted(copied))}."
    yield f"It can be undone: /unmerge {one}."


def _warnings(connection: Connection, survivor: Any, merged: Any) -> Iterable[str]:
    one, other = people.handle(survivor.id), people.handle(merged.id)
    ours = merges.identities_of(connection, survivor.id)
    theirs = merges.identities_of(connection, merged.id)
    for row in (*ours, *theirs):
        if not row.verified:
            called = views.reach(row.channel, row.address)
            yield (
                f"Nobody has proved that {called} belongs to this person. If it does not, a stranger gets your replies."
            )
    for channel in sorted({row.channel for row in ours} & {row.channel for row in theirs}):
        mine, yours = _proven(ours, channel), _proven(theirs, channel)
        if mine and yours:
            yield f"Both have a proven {channel} address of their own ({mine} and {yours}): two people may share a name."
    if survivor.blocked and not merged.blocked:
        yield f"{one} is blocked and {other} is not: nothing of either would be shown any more."
    if merged.blocked and not survivor.blocked:
        yield f"{other} is blocked and {one} is not: what {other} writes would be shown again."
    if bool(survivor.spam) != bool(merged.spam):
        yield f"{one if survivor.spam else other} was marked as spam, the other was not. What holds for {one} stays."
    if (survivor.quarantine is None) != (merged.quarantine is None):
        held = other if survivor.quarantine is None else one
        yield f"{held} is in quarantine, the other is not. What holds for {one} stays."
    known = merges.attributes_of(connection, survivor.id)
    for name, row in sorted(merges.attributes_of(connection, merged.id).items()):
        if name in known and known[name].value != row.value:
            kept, lost = json.loads(known[name].value), json.loads(row.value)
            yield f"{name}: “{kept}” of {one} stays, “{lost}” of {other} is put aside."


def _proven(rows: Iterable[Any], channel: str) -> str:
    """The proven addresses that people know, in words."""
    return ", ".join(
        row.address for row in rows if row.channel == channel and row.verified and "@" in row.address
    )


def standing(connection: Connection, policy: CorePolicy, merge: Any, names: dict[str, str]) -> Standing:
    """A merge, and what undoing it would do. ``names``: public names of agents."""
    refusal = unmerging.why_not(connection, merge)
    one, other = (
        f"{people.handle(number)} {people.own_name(connection, number)}"
        for number in (merge.survivor_id, merge.merged_id)
    )
    return Standing(
        merge.id,
        one,
        other,
        merge.at,
        names.get(merge.agent, "Onethread"),
        refusal,
        tuple(_undoing(connection, policy, merge)) if refusal is None else (),
    )


def _undoing(connection: Connection, policy: CorePolicy, merge: Any) -> Iterable[str]:
    before = json.loads(merge.before)
    one, other = people.handle(merge.survivor_id), people.handle(merge.merged_id)
    yield f"{other} is a customer of their own again, with their addresses, cases, owners and attributes as they were."
    since = merges.count_since(connection, merge.survivor_id, merge.after_message, before["identities"])
    if since:
        yield (
            f"Since then {'1 message' if since == 1 else f'{since} messages'} came from or went to {other}'s addresses, and "
            f"will be {other}'s. Notes stay with {one}."
        )
    yield "What was posted in Slack stays where it is; both threads get a line that says so."
