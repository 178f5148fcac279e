"""The Web API of the stand-in, through slack_sdk and as raw HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox.slack import Channel, Person, SlackStandIn, default_people
from tests.sandbox.slack_rig import BUTTON, MODAL, Rig, error_of, rig


async def _raw(desk: Rig, verb: str, method: str, token: str = "", **request: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with desk.http.request(verb, desk.standin.api_url + method, headers=headers, **request) as response:
        reply: dict[str, Any] = await response.json()
        return reply


async def test_arguments_travel_in_query_form_and_json() -> None:
    async with rig() as desk:
        token, args = desk.standin.bot_token, {"channel": desk.support, "text": "hi"}
        replies = [
            await _raw(desk, "GET", "chat.postMessage", params={**args, "token": token}),
            await _raw(desk, "POST", "chat.postMessage", data={**args, "token": token}),
            await _raw(desk, "POST", "chat.postMessage", token, json=args),
            await _raw(
                desk, "POST", "chat.postMessage", token, data={**args, "blocks": '[{"type": "divider"}]'}
            ),
            await _raw(
                desk, "POST", "chat.postMessage", token, params={"channel": desk.support}, json={"text": "hi"}
            ),
        ]
        assert [reply["ok"] for reply in replies] == [True] * 5
        assert [message["text"] for message in desk.standin.messages("support")] == ["hi"] * 5
        assert replies[3]["message"]["blocks"][0]["type"] == "divider"


async def test_tokens_are_asked_for_and_judged() -> None:
    async with rig() as desk:
        standin = desk.standin
        replies = [
            await _raw(desk, "POST", "auth.test"),
            await _raw(desk, "POST", "auth.test", "xoxb-wrong"),
            await _raw(desk, "POST", "chat.shout", standin.bot_token),
            await _raw(desk, "POST", "apps.connections.open", standin.bot_token),
            await _raw(desk, "POST", "auth.test", standin.app_token),
            await _raw(desk, "POST", "chat.command", standin.bot_token),
            await _raw(desk, "POST", "chat.postMessage", standin.bot_token, json=[1]),
        ]
        assert [reply["error"] for reply in replies] == [
            "not_authed",
            "invalid_auth",
            "unknown_method",
            "invalid_auth",
            "not_allowed_token_type",
            "not_allowed_token_type",
            "json_not_object",
        ]


async def test_scopes_are_required_and_told() -> None:
    async with rig(bot_scopes=["chat:write", "channels:history"]) as desk:
        with pytest.raises(SlackApiError) as caught:
            await desk.client.users_info(user=desk.standin.people["agent1"].id)
        assert caught.value.response.data["needed"] == "users:read"
        assert caught.value.response.data["provided"] == "chat:write,channels:history"
        assert await error_of(
            desk.client.chat_postMessage(channel=desk.support, text="x", username="Dana")
        ) == ("missing_scope")
        assert (await desk.client.auth_test()).headers["x-oauth-scopes"] == "chat:write,channels:history"
        await desk.client.chat_postMessage(channel=desk.support, text="x")
        await desk.standin.control("revoke_scope", scope="chat:write")
        assert await error_of(desk.client.chat_postMessage(channel=desk.support, text="x")) == "missing_scope"


async def test_a_people_channel_needs_the_scope_of_its_kind() -> None:
    channels = {"support": Channel("support"), "secret": Channel("secret", kind="group")}
    async with rig(channels=channels, bot_scopes=["channels:history"]) as desk:
        await desk.client.conversations_history(channel=desk.support)
        secret = desk.standin.channels["secret"].id
        assert await error_of(desk.client.conversations_history(channel=secret)) == "missing_scope"


async def test_timestamps_are_unique_and_rise() -> None:
    async with rig() as desk:
        posts = [desk.client.chat_postMessage(channel=desk.support, text=str(n)) for n in range(60)]
        stamps = [reply["ts"] for reply in await asyncio.gather(*posts)]
        assert len(set(stamps)) == 60
        assert all(len(ts.split(".")[1]) == 6 for ts in stamps)
        assert [m["ts"] for m in desk.standin.messages("support")] == sorted(stamps)


async def test_a_parent_counts_its_replies() -> None:
    async with rig() as desk:
        client, kim = desk.client, desk.person("agent1")
        root = (await client.chat_postMessage(channel=desk.support, text="card"))["ts"]
        await client.chat_postMessage(channel=desk.support, text="one", thread_ts=root)
        last = (await kim.chat_postMessage(channel=desk.support, text="two", thread_ts=root))["ts"]
        messages = (await client.conversations_replies(channel=desk.support, ts=last))["messages"]
        assert [m["text"] for m in messages] == ["card", "one", "two"]
        parent = messages[0]
        assert (parent["reply_count"], parent["latest_reply"], parent["reply_users_count"]) == (2, last, 2)
        history = (await client.conversations_history(channel=desk.support))["messages"]
        assert [m["text"] for m in history] == ["card"]
        await kim.chat_delete(channel=desk.support, ts=last)
        assert desk.standin.thread("support", root)[0]["reply_count"] == 1


async def test_a_deleted_parent_leaves_a_tombstone_and_a_lone_root_nothing() -> None:
    async with rig() as desk:
        client = desk.client
        root = (await client.chat_postMessage(channel=desk.support, text="card"))["ts"]
        await client.chat_postMessage(channel=desk.support, text="one", thread_ts=root)
        lone = (await client.chat_postMessage(channel=desk.support, text="lone"))["ts"]
        await desk.standin.control("delete_message", channel="support", ts=root)
        await desk.standin.control("delete_message", channel="support", ts=lone)
        shown = (await client.conversations_history(channel=desk.support))["messages"]
        assert [m.get("subtype") for m in shown] == ["tombstone"]
        assert (
            await error_of(client.chat_update(channel=desk.support, ts=root, text="x")) == "message_not_found"
        )
        assert await error_of(client.chat_postMessage(channel=desk.support, text="x", thread_ts=lone)) == (
            "cannot_reply_to_message"
        )
        await client.chat_postMessage(channel=desk.support, text="still", thread_ts=root)
        assert len(desk.standin.thread("support", root)) == 3


async def test_history_pages_and_windows() -> None:
    async with rig() as desk:
        client, support = desk.client, desk.support
        stamps = [(await client.chat_postMessage(channel=support, text=str(n)))["ts"] for n in range(5)]
        seen: list[str] = []
        async for page in await client.conversations_history(channel=support, limit=2):
            seen += [m["text"] for m in page["messages"]]
        assert seen == ["4", "3", "2", "1", "0"]
        within = await client.conversations_history(channel=support, oldest=stamps[1], latest=stamps[3])
        assert [m["text"] for m in within["messages"]] == ["2"]
        closed = await client.conversations_history(
            channel=support, oldest=stamps[1], latest=stamps[3], inclusive=True
        )
        assert [m["text"] for m in closed["messages"]] == ["3", "2", "1"]


async def test_replies_page_with_the_parent_first() -> None:
    async with rig() as desk:
        root = (await desk.client.chat_postMessage(channel=desk.support, text="card"))["ts"]
        for n in range(3):
            await desk.client.chat_postMessage(channel=desk.support, text=str(n), thread_ts=root)
        first = await desk.client.conversations_replies(channel=desk.support, ts=root, limit=2)
        cursor = first["response_metadata"]["next_cursor"]
        second = await desk.client.conversations_replies(
            channel=desk.support, ts=root, limit=2, cursor=cursor
        )
        assert [m["text"] for m in first["messages"]] == ["card", "0", "1"]
        assert [m["text"] for m in second["messages"]] == ["card", "2"]
        assert (first["has_more"], second["has_more"]) == (True, False)


async def test_metadata_is_shown_only_when_asked_for() -> None:
    async with rig() as desk:
        metadata = {"event_type": "delivery", "event_payload": {"id": "d1"}}
        sent = await desk.client.chat_postMessage(channel=desk.support, text="x", metadata=metadata)
        plain = await desk.client.conversations_replies(channel=desk.support, ts=sent["ts"])
        full = await desk.client.conversations_history(channel=desk.support, include_all_metadata=True)
        assert "metadata" not in plain["messages"][0]
        assert full["messages"][0]["metadata"] == metadata
        await desk.standin.control("revoke_scope", scope="metadata.message:read")
        blind = await desk.client.conversations_history(channel=desk.support, include_all_metadata=True)
        assert "metadata" not in blind["messages"][0]
        await desk.client.chat_update(channel=desk.support, ts=sent["ts"], text="y")
        assert desk.standin.messages("support")[0]["metadata"] == metadata


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("5 < 6 & 7 > 2", "5 &lt; 6 &amp; 7 &gt; 2"),
        ("already &amp; &lt;ok&gt;", "already &amp; &lt;ok&gt;"),
        ("<@U1> <!here> <https://a.example|shop>", "<@U1> <!here> <https://a.example|shop>"),
        ("see https://a.example/x?a=1&b=2.", "see <https://a.example/x?a=1&amp;b=2>."),
        ("write to dana@mail.example", "write to <mailto:dana@mail.example|dana@mail.example>"),
        ("&lt;https://a.example/x&gt;", "&lt;<https://a.example/x>&gt;"),
        ("<script>", "&lt;script&gt;"),
        ("<!date^1392734382^{date}|Feb 18>", "<!date^1392734382^{date}|Feb 18>"),
    ],
)
async def test_text_is_stored_as_slack_stores_it(said: str, stored: str) -> None:
    async with rig() as desk:
        assert (await desk.client.chat_postMessage(channel=desk.support, text=said))["message"][
            "text"
        ] == stored


async def test_the_bot_speaks_under_another_name_and_keeps_it_on_update() -> None:
    async with rig() as desk:
        sent = await desk.client.chat_postMessage(
            channel=desk.support, text="x", username="Dana Petrov (email)", icon_url="https://i.example/1.png"
        )
        message = sent["message"]
        assert (message["subtype"], message["username"]) == ("bot_message", "Dana Petrov (email)")
        assert "user" not in message
        assert message["bot_id"] == "B0ONETHREAD"
        updated = await desk.client.chat_update(channel=desk.support, ts=sent["ts"], text="y")
        assert updated["message"]["username"] == "Dana Petrov (email)"
        assert updated["message"]["edited"]["user"] == "U0ONETHREAD"


async def test_update_without_blocks_removes_them() -> None:
    async with rig() as desk:
        ts = (await desk.client.chat_postMessage(channel=desk.support, text="x", blocks=[BUTTON]))["ts"]
        await desk.client.chat_update(channel=desk.support, ts=ts, text="y")
        assert desk.standin.messages("support")[0]["blocks"] == []


async def test_a_client_msg_id_posts_once() -> None:
    async with rig() as desk:
        args = {"channel": desk.support, "text": "x", "client_msg_id": "m-1"}
        first = await desk.client.api_call("chat.postMessage", json=args)
        second = await desk.client.api_call("chat.postMessage", json=args)
        assert (second["ts"], second["is_duplicate"]) == (first["ts"], True)
        assert len(desk.standin.messages("support")) == 1


async def test_a_long_text_is_cut_at_40000() -> None:
    async with rig() as desk:
        await desk.client.chat_postMessage(channel=desk.support, text="x" * 40_010)
        assert len(desk.standin.messages("support")[0]["text"]) == 40_000


async def test_guests_strangers_and_other_bots_are_told_apart() -> None:
    people = default_people() | {
        "guest": Person("Gus Guest", is_restricted=True),
        "visitor": Person("Vera Visitor", is_ultra_restricted=True),
        "stranger": Person("Sam Stranger", is_stranger=True),
        "robot": Person("Deploy Bot", is_bot=True),
    }
    async with rig(people=people) as desk:
        users = {key: (await desk.client.users_info(user=p.id))["user"] for key, p in people.items()}
        assert [key for key, user in users.items() if user["is_restricted"]] == ["guest"]
        assert [key for key, user in users.items() if user["is_ultra_restricted"]] == ["visitor"]
        assert [key for key, user in users.items() if user["is_bot"]] == ["robot"]
        assert [key for key, user in users.items() if user["team_id"] != "T0STANDIN"] == ["stranger"]
        assert users["agent1"]["profile"]["real_name"] == "Kim Lindqvist"
        await desk.person("stranger").conversations_join(channel=desk.support)
        assert desk.standin.channels["support"].is_ext_shared


async def test_triggers_open_once_and_expire() -> None:
    async with rig(trigger_seconds=0.05) as desk:
        agent = desk.standin.people["agent1"]
        trigger = desk.standin.core.new_trigger(agent.id)
        await desk.client.views_open(trigger_id=trigger, view=MODAL)
        assert (
            await error_of(desk.client.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"
        )
        late = desk.standin.core.new_trigger(agent.id)
        await asyncio.sleep(0.06)
        assert await error_of(desk.client.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"


async def test_views_have_hashes_and_a_stack_of_three() -> None:
    async with rig() as desk:
        agent = desk.standin.people["agent1"]
        first = (
            await desk.client.views_open(trigger_id=desk.standin.core.new_trigger(agent.id), view=MODAL)
        )["view"]
        assert first["state"]["values"]["words"]["text"]["value"] is None
        await desk.client.views_update(view_id=first["id"], hash=first["hash"], view=MODAL)
        stale = desk.client.views_update(view_id=first["id"], hash=first["hash"], view=MODAL)
        assert await error_of(stale) == "hash_conflict"
        for _ in range(2):
            pushed = await desk.client.views_push(
                trigger_id=desk.standin.core.new_trigger(agent.id), view=MODAL
            )
        assert pushed["view"]["root_view_id"] == first["id"]
        fourth = desk.client.views_push(trigger_id=desk.standin.core.new_trigger(agent.id), view=MODAL)
        assert await error_of(fourth) == "push_limit_reached"
        assert len(agent.views) == 3


async def test_only_local_pages_may_call() -> None:
    async with rig() as desk:
        url = desk.standin.api_url + "auth.test"
        for origin, allowed in [
            ("http://127.0.0.1:8080", True),
            ("http://localhost:3000", True),
            ("https://evil.example", False),
        ]:
            async with desk.http.options(url, headers={"Origin": origin}) as response:
                assert response.status == 204
                assert (response.headers.get("Access-Control-Allow-Origin") == origin) is allowed


async def test_calls_are_recorded_with_their_replies() -> None:
    async with rig() as desk:
        await desk.client.chat_postMessage(channel=desk.support, text="x")
        (call,) = desk.standin.calls_of("chat.postMessage")
        assert call.args["text"] == "x"
        assert call.reply is not None
        assert call.reply["ok"]
        assert call.status == 200


async def test_waiting_ends_with_a_timeout() -> None:
    async with SlackStandIn() as standin:
        with pytest.raises(TimeoutError):
            await standin.wait_for(lambda: standin.messages("support"), timeout=0.05)
