"""What commands ask of the core about merging customers. Implemented by ``bot/merge/mergework.py``.

Every change is one transaction, durable when it returns, idempotent in ``source``. ``UserError`` says what is in the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.commands.nouns import Person
from bot.commands.types import Agent
from bot.messages import CustomerId


@dataclass(frozen=True, slots=True)
class Side:
    """One of two customers that may be one. ``identities`` and ``cases`` are lines in words."""

    person: Person
    identities: tuple[str, ...]
    cases: tuple[str, ...]
    messages: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a merge would do, in sentences. ``survivor``'s handle and thread go on; ``warnings`` are what to look at first."""

    survivor: Side
    merged: Side
    effects: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge that was done."""

    merge_id: int
    survivor: Person
    merged_handle: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A merge that stands, with what undoing it would do. ``why_not``: why it cannot be undone now, or None.

    ``survivor`` and ``merged`` are handle and name. ``at`` in epoch seconds, ``by`` a public name.
    """

    merge_id: int
    survivor: str
    merged: str
    at: float
    by: str
    why_not: str | None
    effects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposed:
    """Two customers that may be one, and why. ``decided`` says what became of it, None: nothing yet."""

    one: CustomerId
    other: CustomerId
    evidence: tuple[str, ...]
    decided: str | None = None


class MergingServices(Protocol):
    """One customer out of two, and two again."""

    async def go_on(self) -> None:
        """Ends unmerges that were cut short."""
        ...

    async def preview(self, survivor: CustomerId, merged: CustomerId) -> Preview: ...

    async def merge(
        self, survivor: CustomerId, merged: CustomerId, agent: Agent, source: str, why: str | None = None
    ) -> Merged:
        """Makes ``merged`` part of ``survivor``. ``why`` is a sentence that both threads show."""
        ...

    async def standing(self, number: int) -> tuple[Standing, ...]:
        """The merges that the customer of a handle has a part in, newest first, those that can be undone before others."""
        ...

    async def one_standing(self, merge_id: int) -> Standing: ...

    async def unmerge(self, merge_id: int, agent: Agent, source: str) -> Standing:
        """Undoes a merge."""
        ...

    async def proposal(self, proposal_id: int) -> Proposed: ...

    async def not_the_same(self, proposal_id: int, agent: Agent, source: str) -> None:
        """Two customers are not one: nobody is asked about them again."""
        ...
