"""Times as people write them, read on Friday, 21 November 2025, 14:20:30 in Berlin."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.calendar.wallclock import wall
from bot.calendar.when import When, WhenError, read, said

BERLIN = "Europe/Berlin"


def moment(words: str, zone: str = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


NOW = moment("2025-11-21 14:20:30")

TIMES = [
    # spans
    ("3h", "today 17:20"),
    ("in 3h", "today 17:20"),
    ("30m", "today 14:50"),
    ("in 30 min", "today 14:50"),
    ("for 2 hours", "today 16:20"),
    ("in half an hour", "today 14:50"),
    ("half hour", "today 14:50"),
    ("in an hour", "today 15:20"),
    ("in two hours", "today 16:20"),
    ("1.5h", "today 15:50"),
    ("1,5 h", "today 15:50"),
    ("1h30", "today 15:50"),
    ("1h30m", "today 15:50"),
    ("1 hour and 30 minutes", "today 15:50"),
    ("3 hours from now", "today 17:20"),
    ("12h", "tomorrow 02:20"),
    ("2 days", "Sun 23 Nov 14:20"),
    ("3 days later", "Mon 24 Nov 14:20"),
    ("2 days 3 h", "Sun 23 Nov 17:20"),
    ("in 2 days at 10", "Sun 23 Nov 10:00"),
    ("2d 10:30", "Sun 23 Nov 10:30"),
    ("1 week", "Fri 28 Nov 14:20"),
    ("a week", "Fri 28 Nov 14:20"),
    ("3 months", "Sat 21 Feb 2026 14:20"),
    ("in 1 month at 9", "Sun 21 Dec 09:00"),
    ("2 years", "Sun 21 Nov 2027 14:20"),
    # days
    ("today", "today 17:00"),
    ("tomorrow", "tomorrow 09:00"),
    ("until tomorrow", "tomorrow 09:00"),
    ("TOMORROW", "tomorrow 09:00"),
    ("tomorrow 10", "tomorrow 10:00"),
    ("tomorrow, 10:30", "tomorrow 10:30"),
    ("tomorrow at noon", "tomorrow 12:00"),
    ("tomorrow morning", "tomorrow 09:00"),
    ("tomorrow in the afternoon", "tomorrow 14:00"),
    ("tomorrow evening", "tomorrow 18:00"),
    ("tomorrow eod", "tomorrow 17:00"),
    ("tonight", "today 20:00"),
    ("tonight at 11pm", "today 23:00"),
    ("this evening", "today 18:00"),
    ("day after tomorrow 9", "Sun 23 Nov 09:00"),
    ("the day after tomorrow", "Sun 23 Nov 09:00"),
    ("next week", "Mon 24 Nov 09:00"),
    ("next week Tuesday 10", "Tue 25 Nov 10:00"),
    ("Tuesday next week", "Tue 25 Nov 09:00"),
    ("next month", "Mon 1 Dec 09:00"),
    ("end of week", "today 17:00"),
    ("the end of the month", "Sun 30 Nov 17:00"),
    ("eom", "Sun 30 Nov 17:00"),
    # weekdays
    ("until Monday 9", "Mon 24 Nov 09:00"),
    ("Mon 9:30", "Mon 24 Nov 09:30"),
    ("monday at 9am", "Mon 24 Nov 09:00"),
    ("on Thurs", "Thu 27 Nov 09:00"),
    ("Friday", "Fri 28 Nov 09:00"),
    ("Friday 15", "today 15:00"),
    ("Friday 14", "Fri 28 Nov 14:00"),
    ("this Friday", "today 17:00"),
    ("next Friday", "Fri 28 Nov 09:00"),
    ("next Monday", "Mon 24 Nov 09:00"),
    ("Friday midnight", "tomorrow 00:00"),
    ("Monday 5", "Mon 24 Nov 17:00"),
    ("Monday 05", "Mon 24 Nov 05:00"),
    ("Monday 5am", "Mon 24 Nov 05:00"),
    ("Monday 7", "Mon 24 Nov 07:00"),
    ("Mon 24 Nov 09:00", "Mon 24 Nov 09:00"),
    ("Monday, 24 November", "Mon 24 Nov 09:00"),
    # times
    ("5pm", "today 17:00"),
    ("5 p.m.", "today 17:00"),
    ("at 5", "today 17:00"),
    ("5 o'clock", "today 17:00"),
    ("17:00", "today 17:00"),
    ("until 17:00", "today 17:00"),
    ("17.30", "today 17:30"),
    ("at 16", "today 16:00"),
    ("midnight", "tomorrow 00:00"),
    ("24:00", "tomorrow 00:00"),
    ("end of day", "today 17:00"),
    ("by eod", "today 17:00"),
    ("close of business", "today 17:00"),
    ("10am tomorrow", "tomorrow 10:00"),
    ("12am tomorrow", "tomorrow 00:00"),
    ("12pm tomorrow", "tomorrow 12:00"),
    ("9:30 on Monday", "Mon 24 Nov 09:30"),
    # dates
    ("2026-12-24", "Thu 24 Dec 2026 09:00"),
    ("2026-12-24 09:00", "Thu 24 Dec 2026 09:00"),
    ("2025-12-24T10:30", "Wed 24 Dec 10:30"),
    ("24.12.", "Wed 24 Dec 09:00"),
    ("24.12", "Wed 24 Dec 09:00"),
    ("24.12.2026 9", "Thu 24 Dec 2026 09:00"),
    ("12.10.", "Mon 12 Oct 2026 09:00"),
    ("24 Dec 10am", "Wed 24 Dec 10:00"),
    ("24th of December", "Wed 24 Dec 09:00"),
    ("Dec 24", "Wed 24 Dec 09:00"),
    ("December 24th, 2026 at 3:15 pm", "Thu 24 Dec 2026 15:15"),
    ("20 Nov", "Fri 20 Nov 2026 09:00"),
    ("21 Nov", "today 17:00"),
    ("29 Feb", "Tue 29 Feb 2028 09:00"),
]


@pytest.mark.parametrize(("words", "expected"), TIMES)
def test_times_are_read_with_and_without_words_after_them(words: str, expected: str) -> None:
    assert read(words, NOW, BERLIN).said == expected
    found = read(f"{words} send the Invoice", NOW, BERLIN)
    assert (found.said, found.rest) == (expected, "send the Invoice")


@pytest.mark.parametrize(
    ("words", "expected", "rest"),
    [
        ("tomorrow 10 minutes call", "tomorrow 09:00", "10 minutes call"),
        ("tomorrow 100 euros", "tomorrow 09:00", "100 euros"),
        ("tomorrow 2nd try", "tomorrow 09:00", "2nd try"),
        ("tomorrow 3-4 calls", "tomorrow 09:00", "3-4 calls"),
        ("tomorrow 50% off", "tomorrow 09:00", "50% off"),
        ("tomorrow 10.", "tomorrow 10:00", ""),
        ("tomorrow 10:30: call", "tomorrow 10:30", "call"),
        ("3h - ask Kim,\nthen tell Dana ", "today 17:20", "ask Kim,\nthen tell Dana"),
        ("1 week 3 refunds", "Fri 28 Nov 14:20", "3 refunds"),
        ("2 days tomorrow is too early", "Sun 23 Nov 14:20", "tomorrow is too early"),
        ("tomorrow\u00a010\u00a0call", "tomorrow 10:00", "call"),
        ("  Monday   9   call", "Mon 24 Nov 09:00", "call"),
        ("Monday 9 call back at 10", "Mon 24 Nov 09:00", "call back at 10"),
    ],
)
def test_the_longest_time_is_taken_and_no_more(words: str, expected: str, rest: str) -> None:
    found = read(words, NOW, BERLIN)
    assert (found.said, found.rest) == (expected, rest)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "Say when: write a time such as “tomorrow 10” or “in 3 hours”."),
        ("send it", "“send it” does not start with a time: write one such as “tomorrow 10” or “in 3 hours”."),
        (
            "3 refunds",
            "3 alone is no time: write “3h” for hours, or a time such as “tomorrow 10” or “in 3 hours”.",
        ),
        (
            "13:00",
            "Today 13:00 is past: write a time to come, such as “tomorrow 13:00” or “in 2 hours”.",
        ),
        ("at 5:30", "Today 05:30 is past: write a time to come, such as “tomorrow 05:30” or “17:30”."),
        (
            "2024-01-01",
            "Mon 1 Jan 2024 09:00 is past: write a time to come, such as “tomorrow 09:00” or “in 2 hours”.",
        ),
        ("12/24", "12/24 means different days to different people: write “24 Dec”."),
        ("3/4 10:00", "3/4 means different days to different people: write “3 Apr” or “4 Mar”."),
        ("12/24/2026", "12/24/2026 means different days to different people: write “24 Dec 2026”."),
        ("99/99", "99/99 means different days to different people: write “24 Dec” or “2026-12-24”."),
        ("30 Feb", "There is no 30 Feb: write a date such as “24 Dec” or “2026-12-24”."),
        (
            "31.13.2026",
            "“31.13.2026” does not start with a time: write one such as “tomorrow 10” or “in 3 hours”.",
        ),
        ("2026-13-01", "There is no 1 month 13: write a date such as “24 Dec” or “2026-12-24”."),
        ("9999-12-31", "The year 9999 is too far away: write a date such as “24 Dec” or “2026-12-24”."),
        ("Tue 24 Nov", "“Tue 24 Nov” does not exist: write “Mon 24 Nov” or only “Tue 10:00”."),
        ("1.5 months", "Part of a month is no time: write “2 weeks” or “20 days”."),
        (
            "1000 weeks",
            "That is more than ten years ahead: write a nearer time, such as “tomorrow 10” or “in 3 hours”.",
        ),
        (
            "2100-01-01",
            "That is more than ten years ahead: write a nearer time, such as “tomorrow 10” or “in 3 hours”.",
        ),
    ],
)
def test_what_is_no_time_to_come_is_refused_with_the_cure(words: str, sentence: str) -> None:
    with pytest.raises(WhenError) as problem:
        read(words, NOW, BERLIN)
    assert str(problem.value) == sentence


@pytest.mark.parametrize(
    "words",
    [
        *("noon", "this morning", "0m", "in 0 days", "at 10", "25:00", "12:60", "13pm", "Mondays", "sunny"),
        *("1h30x", "3m5x", "tomorrows", "3 hamsters", "2026-12-24T09:00Z", "10:00:00:00", "1.2.3.4", "now"),
    ],
)
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(WhenError):
        read(words, NOW, BERLIN)


def test_long_words_are_cut_in_the_answer() -> None:
    with pytest.raises(WhenError, match="“please call Dana about the broken lamp…” does not start"):
        read("please call Dana about the broken lamp and the invoice", NOW, BERLIN)


def test_the_team_has_its_own_morning_and_end_of_day() -> None:
    assert read("tomorrow", NOW, BERLIN, morning=480, closing=990).said == "tomorrow 08:00"
    assert read("tomorrow morning", NOW, BERLIN, morning=480).said == "tomorrow 08:00"
    assert read("eod", NOW, BERLIN, morning=480, closing=990).said == "today 16:30"


def test_a_monday_on_a_monday() -> None:
    early, late = moment("2025-11-24 08:00"), moment("2025-11-24 10:00")
    assert read("Monday", early, BERLIN).said == "Mon 1 Dec 09:00"
    assert read("Monday 9", early, BERLIN).said == "today 09:00"
    assert read("Monday 9", late, BERLIN).said == "Mon 1 Dec 09:00"
    assert read("Monday 3pm", late, BERLIN).said == "today 15:00"
    assert read("next Monday", late, BERLIN).said == "Mon 1 Dec 09:00"
    assert read("next Friday", late, BERLIN).said == "Fri 5 Dec 09:00"
    assert read("this Friday", late, BERLIN).said == "Fri 28 Nov 09:00"


def test_the_week_ends_next_week_on_a_weekend() -> None:
    assert read("end of week", moment("2025-11-22 10:00"), BERLIN).said == "Fri 28 Nov 17:00"
    assert read("eow", moment("2025-11-24 10:00"), BERLIN).said == "Fri 28 Nov 17:00"


def test_months_end_where_they_end() -> None:
    assert read("1 month", moment("2026-01-31 10:00"), BERLIN).said == "Sat 28 Feb 10:00"
    assert read("1 year", moment("2028-02-29 10:00"), BERLIN).said == "Wed 28 Feb 2029 10:00"


def test_hours_are_real_and_days_keep_the_time_of_day_when_clocks_change() -> None:
    saturday = moment("2025-10-25 20:00")
    assert read("12h", saturday, BERLIN).at == saturday + 12 * 3600
    assert read("12h", saturday, BERLIN).said == "tomorrow 07:00"
    assert read("1 day", saturday, BERLIN).said == "tomorrow 20:00"
    assert read("1 day", saturday, BERLIN).at == saturday + 25 * 3600


def test_a_time_that_is_skipped_is_the_moment_after_the_jump() -> None:
    assert read("tomorrow 02:30", moment("2025-03-29 12:00"), BERLIN).at == moment("2025-03-30 03:00")
    eve = moment("2018-11-03 12:00", "America/Sao_Paulo")
    assert read("midnight", eve, "America/Sao_Paulo").said == "tomorrow 01:00"
    apia = moment("2011-12-29 12:00", "Pacific/Apia")
    assert read("30 Dec 10:00", apia, "Pacific/Apia").said == "Sat 31 Dec 00:00"


def test_a_time_that_comes_twice_is_the_first_to_come() -> None:
    evening = moment("2025-10-25 20:00")
    assert read("tomorrow 02:30", evening, BERLIN).at == moment("2025-10-26 02:30")
    between = moment("2025-10-26 02:45")
    assert read("02:30", between, BERLIN).at == moment("2025-10-26 02:30", fold=1)


def test_the_zone_is_the_writers() -> None:
    assert read("17:00", NOW, "America/New_York").at == moment("2025-11-21 17:00", "America/New_York")
    with pytest.raises(ValueError, match="no time zone 'Mars/Base'"):
        read("17:00", NOW, "Mars/Base")


def test_what_was_is_said_too() -> None:
    assert said(moment("2025-11-20 09:05"), NOW, BERLIN) == "yesterday 09:05"
    assert said(moment("2025-11-17 09:05"), NOW, BERLIN) == "Mon 17 Nov 09:05"
    assert said(NOW, NOW, BERLIN) == "today 14:20"


PIECES = st.sampled_from(
    [word for words, _ in TIMES for word in words.split()]
    + [
        "12/24",
        "30",
        "Feb",
        "31.",
        "99",
        "0",
        "00:00",
        "-",
        "the",
        "this",
        "next",
        "of",
        "in",
        "at",
        "T",
        "½",
        "٣",
        "\u00a0",
    ]
)
ZONES = st.sampled_from(
    [BERLIN, "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
)
NOWS = st.integers(946_771_200, 2_200_000_000)


@given(st.one_of(st.lists(PIECES, max_size=6).map(" ".join), st.text(max_size=20)), NOWS, ZONES)
@example("9999-12-31 24:00", int(NOW), BERLIN)
@example("0001-01-01 00:00", int(NOW), BERLIN)
@example("999999 weeks", int(NOW), BERLIN)
def test_nothing_but_a_time_to_come_or_a_sentence(words: str, now: int, zone: str) -> None:
    try:
        found = read(words, now, zone)
    except WhenError as problem:
        assert str(problem).endswith(".")
        assert "write" in str(problem)
        return
    assert isinstance(found, When)
    assert found.at > now
    assert words.replace("\u00a0", " ").rstrip().endswith(found.rest)
    assert said(found.at, now, zone) == found.said


@given(NOWS, st.integers(1, 364 * 1440), ZONES)
def test_what_is_said_is_read_as_the_same_time(now: int, minutes: int, zone: str) -> None:
    at = now // 60 * 60 + minutes * 60
    again = read(said(at, now, zone), now, zone)
    assert wall(zone, again.at).replace(tzinfo=None) == wall(zone, at).replace(tzinfo=None)
