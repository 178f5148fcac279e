"""Attributes and quarantine in app.yaml: the short form, what takes the place of ours, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Config
from bot.errors import ConfigError
from bot.identity.valuetypes import TYPES
from bot.policy import AttributeRule, QuarantinePolicy, own_attributes
from bot.settings.policies import attribute_rules, quarantine_policy
from bot.settings.sections import Attribute
from tests.unit.test_config import GOOD, read


def given(tmp_path: Path, text: str) -> Config:
    return read(tmp_path, GOOD + text)


def test_without_a_line_there_are_ours(tmp_path: Path) -> None:
    config = given(tmp_path, "")
    assert attribute_rules(config) == own_attributes()
    assert quarantine_policy(config) == QuarantinePolicy(flood=20)


def test_yours_come_beside_ours(tmp_path: Path) -> None:
    config = given(
        tmp_path,
        """\
customers:
  attributes:
    plan: {type: choice, choices: [free, pro], card: true, label: Plan}
    seat_count: number
    vip: {type: flag, label: Very important}
    tier: {trust: token}
    phone:
quarantine: {senders: ["*@letters.example"], words: [casino], automatic: false, flood: 0}
""",
    )
    rules = attribute_rules(config)
    assert list(rules) == ["company", "language", "zone", "plan", "seat_count", "vip", "tier"]
    assert rules["plan"] == AttributeRule("plan", "choice", "Plan", ("free", "pro"), card=True)
    assert rules["seat_count"] == AttributeRule("seat_count", "number", "Seat count")
    assert rules["vip"] == AttributeRule("vip", "flag", "Very important", card=True)
    assert rules["tier"].trust == "token"
    assert quarantine_policy(config) == QuarantinePolicy(("*@letters.example",), ("casino",), False, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("customers: {attributes: {plan: colour}}", "this should be 'text', 'choice', 'number', 'flag'"),
        ("customers: {attributes: {plan: {type: choice}}}", "a choice needs choices"),
        ("customers: {attributes: {plan: {type: text, choices: [a]}}}", "a choice needs choices"),
        ("customers: {attributes: {Plan!: text}}", "an attribute's name is lower-case letters"),
        ("customers: {attributes: {plan: {type: text, cards: true}}}", 'Did you mean "card"?'),
        ("quarantine: {flood: many}", "Messages of a new sender in 10 minutes"),
        ("quarantine: {senders: [x]}", "Addresses or domains"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        given(tmp_path, text + "\n")
    assert told in str(wrong.value)


def test_the_types_of_app_yaml_are_those_that_can_be_read() -> None:
    annotation = Attribute.model_fields["type"].annotation
    assert set(TYPES) == set(getattr(annotation, "__args__", ()))
