"""Everything that comes at its time, for the one loop that waits for it (``bot/timing/timers.py``)."""

from __future__ import annotations

from sqlalchemy import Connection

from bot.policy import CorePolicy
from bot.rating import ratings
from bot.stats import digest
from bot.storage import clocks, snoozes
from bot.storage import followups as followup_rows
from bot.storage import reminders as reminder_rows
from bot.timing import followups, reminded, reminders, snoozing
from bot.timing.timers import Done, Job


def jobs(policy: CorePolicy) -> tuple[Job, ...]:
    """The jobs of a bot with this policy."""

    def end_snoozes(connection: Connection, now: float) -> Done:
        return snoozing.end_due(connection, policy, now)

    def plan(connection: Connection, now: float) -> Done:
        return reminders.plan(connection, policy, now)

    def tell(connection: Connection, now: float) -> Done:
        return reminders.tell(connection, policy, now)

    return (
        Job("answered", reminded.next_at, reminded.settle_due),
        Job("promises", clocks.next_at, plan),
        Job("reminders", reminder_rows.next_at, tell),
        Job("snoozes", snoozes.next_at, end_snoozes),
        Job("follow-ups", followup_rows.next_at, followups.tell_due),
        digest.job(policy),
        ratings.job(policy),
    )
