"""What is whose when one customer becomes two again: cases, and everything that was said since the merge. Units.

What was said since is divided by identity: a message belongs to whom it came from, a reply to whom it went to. A note has
no identity: it stays with its case, and in a case that both have a part in, with the survivor.

Where both have a part in a case, the one whose case it is keeps it, and the other gets one of their own: the one that the
merge had ended in its favour, else a new one. Then both cases are as if the merge had never been: they start from what they
were when it happened, and what each side said since is played over that. What an agent decided meanwhile (resolved, snoozed,
an owner, a priority) stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from bot import conversations
from bot.clockwork import unanswered
from bot.desk import Status
from bot.storage import cases, merges

CHUNK = 500
"""Messages that one transaction divides."""
_DECIDED = ("owner", "priority", "subject", "joined_to", "due_at", "due_kind")
_FRESH: dict[str, Any] = {
    "status": Status.PENDING,
    "waiting_since": None,
    "snoozed_until": None,
    "last_in_at": None,
    "first_out_at": None,
    "last_out_at": None,
    "excerpt": "",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How messages are divided. ``identities`` are those of the customer who goes; ``theirs`` the cases that are that
    customer's; ``instead`` leads from a case to the one that the other side has instead of it."""

    survivor: int
    merged: int
    identities: frozenset[int]
    until: int
    theirs: frozenset[int]
    instead: dict[int, int] = field(default_factory=dict)

    def packed(self, after: int) -> dict[str, Any]:
        """For the job's row: the plan, and how far it has come."""
        return {
            "survivor": self.survivor,
            "merged": self.merged,
            "identities": sorted(self.identities),
            "until": self.until,
            "theirs": sorted(self.theirs),
            "instead": self.instead,
            "after": after,
        }


def unpacked(progress: dict[str, Any]) -> tuple[Plan, int]:
    """The plan of ``packed``, and how far it has come."""
    instead = {int(one): other for one, other in progress["instead"].items()}
    plan = Plan(
        progress["survivor"],
        progress["merged"],
        frozenset(progress["identities"]),
        progress["until"],
        frozenset(progress["theirs"]),
        instead,
    )
    return plan, progress["after"]


def messages(connection: Connection, plan: Plan, after: int) -> tuple[int | None, int]:
    """Divides the next few messages; returns after which one it goes on, None at the end, and how many changed hands."""
    rows = merges.chunk(connection, plan.survivor, after, plan.until, CHUNK)
    moves: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        at_home = row.conversation_id in plan.theirs
        shared = row.conversation_id in plan.instead
        goes = row.identity_id in plan.identities
        if row.identity_id is None:
            goes = at_home and not shared
        case_id = (
            row.conversation_id
            if goes == at_home
            else plan.instead.get(row.conversation_id, row.conversation_id)
        )
        owner = plan.merged if goes else plan.survivor
        if (owner, case_id) != (plan.survivor, row.conversation_id):
            moves.setdefault((owner, case_id), []).append(row.id)
    for (owner, case_id), ids in moves.items():
        merges.move_messages(connection, ids, owner, case_id)
    gone = sum(len(ids) for (owner, _), ids in moves.items() if owner == plan.merged)
    return (rows[-1].id if len(rows) == CHUNK else None), gone


def plan(connection: Connection, merge: Any, before: dict[str, Any], until: int) -> Plan:
    """Gives each side its cases, and says how the messages follow. The identities have not moved yet, nor the messages."""
    survivor, merged, after = merge.survivor_id, merge.merged_id, merge.after_message
    identities = frozenset(before["identities"])
    record = before["cases"]
    rows = {row.id: row for row in merges.cases_of(connection, survivor)}
    sides = {one: _sides(connection, survivor, after, one, identities) for one in rows}
    joined = {int(one): other for one, other in record["joined"].items()}
    own = frozenset(record["moved"])
    newer = {
        one
        for one, parts in sides.items()
        if parts and one > before["after_case"] and one not in own and False not in parts
    }
    theirs = own | newer
    made = Plan(survivor, merged, identities, until, theirs)
    part = _Parting(connection, made, after, merge.at, record)
    merges.move_cases(connection, [one for one in theirs if one in rows], merged)
    for ended, goes_on in joined.items():
        if ended in rows and goes_on in rows:
            part.separate(rows[ended], rows[goes_on], sides.get(goes_on, {}))
            made.instead[ended] = goes_on
    for one, parts in sides.items():
        foreign = one not in theirs  # whether it is the customer who goes that has no right to it
        if one in rows and one not in made.instead and foreign in parts:
            part.share(rows[one], parts, foreign=foreign)
    return made


def _sides(
    connection: Connection, survivor: int, after: int, case_id: int, identities: frozenset[int]
) -> dict[bool, float]:
    """Who has a part in a case since the merge (True: the customer who goes), and since when."""
    since = {
        theirs: merges.first_of_side(connection, survivor, after, case_id, identities, by=theirs)
        for theirs in (True, False)
    }
    return {theirs: at for theirs, at in since.items() if at is not None}


@dataclass(frozen=True, slots=True)
class _Parting:
    """One unmerge at work. ``record`` is what the merge wrote down of cases."""

    connection: Connection
    plan: Plan
    after: int
    at: float
    record: dict[str, Any]

    def separate(self, ended: Any, goes_on: Any, parts: dict[bool, float]) -> None:
        """Two cases that the merge had joined are two again."""
        was, after = self.record["was"], self.record["after"]
        first, second = (self._was(one.id, apart=(ended.id,)) for one in (ended, goes_on))
        self.plan.instead[goes_on.id] = ended.id
        kept = _decided(goes_on, second, after[str(goes_on.id)])
        if goes_on.status == Status.RESOLVED:  # somebody resolved what was one matter then
            cases.change(self.connection, goes_on.id, **kept)
            closed = _decided(ended, first, after[str(ended.id)])
            closed |= {"resolved_at": goes_on.resolved_at, "due_at": None, "due_kind": None}
            cases.change(self.connection, ended.id, **closed)
            return
        mine = self._said(goes_on.id, theirs=False)
        yours = self._said(goes_on.id, theirs=True)
        cases.change(self.connection, ended.id, **(first | _played(first, yours)))
        kept |= _played(second, mine)
        kept["resolved_at"] = second["resolved_at"]
        answers_changed = first is not was[str(ended.id)] or second is not was[str(goes_on.id)]
        if not (parts or answers_changed) and goes_on.status != after[str(goes_on.id)]["status"]:
            kept |= {name: getattr(goes_on, name) for name in ("status", "snoozed_until", "waiting_since")}
        elif goes_on.status == Status.SNOOZED and _snoozed_since(goes_on, after[str(goes_on.id)]):
            kept |= {"status": goes_on.status, "snoozed_until": goes_on.snoozed_until}
        cases.change(self.connection, goes_on.id, **kept)

    def share(self, row: Any, parts: dict[bool, float], *, foreign: bool) -> None:
        """A case that both have a part in stays with the side whose it is; the other side gets one like it."""
        was = self._was(row.id) if str(row.id) in self.record["was"] else _FRESH
        said = self._said(row.id, theirs=not foreign)
        other = self._said(row.id, theirs=foreign)
        owner = self.plan.merged if foreign else self.plan.survivor
        given = {"owner": row.owner, "priority": row.priority} | _played(_FRESH, other)
        own = _played(was, said)
        if row.status == Status.RESOLVED or (row.status == Status.SNOOZED and _snoozed_since(row, was)):
            decided = {"status": row.status, "snoozed_until": row.snoozed_until}
            own |= decided
            given |= decided
        if row.status == Status.RESOLVED:
            own["waiting_since"] = given["waiting_since"] = None
            given["resolved_at"] = row.resolved_at
        cases.change(self.connection, row.id, **own)
        new = {"customer_id": owner, "team": row.team, "subject": row.subject, "opened_at": parts[foreign]}
        self.plan.instead[row.id] = merges.add_case(self.connection, new | given)

    def _was(self, case_id: int, apart: tuple[int, ...] = ()) -> dict[str, Any]:
        """What a case was when the merge happened, with what has become since of the replies that were written by then."""
        was = self.record["was"][str(case_id)]
        sides = (self.plan.survivor, self.plan.merged)
        return unanswered.as_of(self.connection, sides, case_id, was, (self.at, self.after), apart)

    def _said(self, case_id: int, *, theirs: bool) -> merges.Said:
        plan = self.plan
        return merges.said_in(self.connection, plan.survivor, self.after, case_id, plan.identities, by=theirs)


def _decided(row: Any, was: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What people decide of a case: as it was, where nobody decided otherwise since."""
    return {name: was[name] if getattr(row, name) == after[name] else getattr(row, name) for name in _DECIDED}


def _snoozed_since(row: Any, then: dict[str, Any]) -> bool:
    """Whether somebody snoozed a case after it was like that."""
    return (row.status, row.snoozed_until) != (then["status"], then["snoozed_until"])


def _played(was: dict[str, Any], said: merges.Said) -> dict[str, Any]:
    """The state of a case after what was said in it.

    A reply counts for what came before it was written; so nothing that came while it was on its way is taken for answered.
    """
    state = {name: was[name] for name in _FRESH}
    if said.asked is not None:
        state |= {"status": Status.OPEN, "snoozed_until": None}
    if said.newest is not None:
        words = conversations.excerpt(said.words.text) if said.words is not None else ""
        state |= {"last_in_at": said.newest.created_at, "excerpt": words or state["excerpt"]}
    if said.first_out is not None and said.last_out is not None:
        state |= {"last_out_at": said.last_out.state_at, "waiting_since": None}
        if state["first_out_at"] is None:
            state["first_out_at"] = said.first_out.state_at
        if state["status"] == Status.OPEN and said.waits is None:
            state["status"] = Status.PENDING
    if said.waits is not None and state["waiting_since"] is None:
        state["waiting_since"] = said.waits.created_at
    return state
