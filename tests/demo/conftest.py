"""A running demo for each module, and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.demo.rig import DemoProcess

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """A demo that is ready."""
    process = DemoProcess(tmp_path_factory.mktemp("demo") / "data")
    try:
        yield process.ready()
    finally:
        process.close()


@pytest.fixture
def start_demo() -> Iterator[Callable[..., DemoProcess]]:
    """Starts demos that the test stops itself; what is left over is stopped afterwards."""
    started: list[DemoProcess] = []

    def start(directory: Path, port: int = 0) -> DemoProcess:
        started.append(DemoProcess(directory, port))
        return started[-1]

    yield start
    for process in started:
        process.close()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser; without one the test is skipped, and fails where ONETHREAD_REQUIRE_SPECS=1."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found:
        return found
    problem = "no chromium on the PATH (Debian: apt-get install chromium)"
    if os.environ.get("ONETHREAD_REQUIRE_SPECS") == "1":
        pytest.fail(problem)
    pytest.skip(problem)
