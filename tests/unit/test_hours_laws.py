"""Business time by its laws, and against an implementation that looks at the wall clock every minute."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.calendar.wallclock import pieces, wall
from bot.hours import Hours, add, between, explain, is_open, next_close, next_open
from tests.unit import slow_hours

DAY = 86_400
ZONES = (
    *("Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca"),
    *("Asia/Kolkata", "Pacific/Apia", "Asia/Kathmandu", "Africa/Cairo", "America/St_Johns", "UTC"),
)
FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (1980, 2037))


@st.composite
def intervals(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    edges = st.one_of(st.integers(0, 1440), st.sampled_from([0, 60, 90, 120, 150, 180, 540, 720, 1020, 1440]))
    chosen = sorted(draw(st.sets(edges, max_size=6)))
    return tuple(zip(chosen[::2], chosen[1::2], strict=False))


@st.composite
def moments(draw: st.DrawFn, zone: str) -> int:
    """A moment, more often than not near a change of the zone's offset."""
    start = draw(st.integers(int(FIRST), int(LAST)))
    if draw(st.booleans()):
        return start
    changes = [int(begins) for begins, _, _ in pieces(zone, start, start + 366 * DAY)]
    if zone == "Pacific/Apia":
        changes = [int(datetime(2011, 12, 30, 10, tzinfo=UTC).timestamp())]
    return draw(st.sampled_from(changes)) + draw(st.integers(-DAY, DAY))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Hours, int]:
    """Hours, and a moment with days off and special days close to it."""
    zone = draw(st.sampled_from(ZONES))
    start = draw(moments(zone))
    today = wall(zone, start).date()
    near = st.integers(-1, 8).map(lambda days: today + timedelta(days=days))
    country = draw(st.sampled_from([None, None, "DE", "US", "BR"]))
    hours = Hours(
        zone,
        tuple(draw(st.lists(intervals(), min_size=7, max_size=7))),
        holidays=frozenset(draw(st.sets(near, max_size=3))),
        country=country,
        subdivision="BE" if country == "DE" else None,
        special=tuple(draw(st.dictionaries(near, intervals(), max_size=2)).items()),
    )
    return hours, start


def fitting(hours: Hours, seconds: float) -> float:
    """A span that comes within some 20 years: hours of a minute a week are drawn too."""
    return min(seconds, 20 * 50 * 60 * sum(end - start for day in hours.week for start, end in day))


SPANS = st.one_of(st.integers(0, 4 * DAY), st.integers(0, 240).map(lambda minutes: minutes * 60))


@given(cases(), SPANS)
def test_it_agrees_with_looking_every_minute(case: tuple[Hours, int], span: int) -> None:
    hours, start = case
    assert between(hours, start, start + span) == slow_hours.between(hours, start, start + span)
    assert is_open(hours, start) is slow_hours.is_open(hours, start)


@given(cases(), SPANS)
def test_adding_agrees_with_looking_every_minute(case: tuple[Hours, int], seconds: int) -> None:
    hours, start = case
    end = start + 4 * DAY
    seconds = int(fitting(hours, seconds))
    slow = slow_hours.add(hours, start, seconds, end)
    if not any(hours.week):
        with pytest.raises(ValueError, match="empty"):
            add(hours, start, seconds)
    elif slow is not None:
        assert add(hours, start, seconds) == slow
    else:
        assert add(hours, start, seconds) >= end


@given(cases())
def test_openings_and_closings_agree_with_looking_every_minute(case: tuple[Hours, int]) -> None:
    hours, start = case
    end = start + 4 * DAY
    slow = slow_hours.next_change(hours, start, end, to_open=True)
    fast = next_open(hours, start)
    assert fast == slow if slow is not None else fast is None or fast >= end
    if slow is None:
        return
    closes = slow_hours.next_change(hours, slow, end, to_open=False)
    found = next_close(hours, start)
    assert found == closes if closes is not None else found is None or found >= end


@given(cases(), st.integers(0, 3 * 365 * DAY))
def test_what_was_added_has_passed_and_not_a_moment_earlier(case: tuple[Hours, int], seconds: int) -> None:
    hours, start = case
    if not any(hours.week):
        return
    seconds = int(fitting(hours, seconds))
    due = add(hours, start, seconds)
    assert between(hours, start, due) == seconds
    assert is_open(hours, due) or is_open(hours, due - 1)
    if seconds:
        assert between(hours, start, due - 1) == seconds - 1


@given(cases(), st.floats(0, 1e7), st.floats(0, 1))
def test_parts_of_seconds_are_kept(case: tuple[Hours, int], seconds: float, part: float) -> None:
    hours, start = case
    if not any(hours.week):
        return
    seconds = fitting(hours, seconds)
    due = add(hours, start + part, seconds)
    assert between(hours, start + part, due) == pytest.approx(seconds, abs=5e-6)


@given(cases(), st.lists(st.integers(0, 2 * 365 * DAY), min_size=3, max_size=3).map(sorted))
def test_time_adds_up_and_never_goes_back(case: tuple[Hours, int], spans: list[int]) -> None:
    hours, start = case
    a, b, c = (start + span for span in spans)
    assert between(hours, a, b) + between(hours, b, c) == between(hours, a, c)
    assert 0 <= between(hours, a, b) <= b - a
    assert between(hours, b, a) == 0
    if any(hours.week):
        assert add(hours, a, 3600) <= add(hours, b, 3600)
        assert add(hours, a, 3600) <= add(hours, a, 3601)
        assert add(hours, add(hours, a, 600), 1200) == add(hours, a, 1800)


@given(cases(), st.integers(1, 400 * DAY))
@settings(max_examples=40)
def test_an_explanation_has_no_holes_and_the_same_sum(case: tuple[Hours, int], span: int) -> None:
    hours, start = case
    rows = explain(hours, start, start + span)
    assert len(rows) <= 40
    assert rows[0].start == start
    assert rows[-1].end == start + span
    assert all(one.end == other.start for one, other in itertools.pairwise(rows))
    assert all(row.start < row.end and row.why for row in rows)
    assert sum(row.seconds for row in rows) == between(hours, start, start + span)
    for row in rows:
        if "more stretches" not in row.why:
            assert row.seconds == between(hours, row.start, row.end) == (row.end - row.start) * row.counted


def test_years_agree_with_every_day_of_them() -> None:
    """Week arithmetic against days one by one, over 12 years with daylight saving and holidays."""
    hours = Hours(
        "America/New_York",
        (((540, 720), (780, 1020)),) * 5 + (((600, 840),), ()),
        holidays=frozenset({date(2024, 8, 5), date(2029, 8, 6)}),
        country="US",
        special=((date(2027, 12, 24), ((540, 660),)),),
    )
    start = datetime(2020, 1, 1, 5, tzinfo=UTC).timestamp()
    moments = [start + day * DAY for day in range(12 * 365)]
    days = [between(hours, one, other) for one, other in itertools.pairwise(moments)]
    for count in (2, 7, 400, 1827, len(days)):
        total = sum(days[:count])
        assert between(hours, start, moments[count]) == total
        due = add(hours, start, total)
        assert due <= moments[count]
        assert between(hours, due, moments[count]) == 0
