"""What commands ask of the core about somebody's right to see what is kept of them, and to have it erased.

Implemented by ``bot/privacy/privacy.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.commands.types import Agent
from bot.messages import CustomerId


@dataclass(frozen=True, slots=True)
class Footprint:
    """How much there is of somebody: what an erasure would take.

    ``handles`` are all their numbers, today's first; ``addresses`` as they are known ("email dana@mail.example"); ``channels``
    the Slack channels in which they have threads; ``posts`` are Slack posts, ``own_posts`` those of them that people wrote,
    which no bot can delete. ``waiting`` replies have not gone out yet. ``others`` are handles of customers who claim one of
    their addresses, or said that it is theirs, and are not erased with them.
    """

    handles: tuple[str, ...]
    addresses: tuple[str, ...]
    messages: int
    notes: int
    files: int
    cases: int
    posts: int
    own_posts: int
    channels: tuple[str, ...]
    waiting: int = 0
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exported:
    """An archive that was handed over: its name, how much is in it, its size in bytes."""

    name: str
    messages: int
    files: int
    size: int


class PrivacyServices(Protocol):
    """Export and erasure."""

    async def footprint(self, customer_id: CustomerId) -> Footprint: ...

    async def export(
        self, customer_id: CustomerId, agent: Agent, *, notes: bool = False, files: bool = True
    ) -> Exported:
        """Everything about somebody as an archive, in a direct message to the agent. Takes its time.

        ``UserError`` where it is too large for a message or Slack does not take it."""
        ...

    async def erase(self, customer_id: CustomerId, agent: Agent) -> None:
        """From now on nobody knows them; the rest follows in the background, and the agent is told when it is done."""
        ...
