"""``health``: how the bot is, in words a team understands."""

from __future__ import annotations

import time

from bot.commands.nouns import Health, InboxHealth
from bot.commands.registry import Command
from bot.commands.services import Services
from bot.commands.types import Answer, Call, Result, Row
from bot.commands.words import ago, clock
from bot.messages import Text

SLOW_SECONDS = 60.0


async def health(services: Services, call: Call) -> Result:
    """Each inbox, the queue, the last error."""
    now = time.time()
    state = await services.health()
    rows = tuple(_inbox(inbox, call.agent.zone, now) for inbox in state.inboxes)
    stuck = tuple(Row(Text(f"⚠ {sentence}")) for sentence in state.stuck)
    return Answer(Text("\n".join(_lines(state, call.agent.zone, now))), (*rows, *stuck))


def _lines(state: Health, zone: str, now: float) -> list[str]:
    lines = [_summary(state), _queue(state)]
    if state.failed_last_day:
        lines.append(f"{state.failed_last_day} failed in the last 24 hours.")
    if state.uncertain:
        lines.append(f"{state.uncertain} may or may not have arrived and wait for somebody to check.")
    if state.last_error is not None and state.last_error_at is not None:
        lines.append(f"Last error {clock(state.last_error_at, zone, now)}: {state.last_error}")
    lines.append(
        f"Onethread {state.version}, running for {ago(now - state.started_at)}, {_sockets(state.sockets)}."
    )
    return lines


def _summary(state: Health) -> str:
    down = [inbox for inbox in state.inboxes if inbox.problem]
    slow = state.oldest_waiting is not None and state.oldest_waiting > SLOW_SECONDS
    if down:
        return f"🔴 {len(down)} of {len(state.inboxes)} inboxes do not work."
    if slow or state.stuck or state.uncertain or state.sockets == 0:
        return "🟡 It works, but something needs a look."
    return "🟢 All is well."


def _queue(state: Health) -> str:
    total = sum(state.waiting.values())
    if not total:
        return "Nothing waits to be sent."
    kinds = ", ".join(f"{count} {kind}" for kind, count in state.waiting.items() if count)
    oldest = f", the oldest for {ago(state.oldest_waiting)}" if state.oldest_waiting is not None else ""
    return f"{total} waiting to be sent ({kinds}){oldest}."


def _sockets(count: int) -> str:
    return {0: "not connected to Slack", 1: "one connection to Slack"}.get(
        count, f"{count} connections to Slack"
    )


def _inbox(inbox: InboxHealth, zone: str, now: float) -> Row:
    if inbox.problem:
        since = f", since {clock(inbox.since, zone, now)}" if inbox.since is not None else ""
        return Row(
            Text(f"🔴 {inbox.address}: {inbox.problem}{since}"), f"{inbox.channel} · team {inbox.team}"
        )
    last = clock(inbox.last_event_at, zone, now) if inbox.last_event_at is not None else None
    return Row(
        Text(f"🟢 {inbox.address}"),
        f"{inbox.channel} · team {inbox.team} · " + (f"last message {last}" if last else "no message yet"),
    )


COMMANDS = (
    Command(
        "health",
        "how the bot is",
        health,
        examples=("/health", "!health"),
    ),
)
