"""From app.yaml to the policy of asking."""

from __future__ import annotations

from bot.config import Config
from bot.messages import InboxId
from bot.policy import RatingPolicy, RatingsPolicy

DAY = 86_400.0


def ratings_policy(config: Config) -> RatingsPolicy:
    """Which inboxes ask, and how often."""
    given = config.ratings
    answers = config.answers.inboxes
    of = {
        InboxId(name): RatingPolicy(
            one.share / 100,
            one.after,
            one.language or (answers[name].language if name in answers else "en"),
        )
        for name, one in given.inboxes.items()
        if one.ask
    }
    return RatingsPolicy(of, given.not_again_days * DAY, given.low, given.per_hour)
