"""Grades: each figure against its target, and one score of all, with how it was reached. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.stats.figures import FEW, Figures


class Grade(StrEnum):
    """How a figure stands to its target."""

    EXCEEDING = "exceeding"
    MEETING = "meeting"
    NEAR = "within 10 %"
    MISSING = "missing by more"


POINTS = {Grade.EXCEEDING: 100, Grade.MEETING: 85, Grade.NEAR: 60, Grade.MISSING: 30}
NEARLY = 0.1
"""Missing a target by no more than this is near."""
WELL = 0.5
"""Half of the way from the target to the best that is possible is exceeding; of times, half of the target."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure that can be graded. ``kind``: "share" (0 to 1), "score" (of five) or "seconds", of which less is better."""

    name: str
    title: str
    kind: str


MEASURES = (
    Measure("first_kept", "First responses in time", "share"),
    Measure("next_kept", "Next responses in time", "share"),
    Measure("resolution_kept", "Resolutions in time", "share"),
    Measure("first_response", "First response, median", "seconds"),
    Measure("first_contact", "Solved at first contact", "share"),
    Measure("reopened", "Reopened", "less"),
    Measure("rating", "Rating", "score"),
)


@dataclass(frozen=True, slots=True)
class Targets:
    """What is aimed at, by a measure's name; one without a target is not graded. ``weights`` are 1 where none is given."""

    goals: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)


USUAL = Targets(
    {
        "first_kept": 0.9,
        "next_kept": 0.9,
        "resolution_kept": 0.85,
        "first_contact": 0.5,
        "reopened": 0.1,
        "rating": 4.2,
    }
)
"""What is aimed at where app.yaml says nothing."""


@dataclass(frozen=True, slots=True)
class Graded:
    """One figure with its grade; ``value`` None: there was nothing to grade. ``few``: it was made of few."""

    measure: Measure
    value: float | None
    target: float
    grade: Grade | None
    weight: float
    few: bool = False

    @property
    def points(self) -> int | None:
        """0 to 100."""
        return POINTS[self.grade] if self.grade is not None else None


def value_of(figures: Figures, name: str) -> tuple[float | None, int]:
    """A measure's value, and of how many it is made."""
    if name.endswith("_kept"):
        kept = figures.kept(name.removesuffix("_kept"))
        return kept.value, kept.whole
    if name == "first_response":
        speed = figures.speed("first_work")
        speed = speed if speed.count else figures.speed("first_wall")
        return speed.median, speed.count
    if name == "rating":
        return figures.mean("rating"), figures.count("rating")
    share = figures.first_contact if name == "first_contact" else figures.reopened
    return share.value, share.whole


def grades(figures: Figures, targets: Targets) -> tuple[Graded, ...]:
    """Every measure that has a target."""
    found = []
    for measure in MEASURES:
        target = targets.goals.get(measure.name)
        if target is None:
            continue
        value, count = value_of(figures, measure.name)
        grade = _grade(measure, value, target) if value is not None else None
        weight = targets.weights.get(measure.name, 1.0)
        found.append(Graded(measure, value, target, grade, weight, 0 < count < FEW))
    return tuple(found)


def _grade(measure: Measure, value: float, target: float) -> Grade:
    if measure.kind in ("seconds", "less"):
        if value <= target * (1 - WELL):
            return Grade.EXCEEDING
        if value <= target:
            return Grade.MEETING
        return Grade.NEAR if value <= target * (1 + NEARLY) else Grade.MISSING
    top = 5.0 if measure.kind == "score" else 1.0
    if value >= target + (top - target) * WELL:
        return Grade.EXCEEDING
    if value >= target:
        return Grade.MEETING
    return Grade.NEAR if value >= target * (1 - NEARLY) else Grade.MISSING


def score(graded: tuple[Graded, ...]) -> float | None:
    """The points of all that could be graded, by weight: 0 to 100. None: nothing could be."""
    counted = [(one.points, one.weight) for one in graded if one.points is not None and one.weight > 0]
    weight = sum(each for _, each in counted)
    return sum(points * each for points, each in counted) / weight if weight else None
