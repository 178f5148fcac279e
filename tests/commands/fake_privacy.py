"""The part of a core in memory that concerns export and erasure."""

from __future__ import annotations

from dataclasses import dataclass, field

from typing_extensions import override

from bot.commands.privacy_services import Exported, Footprint, PrivacyServices
from bot.commands.types import Agent
from bot.errors import UserError
from bot.messages import CustomerId

DANA = Footprint(
    ("C42", "C77"), ("email dana@mail.example", "telegram"), 120, 3, 5, 2, 130, 4, ("C0SUPPORT",), 1
)


@dataclass
class FakePrivacy(PrivacyServices):
    """``exports`` and ``erased`` are what was asked of it; ``refuses`` is the sentence that an export ends with."""

    found: Footprint = DANA
    exports: list[tuple[int, str, bool, bool]] = field(default_factory=list)
    erased: list[tuple[int, str]] = field(default_factory=list)
    refuses: str = ""

    @override
    async def footprint(self, customer_id: CustomerId) -> Footprint:
        return self.found

    @override
    async def export(
        self, customer_id: CustomerId, agent: Agent, *, notes: bool = False, files: bool = True
    ) -> Exported:
        if self.refuses:
            raise UserError(self.refuses)
        self.exports.append((customer_id, agent.id, notes, files))
        return Exported(f"C{customer_id}-2026-11-03.zip", 120, 5, 2_500_000)

    @override
    async def erase(self, customer_id: CustomerId, agent: Agent) -> None:
        self.erased.append((customer_id, agent.id))
