"""``ratings`` of app.yaml: what it comes to, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.policy import RatingPolicy, RatingsPolicy
from tests.unit.test_sections_timing import MAIL, policy, wrong


def test_nobody_is_asked_where_nothing_is_said(tmp_path: Path) -> None:
    assert policy(tmp_path).ratings == RatingsPolicy()
    assert policy(tmp_path, "ratings: {inboxes: {support-mail: {share: 50}}}").ratings.of == {}


def test_what_is_said(tmp_path: Path) -> None:
    found = policy(
        tmp_path,
        """
answers: {inboxes: {support-mail: {language: de}}}
ratings:
  not_again_days: 7
  low: 3
  per_hour: 20
  inboxes: {support-mail: {ask: true, share: 25, after: 1h}}
""",
    ).ratings
    assert found == RatingsPolicy({MAIL: RatingPolicy(0.25, 3600.0, "de")}, 7 * 86_400.0, 3, 20)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ratings: {inboxes: {suport-mail: {ask: true}}}", "there is no inbox 'suport-mail'"),
        ("ratings: {inboxes: {support-mail: {ask: true, share: 0}}}", "How many of a hundred"),
        ("ratings: {inboxes: {support-mail: {ask: true, after: 5}}}", "5 of what"),
        ("ratings: {inboxes: {support-mail: {ask: true, language: tlh}}}", "there are no words in 'tlh'"),
        ("ratings: {low: 5}", "1 to 4"),
    ],
)
def test_mistakes_are_told_with_their_cure(tmp_path: Path, given: str, said: str) -> None:
    assert said in wrong(tmp_path, given)
