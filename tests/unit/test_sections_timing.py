"""``reminders`` and ``answers`` of app.yaml: what they come to, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import config as configuration
from bot.capabilities import Capabilities
from bot.errors import ConfigError
from bot.messages import InboxId, TeamId
from bot.policy import ESCALATIONS, CorePolicy, Escalation
from bot.settings.policies import core_policy

BASE = """\
slack: {bot_token: "${BOT}", app_token: "${APP}"}
teams:
  support: {name: Support, slack_channel: C024BE91L, members: [U024BE7LH], leads: [U0LEAD], on_call: [U0CALL, S0GROUP]}
inboxes:
  support-mail:
    channel: email
    team: support
    address: support@shop.example
    imap: {host: imap.shop.example, user: u, password: "${PW}"}
    smtp: {host: smtp.shop.example, user: u, password: "${PW}"}
secret_key: "${KEY}"
"""
ENVIRONMENT = {
    "BOT": "xoxb-1",
    "APP": "xapp-1",
    "PW": "kzr8-w2pq-19",
    "KEY": "a-key-that-is-long-enough-0123456789-abc",
}
MAIL = InboxId("support-mail")


def policy(folder: Path, more: str = "") -> CorePolicy:
    path = folder / "app.yaml"
    path.write_text(BASE + more)
    loaded = configuration.load(path, ENVIRONMENT)
    inbox = loaded.inboxes[MAIL]
    assert inbox.channel.name == "email"
    return core_policy(loaded, {MAIL: Capabilities("email", 1000)})


def wrong(folder: Path, more: str) -> str:
    with pytest.raises(ConfigError) as problem:
        policy(folder, more)
    return str(problem.value)


def test_what_holds_where_nothing_is_said(tmp_path: Path) -> None:
    found = policy(tmp_path)
    assert (found.reminders.after, found.reminders.pause, found.reminders.list_from) == (ESCALATIONS, 1800, 4)
    assert found.answers.of == {} and found.reminders.at_night == frozenset()
    team = found.teams[TeamId("support")]
    assert (team.on_call, team.leads) == (("U0CALL", "S0GROUP"), ("U0LEAD",))


def test_what_is_said(tmp_path: Path) -> None:
    found = policy(
        tmp_path,
        """
sla: [{name: round the clock, first_response: 5 min, hours: calendar, remind_at_night: true}]
reminders:
  after_breach: [{after: 1h, tell: leads}, {after: 0 min, tell: [owner, on_call]}]
  on_it: 10 min
answers:
  per_hour: 50
  inboxes:
    support-mail:
      off_hours: true
      busy: 20 min
      language: de
      faster: https://shop.example/chat
      texts: {de: {busy: "Viele schreiben. {wait}"}}
""",
    )
    assert found.reminders.after == (Escalation(0.0, ("owner", "on_call")), Escalation(3600.0, ("leads",)))
    assert found.reminders.pause == 600 and found.reminders.at_night == {"round the clock"}
    given = found.answers.of[MAIL]
    assert (given.off_hours, given.busy_over, given.language) == (True, 1200, "de")
    assert given.faster == {"": "https://shop.example/chat"}
    assert given.texts == {("busy", "de"): "Viele schreiben. {wait}"}
    assert (found.answers.per_address, found.answers.per_hour) == (3, 50)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("answers: {inboxes: {suport-mail: {off_hours: true}}}", "there is no inbox 'suport-mail'"),
        ("answers: {inboxes: {support-mail: {language: tlh}}}", "there are no words in 'tlh'"),
        ("answers: {inboxes: {support-mail: {texts: {en: {busy: 'in {weit}'}}}}}", "there is no {weit}"),
        ("answers: {inboxes: {support-mail: {busy: 20}}}", "20 of what? Write 20 min or 20h"),
        ("reminders: {after_breach: [{after: 2 days, tell: leads}]}", "write 15 min or 1h"),
        ("reminders: {after_breach: [{tell: boss}]}", "boss"),
    ],
)
def test_a_mistake_is_named_with_its_cure(tmp_path: Path, more: str, sentence: str) -> None:
    assert sentence in wrong(tmp_path, more)
