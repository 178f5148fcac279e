"""Asking agents whether two customers are one. Units."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from bot.cases import prompts
from bot.desk import Line, Press, Prompt, Strong, ThreadLink
from bot.storage import clues, merges, people


def propose(
    connection: Connection,
    one_id: int,
    other_id: int,
    evidence: Sequence[str],
    now: float,
    team: str | None = None,
) -> set[str]:
    """Asks whether two customers are one, in the thread of the first (that of ``team`` first); returns what to wake.

    ``evidence`` are sentences. Nobody is asked about a family again that was said not to be the same; more evidence for what
    is not decided is added to what is shown.
    """
    one, other = people.final(connection, one_id), people.final(connection, other_id)
    if one is None or other is None or one == other:
        return set()
    rows = [merges.customer_row(connection, number) for number in (one, other)]
    if any(row is None or row.erased_at or row.spam or row.quarantine for row in rows):
        return set()
    known = clues.between(connection, people.family(connection, one), people.family(connection, other))
    if any(row.state == clues.REFUSED for row in known):
        return set()
    for row in known:
        if row.state == clues.PROPOSED:
            return _more(connection, row, evidence, now)
    return _ask(connection, one, other, evidence, now, team)


def _more(connection: Connection, row: Any, evidence: Sequence[str], now: float) -> set[str]:
    before: list[str] = json.loads(row.evidence)
    together = list(dict.fromkeys([*before, *evidence]))
    if together == before:
        return set()
    clues.add_evidence(connection, row.id, together)
    first = clues.asked_of(connection, _about(row.id))
    one, other = (row.one_id, row.other_id) if first != row.other_id else (row.other_id, row.one_id)
    prompt = _prompt(connection, row.id, one, other, together, now)
    return prompts.renew(connection, _about(row.id), prompt, now)


def _ask(
    connection: Connection, one: int, other: int, evidence: Sequence[str], now: float, team: str | None
) -> set[str]:
    stored = sorted((one, other))
    if any({row.one_id, row.other_id} == set(stored) for row in clues.between(connection, [one], [other])):
        return set()
    proposal = clues.add_proposal(connection, one, other, evidence, now)
    for first, second in ((one, other), (other, one)):
        threads = merges.threads_of(connection, first)
        place = team if team in threads else next(iter(sorted(threads)), None)
        if place is not None:
            prompt = _prompt(connection, proposal, first, second, evidence, now)
            return prompts.in_thread(connection, first, place, prompt, _about(proposal), now)
    return set()


def _about(proposal_id: int) -> str:
    return f"proposal:{proposal_id}"


def _prompt(
    connection: Connection, proposal_id: int, one: int, other: int, evidence: Sequence[str], now: float
) -> Prompt:
    named = [f"{people.handle(who)} {people.own_name(connection, who)}" for who in (one, other)]
    lines: list[Line] = [(Strong("Is this the same person?"), f" {named[0]} and {named[1]}")]
    lines += [(f"• {sentence}",) for sentence in evidence]
    there = [row for row in merges.threads_of(connection, other).values() if row.ts is not None]
    if there:
        lines.append((ThreadLink(f"The thread of {people.handle(other)}", there[0].channel, there[0].ts),))
    buttons = (
        Press("Merge…", "proposal.merge", str(proposal_id)),
        Press("Not the same", "proposal.refuse", str(proposal_id)),
    )
    return Prompt(tuple(lines), now, buttons)
