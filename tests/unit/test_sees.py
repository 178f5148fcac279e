"""``teams.<t>.sees``: whose cases a team reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import load
from bot.errors import ConfigError
from bot.messages import TeamId
from bot.settings.policies import seen_by
from tests.unit.test_config import CHANNELS, ENVIRON, GOOD


def with_sees(tmp_path: Path, sees: str) -> Path:
    path = tmp_path / "app.yaml"
    team = "  sales:\n    name: Sales\n    slack_channel: C024BE91M\n    members: [U024BE7LH]\n"
    path.write_text(GOOD.replace("teams:\n", f"teams:\n{team}    sees: {sees}\n"))
    return path


@pytest.mark.parametrize(
    ("sees", "teams"),
    [("all", None), ("own", {"sales"}), ("[support]", {"sales", "support"}), ("[]", {"sales"})],
)
def test_what_it_says(tmp_path: Path, sees: str, teams: set[str] | None) -> None:
    config = load(with_sees(tmp_path, sees), ENVIRON, CHANNELS)
    seen = seen_by(TeamId("sales"), config.teams[TeamId("sales")].sees)
    assert seen == (None if teams is None else frozenset(TeamId(team) for team in teams))
    assert seen_by(TeamId("support"), config.teams[TeamId("support")].sees) is None


@pytest.mark.parametrize(
    ("sees", "told"),
    [
        ("[suport]", "teams.sales.sees: there is no team 'suport'. Known teams: sales, support."),
        ("everything", "Whose cases this team may read: all, own, or a list of teams such as [sales]."),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, sees: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(with_sees(tmp_path, sees), ENVIRON, CHANNELS)
    assert told in str(raised.value)
