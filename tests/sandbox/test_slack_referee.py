"""Every method of the stand-in, held against Slack's own description of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bot.sandbox.slack.core import METHODS, PEOPLE_ONLY
from bot.sandbox.slack.scopes import EVENT_SCOPES, SCOPES, TIERS
from tests.sandbox.slack_referee import PEOPLE_VERBS, Referee
from tests.sandbox.slack_rig import MODAL, Rig, error_of, rig


@pytest.fixture
def referee(specs: Path) -> Referee:
    return Referee(specs)


def test_only_the_people_have_methods_that_slack_does_not_describe(referee: Referee) -> None:
    assert PEOPLE_ONLY == PEOPLE_VERBS
    assert [name for name in METHODS if name not in PEOPLE_VERBS and referee.spec(name) is None] == []


def test_scopes_and_tiers_are_slacks(referee: Referee) -> None:
    implemented = set(METHODS) - PEOPLE_VERBS
    assert implemented == set(SCOPES) == set(TIERS)
    for name in implemented:
        spec = referee.spec(name)
        assert spec is not None
        assert set(spec["scope"].get("bot", ())) == set(SCOPES[name]), name
        assert spec["rate_limits"] == TIERS[name], name


def test_event_scopes_are_slacks(specs: Path) -> None:
    described = {event["name"]: event for event in json.loads((specs / "slack" / "events.json").read_text())}
    for name, ours in EVENT_SCOPES.items():
        if name not in described:
            assert name.endswith("archive"), name  # sent by Slack, missing in this list
            continue
        theirs = described[name].get("scopes") or ()
        assert not theirs or set(ours) <= {scope.replace(".read", ":read") for scope in theirs}, name


async def _chat(desk: Rig) -> None:
    """Posting and everything around a message."""
    client, support = desk.client, desk.support
    await client.auth_test()
    await client.api_test()
    root = await client.chat_postMessage(
        channel=support,
        text="card",
        metadata={"event_type": "delivery", "event_payload": {"id": "1"}},
        unfurl_links=False,
        unfurl_media=False,
    )
    ts = root["ts"]
    reply = await client.chat_postMessage(
        channel=support,
        text="x",
        thread_ts=ts,
        reply_broadcast=True,
        username="Dana",
        icon_emoji=":envelope:",
    )
    await client.chat_update(channel=support, ts=ts, text="card 2")
    await client.chat_getPermalink(channel=support, message_ts=reply["ts"])
    await client.chat_postEphemeral(channel=support, user=desk.standin.people["agent1"].id, text="only you")
    await client.reactions_add(channel=support, timestamp=ts, name="eyes")
    await client.reactions_get(channel=support, timestamp=ts)
    await client.reactions_remove(channel=support, timestamp=ts, name="eyes")
    await client.assistant_threads_setStatus(channel_id=support, thread_ts=ts, status="is typing…")
    await client.conversations_history(channel=support, limit=1, include_all_metadata=True)
    await client.conversations_replies(channel=support, ts=ts)
    await client.chat_delete(channel=support, ts=reply["ts"])


async def _rooms(desk: Rig) -> None:
    """Channels and people."""
    client, support = desk.client, desk.support
    agent = desk.standin.people["agent1"].id
    await client.conversations_info(channel=support)
    await client.conversations_list(types="public_channel,im")
    await client.conversations_members(channel=support)
    await client.conversations_open(users=agent)
    await client.conversations_open(users=agent, return_im=True)
    await client.users_conversations()
    await client.users_info(user=agent)
    await client.users_list()
    await client.users_lookupByEmail(email="kim@shop.example")
    await client.users_getPresence(user=agent)
    await client.users_profile_get(user=agent)
    await client.usergroups_list(include_users=True)
    await client.usergroups_users_list(usergroup=desk.standin.usergroups["agents"])
    await client.bots_info(bot="B0ONETHREAD")
    await client.team_info()
    press = desk.standin.channels["press"].id
    await client.conversations_kick(channel=press, user=agent)
    await client.conversations_invite(channel=press, users=[agent])
    await client.conversations_leave(channel=press)
    await client.conversations_join(channel=press)
    await client.conversations_archive(channel=press)
    await client.conversations_unarchive(channel=press)


async def _files_and_views(desk: Rig) -> None:
    """Uploads, modals, Home."""
    client, standin = desk.client, desk.standin
    await client.files_upload_v2(
        channel=desk.support, filename="a.txt", content="hello", initial_comment="see"
    )
    shared = await standin.wait_for(lambda: [m for m in standin.messages("support") if m.get("files")])
    file_id = shared[0]["files"][0]["id"]
    await client.files_info(file=file_id)
    await client.files_delete(file=file_id)
    agent = standin.people["agent1"].id
    opened = await client.views_open(trigger_id=standin.core.new_trigger(agent), view=MODAL)
    view = opened["view"]
    await client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)
    await client.views_push(trigger_id=standin.core.new_trigger(agent), view=MODAL)
    await client.views_publish(user_id=agent, view={"type": "home", "blocks": [{"type": "divider"}]})
    await client.apps_connections_open(app_token=standin.app_token)


async def _refusals(desk: Rig) -> None:
    """One refusal or more of each method that can say no for its own reasons."""
    client, support, standin = desk.client, desk.support, desk.standin
    root = (await client.chat_postMessage(channel=support, text="x"))["ts"]
    theirs = (await desk.person("agent1").chat_postMessage(channel=support, text="mine"))["ts"]
    agent = standin.people["agent1"].id
    gone, nowhere = "1.000001", "C404"
    heavy = [{"type": "section", "text": {"type": "plain_text", "text": "x" * 2_900}}] * 5
    calls = {
        "no_text": client.api_call("chat.postMessage", json={"channel": support}),
        "invalid_blocks": client.chat_postMessage(channel=support, blocks=[{"type": "header"}], text="x"),
        "msg_blocks_too_long": client.chat_postMessage(channel=support, blocks=heavy, text="x"),
        "cannot_reply_to_message": client.chat_postMessage(channel=support, text="x", thread_ts=gone),
        "invalid_metadata_schema": client.chat_postMessage(
            channel=support, text="x", metadata={"event_type": "e"}
        ),
        "channel_not_found": client.chat_postMessage(channel=nowhere, text="x"),
        "message_not_found": client.chat_update(channel=support, ts=gone, text="x"),
        "cant_update_message": client.chat_update(channel=support, ts=theirs, text="x"),
        "msg_too_long": client.chat_update(channel=support, ts=root, text="x" * 4_001),
        "cant_delete_message": client.chat_delete(channel=support, ts=theirs),
        "user_not_in_channel": client.chat_postEphemeral(channel=support, user="U404", text="x"),
        "thread_not_found": client.conversations_replies(channel=support, ts=gone),
        "invalid_cursor": client.conversations_history(channel=support, cursor="?"),
        "invalid_ts_latest": client.conversations_history(channel=support, latest="soon"),
        "invalid_types": client.conversations_list(types="all"),
        "invalid_limit": client.conversations_list(limit=5_000),
        "user_not_found": client.users_info(user="U404"),
        "users_not_found": client.users_lookupByEmail(email="nobody@shop.example"),
        "no_such_subteam": client.usergroups_users_list(usergroup="S404"),
        "bot_not_found": client.bots_info(bot="B404"),
        "no_item_specified": client.api_call("reactions.get"),
        "invalid_name": client.reactions_add(channel=support, timestamp=root, name="Not A Name"),
        "no_reaction": client.reactions_remove(channel=support, timestamp=root, name="eyes"),
        "file_not_found": client.files_info(file="F404"),
        "invalid_trigger_id": client.views_open(trigger_id="1.2.3", view=MODAL),
        "not_found": client.views_update(view_id="V404", view=MODAL),
        "invalid_arguments": client.views_publish(user_id=agent, view={"type": "home"}),
        "already_in_channel": client.conversations_invite(channel=support, users=[agent]),
        "cant_kick_self": client.conversations_kick(channel=support, user=standin.workspace.bot.id),
        "users_list_not_supplied": client.conversations_open(users=""),
        "not_archived": client.conversations_unarchive(channel=support),
    }
    errors = await asyncio.gather(*(error_of(call) for call in calls.values()))
    assert errors == list(calls)
    await standin.control("archive", channel="support")
    assert await error_of(client.chat_postMessage(channel=support, text="x")) == "is_archived"
    assert await error_of(client.chat_update(channel=support, ts=root, text="x")) == "is_inactive"
    await standin.control("remove_bot", channel="press")
    press = standin.channels["press"].id
    assert await error_of(client.chat_postMessage(channel=press, text="x")) == "not_in_channel"
    assert await error_of(client.conversations_history(channel=press)) == "not_in_channel"
    await standin.control("paid_plan", on=False)
    assert await error_of(client.usergroups_list()) == "plan_upgrade_required"


async def test_every_method_answers_as_slack_describes_it(referee: Referee) -> None:
    async with rig(usergroups={"agents": ["agent1", "agent2"]}) as desk:
        await _chat(desk)
        await _rooms(desk)
        await _files_and_views(desk)
        good = {call.method for call in desk.standin.calls if call.reply and call.reply["ok"]}
        assert good == set(METHODS) - PEOPLE_VERBS
        await _refusals(desk)
        assert referee.judge_all(desk.standin.calls) == []


@pytest.mark.parametrize(
    ("method", "args", "reply", "problem"),
    [
        ("chat.postMessage", {"channel": "C1", "colour": "red"}, None, "unknown argument colour"),
        ("chat.postMessage", {"text": "x"}, None, "missing argument channel"),
        ("chat.postMessage", {"channel": "C1"}, {"ok": True, "channel": "C1"}, "reply lacks ts"),
        (
            "chat.postMessage",
            {"channel": "C1"},
            {"ok": False, "error": "too_sunny"},
            "too_sunny is not in its list",
        ),
        ("chat.shout", {}, {"ok": True}, "no such method"),
        ("users.list", {}, {"ok": True, "members": {}, "cache_ts": 1}, "members is no array"),
    ],
)
def test_the_referee_sees_fiction(
    referee: Referee, method: str, args: dict, reply: dict | None, problem: str
) -> None:
    assert problem in " ".join(referee.judge(method, args, reply))
