"""A rig for each test, impatient: what waits seconds in life waits hundredths here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.adapters.x import adapter as x_adapter
from tests.x.rig import Rig, bot


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETRY_FIRST", "RETRY_MOST", "LOGIN_FIRST", "LOGIN_MOST", "DOUBT_PAUSE"):
        monkeypatch.setattr(x_adapter, name, 0.03)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with bot() as made:
        yield made
