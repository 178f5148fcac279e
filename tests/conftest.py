"""Fixtures that every test may use. Warnings are errors (pyproject.toml); a test has 120 s."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

from tests.rig.postgres import Databases, NoPostgres, Server, find_binaries

ROOT = Path(__file__).resolve().parent.parent
SPECS = Path(os.environ.get("ONETHREAD_SPECS") or ROOT.parent / "shared" / "specs").resolve()

settings.register_profile("dev", deadline=None, max_examples=60)
settings.register_profile(
    "ci", deadline=None, max_examples=100, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def specs() -> Path:
    """The vendors' machine-readable specs: ``ONETHREAD_SPECS``, by default beside the repository.

    A test that needs them is skipped where they are absent, and fails where ``ONETHREAD_REQUIRE_SPECS=1``.
    """
    return _there(SPECS)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Real mails with known answers, beside the specs. Same rule."""
    return _there(SPECS.parent / "corpora")


def _there(folder: Path) -> Path:
    if folder.is_dir():
        return folder
    problem = f"{folder} is absent; set ONETHREAD_SPECS to where the specs are (corpora lie beside them)"
    if os.environ.get("ONETHREAD_REQUIRE_SPECS") == "1":
        pytest.fail(problem)
    pytest.skip(problem)


@pytest.fixture
def no_blocking() -> Iterator[BlockBuster]:
    """A call that blocks the event loop (file, socket, sleep) raises ``BlockingError``. Ask for it by name."""
    with blockbuster_ctx() as guard:
        yield guard


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """A running PostgreSQL, one for each test process; ``tests/rig/postgres.py`` says where it comes from."""
    given = os.environ.get("TEST_DATABASE_URL")
    server = None
    if not given:
        try:
            server = Server(find_binaries())
        except NoPostgres as problem:
            if os.environ.get("CI"):
                pytest.fail(str(problem))
            pytest.skip(str(problem))
    databases = Databases(given or (server.url if server else ""))
    try:
        yield databases
    finally:
        if server is not None:
            server.remove()
        else:
            databases.drop_all()


@pytest.fixture
def postgres_url(postgres: Databases) -> Iterator[str]:
    """A database of this test's own, empty: ``postgresql://…``, whatever the driver."""
    url = postgres.fresh()
    yield url
    postgres.drop(url)
