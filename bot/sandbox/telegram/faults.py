"""What goes wrong: asked before a method runs and before its answer is sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from .model import Refusal


@dataclass(slots=True)
class Fault:
    """One fault for the next ``times`` calls of ``method`` (empty: any but getUpdates)."""

    method: str
    times: int
    refusal: Refusal | None = None
    drop: bool = False
    before: bool = False
    gate: asyncio.Event | None = None

    def fits(self, method: str) -> bool:
        """Whether it is for this call."""
        wanted = self.method.lower()
        return self.times > 0 and (
            wanted == method.lower() or (not wanted and method.lower() != "getupdates")
        )


@dataclass(slots=True)
class Faults:
    """The faults that are set. The first that fits a call is used."""

    waiting: list[Fault] = field(default_factory=list)
    revoked: bool = False

    def take(self, method: str) -> Fault | None:
        """The fault for this call, if any."""
        for fault in self.waiting:
            if fault.fits(method):
                fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        """Take all faults away; what hangs goes on."""
        for fault in self.waiting:
            if fault.gate is not None:
                fault.gate.set()
        self.waiting.clear()
        self.revoked = False
