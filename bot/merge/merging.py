"""One customer out of two: what a merge does, all of it in one transaction. Units.

A merged customer is a pointer: ``merged_into`` says whose they became, ``root_id`` who that is today, so a family is one
query. Their handle stays an alias. What changes hands:

* identities, and with them the routes and all that waits in them: from now on whoever writes from one of them is the survivor;
* cases. Where both have an open one with a team, theirs ends in favour of the survivor's, which takes what is more urgent;
* threads, where the survivor has none with that team; else theirs ends with a link to the one that goes on;
* attributes that the survivor does not have.

Messages stay as they are: they keep the number that they came under, and a history is that of the family. So the path of new
messages knows nothing of merges, and nothing has to be rewritten. ``customer_merge.before`` holds what it takes to undo it
(``unmerging.py``): every value before and after.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from bot.clockwork import clockmerge
from bot.desk import Status
from bot.errors import UserError
from bot.merge import mergetold
from bot.policy import CorePolicy
from bot.storage import cases, clues, inboxes, jobs, merges, people

STATE = (
    "status",
    "owner",
    "subject",
    "excerpt",
    "last_in_at",
    "first_out_at",
    "last_out_at",
    "waiting_since",
    "snoozed_until",
    "resolved_at",
    "priority",
    "due_at",
    "due_kind",
    "joined_to",
)
"""The columns of a case that a merge may change."""

_URGENCY = {"low": 0, "normal": 1, "high": 2, "urgent": 3}
_LIVELY = (Status.OPEN, Status.SNOOZED, Status.PENDING)
UNMERGE = "unmerge"
"""The kind of the job that divides messages."""


def state_of(row: Any) -> dict[str, Any]:
    """What of a case a merge may change, as it is."""
    return {name: getattr(row, name) for name in STATE}


def refuse(connection: Connection, one_id: int, other_id: int) -> tuple[Any, Any]:
    """The two customers as stored, both as they are today. ``UserError`` where they cannot be merged."""
    found = []
    for number in (one_id, other_id):
        today = people.final(connection, number)
        row = merges.customer_row(connection, number if today is None else today)
        if row is None:
            raise UserError(f"{people.handle(number)} is nobody.")
        if today is None:
            raise UserError(f"{people.handle(number)} was erased: there is nothing left to merge.")
        found.append(row)
    one, other = found
    if one.id == other.id:
        raise UserError(_same(one_id, other_id, one.id))
    for job in jobs.waiting(connection, UNMERGE):
        merge = merges.get(connection, int(job.subject))
        if merge is not None and {merge.survivor_id, merge.merged_id} & {one.id, other.id}:
            raise UserError("Their messages are still being divided after an unmerge. Try again in a moment.")
    return one, other


def _same(one_id: int, other_id: int, today: int) -> str:
    if one_id == other_id:
        return f"{people.handle(one_id)} cannot be merged with itself. Name another customer."
    if today in (one_id, other_id):
        alias = other_id if today == one_id else one_id
        return f"{people.handle(alias)} is {people.handle(today)} already."
    return f"{people.handle(one_id)} and {people.handle(other_id)} are one already: {people.handle(today)}."


def join(
    connection: Connection,
    policy: CorePolicy,
    survivor_id: int,
    merged_id: int,
    *,
    agent: str,
    evidence: str | None,
    now: float,
    name: str | None = None,
) -> set[str]:
    """Makes ``merged_id`` part of ``survivor_id``; returns what to wake. ``UserError`` where that cannot be.

    ``agent`` is who decided it, ``name`` what the threads call them (by default the bot), ``evidence`` a sentence that is
    kept and shown.
    """
    survivor, merged = refuse(connection, survivor_id, merged_id)
    after_message, after_case = merges.newest_ids(connection)
    before: dict[str, Any] = {"after_case": after_case}
    before["cases"] = _join_cases(connection, survivor.id, merged.id, now)
    before["threads"] = _join_threads(connection, survivor.id, merged.id)
    before["attributes"] = _join_attributes(connection, survivor.id, merged.id)
    before["name"] = _join_names(connection, survivor, merged)
    before["identities"] = _join_identities(connection, survivor.id, merged.id)
    before["family"] = list(people.family(connection, merged.id))
    merges.point(connection, before["family"], survivor.id)
    merges.change_customer(connection, merged.id, merged_into=survivor.id)
    clockmerge.merged(connection, policy, survivor.id, before["cases"]["joined"], now)
    merge_id = merges.add(connection, survivor.id, merged.id, agent, evidence, after_message, before, now)
    line = f"{people.handle(merged.id)} {merged.name} is {people.handle(survivor.id)} now"
    inboxes.write_audit(
        connection, agent, "merge", survivor.id, ": ".join(filter(None, (line, evidence))), now
    )
    told = mergetold.Told(
        merge_id,
        survivor.id,
        merged.id,
        merged.name,
        name or "Onethread",
        evidence,
        tuple(before["family"]),
    )
    buckets = mergetold.joined(connection, policy, told, before["threads"], now)
    waiting = [
        one
        for one in clues.between(connection, people.family(connection, survivor.id), before["family"])
        if one.state == clues.PROPOSED
    ]
    buckets |= mergetold.proposals_decided(
        connection, waiting, clues.MERGED, agent, f"{told.who} merged them.", now
    )
    return buckets


def _join_cases(connection: Connection, survivor: int, merged: int, now: float) -> dict[str, Any]:
    """Moves all cases. ``was`` and ``after`` are states by case; ``joined`` leads from a case to the one that goes on."""
    ours, theirs = merges.open_cases(connection, survivor), merges.open_cases(connection, merged)
    moved = [row.id for row in merges.cases_of(connection, merged)]
    was = {row.id: state_of(row) for row in (*ours.values(), *theirs.values())}
    joined: dict[int, int] = {}
    for team in sorted(ours.keys() & theirs.keys()):
        goes_on, ends = ours[team], theirs[team]
        joined[ends.id] = goes_on.id
        cases.change(connection, ends.id, **_ended(goes_on.id, now))
        cases.change(connection, goes_on.id, **_together(goes_on, ends))
    after = {one: state_of(cases.case(connection, one)) for pair in joined.items() for one in pair}
    merges.move_cases(connection, moved, survivor)
    return {"moved": moved, "was": was, "after": after, "joined": joined}


def _ended(in_favour_of: int, now: float) -> dict[str, Any]:
    return {
        "status": Status.RESOLVED,
        "resolved_at": now,
        "joined_to": in_favour_of,
        "waiting_since": None,
        "snoozed_until": None,
        "due_at": None,
        "due_kind": None,
    }


def _together(goes_on: Any, ends: Any) -> dict[str, Any]:
    """What a case takes over from one that ends in its favour."""
    newer = (ends.last_in_at or 0.0) > (goes_on.last_in_at or 0.0)
    status = min(goes_on.status, ends.status, key=_LIVELY.index)
    waiting = [at for at in (goes_on.waiting_since, ends.waiting_since) if at is not None]
    snoozed = [one.snoozed_until for one in (goes_on, ends) if one.status == Status.SNOOZED]
    return {
        "status": status,
        "snoozed_until": min(snoozed) if snoozed and status == Status.SNOOZED else None,
        "waiting_since": min(waiting, default=None),
        "owner": goes_on.owner or ends.owner,
        "priority": max(goes_on.priority, ends.priority, key=lambda one: _URGENCY.get(one, 1)),
        "last_in_at": ends.last_in_at if newer else goes_on.last_in_at,
        "excerpt": ends.excerpt if newer else goes_on.excerpt,
    }


def _join_threads(connection: Connection, survivor: int, merged: int) -> dict[str, Any]:
    """``handed``: threads that are the survivor's now; ``ended``: team → (the thread that ended, the one that goes on)."""
    ours, theirs = merges.threads_of(connection, survivor), merges.threads_of(connection, merged)
    handed: dict[int, list[int]] = {}
    ended: dict[str, tuple[int, int]] = {}
    for team, row in theirs.items():
        if team in ours:
            ended[team] = (row.id, ours[team].id)
            continue
        lanes = [row.desk_lane, row.card_lane, row.mark_lane]
        handed[row.id] = lanes
        merges.hand_threads(connection, [row.id], lanes, survivor)
    return {"handed": handed, "ended": ended}


def _join_attributes(connection: Connection, survivor: int, merged: int) -> dict[str, Any]:
    """The survivor's value wins; what was copied, with its value and time."""
    ours, theirs = merges.attributes_of(connection, survivor), merges.attributes_of(connection, merged)
    missing = {name: row for name, row in theirs.items() if name not in ours}
    for row in missing.values():
        merges.copy_attribute(connection, row, survivor)
    return {name: [row.value, row.at] for name, row in missing.items()}


def _join_names(connection: Connection, survivor: Any, merged: Any) -> list[str] | None:
    """Somebody who had no name but an address gets the name that the other one told."""
    named = [
        any(one.name for one in merges.identities_of(connection, customer.id))
        for customer in (survivor, merged)
    ]
    if named != [False, True] or survivor.name == merged.name:
        return None
    merges.change_customer(connection, survivor.id, name=merged.name)
    return [survivor.name, merged.name]


def _join_identities(connection: Connection, survivor: int, merged: int) -> list[int]:
    """Moves all but addresses that both only said of themselves: one of them is enough."""
    said = {(one.channel, one.address) for one in merges.identities_of(connection, survivor) if one.given}
    moved = [
        one.id
        for one in merges.identities_of(connection, merged)
        if not (one.given and (one.channel, one.address) in said)
    ]
    merges.move_identities(connection, moved, survivor)
    return moved
