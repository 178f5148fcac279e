"""Figures in words: what each means, how it is written, and the table of parts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.commands.stats_services import GradedPart, Group, OpenNow, Report
from bot.stats.figures import FEW, Figures, Share, Speed

DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        "First response",
        "From the customer's first message of a case to the first reply by a person that the channel accepted. Automatic "
        "answers and notes do not count. In business hours of the promise; by the clock beside it. Cases for which no first "
        "response was promised are left out, and those that nobody has answered yet.",
    ),
    (
        "Next response",
        "The same for later messages: from the oldest one that nobody had answered to the reply. Time in which the case "
        "waited for the customer does not count.",
    ),
    (
        "Time to resolve",
        "From the opening of a case to its resolution; a case that is opened again counts once more from there. In business "
        "hours without the time in which it waited for the customer; by the clock beside it.",
    ),
    ("Median, 9 of 10", "Half were faster; nine of ten were faster. Right to 2 %."),
    (
        "Promises kept",
        "Of those that came to an end in these days, or were missed in them. Late is late, even if answered afterwards.",
    ),
    (
        "Opened, reopened",
        "Cases begun by a customer or an agent; cases opened again after they were resolved.",
    ),
    (
        "Resolved, share solved",
        "Cases resolved in these days; their share of those opened and reopened in these days.",
    ),
    (
        "Solved at first contact",
        "Resolved for the first time with exactly one reply, and never opened again.",
    ),
    ("Handled", "Cases in which an agent replied, counted once a day and agent."),
    ("Channel switches", "A customer wrote by another channel than the last time in the same case."),
    ("Messages a case", "What customers and agents said until a case was resolved for the first time."),
    ("Rating", "The mean of what customers said, of five; and how many of those who were asked answered."),
    ("Complaints", "Cases tagged “complaint”, and ratings of 1 or 2, with the agent who had the case."),
    (
        "Open now",
        "Cases that are not resolved at this moment. Blocked and quarantined customers are left out.",
    ),
    (
        "Grades",
        "Meeting: the target of app.yaml is reached. Exceeding: half of the way from there to the best that is possible, "
        "or half of the time. Within 10 %: missed by no more than that. They make 100, 85, 60 or 30 points; the score is "
        "their mean by weight.",
    ),
    (
        "Left out of everything",
        "Automatic messages, quarantined and blocked customers. Days are those of the team's time zone. A merged customer's "
        "second open case counts as one with the first. Erased customers stay counted, without their words.",
    ),
)
"""What each figure means: name and definition."""


def span(seconds: float | None) -> str:
    """A time in one or two units: ``40 s``, ``12 min``, ``3 h 20 min``, ``2 days 4 h``; ``–`` for none."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(round(seconds / 3600), 24)
    shown = f"{days} day" if days == 1 else f"{days} days"
    return f"{shown} {rest} h" if rest else shown


def share(one: Share) -> str:
    """``92 % (77 of 84)``; ``–`` where there is nothing."""
    return f"{one.value * 100:.0f} % ({one.part} of {one.whole})" if one.value is not None else "–"


def few(count: int) -> str:
    """A mark behind a figure that few made."""
    return " ⚠ few" if 0 < count < FEW else ""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure and the same one before. ``better`` is "up" or "down", or empty where neither is."""

    now: float | None
    before: float | None
    better: str = ""

    def words(self, write: Callable[[float], str]) -> str:
        """`` (was 4 h)``; nothing where there is nothing to compare with."""
        if self.before is None or self.now is None or (not self.now and not self.before):
            return ""
        if abs(self.now - self.before) < 1e-9:
            return " (as before)"
        sign = ""
        if self.better:
            improved = (self.now > self.before) == (self.better == "up")
            sign = "▲ " if improved else "▼ "
        return f" ({sign}was {write(self.before)})"


def speed_line(name: str, kind: str, now: Figures, before: Figures | None) -> str:
    """A line about how fast something was."""
    work, wall = now.speed(f"{kind}_work"), now.speed(f"{kind}_wall")
    if not wall.count:
        return f"{name}: –"
    shown = work if work.count else wall
    old = (
        before.speed(f"{kind}_work" if work.count else f"{kind}_wall").median if before is not None else None
    )
    line = f"{name}: median {span(shown.median)}, 9 of 10 within {span(shown.p90)}"
    if work.count:
        line += f" (by the clock {span(wall.median)} and {span(wall.p90)})"
    line += f" · {shown.count}"
    return line + Change(shown.median, old, "down").words(span) + few(shown.count)


def lines(report: Report) -> list[str]:
    """The figures of the whole, a line each."""
    now, before = report.whole, report.previous
    told = [
        speed_line("First response", "first", now, before),
        speed_line("Next response", "next", now, before),
        speed_line("Time to resolve", "resolution", now, before),
        _promises(now, before),
        _cases(now, before),
        _work(now, before),
    ]
    if now.count("asked") or now.count("complaint"):
        told.append(_opinions(now, before))
    return [*told, open_line(report.now)]


def _promises(now: Figures, before: Figures | None) -> str:
    parts = []
    for name, kind in (("first", "first"), ("next", "next"), ("resolution", "resolution")):
        kept = now.kept(kind)
        old = before.kept(kind).value if before is not None else None
        change = Change(kept.value, old, "up").words(lambda value: f"{value * 100:.0f} %")
        parts.append(f"{name} {share(kept)}{change}{few(kept.whole)}")
    return f"Promises kept: {' · '.join(parts)}"


def _counted(now: Figures, before: Figures | None, metric: str, better: str = "") -> str:
    count = now.count(metric)
    old = before.count(metric) if before is not None else None
    return f"{count}{Change(count, old, better).words(lambda value: f'{value:.0f}')}"


def _cases(now: Figures, before: Figures | None) -> str:
    return (
        f"Cases: opened {_counted(now, before, 'opened')} · resolved {_counted(now, before, 'resolved', 'up')}"
        f", share solved {share(now.solved)} · reopened {_counted(now, before, 'reopened', 'down')}"
        f" · solved at first contact {share(now.first_contact)}"
    )


def _work(now: Figures, before: Figures | None) -> str:
    mean = now.mean("messages")
    each = f"{mean:.1f}" if mean is not None else "–"
    return (
        f"Work: handled {_counted(now, before, 'handled')} · messages in {_counted(now, before, 'inbound')}"
        f", out {_counted(now, before, 'outbound')} · messages a case {each} · "
        f"channel switches {_counted(now, before, 'switch')}"
    )


def _opinions(now: Figures, before: Figures | None) -> str:
    rating = now.mean("rating")
    old = before.mean("rating") if before is not None else None
    shown = f"{rating:.1f} of 5" if rating is not None else "–"
    change = Change(rating, old, "up").words(lambda value: f"{value:.1f}")
    return (
        f"Customers say: {shown}{change}{few(now.count('rating'))} · answered {share(now.responded)} · "
        f"complaints {_counted(now, before, 'complaint', 'down')}"
    )


def open_line(now: OpenNow) -> str:
    """What is open just now."""
    if not now.open:
        return "Open now: nothing."
    parts = [f"{now.waiting} wait for us"]
    if now.late:
        parts.append(f"{now.late} late")
    if now.unassigned:
        parts.append(f"{now.unassigned} nobody has")
    if now.snoozed:
        parts.append(f"{now.snoozed} snoozed")
    return f"Open now: {now.open} ({', '.join(parts)}) · median age {span(now.median_age)}, oldest {span(now.oldest_age)}"


def _short(one: Figures, kind: str) -> str:
    found: Speed = one.speed(f"{kind}_work")
    found = found if found.count else one.speed(f"{kind}_wall")
    return span(found.median) + ("*" if 0 < found.count < FEW else "")


def _kept(one: Figures) -> str:
    whole = Share(
        sum(one.kept(kind).part for kind in ("first", "next", "resolution")),
        sum(one.kept(kind).whole for kind in ("first", "next", "resolution")),
    )
    return f"{whole.value * 100:.0f} %" if whole.value is not None else "–"


COLUMNS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("in", lambda one: str(one.count("inbound"))),
    ("out", lambda one: str(one.count("outbound"))),
    ("opened", lambda one: str(one.count("opened"))),
    ("resolved", lambda one: str(one.count("resolved"))),
    ("first", lambda one: _short(one, "first")),
    ("next", lambda one: _short(one, "next")),
    ("resolve", lambda one: _short(one, "resolution")),
    ("kept", _kept),
    ("rating", lambda one: f"{one.mean('rating'):.1f}" if one.mean("rating") is not None else "–"),
    ("compl.", lambda one: str(one.count("complaint"))),
)
"""The columns of a table of parts."""


def table(name: str, groups: Sequence[Group], limit: int) -> str:
    """The parts as a table of even columns; the last line says what is left out."""
    columns = [
        (title, write) for title, write in COLUMNS if name != "agent" or title != "in"
    ]  # nobody's words
    head = [name, *(title for title, _ in columns)]
    rows = [[_cut(one.label), *(write(one.figures) for _, write in columns)] for one in groups[:limit]]
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    shown = []
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        shown.append("  ".join(cells).rstrip())
    if len(groups) > limit:
        shown.append(f"… and {len(groups) - limit} more: ask for csv")
    return "\n".join(shown)


def _cut(words: str) -> str:
    return words if len(words) <= 20 else words[:19] + "…"


def over_table(over: Sequence[tuple[str, str, int]], limit: int) -> str:
    """Agents over channels: how many replies each wrote by each."""
    channels = list(dict.fromkeys(channel for _, channel, _ in over))
    agents = list(dict.fromkeys(agent for agent, _, _ in over))[:limit]
    counts: dict[tuple[str, str], int] = {}
    for agent, channel, count in over:
        counts[agent, channel] = counts.get((agent, channel), 0) + count
    rows = [["agent", *channels]]
    rows += [[_cut(one), *(str(counts.get((one, channel), 0)) for channel in channels)] for one in agents]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    )


def grade_table(part: GradedPart) -> str:
    """Grades as a table: each figure, its value and target, the grade, and how it makes the score."""
    rows = [["all channels" if part.label == "all" else part.label, "is", "target", "grade", "points"]]
    for one in part.graded:
        write = _WRITE[one.measure.kind]
        value = write(one.value) + ("*" if one.few else "") if one.value is not None else "–"
        points = f"{one.points} × {one.weight:g}" if one.points is not None else "–"
        goal = ("≤ " if one.measure.kind in ("seconds", "less") else "≥ ") + write(one.target)
        rows.append([one.measure.title, value, goal, one.grade.value if one.grade else "–", points])
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines.append(f"score {part.score:.0f} of 100" if part.score is not None else "nothing to grade")
    return "\n".join(lines)


_WRITE: dict[str, Callable[[float], str]] = {
    "share": lambda value: f"{value * 100:.0f} %",
    "less": lambda value: f"{value * 100:.0f} %",
    "score": lambda value: f"{value:.1f}",
    "seconds": span,
}
