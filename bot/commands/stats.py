"""``stats``: how the team is doing, for leads: which days, told apart by what, beside those before."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.commands import ranges, stats_words
from bot.commands.registry import Action, Command
from bot.commands.services import Services
from bot.commands.stats_services import BY, Asked, GradedPart, Report
from bot.commands.types import Answer, Button, Call, Face, Later, Result, Role, Row
from bot.commands.words import zone_of
from bot.errors import UserError
from bot.messages import Span, SpanKind, TeamId, Text

SHAPES = ("chart", "table", "csv", "grades")
DEFAULT = "last week"
ROWS = 25
"""Rows of a table in Slack; a CSV file has all."""
_MAY_BE = {
    "channels": "channel",
    "inboxes": "inbox",
    "teams": "team",
    "agents": "agent",
    "tags": "tag",
    "hours": "hour",
}
USAGE = "last week by agent vs previous"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the words ask for. ``shape`` None: words, and a table where it is told apart."""

    range: str
    by: str | None
    previous: bool
    shape: str | None


def read(words: str) -> Wanted:
    """``last week by channel vs previous csv`` in any order. ``UserError`` for what cannot be understood."""
    rest = " ".join(words.casefold().split())
    previous = False
    for phrase in ("vs previous", "versus previous", "vs. previous", "compared"):
        if phrase in rest:
            previous, rest = True, rest.replace(phrase, " ")
    tokens = rest.split()
    shapes = [word for word in tokens if word in SHAPES]
    tokens = [word for word in tokens if word not in SHAPES]
    by = None
    if "by" in tokens:
        at = tokens.index("by")
        word = tokens[at + 1] if at + 1 < len(tokens) else ""
        by = _MAY_BE.get(word, word)
        if by not in BY:
            raise UserError(f"Figures can be told apart by {', '.join(BY)}.")
        tokens = tokens[:at] + tokens[at + 2 :]
    return Wanted(" ".join(tokens) or DEFAULT, by, previous, shapes[-1] if shapes else None)


async def stats(services: Services, call: Call) -> Result:
    """The figures."""
    wanted = read(call.args)
    teams = await _teams(services, call)
    zone = await services.stats.zone(teams[0])
    asked = _asked(wanted, teams, zone, time.time())
    if wanted.shape == "grades":
        return _graded(asked, await services.stats.grades(asked), call)
    report = await services.stats.report(asked)
    if wanted.shape in ("chart", "csv"):
        return _handed(services, call, report, wanted.shape)
    return _answer(report, wanted, call)


def _graded(asked: Asked, parts: tuple[GradedPart, ...], call: Call) -> Answer:
    """A table for all channels together, with how its score was reached; then one for each channel."""
    rows = []
    for part in parts:
        drawn = stats_words.grade_table(part)
        rows.append(Row(Text(drawn, (Span(0, len(drawn), SpanKind.PRE),))))
    whole = parts[0].score if parts else None
    said = f"score {whole:.0f} of 100" if whole is not None else "nothing to grade"
    head = f"{', '.join(asked.teams)} · {days(asked.first, asked.last)} · {said}"
    buttons = (Button("What the figures mean", "stats.meaning"),)
    return Answer(Text(head), tuple(rows), buttons, replace=call.face is Face.BUTTON)


def _handed(services: Services, call: Call, report: Report, shape: str) -> Later:
    """A picture or a file takes longer than Slack waits; it comes by direct message."""
    told = title(report) + (f" · by {report.asked.by}" if report.asked.by else "")

    async def work() -> Answer:
        await services.stats.hand(call.agent, report, shape, told)
        what = "The chart" if shape == "chart" else "The file"
        return Answer(Text(f"{what} is in our direct messages: {told}."))

    return Later(Answer(Text("One moment: it comes by direct message.")), work)


async def again(services: Services, call: Call) -> Result:
    """*Chart* and *CSV* below an answer: the same figures in another shape."""
    return await stats(services, call)


async def _teams(services: Services, call: Call) -> tuple[TeamId, ...]:
    """In a team's channel that team; elsewhere all whose lead they are."""
    may = await services.stats.may_see(call.agent)
    if call.team is not None:
        if call.team not in may:
            raise UserError("Only leads of this team see its figures.")
        return (call.team,)
    if not may:
        raise UserError("Only leads see figures.")
    return may


def _asked(wanted: Wanted, teams: tuple[TeamId, ...], zone: str, now: float) -> Asked:
    found = ranges.parse(wanted.range, now, zone)
    if found is None:
        raise UserError(f"“{wanted.range}” is no stretch of time. Try {ranges.HELP}.")
    where = zone_of(zone)
    today = datetime.fromtimestamp(now, where).date()
    last = today if found.until is None else _day_before(found.until, zone)
    last = min(last, today)
    if found.since is None:
        raise UserError("Say from when, e.g. 2026-10-01..2026-10-15.")
    first = datetime.fromtimestamp(found.since, where).date()
    if first > last:
        raise UserError("That is still to come.")
    if (last - first).days > 3 * 366:
        raise UserError("At most three years at once.")
    return Asked(teams, first, last, wanted.by, wanted.previous)


def _day_before(until: float, zone: str) -> date:
    """The last day before a moment: midnight belongs to the day before."""
    return datetime.fromtimestamp(until - 1, zone_of(zone)).date()


def title(report: Report) -> str:
    """``support · 10 Nov – 16 Nov 2026, beside 3 Nov – 9 Nov 2026``."""
    asked = report.asked
    shown = f"{', '.join(asked.teams)} · {days(asked.first, asked.last)}"
    if report.previous is None:
        return shown
    length = (asked.last - asked.first).days + 1
    before = days(asked.first - timedelta(days=length), asked.first - timedelta(days=1))
    return f"{shown}, beside {before}"


def days(first: date, last: date) -> str:
    """Days in words."""
    end = f"{last.day} {last:%b %Y}"
    if first == last:
        return end
    return (
        f"{first.day} {first:%b} – {end}" if first.year == last.year else f"{first.day} {first:%b %Y} – {end}"
    )


def _answer(report: Report, wanted: Wanted, call: Call) -> Answer:
    rows = [Row(Text(line)) for line in stats_words.lines(report)] if wanted.shape != "table" else []
    if report.asked.by is not None:
        drawn = (
            stats_words.table(report.asked.by, report.groups, ROWS) if report.groups else "nothing was said"
        )
        under = "medians; kept: promises of all kinds; *: made of few" if report.groups else ""
        rows.append(Row(Text(drawn, (Span(0, len(drawn), SpanKind.PRE),)), under))
        if report.over:
            over = stats_words.over_table(report.over, ROWS)
            rows.append(
                Row(
                    Text(over, (Span(0, len(over), SpanKind.PRE),)),
                    "replies, by who wrote them and by which channel",
                )
            )
    words = _words(report, wanted)
    buttons = (
        Button("Chart", "stats.again", f"{words} chart"),
        Button("CSV", "stats.again", f"{words} csv"),
        Button("What the figures mean", "stats.meaning"),
    )
    return Answer(Text(title(report)), tuple(rows), buttons, replace=call.face is Face.BUTTON)


def _words(report: Report, wanted: Wanted) -> str:
    """The same question with fixed days, so that a button means tomorrow what it means today."""
    words = f"{report.asked.first}..{report.asked.last}"
    return words + (f" by {wanted.by}" if wanted.by else "") + (" vs previous" if wanted.previous else "")


async def meaning(services: Services, call: Call) -> Result:
    """The definitions, one click away."""
    rows = tuple(
        Row(Text(name, (Span(0, len(name), SpanKind.BOLD),)), words)
        for name, words in stats_words.DEFINITIONS
    )
    return Answer(Text("What the figures mean"), rows)


COMMANDS = (
    Command(
        "stats",
        "how the team is doing",
        stats,
        usage=USAGE,
        in_thread=USAGE,
        role=Role.LEAD,
        examples=("/stats last week", "/stats 30d by agent vs previous", "!stats today"),
    ),
)
ACTIONS = (
    Action("stats.meaning", meaning, role=Role.LEAD),
    Action("stats.again", again, role=Role.LEAD),
)
