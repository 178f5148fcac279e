"""Inboxes in app.yaml: the frame around a channel's own keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.test_config import GOOD, changed, told

CASES = {
    "bad name": (
        changed("  loft:", "  Loft 1:"),
        r"app.yaml:10: inboxes\.Loft 1: a name here is lower-case letters, .* For example support-mail\.",
    ),
    "not a mapping": (
        re.sub(r"(?s)  loft:.*(?=secret_key)", "  loft: pigeon\n", GOOD),
        r"app.yaml:10: inboxes\.loft: an inbox is a list of keys\. Give it channel, team and .*",
    ),
    "channel misspelt as a key": (
        changed("channel: pigeon", "chanel: pigeon"),
        r'app.yaml:11: inboxes\.loft\.chanel: there is no such key\. Did you mean "channel"\?',
    ),
    "no channel": (
        changed("    channel: pigeon\n", ""),
        r"app.yaml:10: inboxes\.loft\.channel: this is missing\. Installed channels: pigeon\.",
    ),
    "an unknown channel": (
        changed("channel: pigeon", "channel: [smoke]"),
        r"app.yaml:11: inboxes\.loft\.channel: there is no channel \['smoke'\]\. Installed channels: pigeon\.",
    ),
    "no team": (
        changed("    team: support\n", ""),
        r"app.yaml:10: inboxes\.loft\.team: this is missing\. One of: support\.",
    ),
    "a team far from any": (
        changed("team: support", "team: 7"),
        r"app.yaml:12: inboxes\.loft\.team: there is no team 7\. Known teams: support\.",
    ),
    "a list of inboxes": (
        re.sub(r"(?s)  loft:.*(?=secret_key)", "  - loft\n", GOOD),
        r"app.yaml:9: inboxes: there is no inbox\. Add one: .*",
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_what_is_wrong_with_an_inbox_is_told(tmp_path: Path, text: str, expected: str) -> None:
    (line,) = told(tmp_path, text)
    assert re.fullmatch(expected, line), line
