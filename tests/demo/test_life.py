"""How the demo starts, ends, and refuses to start."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.sandbox.demo.child import BotProcess
from bot.sandbox.demo.run import UNASKED, free_port
from tests.demo.rig import DemoProcess, alive, gone

Start = Callable[..., DemoProcess]


def test_the_bots_port_is_none_that_a_system_gives_to_others() -> None:
    """Else another program may have it before the bot comes to it, or while the bot is killed for a moment."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        asked = other.getsockname()[1]
    assert free_port() in UNASKED and asked not in UNASKED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_and_starts_again_in_the_same_folder(
    start_demo: Start, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / 'a demo: "mine" #1 é'
    first = start_demo(folder).ready()
    pid = first.endpoints["bot"]["pid"]
    began = time.monotonic()
    assert first.stop(number) == 0
    assert time.monotonic() - began < 20
    assert not alive(pid)
    assert "Stopped." in first.output and "Traceback" not in first.output
    assert "Traceback" not in (folder / "bot.log").read_text()

    second = start_demo(folder).ready()
    assert "was removed" in second.output
    assert second.get("healthz")[0] == 200
    assert second.stop() == 0


def test_stopping_before_it_is_ready(start_demo: Start, tmp_path: Path) -> None:
    demo = start_demo(tmp_path / "demo")
    demo.said("Starting stand-ins")
    assert demo.stop(signal.SIGINT) == 0
    assert "Ready" not in demo.output and "Traceback" not in demo.output


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_the_bot_dies_with_the_demo(start_demo: Start, tmp_path: Path) -> None:
    demo = start_demo(tmp_path / "demo").ready()
    pid = demo.endpoints["bot"]["pid"]
    demo.process.kill()
    assert demo.ended() == -signal.SIGKILL
    assert gone(pid)


def test_a_bot_that_dies_is_reported_and_not_restarted(start_demo: Start, tmp_path: Path) -> None:
    demo = start_demo(tmp_path / "demo").ready()
    os.kill(demo.endpoints["bot"]["pid"], signal.SIGKILL)
    demo.said("The bot was killed by SIGKILL", 10)
    assert demo.endpoints["bot"]["pid"] == 0
    status, body = demo.get("healthz")
    assert status == 503 and isinstance(body, dict) and body["bot"]["ending"] == "killed by SIGKILL"
    by_hand = 'set -a; . "$1/bot.env"; set +a; exec "$2" -m bot check --config "$1/app.yaml"'
    done = subprocess.run(
        ["sh", "-c", by_hand, "sh", tmp_path / "demo", sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert demo.break_things("bot_start")["bot"]["running"] is True
    assert alive(demo.endpoints["bot"]["pid"])


async def test_the_last_words_of_a_bot_that_fails_are_shown(tmp_path: Path) -> None:
    told: list[str] = []
    bot = BotProcess(tmp_path / "absent.yaml", {}, tmp_path / "bot.log", told.append)
    await asyncio.gather(bot.start(), bot.start())
    assert bot.starts == 1
    await bot.wait()
    assert bot.pid == 0 and bot.last_ending == "ended with exit code 1"
    assert told[0] == "The bot ended with exit code 1."
    assert told[1].startswith("The last lines of") and "absent.yaml" in told[1].partition("\n")[2]


def test_a_taken_port_is_told_with_the_cure(start_demo: Start, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        demo = start_demo(tmp_path / "demo", port)
        assert demo.ended() == 1
    assert f"port {port} on 127.0.0.1 cannot be used" in demo.output
    assert f"make demo PORT={port + 1}" in demo.output and "Traceback" not in demo.output
    assert not (tmp_path / "demo").exists()


def test_somebody_elses_folder_is_left_alone(start_demo: Start, tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("mine")
    demo = start_demo(tmp_path)
    assert demo.ended() == 1
    assert "no demo has made it" in demo.output and "DEMO_DIR" in demo.output
    assert [path.name for path in tmp_path.iterdir()] == ["app.yaml"]
    assert (tmp_path / "app.yaml").read_text() == "mine"


def test_two_demos_do_not_share_a_folder(start_demo: Start, tmp_path: Path) -> None:
    first = start_demo(tmp_path / "demo").ready()
    second = start_demo(tmp_path / "demo")
    assert second.ended() == 1
    assert "Another demo is using" in second.output
    assert first.get("healthz")[0] == 200
