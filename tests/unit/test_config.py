"""app.yaml: what loads, and what a person is told when it does not: line, key, what is wrong, the cure, all at once."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, field_validator

from bot.config import Config, installed_channels, load
from bot.contract import Adapter, AdapterContext, Channel
from bot.errors import ConfigError
from bot.messages import InboxId, TeamId
from bot.settings.sections import Sections, Team

ENVIRON = {
    "SLACK_BOT_TOKEN": "xoxb-7301-9924-hWq2bTz",
    "SLACK_APP_TOKEN": "xapp-1-A02-44-9f3c1e",
    "ONETHREAD_SECRET_KEY": "k1Zr8vQm4xT7pL2sWd9yHb3nJf6gCe5a",
    "PIGEON_KEY": "v3ry-h4rd-t0-gu3ss",
}
GOOD = """\
slack:
  bot_token: ${SLACK_BOT_TOKEN}
  app_token: ${SLACK_APP_TOKEN}
teams:
  support:
    name: Acme Support
    slack_channel: C024BE91L
    members: [U024BE7LH, U024BE7LJ]
inboxes:
  loft:
    channel: pigeon
    team: support
    ring: A7
    key: ${PIGEON_KEY}
secret_key: ${ONETHREAD_SECRET_KEY}
"""


class Cote(BaseModel):
    """A nested part of a channel's settings."""

    height: int = Field(description="Metres, a whole number.")


class Pigeons(BaseModel):
    """The settings of a channel from outside. It does not forbid unknown keys: the core does."""

    ring: str = Field(description="The ring's number, e.g. A7.")
    key: SecretStr = Field(description="From the breeder.")
    cotes: list[Cote] = Field(default_factory=list)
    speed: float = 60.0

    @field_validator("ring")
    @classmethod
    def known(cls, ring: str) -> str:
        """Rings begin with a letter."""
        if not ring[:1].isalpha():
            raise ValueError("a ring begins with a letter")
        return ring


def _build(_settings: Any, _context: AdapterContext) -> Adapter:
    raise AssertionError("configuration builds nothing")


PIGEON = Channel("pigeon", ":bird:", Pigeons, _build, defaults={"speed": 70})
CHANNELS = {"pigeon": lambda: PIGEON}


def read(tmp_path: Path, text: str, environ: Mapping[str, str] = ENVIRON) -> Config:
    path = tmp_path / "app.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return load(path, environ, CHANNELS)


def told(tmp_path: Path, text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, environ)
    return str(caught.value).splitlines()


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    assert config.slack.bot_token.get_secret_value() == ENVIRON["SLACK_BOT_TOKEN"]
    assert config.slack.api_url == "https://slack.com/api/"
    assert config.database.url == "sqlite:///data/onethread.db"
    assert config.teams[TeamId("support")].undo_seconds == 5
    assert config.teams[TeamId("support")].thread_replies == "internal"
    assert config.limits.attachment_bytes == 25_000_000
    assert (config.pace.channel_per_second, config.pace.channel_burst) == (1, 3)
    assert (config.web.host, config.web.port) == ("127.0.0.1", 8000)
    assert len(config.secret_key) == 1
    inbox = config.inboxes[InboxId("loft")]
    assert (inbox.channel, inbox.team) == (PIGEON, "support")
    assert isinstance(inbox.settings, Pigeons)
    assert (inbox.settings.ring, inbox.settings.speed) == ("A7", 70)


def test_no_secret_shows_in_what_was_loaded(tmp_path: Path) -> None:
    shown = repr(read(tmp_path, GOOD))
    assert not any(secret in shown for secret in ENVIRON.values())


CASES = {
    "unknown key": (
        changed("    name: Acme", "    nmae: Acme"),
        r'app.yaml:6: teams\.support\.nmae: there is no such key\. Did you mean "name"\?',
    ),
    "unknown section": (
        GOOD + "colour: red\n",
        r"app.yaml:16: colour: there is no such key\. Known here: answers, commands, customers, data_dir, database, .*",
    ),
    "missing key": (
        changed("    slack_channel: C024BE91L\n", ""),
        r"app.yaml:5: teams\.support\.slack_channel: this is missing\. A channel id such as C024BE91L\. In Slack: .*",
    ),
    "missing section": (
        re.sub(r"(?s)^slack:.*?teams:", "teams:", GOOD),
        r"app.yaml: slack: this is missing\. Needs bot_token and app_token\.",
    ),
    "name instead of id": (
        changed("C024BE91L", '"#support"'),
        r"app.yaml:7: teams\.support\.slack_channel: this is not a Slack channel id \(it is '#support'\)\. A channel id .*",
    ),
    "list item": (
        changed("U024BE7LJ", "kim"),
        r"app.yaml:8: teams\.support\.members\[1\]: this is not a Slack user id \(it is 'kim'\)\. Slack user ids .*",
    ),
    "bad team name": (
        changed("  support:\n", "  Support Team:\n").replace("team: support", "team: Support Team"),
        r"app.yaml:5: teams\.Support Team: a name here is lower-case letters.*",
    ),
    "nobody in the team": (
        changed("    members: [U024BE7LH, U024BE7LJ]\n", ""),
        r"app.yaml:5: teams\.support\.members: nobody may answer this team's customers\. List members .*",
    ),
    "channel of two teams": (
        changed(
            "inboxes:", "  press: {name: Press, slack_channel: C024BE91L, members: [U024BE7LH]}\ninboxes:"
        ),
        r"app.yaml:9: teams\.press\.slack_channel: teams\.support\.slack_channel is this Slack channel .*",
    ),
    "fallback is the channel itself": (
        changed("    members:", "    fallback_channel: C024BE91L\n    members:"),
        r"app.yaml:8: teams\.support\.fallback_channel: teams\.support\.slack_channel is this Slack channel already\. .*",
    ),
    "secret in the file": (
        changed("${SLACK_BOT_TOKEN}", "xoxb-7301-9924-hWq2bTz"),
        r"app.yaml:2: slack\.bot_token: a secret may not stand in this file\. Write bot_token: \$\{BOT_TOKEN\} .*",
    ),
    "secret with a default": (
        changed("${PIGEON_KEY}", "${NOT_SET:-hunter2hunter2}"),
        r"app.yaml:14: inboxes\.loft\.key: a secret may not stand in this file\. .*",
    ),
    "half a secret": (
        changed("${PIGEON_KEY}", "abc${PIGEON_KEY}"),
        r"app.yaml:14: inboxes\.loft\.key: a secret may not stand in this file\. .*",
    ),
    "wrong kind of token": (
        changed("bot_token: ${SLACK_BOT_TOKEN}", "bot_token: ${SLACK_APP_TOKEN}"),
        r"app.yaml:2: slack\.bot_token: this is not a bot token: those start with xoxb-\. The bot token: .*",
    ),
    "plain http": (
        changed("  app_token", "  api_url: http://slack.example/api/\n  app_token"),
        r"app.yaml:3: slack\.api_url: tokens would travel unencrypted to another machine \(it is .*",
    ),
    "out of range": (
        GOOD + "web: {port: 70000}\n",
        r"app.yaml:16: web\.port: this should be less than or equal to 65535 \(it is 70000\)\. A port number; .*",
    ),
    "unknown database": (
        GOOD + "database: {url: mysql://db/onethread}\n",
        r"app.yaml:16: database\.url: this is not a database that onethread knows \(it is .*\)\. sqlite:///data.*",
    ),
    "password in the database address": (
        GOOD + "database:\n  url: postgresql://bot:hunter2@db/onethread\n",
        r'app.yaml:17: database\.url: a password may not stand in this file\. Write url: "\$\{DATABASE_URL\}" .*',
    ),
    "no such channel": (
        changed("channel: pigeon", "channel: pidgeon"),
        r"app.yaml:11: inboxes\.loft\.channel: there is no channel 'pidgeon'\. Did you mean \"pigeon\"\?",
    ),
    "no such team": (
        changed("team: support", "team: suport"),
        r"app.yaml:12: inboxes\.loft\.team: there is no team 'suport'\. Did you mean \"support\"\?",
    ),
    "key of a channel": (
        changed("ring: A7", "rign: A7"),
        r'app.yaml:13: inboxes\.loft\.rign: there is no such key\. Did you mean "ring"\?',
    ),
    "value of a channel": (
        changed("ring: A7", "ring: 7A"),
        r"app.yaml:13: inboxes\.loft\.ring: a ring begins with a letter \(it is '7A'\)\. The ring's number, e\.g\. A7\.",
    ),
    "deep in a channel": (
        changed("ring: A7", "ring: A7\n    cotes:\n      - height: 3\n      - height: tall"),
        r"app.yaml:16: inboxes\.loft\.cotes\[1\]\.height: this should be a valid integer, .*\(it is 'tall'\)\. Metres, .*",
    ),
    "unknown deep in a channel": (
        changed("ring: A7", "ring: A7\n    cotes:\n      - height: 3\n        colour: red"),
        r"app.yaml:16: inboxes\.loft\.cotes\[0\]\.colour: there is no such key\. Known under .*cotes\[0\]: height\.",
    ),
    "twice": (
        GOOD + "slack: {}\n",
        r"app.yaml:16: slack: this key stands here twice, first in line 1\. Keep one of them\.",
    ),
    "no inbox": (
        GOOD[: GOOD.index("inboxes")] + "secret_key: ${ONETHREAD_SECRET_KEY}\n",
        r"app.yaml: inboxes: there is no inbox\. Add one: .*",
    ),
    "not YAML": ("slack:\n  bot_token: [\n", r"app.yaml:3: this is not YAML: while parsing a flow .*"),
    "reference without quotes": (
        changed("${ONETHREAD_SECRET_KEY}", "[${A}, ${B}]"),
        r'app.yaml:15: this is not YAML: while parsing a flow .* a reference needs quotes: \["\$\{NEW_KEY\}".*',
    ),
    "tab": ("slack:\n\tbot_token: x\n", r"app.yaml:2: this is not YAML: .* Look at the indentation.*"),
    "empty": ("", r"app.yaml: the file is empty\. Start from .*"),
    "a list": ("- slack\n", r"app.yaml: the file is not a list of `key: value` lines\. .*"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_what_is_wrong_is_told_with_line_key_and_cure(tmp_path: Path, text: str, expected: str) -> None:
    lines = told(tmp_path, text)
    assert re.fullmatch(expected, lines[0]), lines
    assert len(lines) == 1, lines


def test_an_alias_that_holds_itself_ends(tmp_path: Path) -> None:
    lines = told(tmp_path, GOOD + "web: &web\n  host: *web\n")
    assert "this is nested too deeply. An alias (*name) may not contain itself." in lines[-1]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "SLACK_BOT_TOKEN",
            None,
            "app.yaml:2: slack.bot_token: the environment variable SLACK_BOT_TOKEN is not set.",
        ),
        ("PIGEON_KEY", "", "app.yaml:14: inboxes.loft.key: the environment variable PIGEON_KEY is empty."),
        ("ONETHREAD_SECRET_KEY", "short", "app.yaml:15: secret_key: too short: 5 characters of at least 32."),
        (
            "ONETHREAD_SECRET_KEY",
            "ab" * 20,
            "app.yaml:15: secret_key: too simple: it repeats a few characters.",
        ),
        (
            "ONETHREAD_SECRET_KEY",
            "changeme-" * 5,
            "app.yaml:15: secret_key: this is an example's value, not a secret.",
        ),
        (
            "SLACK_BOT_TOKEN",
            "xoxb-your-token",
            "app.yaml:2: slack.bot_token: this is an example's value, not a secret.",
        ),
        (
            "SLACK_APP_TOKEN",
            "xapp-…",
            "app.yaml:3: slack.app_token: this is an example's value, not a secret.",
        ),
        (
            "PIGEON_KEY",
            "password",
            "app.yaml:14: inboxes.loft.key: this is an example's value, not a secret.",
        ),
    ],
)
def test_the_environment_is_held_to_account(
    tmp_path: Path, name: str, value: str | None, expected: str
) -> None:
    environ = {k: v for k, v in ENVIRON.items() if k != name} | ({} if value is None else {name: value})
    (line,) = told(tmp_path, GOOD, environ)
    assert line.startswith(expected), line


def test_all_problems_are_told_at_once_in_the_files_order(tmp_path: Path) -> None:
    text = (
        GOOD.replace("${SLACK_BOT_TOKEN}", "xoxb-1")
        .replace("C024BE91L", "support")
        .replace("ring: A7", "ring: 7A\n    wing: 2")
        .replace("team: support", "team: sales")
        + "web: {port: many}\nlog: {level: loud}\n"
    )
    lines = told(tmp_path, text, {k: v for k, v in ENVIRON.items() if k != "PIGEON_KEY"})
    keys = [line.split(": ")[1] for line in lines]
    assert keys == [
        "slack.bot_token",
        "teams.support.slack_channel",
        "inboxes.loft.team",
        "inboxes.loft.ring",
        "inboxes.loft.wing",
        "inboxes.loft.key",
        "web.port",
        "log.level",
    ]


def test_a_refused_secret_is_never_shown(tmp_path: Path) -> None:
    environ = ENVIRON | {"SLACK_BOT_TOKEN": "wrong-hunter2", "ONETHREAD_SECRET_KEY": "short-hunter2"}
    assert "hunter2" not in "\n".join(told(tmp_path, changed("${PIGEON_KEY}", "hunter2"), environ))


def test_references_elsewhere_may_have_defaults_and_be_part_of_a_text(tmp_path: Path) -> None:
    text = GOOD + 'web: {host: "${HOST:-0.0.0.0}", port: "${PORT:-9000}"}\ndata_dir: ${HOME_DIR}/blobs\n'
    config = read(
        tmp_path, text.replace("Acme Support", "$${Acme}"), ENVIRON | {"HOME_DIR": "/srv", "PORT": "9100"}
    )
    assert (config.web.host, config.web.port, str(config.data_dir)) == ("0.0.0.0", 9100, "/srv/blobs")
    assert config.teams[TeamId("support")].name == "${Acme}"


def test_a_database_password_may_come_from_the_environment(tmp_path: Path) -> None:
    for url in ("${DATABASE_URL}", "postgresql://bot:${PW}@db/onethread"):
        environ = ENVIRON | {"DATABASE_URL": "postgres://bot:hunter2@db/onethread", "PW": "hunter2"}
        config = read(tmp_path, GOOD + f"database:\n  url: {url}\n", environ)
        assert config.database.url == "postgresql://bot:hunter2@db/onethread"
        assert "hunter2" not in repr(config)


def test_a_new_key_goes_before_the_old_one(tmp_path: Path) -> None:
    environ = ENVIRON | {"NEW_KEY": "Zq9vB2mX5rT8wL1pK4sD7yH0nJ3fG6cA"}
    config = read(
        tmp_path, changed("${ONETHREAD_SECRET_KEY}", '["${NEW_KEY}", "${ONETHREAD_SECRET_KEY}"]'), environ
    )
    assert [key.get_secret_value()[:3] for key in config.secret_key] == ["Zq9", "k1Z"]
    lines = told(tmp_path, changed("${ONETHREAD_SECRET_KEY}", '["${NEW_KEY}", "${OLD}"]'), environ)
    assert lines[0].startswith("app.yaml:15: secret_key[1]: the environment variable OLD is not set.")


def test_sizes_may_be_written_with_units(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD + "limits: {attachment_bytes: 10 MB}\n").limits.attachment_bytes == 10_000_000


def test_loopback_may_be_plain_http_and_gets_its_slash(tmp_path: Path) -> None:
    config = read(tmp_path, changed("  app_token", "  api_url: http://127.0.0.1:8123/api\n  app_token"))
    assert config.slack.api_url == "http://127.0.0.1:8123/api/"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not there\. Copy app.yaml from the repository"):
        load(tmp_path / "app.yaml", ENVIRON, CHANNELS)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_bytes(b"slack: \xff\xfe")
    with pytest.raises(ConfigError, match="byte 7 is not UTF-8"):
        load(tmp_path / "app.yaml", ENVIRON, CHANNELS)


def test_a_channel_that_cannot_be_loaded(tmp_path: Path) -> None:
    def broken() -> Channel:
        raise ImportError("No module named 'feathers'")

    (tmp_path / "app.yaml").write_text(GOOD)
    with pytest.raises(
        ConfigError, match=r"app.yaml:11: .* cannot be loaded \(ImportError: No module named 'feathers'\)"
    ):
        load(tmp_path / "app.yaml", ENVIRON, {"pigeon": broken})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "slack",
                        "teams",
                        "inboxes",
                        "support",
                        "channel",
                        "team",
                        "members",
                        "secret_key",
                        "url",
                        "database",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_stands_in_the_file_it_is_told_and_nothing_else_raises(
    tmp_path_factory: pytest.TempPathFactory, data: object
) -> None:
    import yaml

    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ConfigError):
        load(path, ENVIRON, CHANNELS)


def test_the_example_file_loads_once_its_variables_are_set(root: Path) -> None:
    text = (root / "app.yaml").read_text(encoding="utf-8")
    used = re.findall(r"^[^#\n]*\$\{(\w+)\}", text, re.M)
    names = set(used)
    environ = {name: f"wq8Zr5vQm4xT7pL2sWd9yHb3nJf6gCe{number}" for number, name in enumerate(sorted(names))}
    environ |= {"SLACK_BOT_TOKEN": ENVIRON["SLACK_BOT_TOKEN"], "SLACK_APP_TOKEN": ENVIRON["SLACK_APP_TOKEN"]}
    assert len(names) >= 4
    config = load(root / "app.yaml", environ)
    assert config.teams and config.inboxes
    lines = _told_without(root / "app.yaml", {})
    assert len(lines) == len(used), "each variable that is not set is told, and nothing else"


def test_every_key_stands_in_the_example(root: Path) -> None:
    text = (root / "app.yaml").read_text(encoding="utf-8")
    models = [field.annotation for field in Sections.model_fields.values()]
    sections: list[type[BaseModel]] = [Sections, Team]
    sections += [model for model in models if isinstance(model, type) and issubclass(model, BaseModel)]
    keys = {key for section in sections for key in section.model_fields}
    for key in sorted(keys):
        assert re.search(rf"^ *#? *{key}:", text, re.M), key


def test_channels_are_found_among_installed_packages() -> None:
    assert "email" in installed_channels()


def _told_without(path: Path, environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    return str(caught.value).splitlines()
