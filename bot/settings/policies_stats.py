"""From app.yaml to the policy of figures."""

from __future__ import annotations

from collections.abc import Mapping

from bot.policy import StatsPolicy
from bot.settings.sections_stats import Goals, Stats
from bot.stats.grades import USUAL, Targets

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PERCENT = frozenset({"first_kept", "next_kept", "resolution_kept", "first_contact", "reopened"})


def stats_policy(section: Stats) -> StatsPolicy:
    """Targets, and when the digest comes."""
    weights = section.weights.model_dump()
    everywhere = _goals(section.targets, USUAL.goals)
    targets = {"": Targets(everywhere, weights)}
    for channel, goals in section.channels.items():
        targets[channel] = Targets(_goals(goals, everywhere), weights)
    digest = section.digest
    on = _DAYS.index(digest.day) if digest.day in _DAYS else None
    return StatsPolicy(targets, on, digest.hour, digest.channel)


def _goals(given: Goals, before: Mapping[str, float]) -> dict[str, float]:
    """What is given, over what holds without it; percent become shares."""
    own = {name: value for name, value in given.model_dump().items() if value is not None}
    shares = {name: value / 100 if name in _PERCENT else value for name, value in own.items()}
    return {**before, **shares}
