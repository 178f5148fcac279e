"""A lead's Monday with the real bot: figures in words, a chart, a file; and the figures counted anew while it is stopped."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import sqlite3
import sys
from pathlib import Path

from tests.flows.seen import read
from tests.flows.shop import DANA, Shop


async def onethread(shop: Shop, *arguments: str) -> tuple[int, str]:
    """Runs the command beside the bot's configuration."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "stats",
        "--config",
        str(shop.config_path),
        *arguments,
        env={**os.environ, **shop.environment()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode is not None
    return child.returncode, said.decode()


async def told(shop: Shop, command: str) -> str:
    """What a lead is told."""
    whispers = shop.slack.people["lead"].ephemerals
    before = len(whispers)
    done = await shop.types("lead", command)
    assert done["ok"], done
    await shop.until(lambda: len(whispers) > before)
    return read(whispers[-1])


async def test_figures_a_chart_a_file_and_a_recount(tmp_path: Path) -> None:
    async with Shop(tmp_path) as shop:
        async with shop.open():
            await shop.mails(DANA, "Where is my parcel?", subject="Parcel")
            await shop.sees("Where is my parcel?")
            await shop.types("agent1", "/reply C1 It left on Friday.")
            await shop.gets(DANA)
            await shop.sees("accepted")
            await shop.types("agent1", "/resolve C1")
            await shop.until(lambda: "✅" in read(shop.roots()[0]))

            words = await told(shop, "/stats today by agent")
            assert "opened 1 · resolved 1, share solved 100 % (1 of 1)" in words
            assert "First response: median" in words and "⚠ few" in words
            assert "Kim" in words.split("What the figures mean")[0]
            assert "score" in await told(shop, "/stats grades today")

            def arrived() -> list[bytes]:
                """What has been uploaded whole: Slack knows of a file before its bytes have come."""
                return [one.data for one in shop.slack.workspace.files.values() if one.data is not None]

            for shape, beginning in (("chart", b"\x89PNG"), ("csv", b"\xef\xbb\xbfteams,")):
                before = len(arrived())
                await told(shop, f"/stats today {shape}")
                await shop.until(lambda before=before: len(arrived()) > before)  # type: ignore[misc]
                made = arrived()[-1]
                assert made.startswith(beginning)
            rows = list(csv.DictReader(io.StringIO(made.decode("utf-8-sig"))))
            assert (rows[0]["opened"], rows[0]["resolved"]) == ("1", "1")

        # The bot is stopped: what was harmed is found, told, and put right.
        assert await onethread(shop) == (0, "1 cases counted.\nEvery figure is right.\n")
        with sqlite3.connect(tmp_path / "onethread.db") as database:
            database.execute("update stat_day set count = 7 where metric = 'opened'")
        code, said = await onethread(shop)
        assert code == 1 and "figures are wrong. onethread stats --recount puts them right." in said
        code, said = await onethread(shop, "--recount")
        assert code == 0 and "were wrong and are right now." in said
        assert (await onethread(shop))[1].endswith("Every figure is right.\n")
