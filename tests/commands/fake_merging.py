"""Merging in memory, for tests of commands."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import override

from bot.commands.merging_services import Merged, MergingServices, Preview, Proposed, Side, Standing
from bot.commands.nouns import Person
from bot.commands.types import Agent
from bot.messages import CustomerId


def standing(number: int, merged: str, why_not: str | None = None) -> Standing:
    """A merge into C42."""
    effects = () if why_not else (f"{merged.split()[0]} is a customer of their own again.",)
    return Standing(number, "C42 Dana Petrov", merged, 1_700_000_000.0, "Kim", why_not, effects)


class FakeMerging(MergingServices):
    """``done`` is what was asked of it; ``merges`` stand."""

    def __init__(self, find: Callable[[int], Person]) -> None:
        self._find = find
        self.done: list[tuple[object, ...]] = []
        self.merges: tuple[Standing, ...] = (standing(7, "C51 Dana White"),)
        self.proposed = Proposed(CustomerId(42), CustomerId(51), ("The same phone number.",))
        self.warnings: tuple[str, ...] = ("Nobody has proved that email white@mail.example is theirs.",)

    @override
    async def go_on(self) -> None:
        self.done.append(("go on",))

    @override
    async def preview(self, survivor: CustomerId, merged: CustomerId) -> Preview:
        sides = [
            Side(self._find(number), (f"email {self._find(number).address}: proven",), ("Support: open",), 3)
            for number in (survivor, merged)
        ]
        return Preview(sides[0], sides[1], ("The two open cases become one.",), self.warnings)

    @override
    async def merge(
        self, survivor: CustomerId, merged: CustomerId, agent: Agent, source: str, why: str | None = None
    ) -> Merged:
        self.done.append(("merge", int(survivor), int(merged), why))
        return Merged(7, self._find(survivor), f"C{merged}")

    @override
    async def standing(self, number: int) -> tuple[Standing, ...]:
        return self.merges

    @override
    async def one_standing(self, merge_id: int) -> Standing:
        return next(one for one in self.merges if one.merge_id == merge_id)

    @override
    async def unmerge(self, merge_id: int, agent: Agent, source: str) -> Standing:
        self.done.append(("unmerge", merge_id))
        return await self.one_standing(merge_id)

    @override
    async def proposal(self, proposal_id: int) -> Proposed:
        return self.proposed

    @override
    async def not_the_same(self, proposal_id: int, agent: Agent, source: str) -> None:
        self.done.append(("not the same", proposal_id))
