"""A process that reads the stand-in into a file and kills itself where it is told: ``API FOLDER [POINT NUMBER]``.

``before`` / ``after`` accept number N has stored its event. The file holds one line an event, with the cursor, synced.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

from bot.adapters.telegram import CHANNEL
from bot.contract import Accepted, AdapterContext, Secrets
from bot.messages import BlobId, Event, InboxId, Message
from bot.sandbox.telegram.standin import TOKEN


class FileCore:
    """What is stored survives; everything else dies with the process."""

    def __init__(self, path: Path, point: str, number: int) -> None:
        self._path = path
        self._point = point
        self._left = number
        lines = path.read_text().splitlines() if path.exists() else []
        stored = [json.loads(line) for line in lines]
        self._seen = {line["source"] for line in stored}
        self._cursor = next((line["cursor"] for line in reversed(stored) if line["cursor"]), None)

    async def accept(self, event: Event, *, cursor: str | None = None) -> Accepted:
        assert isinstance(event, Message)
        self._left -= 1
        self._crash("before")
        duplicate = event.source_id in self._seen
        line = {"source": event.source_id, "text": event.text.plain, "cursor": cursor, "again": duplicate}
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._seen.add(event.source_id)
        self._crash("after")
        return Accepted(duplicate)

    def _crash(self, point: str) -> None:
        if point == self._point and self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    async def get(self, key: str = "") -> str | None:
        return self._cursor if not key else None

    async def set(self, *_: str) -> None: ...

    async def status(self, problem: str | None) -> None: ...

    async def put(self, data: bytes) -> BlobId:
        return BlobId(hashlib.sha256(data).hexdigest())


async def main(api: str, folder: str, point: str = "", number: str = "0") -> None:
    core = FileCore(Path(folder) / "events", point, int(number))
    secrets = Secrets((b"k" * 32,))
    context = AdapterContext(
        InboxId("phone"),
        "Shop",
        core.accept,
        core,
        core,
        core,
        core.status,
        secrets,  # type: ignore[arg-type]
    )
    settings = CHANNEL.settings.model_validate({"token": TOKEN, "api_url": api, "poll_timeout": 5})
    await CHANNEL.build(settings, context).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
