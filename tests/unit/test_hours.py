"""Business time by examples: a week in Berlin with a lunch break, as people count it."""

from __future__ import annotations

import time
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.hours import ALWAYS, Hours, add, between, is_open, next_close, next_open

LUNCH = ((540, 720), (780, 1020))
OFFICE = Hours("Europe/Berlin", (LUNCH,) * 5 + ((), ()))
H = 3600.0


def at(words: str, zone: str = "Europe/Berlin") -> float:
    """Epoch seconds of "2025-11-21 16:50" on the wall."""
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone)).timestamp()


def shown(moment: float, zone: str = "Europe/Berlin") -> str:
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2025-11-21 10:00", 1, "2025-11-21 11:00"),
        ("2025-11-21 11:30", 1, "2025-11-21 13:30"),  # lunch is left out
        ("2025-11-21 12:15", 1, "2025-11-21 14:00"),
        ("2025-11-21 16:50", 1, "2025-11-24 09:50"),  # Friday to Monday
        ("2025-11-22 03:00", 1, "2025-11-24 10:00"),
        ("2025-11-21 16:00", 1, "2025-11-21 17:00"),  # the moment of closing is still today
        ("2025-11-21 11:00", 1, "2025-11-21 12:00"),
        ("2025-11-21 16:50", 7, "2025-11-24 16:50"),  # one business day
        ("2025-11-20 16:50", 14, "2025-11-24 16:50"),
    ],
)
def test_time_passes_only_in_the_hours(start: str, hours: int, due: str) -> None:
    moment = add(OFFICE, at(start), hours * H)
    assert shown(moment) == due
    assert between(OFFICE, at(start), moment) == hours * H


def test_nothing_to_wait_is_now_or_the_next_opening() -> None:
    assert shown(add(OFFICE, at("2025-11-21 10:00"), 0)) == "2025-11-21 10:00"
    assert shown(add(OFFICE, at("2025-11-21 12:00"), 0)) == "2025-11-21 13:00"
    assert shown(add(OFFICE, at("2025-11-21 17:00"), 0)) == "2025-11-24 09:00"
    assert add(ALWAYS, 1234.5, 0) == 1234.5
