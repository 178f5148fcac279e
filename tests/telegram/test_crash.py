"""kill -9 around accept, in a process of its own: nothing lost, each once, in order."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.telegram import TelegramStandIn


async def child(telegram: TelegramStandIn, folder: Path, *point: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.telegram.crash_child", telegram.url, str(folder), *point
    )


@pytest.mark.parametrize(
    ("point", "number"),
    [("before", 1), ("after", 1), ("before", 2), ("after", 3)],
    ids=str,
)
async def test_killed_around_accept(
    telegram: TelegramStandIn, tmp_path: Path, point: str, number: int, root: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(root)
    for text in ("one", "two", "three"):
        telegram.say("customer1", text)
    killed = await child(telegram, tmp_path, point, str(number))
    assert await asyncio.wait_for(killed.wait(), 20) == -9
    assert telegram.updates.confirmed == []
    second = await child(telegram, tmp_path)
    try:
        await telegram.until(lambda: len(telegram.updates.confirmed) == 3, 20)
    finally:
        second.kill()
        await second.wait()
    lines = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [line["text"] for line in lines if not line["again"]] == ["one", "two", "three"]
    assert [line for line in lines if line["again"]] == []  # the cursor was stored with each event
