"""docs/reliability.md names tests: each of them exists."""

from __future__ import annotations

import re
from pathlib import Path


def test_every_proof_that_is_named_exists(root: Path) -> None:
    named = set(
        re.findall(r"`(test_[a-z0-9_]+)`", (root / "docs/reliability.md").read_text(encoding="utf-8"))
    )
    assert len(named) > 40
    source = "\n".join(path.read_text(encoding="utf-8") for path in (root / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"def (test_[a-z0-9_]+)\(", source)) | {
        found.group(1) for found in re.finditer(r"^class (Test\w+)", source, re.M)
    }
    missing = {name for name in named if name not in defined and name != "test_whatever_happens"}
    assert not missing, f"docs/reliability.md names tests that do not exist: {sorted(missing)}"
    assert "test_whatever_happens" in source
    for path in re.findall(
        r"`(tests/[\w/]+\.py)`", (root / "docs/reliability.md").read_text(encoding="utf-8")
    ):
        assert (root / path).exists(), path
