"""The shop that stories happen in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.slack import Person, default_people
from tests.flows.shop import Shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """The shop, its bot not running yet."""
    async with Shop(tmp_path) as opened:
        yield opened


@pytest.fixture
async def busy_shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """The shop with a guest, a member of another workspace and another app's bot in the channel."""
    people = default_people()
    people["guest"] = Person("UGUEST", "Gwen Guest", is_ultra_restricted=True)
    people["stranger"] = Person("USTRANGER", "Stan Stranger", is_stranger=True)
    async with Shop(tmp_path, people=people) as opened:
        yield opened
