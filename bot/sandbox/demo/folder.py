"""The demo's folder: whose it is, what a new start removes, and the files in it."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

MARK = ".onethread-demo"
_OURS = ("app.yaml", "bot.env", "bot.log", "data")


class DemoError(Exception):
    """The demo cannot start; the text names the cure."""


@dataclass
class Folder:
    """A folder that only one demo uses at a time, and that only a demo has made."""

    path: Path
    lock: int  # file descriptor that holds the lock until the process ends
    emptied: bool  # what the last run left was removed

    @property
    def config(self) -> Path:
        """The bot's app.yaml."""
        return self.path / "app.yaml"

    @property
    def environment(self) -> Path:
        """The bot's secrets as shell assignments, readable by the owner only."""
        return self.path / "bot.env"

    @property
    def log(self) -> Path:
        """What the bot writes to stdout and stderr."""
        return self.path / "bot.log"

    @property
    def data(self) -> Path:
        """The bot's database and files."""
        return self.path / "data"

    @property
    def database_url(self) -> str:
        """The bot's database."""
        return f"sqlite:///{self.data / 'onethread.db'}"


def prepare(directory: Path) -> Folder:
    """Make the folder, or empty it of what an earlier demo left. Raises DemoError where that would hurt somebody.

    The stand-ins keep Slack and the mailboxes in memory, so a database of an earlier run would speak of threads
    that no longer exist.
    """
    path = directory.resolve()
    mark = path / MARK
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not mark.exists() and any(path.iterdir()):
            raise DemoError(
                f"{path} is not empty, and no demo has made it. Choose another folder: make demo DEMO_DIR=demo-data"
            )
        lock = _lock(mark)
        left = [path / name for name in _OURS if (path / name).exists()]
        for old in left:
            if old.is_dir():
                shutil.rmtree(old)
            else:
                old.unlink()
        (path / "data").mkdir()
    except OSError as error:
        raise DemoError(f"{path} cannot be used ({error.strerror}). Choose another: DEMO_DIR=…") from error
    return Folder(path, lock, bool(left))


def _lock(mark: Path) -> int:
    lock = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise DemoError(
            f"Another demo is using {mark.parent}. Stop it, or choose another folder: DEMO_DIR=demo-data-2"
        ) from None
    return lock


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
