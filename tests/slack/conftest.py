"""Nothing of the desk blocks the event loop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster


@pytest.fixture(autouse=True)
def never_blocks(no_blocking: BlockBuster) -> Iterator[None]:
    """Every test of the desk runs under guard."""
    yield
