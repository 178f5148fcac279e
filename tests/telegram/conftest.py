"""Fixtures of the Telegram suite. What the stand-in recorded is judged by Telegram's own description after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache

import pytest

from bot.adapters.telegram import adapter as adapter_module
from bot.adapters.telegram import inbound, polling, webhook
from bot.sandbox.telegram import TelegramStandIn
from tests.conftest import SPECS
from tests.email.core import Core
from tests.telegram.referee import Referee


@cache
def referee() -> Referee | None:
    """The referee, None where the specs are absent (`test_fixtures.py` then says so)."""
    return Referee(SPECS) if (SPECS / "telegram" / "api.min.json").is_file() else None


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of milliseconds."""
    for name in ("RETRY_FIRST", "RETRY_MOST", "TOKEN_FIRST", "TOKEN_MOST"):
        monkeypatch.setattr(adapter_module, name, 0.05)
    monkeypatch.setattr(inbound, "ATTEMPT_PAUSE", 0.01)
    monkeypatch.setattr(polling, "ALBUM_QUIET", 0.2)
    monkeypatch.setattr(webhook, "ALBUM_QUIET", 0.2)


@pytest.fixture
async def telegram(request: pytest.FixtureRequest) -> AsyncIterator[TelegramStandIn]:
    """The stand-in. A test that makes it send nonsense on purpose is marked ``poison``: only our calls are judged then."""
    standin = TelegramStandIn(retry_seconds=0.05)
    await standin.start()
    yield standin
    await standin.stop()
    judge = referee()
    if judge is not None and "unjudged" not in request.fixturenames:
        if "poison" in request.fixturenames:
            for call in standin.calls:
                call.reply = None if call.method.lower() == "getupdates" else call.reply
        assert judge.judge_all(standin.calls) == []


@pytest.fixture
def poison() -> None:
    """Asked for by tests in which Telegram itself sends what its description does not allow."""


@pytest.fixture
def unjudged() -> None:
    """Asked for by tests that call what does not exist."""


@pytest.fixture
def core() -> Core:
    """What stands for the core."""
    return Core()
