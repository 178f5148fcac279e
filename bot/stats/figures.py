"""From cells to figures: how many, medians, shares. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bot.stats.cells import Cell, time_of

FEW = 5
"""Fewer than so many are marked: one more could change the picture."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How long something took, in seconds: of how many, the median, what nine of ten stayed below, the mean."""

    count: int
    median: float | None = None
    p90: float | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """0 to 1; None where there is nothing to share."""
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a stretch of days, for all or for one value of a dimension."""

    metrics: Mapping[str, Cell] = field(default_factory=dict)

    def count(self, metric: str) -> int:
        """How many."""
        cell = self.metrics.get(metric)
        return cell.count if cell is not None else 0

    def speed(self, metric: str) -> Speed:
        """How long, of a metric that is a time."""
        cell = self.metrics.get(metric)
        if cell is None or not cell.count:
            return Speed(0)
        return Speed(cell.count, quantile(cell, 0.5), quantile(cell, 0.9), cell.total / cell.count)

    def kept(self, kind: str) -> Share:
        """Promises of a kind that were kept, of all that came to an end or were missed."""
        kept = self.count(f"{kind}_kept")
        return Share(kept, kept + self.count(f"{kind}_missed"))

    def mean(self, metric: str) -> float | None:
        """The mean of an amount (the rating, messages a case)."""
        cell = self.metrics.get(metric)
        return cell.total / cell.count if cell is not None and cell.count else None

    @property
    def solved(self) -> Share:
        """Resolved, of those that were opened or opened again."""
        return Share(self.count("resolved"), self.count("opened") + self.count("reopened"))

    @property
    def first_contact(self) -> Share:
        """Resolved with one reply and never opened again, of those resolved for the first time."""
        return Share(self.count("first_contact"), self.count("messages"))

    @property
    def reopened(self) -> Share:
        """Opened again, of those resolved."""
        return Share(self.count("reopened"), self.count("resolved"))

    @property
    def responded(self) -> Share:
        """Customers who rated, of those who were asked."""
        return Share(self.count("answered"), self.count("asked"))


def quantile(cell: Cell, share: float) -> float | None:
    """The time that so large a share stayed at or below; right to 2 %."""
    whole = sum(cell.spread.values())
    if not whole:
        return None
    rank = max(1, -(-int(whole * share * 1_000_000) // 1_000_000))
    seen = 0
    for step in sorted(cell.spread):
        seen += cell.spread[step]
        if seen >= rank:
            return time_of(step)
    return None


def gather(
    rows: Iterable[tuple[str, str, int, float, str | None]],
    spread_of: Callable[[str], Mapping[str, int]],
) -> dict[str, Figures]:
    """Value → figures, from (value, metric, count, total, spread). ``spread_of`` reads a spread: step → how many."""
    made: dict[str, dict[str, Cell]] = defaultdict(dict)
    for value, metric, count, total, spread in rows:
        cell = made[value].get(metric)
        if cell is None:
            cell = made[value][metric] = Cell()
        cell.count += count
        cell.total += total
        if spread is not None:
            into = cell.spread
            for step, many in spread_of(spread).items():
                number = int(step)
                into[number] = into.get(number, 0) + many
    return {value: Figures(metrics) for value, metrics in made.items()}


def joined(several: Iterable[Figures]) -> Figures:
    """The figures of several together."""
    made: dict[str, Cell] = {}
    for figures in several:
        for metric, cell in figures.metrics.items():
            made.setdefault(metric, Cell()).add(cell)
    return Figures(made)
