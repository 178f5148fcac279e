"""Giving a case to another team, with what they should know. A unit.

The case goes on in the other team's Slack channel: its card, a post that says why it came with the last words, and a link to
the thread it comes from. What the customer says goes on arriving there (``filing.py``), by whichever inbox they write.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from bot import conversations, replies, sla
from bot.cases import acts, prompts
from bot.cases.drafts import team_of
from bot.commands.types import Agent
from bot.desk import Line, Press, Prompt, Strong
from bot.errors import UserError
from bot.messages import TeamId
from bot.policy import CorePolicy
from bot.storage import agents, cases, inboxes, moves, people
from bot.timing import notices

LAST_WORDS = 3
SIGNS = {"inbound": "←", "outbound": "→", "note": "✎"}


def transfer(
    connection: Connection,
    policy: CorePolicy,
    customer_id: int,
    team: TeamId,
    to: TeamId,
    agent: Agent,
    words: str,
    keys: tuple[str, str],
    now: float,
) -> set[str]:
    """Gives the customer's open case with a team to another. ``UserError`` where there is none, or they have one with both."""
    if to == team:
        raise UserError(f"It is with {team_of(policy, team).name} already.")
    case = cases.open_case(connection, customer_id, team)
    if case is None:
        raise UserError("This customer has no open case here. Reopen it first.")
    if cases.open_case(connection, customer_id, to) is not None:
        raise UserError(
            f"They have an open case with {team_of(policy, to).name} already. Write a note there, and resolve this one."
        )
    here, there = team_of(policy, team), team_of(policy, to)
    row = cases.case(connection, case.id)
    assert row is not None
    origin = row.origin_team or team
    moves.give(connection, case.id, to, origin if origin != to else None)
    why = f"{agent.name} gave it to {there.name}" + (f": {words}" if words else "")
    inboxes.write_audit(connection, agent.id, "transfer", customer_id, why, now)
    sla.changed(connection, policy, case.id, now, why, agent.id)
    buckets = acts.say(connection, policy, customer_id, team, agent.id, why, keys[0], now)
    conversations.ensure_desk(connection, customer_id, there, keys[1], now)
    prompt = _prompt(connection, customer_id, here.name, team, to, agent, words, now)
    buckets |= prompts.in_thread(connection, customer_id, to, prompt, f"transfer:{case.id}:{now}", now)
    return buckets | replies.refresh_card(connection, policy, customer_id, to, now)


def _prompt(
    connection: Connection,
    customer_id: int,
    here: str,
    team: TeamId,
    to: TeamId,
    agent: Agent,
    words: str,
    now: float,
) -> Prompt:
    lines: list[Line] = [
        (Strong(f"{agent.name} of {here} gives you this case"), f": {words}" if words else ".")
    ]
    rows = agents.newest_of(connection, people.family(connection, customer_id), LAST_WORDS)
    lines += [_said(row) for row in reversed(rows)]
    thread = cases.current_thread(connection, customer_id, team)
    if thread is not None and thread.ts is not None:
        lines.append((notices.link(f"The thread in {here}'s channel", thread),))
    value = notices.value(customer_id, to)
    buttons = (Press("Reply", "reply.open", value, "primary"), Press("Take it", "case.take", value))
    return Prompt(tuple(lines), now, (*buttons, Press("History", "history.open", value)))


def _said(row: Any) -> Line:
    quoted = notices.quoted(row.text) or ("(no words)",)
    return (f"{SIGNS.get(row.direction, '·')} {row.author}: ", *quoted)
