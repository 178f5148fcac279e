"""A child process that writes and says what was acknowledged: ``python -m tests.core.writer URL [LIMIT]``.

It prints ``ok N`` after each write that returned, ``failed N`` after one that raised ``StorageError``. ``LIMIT``: the most
bytes that a file of this process may have (a full disk, for those who cannot mount one).
"""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from functools import partial

import structlog
from sqlalchemy import Connection

from bot.errors import StorageError
from bot.storage import inboxes
from bot.storage.database import connect
from bot.storage.migrate import migrate

WORDS = "x" * 2_000


def write_one(connection: Connection, number: int) -> None:
    """Something small that can be counted afterwards."""
    inboxes.set_cursor(connection, f"inbox-{number}", WORDS)


async def main(url: str, limit: int | None) -> None:
    database = connect(url)
    await database.open()
    await database.write(migrate)
    if limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    number = 0
    failures = 0

    async def worker() -> None:
        nonlocal number, failures
        while failures < 20 and number < 200_000:
            number += 1
            mine = number
            try:
                await database.write(partial(write_one, number=mine))
            except StorageError:
                failures += 1
                print(f"failed {mine}", flush=True)
            else:
                print(f"ok {mine}", flush=True)

    print("ready", flush=True)
    await asyncio.gather(*(worker() for _ in range(8)))
    print(f"problem {database.problem}", flush=True)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # only answers on the standard output
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None))
