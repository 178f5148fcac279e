"""What may stand in app.yaml about asking customers how they were served: ``ratings``. A field's description is its cure."""

from __future__ import annotations

from pydantic import Field

from bot.settings.sections_base import Model
from bot.settings.sections_timing import Language, Seconds


class InboxRatings(Model):
    """Asking on one inbox."""

    ask: bool = Field(
        False, description="true: customers of this inbox are asked after their case is resolved."
    )
    share: float = Field(100.0, gt=0, le=100, description="How many of a hundred cases are asked about.")
    after: Seconds = Field(
        120.0, ge=0, le=7 * 86_400, description="How long after it was resolved, e.g. 2 min or 1h."
    )
    language: Language | None = Field(
        None,
        description="The language of customers of whom none is known; without it that of its automatic answers.",
    )


class Ratings(Model):
    """Asking: nobody but where an inbox says so."""

    inboxes: dict[str, InboxRatings] = Field(
        default_factory=dict, description="The name of an inbox, and ask: true."
    )
    not_again_days: float = Field(
        30.0, ge=0, le=3650, description="Days in which a customer is not asked again, on any channel."
    )
    low: int = Field(2, ge=1, le=4, description="A rating of this or less is told to the leads: 1 to 4.")
    per_hour: int = Field(
        200, ge=1, le=100_000, description="At most so many are asked an hour, all together: 1 to 100000."
    )
