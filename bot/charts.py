"""Figures as pictures: PNG, legible at the size at which Slack shows them, and for people who see colours differently.

Pure but for the time it takes (a few hundred milliseconds): callers draw in a thread. Without ``pyplot``: nothing is shared.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bot.commands.stats_services import Group, Report
from bot.stats.figures import Figures

BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#E69F00", "#009E73", "#9AA0A6", "#1D1C1D"
"""Okabe and Ito's colours: told apart with every kind of colour vision."""
SIZE, DPI = (9.0, 5.2), 130
MOST_BARS = 15
MOST_DAYS = 45
"""More days than this are shown as weeks."""
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


def draw(report: Report, title: str) -> bytes:
    """The figures as a picture. What is shown follows what they were told apart by."""
    figure = Figure(figsize=SIZE, dpi=DPI, facecolor="white", layout="constrained")
    figure.suptitle(title, fontsize=14, color=INK, x=0.01, ha="left", fontweight="bold")
    if report.asked.by is None:
        _over_days(figure, report)
    elif report.asked.by == "hour":
        _hours(figure, report.groups)
    else:
        _parts(figure, report.groups[:MOST_BARS], len(report.groups), with_in=report.asked.by != "agent")
    made = io.BytesIO()
    FigureCanvasAgg(figure)  # it draws without a screen, and shares nothing with other threads
    figure.savefig(made, format="png")
    return made.getvalue()


def _axes(figure: Figure, at: Any, title: str) -> Any:
    axes = figure.add_subplot(at)
    axes.set_title(title, fontsize=12, color=INK, loc="left")
    axes.tick_params(labelsize=11, colors=INK, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    return axes


def _over_days(figure: Figure, report: Report) -> None:
    """Opened beside resolved, by day or week; promises kept below."""
    grid = figure.add_gridspec(2, 1, height_ratios=(3, 1.1))
    labels, opened, resolved = _buckets(report)
    axes = _axes(figure, grid[0], "Cases a day" if len(report.days) <= MOST_DAYS else "Cases a week")
    places = range(len(labels))
    axes.bar([one - 0.2 for one in places], opened, 0.4, color=ORANGE, label="opened")
    axes.bar(
        [one + 0.2 for one in places],
        resolved,
        0.4,
        color=BLUE,
        label="resolved",
        hatch="//",
        edgecolor="white",
    )
    every = max(1, len(labels) // 10)
    axes.set_xticks(list(places)[::every], labels[::every])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.grid(axis="y", color=GREY, alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(fontsize=11, frameon=False, ncols=2, loc="upper right", bbox_to_anchor=(1.0, 1.16))
    _promises(figure, grid[1], report.whole, report.previous)


def _buckets(report: Report) -> tuple[list[str], list[int], list[int]]:
    """Days, or weeks where there are many."""
    if len(report.days) <= MOST_DAYS:
        labels = [f"{day.day} {day:%b}" for day, _ in report.days]
        return (
            labels,
            [one["opened"] for _, one in report.days],
            [one["resolved"] for _, one in report.days],
        )
    weeks: dict[date, list[int]] = {}
    for day, one in report.days:
        week = weeks.setdefault(day - timedelta(days=day.weekday()), [0, 0])
        week[0] += one["opened"]
        week[1] += one["resolved"]
    labels = [f"{monday.day} {monday:%b}" for monday in weeks]
    return labels, [week[0] for week in weeks.values()], [week[1] for week in weeks.values()]


def _promises(figure: Figure, at: Any, now: Figures, before: Figures | None) -> None:
    axes = _axes(figure, at, "Promises kept")
    names = ("resolution", "next", "first")
    for place, name in enumerate(names):
        share = now.kept(name)
        axes.barh(place, 100, color=GREY, alpha=0.2, height=0.6)
        if share.value is None:
            axes.text(1, place, "none", va="center", fontsize=11, color=INK)
            continue
        axes.barh(place, share.value * 100, color=GREEN, height=0.6)
        words = f"{share.value * 100:.0f} %  ({share.part} of {share.whole})"
        axes.text(101, place, words, va="center", fontsize=11, color=INK)
        old = before.kept(name).value if before is not None else None
        if old is not None:
            axes.plot([old * 100, old * 100], [place - 0.36, place + 0.36], color=INK, linewidth=2)
    axes.set_yticks(
        range(len(names)), [f"{name} response" if name != "resolution" else name for name in names]
    )
    axes.set_xlim(0, 124)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    if before is not None:
        axes.text(124, -0.75, "│ before", ha="right", fontsize=10, color=INK)


def _parts(figure: Figure, groups: Sequence[Group], whole: int, *, with_in: bool) -> None:
    """How much each part had, and how fast the first answer was. What customers say is no agent's: ``with_in``."""
    grid = figure.add_gridspec(1, 2, width_ratios=(1.25, 1))
    more = f" (the {len(groups)} busiest of {whole})" if whole > len(groups) else ""
    left = _axes(figure, grid[0], f"{'Messages' if with_in else 'Replies'}{more}")
    shown = list(reversed(groups))
    places = range(len(shown))
    received = [one.figures.count("inbound") for one in shown]
    sent = [one.figures.count("outbound") for one in shown]
    if with_in:
        left.barh([one + 0.2 for one in places], received, 0.4, color=ORANGE, label="in")
        left.barh(
            [one - 0.2 for one in places], sent, 0.4, color=BLUE, label="out", hatch="//", edgecolor="white"
        )
    else:
        left.barh(list(places), sent, 0.6, color=BLUE)
    left.set_ylim(-0.7, len(shown) - 0.3)
    left.set_yticks(list(places), [_short(one.label) for one in shown])
    left.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    if shown and with_in:
        left.legend(fontsize=11, frameon=False, loc="lower right")
    right = _axes(figure, grid[1], "First response, median")
    medians = [_median(one.figures) for one in shown]
    right.barh(list(places), [one or 0.0 for one in medians], 0.6, color=GREEN)
    top = max((one for one in medians if one), default=1.0)
    for place, median in zip(places, medians, strict=True):
        words = span(median) if median is not None else "–"
        right.text((median or 0.0) + top * 0.03, place, words, va="center", fontsize=11, color=INK)
    right.set_yticks([])
    right.set_xlim(0, top * 1.35)
    right.set_ylim(-0.7, len(shown) - 0.3)
    right.set_xticks([])


def _hours(figure: Figure, groups: Sequence[Group]) -> None:
    """When customers write, over the day."""
    axes = _axes(figure, figure.add_gridspec(1, 1)[0], "Customers' messages by hour of the day")
    found = {one.value: one.figures.count("inbound") for one in groups}
    hours = [f"{hour:02d}" for hour in range(24)]
    axes.bar(range(24), [found.get(hour, 0) for hour in hours], color=BLUE, width=0.8)
    axes.set_xticks(range(0, 24, 3), [f"{hour}:00" for hour in hours[::3]])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.grid(axis="y", color=GREY, alpha=0.3)
    axes.set_axisbelow(True)


def _median(figures: Figures) -> float | None:
    speed = figures.speed("first_work")
    return speed.median if speed.count else figures.speed("first_wall").median


def span(seconds: float) -> str:
    """A time in one unit, for an axis."""
    if seconds < 1.5 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 1.5 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.1f} h".replace(".0 ", " ")
    return f"{seconds / _DAY:.1f} days".replace(".0 ", " ")


def _short(words: str) -> str:
    return words if len(words) <= 18 else words[:17] + "…"
