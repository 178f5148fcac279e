"""/stats: how it is asked for, and how it reads."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from typing_extensions import override

from bot import charts
from bot.commands import stats, stats_words
from bot.commands.stats_services import Asked, GradedPart, Group, OpenNow, Report, StatsServices
from bot.commands.types import Agent, Answer, Face, Later, Role
from bot.errors import UserError
from bot.messages import TeamId
from bot.stats.cells import Cell, step_of
from bot.stats.figures import Figures, quantile
from bot.stats.grades import MEASURES, USUAL, Grade, Targets, grades, score
from bot.stats.sheets import sheet
from tests.commands.callers import run, said
from tests.commands.fake_services import LEAD, FakeServices

SUPPORT = TeamId("support")
NOW = OpenNow(23, 9, 2, 4, 1, 5 * 3600.0, 3 * 86_400.0 + 7200)


def times(*seconds: float) -> Cell:
    cell = Cell()
    for one in seconds:
        cell.add(Cell(1, one, {step_of(one): 1}))
    return cell


def figures(scale: int = 1) -> Figures:
    return Figures(
        {
            "first_work": times(*[600.0] * 8 * scale, 3600.0, 3600.0),
            "first_wall": times(*[700.0] * 8 * scale, 90_000.0, 90_000.0),
            "first_kept": Cell(9),
            "first_missed": Cell(1),
            "opened": Cell(10 * scale),
            "resolved": Cell(8),
            "reopened": Cell(2),
            "messages": Cell(8, 32.0),
            "first_contact": Cell(3),
            "inbound": Cell(20),
            "outbound": Cell(18),
            "handled": Cell(12),
            "switch": Cell(1),
            "asked": Cell(10),
            "answered": Cell(4),
            "rating": Cell(4, 17.0),
            "complaint": Cell(1),
        }
    )


@dataclass
class FakeStats(StatsServices):
    asked: list[Asked] = field(default_factory=list)
    handed: list[tuple[str, str]] = field(default_factory=list)

    @override
    async def grades(self, asked: Asked) -> tuple[GradedPart, ...]:
        self.asked.append(asked)
        graded = grades(figures(), USUAL)
        return (GradedPart("all", graded, score(graded)),)

    @override
    async def hand(self, agent: Agent, shown: Report, shape: str, title: str) -> None:
        self.handed.append((shape, title))

    @override
    async def may_see(self, agent: Agent) -> tuple[TeamId, ...]:
        return (SUPPORT,) if agent.role is Role.LEAD else ()

    @override
    async def zone(self, team: TeamId) -> str:
        return "Europe/Berlin"

    @override
    async def report(self, asked: Asked) -> Report:
        self.asked.append(asked)
        groups = (Group("UKIM", "Kim", figures()), Group("UAMIR", "Amir", Figures())) if asked.by else ()
        before = figures(2) if asked.previous else None
        over = (("Kim", "email", 12), ("Kim", "site", 3), ("Amir", "email", 1)) if asked.by == "agent" else ()
        return Report(asked, "Europe/Berlin", figures(), before, groups, (), NOW, over)


@pytest.fixture
def asked(services: FakeServices) -> FakeStats:
    services.stats = FakeStats()
    return services.stats


def lines(answer: object) -> list[str]:
    assert isinstance(answer, Answer) and not answer.error, answer
    return [row.text.plain for row in answer.rows]


async def test_last_week_in_words(services: FakeServices, asked: FakeStats) -> None:
    answer = await run(services, "stats", "", agent=LEAD)
    (given,) = asked.asked
    assert given.first.weekday() == 0 and given.last == given.first + timedelta(days=6)
    assert lines(answer) == [
        "First response: median 10 min, 9 of 10 within 59 min (by the clock 12 min and 1 day 1 h) · 10",
        "Next response: –",
        "Time to resolve: –",
        "Promises kept: first 90 % (9 of 10) · next – · resolution –",
        "Cases: opened 10 · resolved 8, share solved 67 % (8 of 12) · reopened 2 · solved at first contact 38 % (3 of 8)",
        "Work: handled 12 · messages in 20, out 18 · messages a case 4.0 · channel switches 1",
        "Customers say: 4.2 of 5 ⚠ few · answered 40 % (4 of 10) · complaints 1",
        "Open now: 23 (9 wait for us, 2 late, 4 nobody has, 1 snoozed) · median age 5 h, oldest 3 days 2 h",
    ]


async def test_beside_the_days_before_and_told_apart(services: FakeServices, asked: FakeStats) -> None:
    answer = await run(services, "stats", "vs previous 2026-10-01..2026-10-15 by agents", agent=LEAD)
    assert asked.asked[0] == Asked((SUPPORT,), date(2026, 10, 1), date(2026, 10, 15), "agent", True)
    assert isinstance(answer, Answer)
    assert answer.text.plain == "support · 1 Oct – 15 Oct 2026, beside 16 Sep – 30 Sep 2026"
    shown = lines(answer)
    assert "opened 10 (was 20)" in shown[4] and "resolved 8 (as before)" in shown[4]
    assert shown[-1].splitlines() == ["agent  email  site", "Kim       12     3", "Amir       1     0"]
    table = shown[-2].splitlines()
    assert table[0].split() == ["agent", *[title for title, _ in stats_words.COLUMNS if title != "in"]]
    assert table[1].startswith("Kim") and table[2].startswith("Amir")
    assert len({len(row) for row in table}) == 1 or table[0].rstrip().endswith("compl.")


async def test_only_leads(services: FakeServices, asked: FakeStats) -> None:
    assert "Only a lead can do that" in await said(services, "stats", "")
    admin = Agent(LEAD.id, "Ann", Role.ADMIN)
    assert await said(services, "stats", "", agent=admin) == "Only leads of this team see its figures."
    assert asked.asked == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("by shoe", "Figures can be told apart by channel"),
        ("next century", "is no stretch of time"),
        ("by", "Figures can be told apart"),
        ("2099-01-01..2099-02-01", "still to come"),
        ("2001-01-01..2026-01-01", "At most three years"),
    ],
)
async def test_what_cannot_be_understood_says_what_can(
    services: FakeServices, asked: FakeStats, words: str, sentence: str
) -> None:
    assert sentence in await said(services, "stats", words, agent=LEAD)


async def test_every_figure_is_explained(services: FakeServices) -> None:
    answer = await run(services, "stats.meaning", "", Face.BUTTON, agent=LEAD)
    assert isinstance(answer, Answer) and len(answer.rows) == len(stats_words.DEFINITIONS)
    told = " ".join(name for name, _ in stats_words.DEFINITIONS).casefold()
    for line in (
        "first response",
        "next response",
        "time to resolve",
        "promises kept",
        "rating",
        "open now",
        "handled",
    ):
        assert line in told


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", stats.Wanted("last week", None, False, None)),
        ("30d csv", stats.Wanted("30d", None, False, "csv")),
        ("chart by HOURS today vs previous", stats.Wanted("today", "hour", True, "chart")),
    ],
)
def test_words_in_any_order(words: str, wanted: stats.Wanted) -> None:
    assert stats.read(words) == wanted
    with pytest.raises(UserError):
        stats.read("by nothing")


def test_medians_are_right_to_two_percent() -> None:
    cell = times(*[float(10 * number) for number in range(1, 101)])
    for share, right in ((0.5, 500.0), (0.9, 900.0), (1.0, 1000.0), (0.01, 10.0)):
        found = quantile(cell, share)
        assert found is not None and abs(found - right) / right < 0.021
    assert quantile(Cell(), 0.5) is None and quantile(times(0.2), 0.5) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (90_000, "1 day 1 h"),
        (172_800, "2 days"),
    ],
)
def test_times_in_words(seconds: float | None, words: str) -> None:
    assert stats_words.span(seconds) == words


async def test_a_picture_and_a_file_come_by_direct_message(services: FakeServices, asked: FakeStats) -> None:
    answer = await run(services, "stats", "last week by agent", agent=LEAD)
    assert isinstance(answer, Answer)
    chart, table = answer.buttons[0], answer.buttons[1]
    assert (chart.label, table.label) == ("Chart", "CSV")
    for button, shape in ((chart, "chart"), (table, "csv")):
        later = await run(services, button.action, button.value, Face.BUTTON, agent=LEAD)
        assert isinstance(later, Later)
        done = await later.work()
        assert "direct messages" in done.text.plain
        assert asked.handed[-1][0] == shape and asked.asked[-1] == asked.asked[0]


def test_the_file_has_a_line_for_each_part_and_no_formula() -> None:
    groups = (Group("UKIM", "=HYPERLINK(evil)", figures()),)
    report = Report(
        Asked((SUPPORT,), date(2026, 10, 1), date(2026, 10, 2), "agent"),
        "UTC",
        figures(),
        None,
        groups,
        (),
        NOW,
    )
    rows = list(csv.DictReader(io.StringIO(sheet(report))))
    assert [(row["by"], row["value"]) for row in rows] == [("all", ""), ("agent", "'=HYPERLINK(evil)")]
    assert (rows[0]["opened"], rows[0]["first_work_seconds_count"], rows[0]["rating_mean"]) == (
        "10",
        "10",
        "4.25",
    )
    assert rows[0]["next_work_seconds_median"] == ""


@pytest.mark.parametrize("by", [None, "agent", "channel", "hour"])
@pytest.mark.parametrize("many", [0, 1, 40])
def test_every_chart_can_be_drawn(by: str | None, many: int) -> None:
    first = date(2026, 1, 1)
    shown = tuple(
        (first + timedelta(days=n), {"opened": n, "resolved": 1, "handled": 0}) for n in range(many * 3)
    )
    groups = tuple(Group(f"{n:02d}", f"part {n} " * 5, figures()) for n in range(many))
    asked = Asked((SUPPORT,), first, first + timedelta(days=max(many * 3 - 1, 0)), by, True)
    picture = charts.draw(Report(asked, "UTC", figures(), figures(2), groups, shown, NOW), "a title")
    assert picture.startswith(b"\x89PNG") and len(picture) < 400_000
    width, height = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (1170, 676)


async def test_grades_show_how_the_score_was_reached(services: FakeServices, asked: FakeStats) -> None:
    answer = await run(services, "stats", "grades last week", agent=LEAD)
    assert isinstance(answer, Answer) and answer.text.plain.endswith("score 58 of 100")
    assert answer.rows[0].text.plain.splitlines() == [
        "all channels             is    target  grade            points",
        "First responses in time  90 %  ≥ 90 %  meeting          85 × 1",
        "Next responses in time   –     ≥ 90 %  –                –",
        "Resolutions in time      –     ≥ 85 %  –                –",
        "Solved at first contact  38 %  ≥ 50 %  missing by more  30 × 1",
        "Reopened                 25 %  ≤ 10 %  missing by more  30 × 1",
        "Rating                   4.2*  ≥ 4.2   meeting          85 × 1",
        "score 58 of 100",
    ]


@pytest.mark.parametrize(
    ("name", "cells", "target", "grade"),
    [
        ("first_kept", {"first_kept": Cell(95), "first_missed": Cell(5)}, 0.9, Grade.EXCEEDING),
        ("first_kept", {"first_kept": Cell(90), "first_missed": Cell(10)}, 0.9, Grade.MEETING),
        ("first_kept", {"first_kept": Cell(81), "first_missed": Cell(19)}, 0.9, Grade.NEAR),
        ("first_kept", {"first_kept": Cell(80), "first_missed": Cell(20)}, 0.9, Grade.MISSING),
        ("first_response", {"first_work": times(300.0)}, 1200.0, Grade.EXCEEDING),
        ("first_response", {"first_wall": times(1100.0)}, 1200.0, Grade.MEETING),
        ("first_response", {"first_work": times(1290.0)}, 1200.0, Grade.NEAR),
        ("first_response", {"first_work": times(1400.0)}, 1200.0, Grade.MISSING),
        ("rating", {"rating": Cell(10, 47.0)}, 4.2, Grade.EXCEEDING),
        ("rating", {"rating": Cell(10, 38.0)}, 4.2, Grade.NEAR),
        ("reopened", {"resolved": Cell(100), "reopened": Cell(5)}, 0.1, Grade.EXCEEDING),
        ("reopened", {"resolved": Cell(100), "reopened": Cell(11)}, 0.1, Grade.NEAR),
    ],
)
def test_grades_by_hand(name: str, cells: dict[str, Cell], target: float, grade: Grade) -> None:
    (graded,) = grades(Figures(cells), Targets({name: target}))
    assert graded.grade is grade
    assert {measure.name for measure in MEASURES} >= {name}


def test_a_score_counts_by_weight_and_only_what_there_is() -> None:
    cells = {"first_kept": Cell(90), "first_missed": Cell(10), "rating": Cell(10, 50.0)}
    targets = Targets({"first_kept": 0.9, "rating": 4.0, "next_kept": 0.9}, {"rating": 3.0})
    assert score(grades(Figures(cells), targets)) == (85 * 1 + 100 * 3) / 4
    assert score(grades(Figures(), targets)) is None
