"""The real bot as a child process: started, watched, killed on request, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

STOP_SECONDS = 9.0
"""How long the bot gets after SIGTERM; then it is killed."""

# The bot dies with this process, however this process ends: on Linux the kernel sees to it. It takes an exec in between,
# because the wish has to be told by the child itself and survives an exec; the process id stays the same.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def command(config: Path) -> list[str]:
    """How the bot is started: an ordinary `onethread run`."""
    run = ["-m", "bot", "run", "--config", str(config)]
    if platform.system() == "Linux":
        return [sys.executable, "-c", _DIE_WITH_PARENT, str(os.getpid()), *run]
    return [sys.executable, *run]


def ending(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"ended with exit code {code}"


class BotProcess:
    """One bot at a time. `told` is called with a sentence whenever it starts or ends."""

    def __init__(
        self, config: Path, environment: Mapping[str, str], log: Path, told: Callable[[str], None]
    ) -> None:
        self.starts = 0
        self.started_at = 0.0
        """Unix seconds."""
        self.last_ending = ""
        self._config = config
        self._environment = environment
        self._log = log
        self._told = told
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._asked = False
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int:
        """The process id, 0 while there is none."""
        return self._process.pid if self._process is not None and self.running else 0

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the bot unless it runs. One that somebody has just killed may need a moment to be seen as dead."""
        async with self._starting:
            if self._process is not None and self.running:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await self._process.wait()
            if not self.running:
                await self._start()

    async def _start(self) -> None:
        self.starts += 1
        self._asked = False
        environment = {**os.environ, **self._environment, "PYTHONUNBUFFERED": "1"}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command(self._config),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # Ctrl-C in the terminal reaches the demo alone, which then stops the bot
            )
        self.started_at = time.time()
        self._watch = asyncio.create_task(self._wait(self._process))

    async def _wait(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        self.last_ending = ending(code)
        if self._asked:
            return
        tail = self.tail()
        self._told(f"The bot was {self.last_ending}." if code < 0 else f"The bot {self.last_ending}.")
        if code > 0 and tail:
            self._told(f"The last lines of {self._log}:\n" + "\n".join(f"    {line}" for line in tail))

    async def kill(self) -> None:
        """kill -9, and wait for the end."""
        if self._process is not None and self.running:
            self._process.kill()
            await self._ended()

    async def stop(self) -> None:
        """SIGTERM, after some seconds SIGKILL; returns when it has ended."""
        if self._process is None or not self.running:
            return
        self._asked = True
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._told(f"The bot did not stop within {STOP_SECONDS:.0f} s and was killed.")
            self._process.kill()
        await self._ended()

    async def _ended(self) -> None:
        if self._watch is not None:
            await self._watch

    async def wait(self) -> None:
        """Until the bot ends."""
        await self._ended()

    def tail(self, lines: int = 15) -> list[str]:
        """The newest lines of its log."""
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, self._log.stat().st_size - 16_384))
                return log.read().decode("utf-8", "replace").splitlines()[-lines:]
        except OSError:
            return []
