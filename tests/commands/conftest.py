"""What tests of commands share."""

from __future__ import annotations

import pytest

from tests.commands.fake_services import FakeServices


@pytest.fixture
def services() -> FakeServices:
    """A core in memory."""
    return FakeServices()
