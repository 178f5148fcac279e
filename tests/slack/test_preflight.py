"""What is checked at the start, and the manifest that makes it right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from bot.commands.help import make_registry
from bot.errors import ConfigError
from bot.sandbox.slack import SlackStandIn
from bot.slack import app
from bot.slack.manifest import BOT_EVENTS, manifest, needed_scopes
from bot.slack.preflight import preflight
from tests.slack.rig import Rig, policy_for, rig
from tests.slack.test_desk import needs_specs

UNLISTED = {"channel_archive", "group_archive"}
"""Events of Slack's documentation that its machine-readable list leaves out."""


def specs() -> Path:
    """Slack's own descriptions."""
    return needs_specs() / "slack"


async def refused(desk: Rig, **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        await preflight(replace(desk.policy, **more), desk.desk.client)
    return str(caught.value).splitlines()


async def test_all_is_well() -> None:
    async with rig(run=False, bot_scopes=sorted(needed_scopes(policy_for(SlackStandIn())))) as desk:
        identity = await preflight(desk.policy, desk.desk.client)
        bot = desk.standin.workspace
        assert (identity.team_id, identity.bot_user_id, identity.bot_id) == (
            bot.team_id,
            bot.bot.id,
            bot.bot_id,
        )


async def test_a_wrong_bot_token() -> None:
    async with rig(run=False) as desk:
        desk.desk.client.token = "xoxb-wrong"
        (line,) = await refused(desk)
        assert line.startswith("Slack refuses the bot token (invalid_auth).")


async def test_a_wrong_app_token() -> None:
    async with rig(run=False) as desk:
        (line,) = await refused(desk, app_token="xapp-wrong")
        assert line.startswith("Slack refuses the app token (invalid_auth).")


async def test_everything_that_is_wrong_is_told_at_once() -> None:
    async with rig(run=False) as desk:
        await desk.standin.control("revoke_scope", scope="files:write")
        await desk.standin.control("remove_bot", channel="support")
        team = replace(desk.policy.teams[0], id="press", channel="C0NOWHERE")
        lines = await refused(desk, teams=(*desk.policy.teams, team))
        assert lines == [
            "The Slack app lacks the scopes files:write. "
            "Update it with the output of `onethread manifest` and install it again.",
            f"team support: the Slack channel {desk.channel} (#support): the bot is not in it. Type /invite @bot there.",
            "team press: the Slack channel C0NOWHERE does not exist or is private. "
            "Put its id (C…) into app.yaml and invite the bot there.",
        ]


async def test_an_archived_channel() -> None:
    async with rig(run=False) as desk:
        await desk.standin.control("archive", channel="support")
        (line,) = await refused(desk)
        assert line.endswith("(#support) is archived. Unarchive it or choose another.")


async def test_slack_is_away() -> None:
    async with rig(run=False) as desk:
        await desk.standin.stop()
        (line,) = await refused(desk)
        assert line.startswith("Slack cannot be reached at http://127.0.0.1")


def test_the_manifest_is_valid() -> None:
    schema = json.loads((specs() / "manifest.schema.2.0.0.json").read_text())
    made = manifest(make_registry("ot-"), policy_for(SlackStandIn()))
    assert [error.message for error in Draft7Validator(schema).iter_errors(made)] == []
    commands = made["features"]["slash_commands"]
    assert {c["command"] for c in commands} >= {
        "/ot-reply",
        "/ot-note",
        "/ot-history",
        "/ot-resolve",
        "/ot-health",
    }
    assert all(c["should_escape"] is True for c in commands)
    assert len(made["features"]["shortcuts"]) <= 10


def test_the_subscriptions_are_slacks_and_are_handled() -> None:
    events = {event["name"]: event for event in json.loads((specs() / "events.json").read_text())}
    scopes = needed_scopes(policy_for(SlackStandIn()))
    for name in sorted(set(BOT_EVENTS) - UNLISTED):
        assert "Events" in events[name]["APIs"], name
        needs = {scope.replace("app_mentions.read", "app_mentions:read") for scope in events[name]["scopes"]}
        assert not needs or needs & scopes, (name, needs)
    assert set(app.EVENTS) == set(BOT_EVENTS)


def test_the_scopes_cover_every_method_that_is_called() -> None:
    source = Path(app.__file__).parent
    text = "".join(path.read_text() for path in source.glob("*.py"))
    scopes = needed_scopes(policy_for(SlackStandIn())) | {"usergroups:read"}
    called = [path.stem for path in (specs() / "methods").glob("*.json") if f'"{path.stem}"' in text]
    assert {"chat.postMessage", "conversations.replies", "files.info", "users.info"} <= set(called)
    for method in called:
        needs = set(
            json.loads((specs() / "methods" / f"{method}.json").read_text())["scope"].get("bot") or ()
        )
        assert not needs or needs & scopes, (method, needs)
