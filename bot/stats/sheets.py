"""Figures as a table for other programs: CSV with a line for the whole and one for each part. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from bot.commands.stats_services import Report
from bot.stats.figures import Figures

COUNTS = (
    "inbound",
    "outbound",
    "opened",
    "resolved",
    "reopened",
    "handled",
    "first_contact",
    "switch",
    "first_kept",
    "first_missed",
    "next_kept",
    "next_missed",
    "resolution_kept",
    "resolution_missed",
    "asked",
    "answered",
    "complaint",
)
TIMES = ("first_work", "first_wall", "next_work", "next_wall", "resolution_work", "resolution_wall")
MEANS = ("rating", "messages")
HARMFUL = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes what begins so for a formula."""


def sheet(report: Report) -> str:
    """The CSV. Times in whole seconds; an empty cell where there is nothing to say."""
    made = io.StringIO()
    writer = csv.writer(made)
    times = [f"{name}_seconds_{part}" for name in TIMES for part in ("median", "p90", "count")]
    writer.writerow(
        ["teams", "from", "to", "by", "value", *COUNTS, *times, *(f"{one}_mean" for one in MEANS)]
    )
    for by, value, figures in _parts(report):
        asked = report.asked
        head = ["+".join(asked.teams), asked.first.isoformat(), asked.last.isoformat(), by, safe(value)]
        writer.writerow([*head, *_numbers(figures)])
    return made.getvalue()


def _parts(report: Report) -> Iterator[tuple[str, str, Figures]]:
    yield "all", "", report.whole
    if report.previous is not None:
        yield "all", "previous", report.previous
    for group in report.groups:
        yield report.asked.by or "", group.label, group.figures


def _numbers(figures: Figures) -> Iterator[object]:
    for name in COUNTS:
        yield figures.count(name)
    for name in TIMES:
        speed = figures.speed(name)
        for value in (speed.median, speed.p90):
            yield round(value) if value is not None else ""
        yield speed.count
    for name in MEANS:
        mean = figures.mean(name)
        yield f"{mean:.2f}" if mean is not None else ""


def safe(words: str) -> str:
    """Words that no spreadsheet takes for a formula."""
    return f"'{words}" if words.startswith(HARMFUL) else words
