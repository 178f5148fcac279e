"""What may stand in app.yaml about figures: ``stats``. A field's description is its cure."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from bot.settings.sections_base import Model
from bot.settings.sections_timing import Seconds

Percent: TypeAlias = Annotated[float, Field(ge=0, le=100)]


class Goals(Model):
    """What is aimed at; a figure without a target is not graded."""

    first_kept: Percent | None = Field(None, description="First responses in time, in percent, e.g. 90.")
    next_kept: Percent | None = Field(None, description="Next responses in time, in percent, e.g. 90.")
    resolution_kept: Percent | None = Field(None, description="Resolutions in time, in percent, e.g. 85.")
    first_response: Seconds | None = Field(None, description="The median of first responses, e.g. 30 min.")
    first_contact: Percent | None = Field(None, description="Solved with one reply, in percent, e.g. 50.")
    reopened: Percent | None = Field(None, description="Opened again, at most, in percent, e.g. 10.")
    rating: Annotated[float, Field(ge=1, le=5)] | None = Field(None, description="Of five, e.g. 4.2.")


class Weights(Model):
    """How much each figure counts in the score."""

    first_kept: float = Field(1.0, ge=0, le=100, description="A number; 0: not at all.")
    next_kept: float = Field(1.0, ge=0, le=100, description="A number; 0: not at all.")
    resolution_kept: float = Field(1.0, ge=0, le=100, description="A number; 0: not at all.")
    first_response: float = Field(1.0, ge=0, le=100, description="A number; 0: not at all.")
    first_contact: float = Field(1.0, ge=0, le=100, description="A number; 0: not at all.")
    reopened: float = Field(1.0, ge=0, le=100, description="A number; 0: not at all.")
    rating: float = Field(1.0, ge=0, le=100, description="A number; 0: not at all.")


class Digest(Model):
    """A summary of the week in a Slack channel."""

    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "never"] = (
        Field("never", description="The day on which it comes, e.g. monday; never: it does not.")
    )
    hour: int = Field(
        9, ge=0, le=23, description="The hour at which it comes, in the team's time zone, e.g. 9."
    )
    channel: Annotated[str, Field(pattern="^[CG][A-Z0-9]{2,}$")] | None = Field(
        None, description="A Slack channel id such as C024BE91N; without it the team's own channel."
    )


class Stats(Model):
    """Targets of the grades, and the weekly digest."""

    targets: Goals = Field(Goals(), description="Targets for all channels.")
    channels: dict[str, Goals] = Field(
        default_factory=dict, description="Targets for one channel, by its name, where they differ."
    )
    weights: Weights = Field(Weights(), description="How much each figure counts in the score.")
    digest: Digest = Field(Digest(), description="When the weekly digest comes, and where.")
