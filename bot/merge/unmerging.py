"""One customer becomes two again. Units.

``part`` turns everything that a merge did in one transaction: pointers, identities, cases, threads, attributes, names. Where
nothing happened since, all is exactly as before. What came later is divided (``dividing.py``); many messages are moved in
chunks by a job, whose plan is stored with the turn itself, so a crash in between loses nothing and doubles nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from bot.clockwork import clockmerge
from bot.errors import UserError
from bot.merge import dividing, mergetold
from bot.merge.merging import UNMERGE
from bot.policy import CorePolicy
from bot.storage import cases, clues, inboxes, jobs, merges, people


@dataclass(frozen=True, slots=True)
class Parted:
    """What an unmerge came to: buckets to wake, and whether messages are still to be divided."""

    buckets: set[str]
    unfinished: bool


def candidates(connection: Connection, number: int) -> Sequence[Any]:
    """The merges that ``/unmerge C42`` may mean, newest first: those of exactly this number, else of all of the family."""
    family = people.family(connection, number)
    found = merges.standing(connection, family)
    exact = [one for one in found if number in (one.merged_id, one.survivor_id)]
    return exact or found


def why_not(connection: Connection, merge: Any) -> str | None:
    """Why a merge cannot be undone now, with the cure; None where it can."""
    if merge.undone_at is not None:
        return f"{people.handle(merge.merged_id)} and {people.handle(merge.survivor_id)} are two already."
    for number in (merge.survivor_id, merge.merged_id):
        row = merges.customer_row(connection, number)
        if row is None or row.erased_at is not None:
            return f"{people.handle(number)} was erased since, so this merge cannot be undone."
    own = _touched(merge)
    for later in merges.standing(connection, [merge.survivor_id]):
        if later.id <= merge.id:
            continue
        first = f"{people.handle(later.merged_id)} was merged into {people.handle(later.survivor_id)} later"
        if later.merged_id == merge.survivor_id:
            return f"{first}. Undo that merge first."
        if _touched(later) & own:
            return f"{first} and has a case or thread in common with this one. Undo that merge first."
    return None


def _touched(merge: Any) -> set[tuple[str, int]]:
    """The cases and threads that a merge rests on."""
    before = json.loads(merge.before)
    if not before:
        return set()  # one of them was erased, and what was kept of them too
    record, threads = before["cases"], before["threads"]
    found = {("case", one) for one in record["moved"] if str(one) in record["was"]}
    found |= {("case", int(one)) for pair in record["joined"].items() for one in pair}
    found |= {("thread", int(one)) for one in threads["handed"]}
    return found | {("thread", int(one)) for pair in threads["ended"].values() for one in pair}


def part(
    connection: Connection, policy: CorePolicy, merge_id: int, *, agent: str, name: str, key: str, now: float
) -> Parted:
    """Undoes a merge. ``UserError`` where that cannot be. ``name`` is what the threads call the ``agent``; ``key`` is new."""
    merge = merges.get(connection, merge_id)
    if merge is None:
        raise UserError("This merge is not known.")
    refusal = why_not(connection, merge)
    if refusal is not None:
        raise UserError(refusal)
    before = json.loads(merge.before)
    until, _ = merges.newest_ids(connection)
    plan = dividing.plan(connection, merge, before, until)
    _turn(connection, merge, before)
    merges.undone(connection, merge.id, agent, now)
    after, moved = dividing.messages(connection, plan, merge.after_message)
    shared = {*plan.instead, *plan.instead.values()}
    clockmerge.parted(connection, policy, shared, (merge.survivor_id, merge.merged_id), now)
    if after is not None:
        jobs.add(connection, UNMERGE, str(merge.id), plan.packed(after), now, agent)
    merged = merges.customer_row(connection, merge.merged_id)
    assert merged is not None
    told = mergetold.Told(
        merge.id, merge.survivor_id, merge.merged_id, merged.name, name, after=merge.after_message
    )
    line = f"{people.handle(merged.id)} {merged.name} is not {people.handle(merge.survivor_id)} any more"
    inboxes.write_audit(connection, agent, "unmerge", merge.survivor_id, line, now)
    buckets = _never_again(connection, merge, told, agent, now)
    teams = _teams(connection, before, plan)
    buckets |= mergetold.parted(connection, policy, told, teams, moved, key, now)
    return Parted(buckets, after is not None)


def _turn(connection: Connection, merge: Any, before: dict[str, Any]) -> None:
    survivor, merged = merge.survivor_id, merge.merged_id
    merges.move_identities(connection, before["identities"], merged)
    others = [one for one in before["family"] if one != merged]
    merges.point(connection, others, merged)
    merges.change_customer(connection, merged, merged_into=None, root_id=None)
    named = before["name"]
    row = merges.customer_row(connection, survivor)
    if named is not None and row is not None and row.name == named[1]:
        merges.change_customer(connection, survivor, name=named[0])
    for name, (value, at) in before["attributes"].items():
        merges.drop_attribute(connection, survivor, name, value, at)
    for thread_id, lanes in before["threads"]["handed"].items():
        _give_back(connection, int(thread_id), lanes, survivor, merged)


def _give_back(connection: Connection, thread_id: int, lanes: list[int], survivor: int, merged: int) -> None:
    """A thread that was handed over, and the one that took its place since (its card was deleted, say)."""
    thread = cases.thread_by_id(connection, thread_id)
    ids = [thread_id]
    if thread is not None:
        now = cases.current_thread(connection, survivor, thread.team)
        if now is not None and now.desk_lane == lanes[0]:
            ids.append(now.id)
    merges.hand_threads(connection, ids, lanes, merged)


def _never_again(
    connection: Connection, merge: Any, told: mergetold.Told, agent: str, now: float
) -> set[str]:
    """Who undoes a merge says that they are not the same: nobody is asked about them again."""
    pair = (merge.survivor_id, merge.merged_id)
    known = clues.between(connection, pair[:1], pair[1:])
    if not known:
        proposal = clues.add_proposal(connection, *pair, [], now)
        clues.decide(connection, proposal, clues.REFUSED, agent, now)
        return set()
    return mergetold.proposals_decided(
        connection, known, clues.REFUSED, agent, f"{told.who} said that they are not the same.", now
    )


def _teams(connection: Connection, before: dict[str, Any], plan: dividing.Plan) -> frozenset[str]:
    """The teams whose threads have to say so."""
    threads = [int(one) for one in before["threads"]["handed"]]
    rows = [cases.thread_by_id(connection, one) for one in threads]
    teams = {row.team for row in rows if row is not None} | set(before["threads"]["ended"])
    touched = [cases.case(connection, one) for one in {*plan.instead, *plan.instead.values()}]
    return frozenset(teams | {row.team for row in touched if row is not None})


def advance(connection: Connection, job_id: int, merge_id: int, now: float) -> bool:
    """Divides the next messages of an unmerge; whether there are more. Running it twice does nothing twice."""
    job = jobs.find(connection, UNMERGE, str(merge_id))
    if job is None or job.id != job_id or job.state != jobs.WAITING:
        return False
    plan, after = dividing.unpacked(json.loads(job.progress))
    further, _ = dividing.messages(connection, plan, after)
    state = jobs.DONE if further is None else jobs.WAITING
    progress = {} if further is None else plan.packed(further)
    jobs.progressed(connection, job.id, progress, now, state=state)
    return further is not None
