"""Stretches of time as people say them, in the zone of whoever asks."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.ranges import leading, parse, trailing

ZONE = "Europe/Stockholm"
NOW = datetime(
    2026, 10, 28, 14, 30, tzinfo=ZoneInfo(ZONE)
).timestamp()  # a Wednesday, after the clocks went back


def at(day: str | None) -> float | None:
    return None if day is None else datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(ZONE)).timestamp()


@pytest.mark.parametrize(
    ("words", "since", "until", "label"),
    [
        ("today", "2026-10-28", "2026-10-29", "Wed 28 Oct 2026"),
        ("Yesterday", "2026-10-27", "2026-10-28", "Tue 27 Oct 2026"),
        ("this week", "2026-10-26", "2026-11-02", "26 Oct – 1 Nov 2026"),
        ("last  week", "2026-10-19", "2026-10-26", "19 Oct – 25 Oct 2026"),
        ("this month", "2026-10-01", "2026-11-01", "1 Oct – 31 Oct 2026"),
        ("last month", "2026-09-01", "2026-10-01", "1 Sep – 30 Sep 2026"),
        ("this year", "2026-01-01", "2027-01-01", "1 Jan – 31 Dec 2026"),
        ("last year", "2025-01-01", "2026-01-01", "1 Jan – 31 Dec 2025"),
        ("2026-10", "2026-10-01", "2026-11-01", "1 Oct – 31 Oct 2026"),
        ("2026-12", "2026-12-01", "2027-01-01", "1 Dec – 31 Dec 2026"),
        ("2025", "2025-01-01", "2026-01-01", "1 Jan – 31 Dec 2025"),
        ("2026-10-3", "2026-10-03", "2026-10-04", "Sat 3 Oct 2026"),
        ("30d", "2026-09-28", "2026-10-29", "28 Sep – 28 Oct 2026"),
        ("2 weeks", "2026-10-14", "2026-10-29", "14 Oct – 28 Oct 2026"),
        ("last 3 months", "2026-07-28", "2026-10-29", "28 Jul – 28 Oct 2026"),
        ("past 1 day", "2026-10-27", "2026-10-29", "27 Oct – 28 Oct 2026"),
        ("2026-10-01..2026-10-15", "2026-10-01", "2026-10-16", "1 Oct – 15 Oct 2026"),
        ("2025-12..2026-01", "2025-12-01", "2026-02-01", "1 Dec 2025 – 31 Jan 2026"),
        ("2026-10-01..", "2026-10-01", None, "since 1 Oct 2026"),
        ("..2026-10-15", None, "2026-10-16", "until 15 Oct 2026"),
        ("monday", "2026-10-26", "2026-10-27", "Mon 26 Oct 2026"),
        ("wednesday", "2026-10-28", "2026-10-29", "Wed 28 Oct 2026"),
        ("since friday", "2026-10-23", None, "since 23 Oct 2026"),
        ("until yesterday", None, "2026-10-28", "until 27 Oct 2026"),
        ("before 2026-10", None, "2026-10-01", "until 30 Sep 2026"),
        ("from last month", "2026-09-01", None, "since 1 Sep 2026"),
    ],
)
def test_what_is_meant(words: str, since: str | None, until: str | None, label: str) -> None:
    found = parse(words, NOW, ZONE)
    assert found is not None
    assert (found.since, found.until, found.label) == (at(since), at(until), label)


def test_hours_are_counted_from_now() -> None:
    found = parse("12h", NOW, ZONE)
    assert found is not None and (found.since, found.until) == (NOW - 12 * 3600, NOW)


@pytest.mark.parametrize(
    "words",
    [
        *("", "parcel", "week", "last", "2026-13", "2026-02-30", "0000-01", "10-2026", ".."),
        *("2026-10-02..2026-10-01", "since", "since parcel", "2026-10-01..parcel", "9999999d"),
        *("9999-12", "30", "x..y", "since 12h", "last 3 parcels"),
    ],
)
def test_what_is_no_time(words: str) -> None:
    assert parse(words, NOW, ZONE) is None


def test_among_other_words() -> None:
    found = leading(["last", "week", "files"], NOW, ZONE)
    assert found is not None and found[1] == 2
    assert leading(["files", "last", "week"], NOW, ZONE) is None
    found = trailing(["refund", "last", "3", "months"], NOW, ZONE)
    assert found is not None and found[1] == 3 and found[0].since == at("2026-07-28")
    assert trailing(["order", "2026"], NOW, ZONE) is None


@given(st.text(max_size=30))
def test_nothing_that_one_can_type_is_an_error(words: str) -> None:
    parse(words, NOW, ZONE)
    parse(f"{words}..{words}", NOW, "Nowhere/AtAll")
