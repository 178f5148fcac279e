"""Business time by examples: a week in Berlin with a lunch break, as people count it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.hours import ALWAYS, Hours, Intervals, add, between, explain, is_open, next_close, next_open

LUNCH: Intervals = ((540, 720), (780, 1020))
OFFICE = Hours("Europe/Berlin", (LUNCH,) * 5 + ((), ()))
NIGHTS = Hours("Europe/Berlin", (((0, 360), (1320, 1440)),) * 7)
"""22:00 to 06:00."""
DAWN: Intervals = ((60, 240),)
H = 3600.0


def at(words: str, zone: str = "Europe/Berlin", fold: int = 0) -> float:
    """Epoch seconds of "2025-11-21 16:50" on the wall."""
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def shown(moment: float | None, zone: str = "Europe/Berlin") -> str:
    assert moment is not None
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def told(hours: Hours, start: str, end: str, limit: int = 40) -> list[str]:
    """An explanation as lines."""
    rows = explain(hours, at(start, hours.zone), at(end, hours.zone), limit)
    return [
        f"{shown(row.start, hours.zone)[5:]} {shown(row.end, hours.zone)[5:]} "
        f"{'+' if row.counted else '-'} {row.why} {row.seconds / H:g}"
        for row in rows
    ]


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


def test_the_rest_of_a_computed_span_ends_at_closing_and_not_next_morning() -> None:
    """A paused clock goes on with what is left of its hour: rounding must not push it over the edge."""
    start = at("2025-11-21 09:00") + 0.123457
    paused = at("2025-11-21 10:00") + 0.654321
    resumed = at("2025-11-21 16:00") + 0.1
    left = 2 * H - between(OFFICE, start, paused)
    again = at("2025-11-21 17:00") - left
    assert abs(add(OFFICE, again, left + 3e-7) - at("2025-11-21 17:00")) < 1e-5
    assert between(OFFICE, resumed, add(OFFICE, resumed, left)) == pytest.approx(left, abs=1e-5)


def test_hours_include_their_opening_and_not_their_closing() -> None:
    assert is_open(OFFICE, at("2025-11-21 09:00"))
    assert not is_open(OFFICE, at("2025-11-21 09:00") - 0.001)
    assert is_open(OFFICE, at("2025-11-21 12:00") - 0.001)
    assert not is_open(OFFICE, at("2025-11-21 12:00"))
    assert not is_open(OFFICE, at("2025-11-22 10:00"))


def test_work_over_midnight_is_one_stretch() -> None:
    assert shown(add(NIGHTS, at("2025-11-21 23:00"), 2 * H)) == "2025-11-22 01:00"
    assert shown(next_close(NIGHTS, at("2025-11-21 23:00"))) == "2025-11-22 06:00"
    assert shown(next_open(NIGHTS, at("2025-11-22 06:00"))) == "2025-11-22 22:00"
    assert shown(next_close(NIGHTS, at("2025-11-22 12:00"))) == "2025-11-23 06:00"


def test_around_the_clock_never_closes() -> None:
    now = at("2025-11-21 23:00")
    assert add(ALWAYS, now, 1e6) == now + 1e6
    assert between(ALWAYS, now, now + 1e6) == 1e6
    assert next_open(ALWAYS, now) == now
    assert next_close(ALWAYS, now) is None
    but_christmas = Hours("Europe/Berlin", (((0, 1440),),) * 7, frozenset({date(2025, 12, 25)}))
    assert shown(next_close(but_christmas, now)) == "2025-12-25 00:00"
    assert next_close(but_christmas, at("2025-12-26 00:00")) is None


def test_nothing_ever_opens_in_an_empty_week() -> None:
    never = Hours("UTC", ((),) * 7)
    assert next_open(never, 0.0) is None
    assert next_close(never, 0.0) is None
    assert between(never, 0.0, 1e9) == 0
    with pytest.raises(ValueError, match="these hours are empty: give at least one day"):
        add(never, 0.0, 60)
    with pytest.raises(ValueError, match="these hours are empty"):
        add(never, 0.0, 0)


def test_hours_that_special_days_always_take_away_end_the_search() -> None:
    """Only Mondays, and those of the next 110 years are own days off."""
    first = date(2025, 11, 24).toordinal()
    mondays = frozenset(date.fromordinal(first + 7 * week) for week in range(110 * 53))
    hours = Hours("UTC", (LUNCH, *((),) * 6), mondays)
    with pytest.raises(ValueError, match="does not come within 100 years"):
        add(hours, at("2025-11-21 10:00"), 60)
    assert next_open(hours, at("2025-11-21 10:00")) is None


def test_days_off_and_special_days() -> None:
    hours = Hours(
        "Europe/Berlin",
        OFFICE.week,
        holidays=frozenset({date(2025, 12, 29), date(2025, 12, 31)}),
        country="de",
        special=((date(2025, 12, 24), ((540, 720),)), (date(2025, 12, 31), ((600, 660),))),
    )
    assert shown(add(hours, at("2025-12-24 11:30"), H)) == "2025-12-30 09:30"
    assert between(hours, at("2025-12-24 00:00"), at("2025-12-30 00:00")) == 3 * H
    assert (
        between(hours, at("2025-12-31 00:00"), at("2026-01-02 00:00")) == H
    )  # special goes before a day off


def test_a_subdivision_has_its_own_days_off() -> None:
    bavaria = Hours("Europe/Berlin", OFFICE.week, country="DE", subdivision="BY")
    berlin = Hours("Europe/Berlin", OFFICE.week, country="DE", subdivision="BE")
    assert not is_open(bavaria, at("2025-06-19 10:00"))  # Corpus Christi
    assert is_open(berlin, at("2025-06-19 10:00"))
    assert not is_open(berlin, at("2007-05-01 10:00"))  # outside of the years that are made at once


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2025-03-30 00:00", "2025-03-31 00:00", 2),  # spring: 02:00 to 03:00 is skipped
        ("2025-10-26 00:00", "2025-10-27 00:00", 4),  # autumn: 02:00 to 03:00 comes twice
        ("2025-10-25 00:00", "2025-10-26 00:00", 3),
    ],
)
def test_business_time_is_real_time_when_clocks_change(start: str, end: str, hours: int) -> None:
    dawn = Hours("Europe/Berlin", (DAWN,) * 7)
    assert between(dawn, at(start), at(end)) == hours * H
    assert shown(add(dawn, at(start), hours * H)) == f"{start[:10]} 04:00"


def test_an_hour_that_is_skipped_never_comes_and_one_that_is_repeated_counts_twice() -> None:
    two_to_three = Hours("Europe/Berlin", (((120, 180),),) * 7)
    assert between(two_to_three, at("2025-03-30 00:00"), at("2025-03-31 00:00")) == 0
    assert shown(next_open(two_to_three, at("2025-03-30 00:00"))) == "2025-03-31 02:00"
    assert between(two_to_three, at("2025-10-26 00:00"), at("2025-10-27 00:00")) == 2 * H
    assert add(two_to_three, at("2025-10-26 00:00"), 1.5 * H) == at("2025-10-26 02:30", fold=1)
    assert next_close(two_to_three, at("2025-10-26 02:30")) == at("2025-10-26 03:00")


def test_half_an_hour_that_is_repeated_closes_and_opens_again() -> None:
    until_half_past = Hours("Europe/Berlin", (((60, 150),),) * 7)
    assert next_close(until_half_past, at("2025-10-26 01:00")) == at("2025-10-26 02:30")
    assert next_open(until_half_past, at("2025-10-26 02:30")) == at("2025-10-26 02:00", fold=1)


def test_lord_howe_moves_its_clocks_by_half_an_hour() -> None:
    howe = Hours("Australia/Lord_Howe", (DAWN,) * 7)
    zone = howe.zone
    assert between(howe, at("2025-10-05 00:00", zone), at("2025-10-06 00:00", zone)) == 2.5 * H
    assert between(howe, at("2025-04-06 00:00", zone), at("2025-04-07 00:00", zone)) == 3.5 * H


def test_a_midnight_that_is_skipped() -> None:
    """São Paulo went from 23:59:59 to 01:00 on 4 November 2018."""
    early = Hours("America/Sao_Paulo", (((0, 120),),) * 7)
    assert between(early, at("2018-11-03 12:00", early.zone), at("2018-11-04 12:00", early.zone)) == H
    assert (
        shown(next_open(early, at("2018-11-03 12:00", early.zone)), "America/Sao_Paulo") == "2018-11-04 01:00"
    )


def test_samoa_had_no_30th_of_december() -> None:
    apia = Hours("Pacific/Apia", (LUNCH,) * 5 + ((), ()))
    assert (
        shown(add(apia, at("2011-12-29 16:00", apia.zone), 2 * H), apia.zone) == "2012-01-02 10:00"
    )  # Friday is gone
    assert told(apia, "2011-12-29 16:00", "2012-01-02 10:00") == [
        "12-29 16:00 12-29 17:00 + open 1",
        "12-29 17:00 01-02 09:00 - Saturday, Sunday 0",
        "01-02 09:00 01-02 10:00 + open 1",
    ]


def test_an_explanation_reads_like_a_story() -> None:
    assert told(OFFICE, "2025-11-20 16:50", "2025-11-24 09:30") == [
        "11-20 16:50 11-20 17:00 + open 0.166667",
        "11-20 17:00 11-21 09:00 - closed 0",
        "11-21 09:00 11-21 12:00 + open 3",
        "11-21 12:00 11-21 13:00 - lunch 0",
        "11-21 13:00 11-21 17:00 + open 4",
        "11-21 17:00 11-24 09:00 - Saturday, Sunday 0",
        "11-24 09:00 11-24 09:30 + open 0.5",
    ]
    assert told(OFFICE, "2025-11-21 12:15", "2025-11-21 12:45") == ["11-21 12:15 11-21 12:45 - lunch 0"]
    assert told(OFFICE, "2025-11-21 18:00", "2025-11-21 19:00") == ["11-21 18:00 11-21 19:00 - closed 0"]
    assert explain(OFFICE, at("2025-11-21 12:00"), at("2025-11-21 12:00")) == ()


def test_an_explanation_names_holidays_days_off_and_special_days() -> None:
    hours = Hours(
        "Europe/Berlin",
        (((480, 720), (960, 1140)),) * 5 + ((), ()),
        holidays=frozenset({date(2025, 12, 29)}),
        country="DE",
        special=((date(2025, 12, 24), ((540, 720),)), (date(2025, 12, 30), ())),
    )
    assert told(hours, "2025-12-23 11:00", "2025-12-31 09:00") == [
        "12-23 11:00 12-23 12:00 + open 1",
        "12-23 12:00 12-23 16:00 - between hours 0",
        "12-23 16:00 12-23 19:00 + open 3",
        "12-23 19:00 12-24 09:00 - closed 0",
        "12-24 09:00 12-24 12:00 + special hours 3",
        "12-24 12:00 12-31 08:00 - holiday: Christmas Day, holiday: Second Day of Christmas, Saturday, Sunday, day off 0",
        "12-31 08:00 12-31 09:00 + open 1",
    ]


def test_a_long_explanation_has_its_middle_in_one_line() -> None:
    rows = told(OFFICE, "2025-01-01 00:00", "2026-01-01 00:00", limit=5)
    assert rows == [
        "01-01 00:00 01-01 09:00 - closed 0",
        "01-01 09:00 01-01 12:00 + open 3",
        "01-01 12:00 12-31 13:00 + 1041 more stretches 1820",
        "12-31 13:00 12-31 17:00 + open 4",
        "12-31 17:00 01-01 00:00 - closed 0",
    ]
    assert len(explain(OFFICE, at("2025-01-01 00:00"), at("2026-01-01 00:00"))) == 40


def test_many_reasons_are_not_all_named() -> None:
    october = Hours("Asia/Tokyo", (LUNCH, (), (), (), (), (), ()), country="JP")
    assert told(october, "2025-10-13 18:00", "2025-10-20 09:00") == [
        "10-13 18:00 10-20 09:00 - holiday: Sports Day, Tuesday, Wednesday, Thursday, 3 more reasons 0"
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"zone": "Berlin"}, "no time zone 'Berlin'"),
        ({"zone": "../etc/passwd"}, "no time zone"),
        ({"zone": "Europe"}, "no time zone 'Europe'"),
        ({"zone": ""}, "no time zone ''"),
        ({"week": (LUNCH,) * 6}, "seven days, Monday first, not 6"),
        ({"week": (((720, 540),),) * 7}, "720-540"),
        ({"week": (((540, 720), (700, 800)),) * 7}, "700-800"),
        ({"week": (((540, 1441),),) * 7}, "540-1441"),
        ({"week": (((540, 540),),) * 7}, "540-540"),
        ({"special": ((date(2025, 1, 1), ((-5, 10),)),)}, "-5-10"),
        (
            {"special": ((date(2025, 1, 1), ()), (date(2025, 1, 1), LUNCH))},
            "2025-01-01 has special hours twice",
        ),
        ({"country": "Atlantis"}, "country 'Atlantis'"),
        ({"country": "XX"}, "country 'XX'"),
        ({"country": "DE", "subdivision": "ZZ"}, "'ZZ' in DE"),
        ({"subdivision": "BE"}, "'BE' needs its country"),
    ],
)
def test_wrong_hours_are_refused_by_name(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Hours(**{"zone": "UTC", "week": OFFICE.week, **wrong})  # type: ignore[arg-type]


def test_wrong_spans_and_moments_are_refused() -> None:
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="cannot add"):
            add(OFFICE, 0.0, seconds)
    for moment in (float("nan"), float("inf"), 1e12):
        with pytest.raises(ValueError, match="is no time between the years 1900 and 2500"):
            add(OFFICE, moment, 60)


def test_five_years_by_public_days_off() -> None:
    hours = Hours("America/New_York", OFFICE.week, country="US")
    assert shown(add(hours, at("2025-11-21 16:50"), 5 * 250 * 7 * H))[:4] == "2030"
