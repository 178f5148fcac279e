"""In which case a message belongs: the open one, the one that another team has now, or a new one. Units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from bot import customers, sla
from bot.desk import Status
from bot.messages import Message, TeamId
from bot.policy import CorePolicy, InboxPolicy, TeamPolicy
from bot.storage import cases, moves


@dataclass(frozen=True, slots=True)
class Filed:
    """Where a message belongs. ``subject`` only where it is worth showing; ``new_case``: a known customer has a new one.

    ``team`` is whose case it is: not always the inbox's. ``promised`` is for ``sla.said``.
    """

    case_id: int
    team: TeamPolicy
    subject: str | None = None
    new_case: bool = False
    promised: Any = None


def file(
    connection: Connection,
    policy: CorePolicy,
    whose: customers.Whose,
    inbox: InboxPolicy,
    event: Message,
    words: str,
    now: float,
    *,
    waits: bool,
    hidden: bool,
) -> Filed:
    """The case of a message. With ``waits`` the customer waits for us now. What is ``hidden`` changes no case."""
    team = policy.teams[inbox.team]
    if hidden and whose.known:
        last = cases.newest_case(connection, whose.customer_id, team.id)
        if last is not None:
            return Filed(last.id, team)
    if whose.known:
        row = _open(connection, whose.customer_id, team.id, words, now, waits=waits)
        if row is None:
            moved = moves.team_of(connection, whose.customer_id, team.id)
            if moved is not None and TeamId(moved) in policy.teams:
                team = policy.teams[TeamId(moved)]
                row = _open(connection, whose.customer_id, team.id, words, now, waits=waits)
        if row is not None:
            changed = event.subject is not None and not same_subject(event.subject, row.subject)
            if changed:
                cases.change(connection, row.id, subject=event.subject)
            return Filed(row.id, team, event.subject if changed else None, False, row if waits else None)
    return _new(connection, policy, whose, inbox, event, words, now, waits=waits, hidden=hidden)


def _open(
    connection: Connection, customer_id: int, team: TeamId, words: str, now: float, *, waits: bool
) -> Any | None:
    if waits:
        return cases.heard(connection, customer_id, team, words, now)
    return cases.open_case(connection, customer_id, team)


def _new(
    connection: Connection,
    policy: CorePolicy,
    whose: customers.Whose,
    inbox: InboxPolicy,
    event: Message,
    words: str,
    now: float,
    *,
    waits: bool,
    hidden: bool,
) -> Filed:
    team = policy.teams[inbox.team]
    before = whose.known and cases.newest_case(connection, whose.customer_id, team.id) is not None
    opened = None
    if waits:
        opened = sla.opening(connection, policy, inbox, whose.customer_id if whose.known else None, now)
    case_id = cases.add_case(
        connection,
        whose.customer_id,
        team.id,
        event.subject,
        now,
        words=words if waits else None,
        promised=opened.columns if opened is not None else None,
    )
    if hidden:
        cases.change(connection, case_id, status=Status.RESOLVED, resolved_at=now if whose.blocked else None)
    elif not waits:
        cases.change(connection, case_id, status=Status.PENDING)
    return Filed(case_id, team, event.subject, before and waits, opened)


def same_subject(one: str | None, other: str | None) -> bool:
    """Whether two subjects are the same but for "Re:" and its like, case and white space."""
    return _bare(one) == _bare(other)


def _bare(subject: str | None) -> str:
    words = " ".join((subject or "").split()).casefold()
    while (colon := words.find(":")) in range(2, 4):
        words = words[colon + 1 :].strip()
    return words
