"""Where the real mails lie: beside the vendors' specs, never in this repository."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPECS = Path(os.environ.get("ONETHREAD_SPECS", ROOT / "../shared/specs"))


def mail_corpus() -> Path:
    """The folder of mail corpora; skips where it is absent, fails where ONETHREAD_REQUIRE_SPECS=1."""
    folder = (SPECS / "../corpora/mail").resolve()
    if folder.is_dir():
        return folder
    if os.environ.get("ONETHREAD_REQUIRE_SPECS") == "1":
        pytest.fail(f"the mail corpora are missing: {folder}")
    pytest.skip(f"the mail corpora are absent: {folder}")
