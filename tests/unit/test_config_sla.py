"""app.yaml: hours and promises, what loads, and what a person is told when it does not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.clockwork.promises import Facts, Kind, Rule, Target, unpack
from bot.config import Config, load
from bot.errors import ConfigError
from bot.hours import Hours
from bot.settings.policies import notes, promises
from bot.settings.sections_sla import days_of, intervals_of, target_of, week_of
from tests.unit.test_config import CHANNELS, ENVIRON, GOOD

OFFICE = """\
zone: Europe/London
hours:
  office:
    zone: Europe/Berlin
    week:
      mon-fri: 09:00-12:30 13:30-18:00
      sat: 10:00-14:00
    holidays:
      country: DE
      subdivision: BE
      dates: [2026-12-31]
    special:
      2026-12-24: 09:00-12:00
      2026-12-25: off
sla:
  - name: premium
    when: {channel: pigeon, team: support, priority: [high, urgent], attribute: {vip: true}}
    first_response: 30 min
    next_response: 1h 30m
    resolution: 2 days
    hours: office
    remind: [50%, 80, 150%]
  - name: night line
    when: {inbox: loft, tags: night}
    first_response: 5 minutes
    hours: calendar
"""


def loaded(tmp_path: Path, more: str, base: str = GOOD) -> Config:
    path = tmp_path / "app.yaml"
    path.write_text(base + more, encoding="utf-8")
    return load(path, ENVIRON, CHANNELS)


def test_hours_and_policies(tmp_path: Path) -> None:
    base = GOOD.replace("    name: Acme Support\n", "    name: Acme Support\n    hours: office\n")
    made = promises(loaded(tmp_path, OFFICE, base))
    office = made.hours_of("support")
    assert office == Hours(
        "Europe/Berlin",
        (((540, 750), (810, 1080)),) * 5 + (((600, 840),), ()),
        frozenset({date(2026, 12, 31)}),
        "DE",
        "BE",
        ((date(2026, 12, 24), ((540, 720),)), (date(2026, 12, 25), ())),
    )
    assert made.hours_of("sales").zone == "Europe/London"
    vip = Facts("loft", "pigeon", "support", "urgent", {"vip": "true"})
    found = {kind: made.terms(vip, kind) for kind in Kind}
    assert [one.target if one else None for one in found.values()] == [1800, 5400, 2 * 8 * 3600]
    assert all(one is not None and one.steps == (50, 80, 100, 150) for one in found.values())
    first = found[Kind.FIRST]
    assert first is not None
    assert unpack(first.hours) == ("office", office)
    night = made.terms(Facts("loft", "pigeon", "support", tags=frozenset({"night", "x"})), Kind.FIRST)
    assert night is not None
    assert (night.policy, night.target, unpack(night.hours)[1].always) == ("night line", 300, True)
    assert made.terms(Facts("loft", "pigeon", "support", tags=frozenset({"night"})), Kind.NEXT) is None


def test_what_is_usual_where_no_policy_fits(tmp_path: Path) -> None:
    made = promises(loaded(tmp_path, ""))
    facts = Facts("loft", "pigeon", "support")
    assert [one.name for one in made.rules] == ["usual for pigeon, vip", "usual for pigeon"]
    assert [(terms := made.terms(facts, kind)) and terms.target for kind in Kind] == [3600, 3600, 57600]
    vip = Facts("loft", "pigeon", "support", attributes={"vip": "true"})
    assert [(terms := made.terms(vip, kind)) and terms.target for kind in Kind] == [1800, 1800, 28800]
    assert made.hours_of("support") == Hours("UTC", (((540, 1020),),) * 5 + ((), ()))


def test_check_says_which_hours_count_where_a_team_has_none(tmp_path: Path) -> None:
    assert notes(loaded(tmp_path, "zone: Europe/London\n")) == [
        "team support has no hours in app.yaml: Monday to Friday, 09:00 to 17:00 Europe/London count for its promises."
    ]
    base = GOOD.replace("    name: Acme Support\n", "    name: Acme Support\n    hours: office\n")
    assert notes(loaded(tmp_path, OFFICE, base)) == []


def test_the_digest_changes_with_what_is_promised(tmp_path: Path) -> None:
    one = promises(loaded(tmp_path, OFFICE)).digest()
    assert one == promises(loaded(tmp_path, OFFICE)).digest()
    for before, after in (
        ("30 min", "31 min"),
        ("18:00", "18:30"),
        ("80, ", "85, "),
        ("2026-12-31", "2026-12-30"),
    ):
        assert promises(loaded(tmp_path, OFFICE.replace(before, after))).digest() != one, before


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Europe/Berlin", "Berlin", "hours.office.zone"),
        ("mon-fri:", "weekdays:", "'weekdays' is not a day of the week"),
        ("10:00-14:00", "10 to 14", "is not times of a day"),
        ("country: DE", "country: XX", "XX"),
        ("country: DE", "country: NO", "in quotes"),
        ("first_response: 30 min", "first_response: 30", "is not a time: write 30 min"),
        ("hours: office", "hours: ofice", "there are no hours 'ofice'"),
        ("channel: pigeon, ", "channel: pidgeon, ", "there is no channel 'pidgeon'"),
        ("team: support, ", "team: suport, ", "there is no team 'suport'"),
        ("inbox: loft", "inbox: left", "there is no inbox 'left'"),
        ("priority: [high, urgent]", "priority: highest", "low, normal, high or urgent"),
        ("remind: [50%, 80, 150%]", "remind: [50%, soon]", "is not a part of the time"),
        ("resolution:", "resolutoin:", "resolution"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, before: str, after: str, expected: str) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(tmp_path, OFFICE.replace(before, after, 1))
    assert expected in str(told.value)


def test_days_and_times() -> None:
    assert days_of("mon-fri") == (0, 1, 2, 3, 4)
    assert days_of("Sat, Sunday") == (5, 6)
    assert days_of("fri-mon") == (4, 5, 6, 0)
    assert intervals_of("9-12 13.30-18") == ((540, 720), (810, 1080))
    assert intervals_of("closed") == ()
    week = week_of({"sun": "22:00-06:00"})
    assert (week[6], week[0]) == (((1320, 1440),), ((0, 360),))
    assert target_of("1 day 4 h") == Target(4 * 3600, 1)
    with pytest.raises(ValueError, match="twice"):
        week_of({"mon-fri": "9-17", "wed": "9-12"})


def test_a_rule_fits_by_all_that_it_names() -> None:
    rule = Rule("x", frozenset({"email"}), attributes=(("plan", "pro"), ("vip", "true")))
    facts = Facts("i", "email", "t", attributes={"plan": '"Pro"', "vip": "true"})
    assert rule.fits(facts)
    assert not rule.fits(Facts("i", "chat", "t", attributes=facts.attributes))
    assert not rule.fits(Facts("i", "email", "t", attributes={"plan": '"Pro"'}))
