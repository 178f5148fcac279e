"""The Web API of the stand-in, through slack_sdk and as raw HTTP."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
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


async def test_revoked_tokens_are_refused_and_people_go_on() -> None:
    async with rig() as desk:
        await desk.standin.control("revoke_tokens")
        assert await error_of(desk.client.auth_test()) == "token_revoked"
        assert (
            await error_of(desk.client.apps_connections_open(app_token=desk.standin.app_token))
            == "token_revoked"
        )
        await desk.person("agent1").chat_postMessage(channel=desk.support, text="is the bot gone?")
        await desk.standin.control("revoke_tokens", on=False)
        await desk.client.auth_test()


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


async def test_files_are_shared_a_little_later_and_only_the_token_opens_them() -> None:
    async with rig(share_seconds=0.2) as desk:
        standin = desk.standin
        root = (await desk.client.chat_postMessage(channel=desk.support, text="card"))["ts"]
        uploaded = await desk.person("agent1").files_upload_v2(
            channel=desk.support,
            thread_ts=root,
            filename="bill.pdf",
            file=b"%PDF-1",
            initial_comment="! here <it> is",
        )
        assert uploaded["files"][0]["id"]
        assert len(standin.thread("support", root)) == 1
        message = (await standin.wait_for(lambda: standin.thread("support", root)[1:]))[0]
        assert (message["subtype"], message["text"]) == ("file_share", "! here &lt;it&gt; is")
        shared = message["files"][0]
        assert (shared["mimetype"], shared["size"]) == ("application/pdf", 6)
        info = (await desk.client.files_info(file=shared["id"]))["file"]
        share = info["shares"]["public"][desk.support][0]
        assert (share["ts"], share["thread_ts"]) == (message["ts"], root)
        good = {"Authorization": f"Bearer {standin.bot_token}"}
        async with desk.http.get(shared["url_private_download"], headers=good) as response:
            assert (await response.read(), response.content_type) == (b"%PDF-1", "application/pdf")
        async with desk.http.get(
            shared["url_private"], headers={"Authorization": "Bearer xoxb-no"}
        ) as response:
            assert (response.status, response.content_type) == (200, "text/html")


async def test_upload_refuses_other_lengths_and_unsent_files() -> None:
    async with rig() as desk:
        given = await desk.client.files_getUploadURLExternal(filename="a.txt", length=5)
        async with desk.http.post(given["upload_url"], data=b"longer than five") as response:
            assert response.status == 400
        complete = desk.client.files_completeUploadExternal(
            files=[{"id": given["file_id"]}], channel_id=desk.support
        )
        assert await error_of(complete) == "file_not_found"


async def test_a_deleted_file_is_a_tombstone_in_its_message() -> None:
    async with rig() as desk:
        await desk.client.files_upload_v2(channel=desk.support, filename="a.txt", content="hello")
        message = (await desk.standin.wait_for(lambda: desk.standin.messages("support")))[0]
        await desk.client.files_delete(file=message["files"][0]["id"])
        assert desk.standin.messages("support")[0]["files"][0]["mode"] == "tombstone"
        assert await error_of(desk.client.files_info(file=message["files"][0]["id"])) == "file_deleted"


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


async def test_the_pace_is_one_a_second_and_channel_with_a_burst() -> None:
    async with rig(rates=True) as desk:
        press = desk.standin.channels["press"].id
        for n in range(desk.standin.rates.post_burst):
            await desk.client.chat_postMessage(channel=desk.support, text=str(n))
        with pytest.raises(SlackApiError) as caught:
            await desk.client.chat_postMessage(channel=desk.support, text="too much")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "1"
        await desk.client.chat_postMessage(channel=press, text="another channel flows")
        await desk.person("agent1").chat_postMessage(channel=desk.support, text="people are not paced")
        assert len(desk.standin.messages("support")) == desk.standin.rates.post_burst + 1


async def test_tier_budgets_are_per_minute() -> None:
    async with rig(rates=True) as desk:
        ts = (await desk.client.chat_postMessage(channel=desk.support, text="x"))["ts"]
        for n in range(50):
            await desk.client.chat_update(channel=desk.support, ts=ts, text=str(n))
        assert (
            await error_of(desk.client.chat_update(channel=desk.support, ts=ts, text="51")) == "ratelimited"
        )


async def test_faults_hit_the_bot_and_wear_out() -> None:
    async with rig() as desk:
        faults, client = desk.standin.faults, desk.client

        async def post() -> Any:
            return await client.chat_postMessage(channel=desk.support, text="x")

        faults.fail("chat.postMessage", status=503)
        faults.limit("chat.postMessage", channel=desk.support, retry_after=7)
        await desk.person("agent1").chat_postMessage(channel=desk.support, text="people go on")
        with pytest.raises(SlackApiError) as broken:
            await post()
        assert broken.value.response.status_code == 503
        with pytest.raises(SlackApiError) as limited:
            await post()
        assert limited.value.response.headers["Retry-After"] == "7"
        assert len(desk.standin.messages("support")) == 1
        await post()
        assert len(desk.standin.messages("support")) == 2


async def test_processed_then_dropped() -> None:
    async with rig() as desk:
        desk.standin.faults.drop("chat.postMessage")
        with pytest.raises(aiohttp.ClientConnectionError):
            await desk.client.chat_postMessage(channel=desk.support, text="x")
        assert len(desk.standin.messages("support")) == 1
        desk.standin.faults.drop("chat.postMessage", processed=False)
        with pytest.raises(aiohttp.ClientConnectionError):
            await desk.client.chat_postMessage(channel=desk.support, text="y")
        assert len(desk.standin.messages("support")) == 1


async def test_hang_answers_late() -> None:
    async with rig() as desk:
        desk.standin.faults.hang("auth.test", seconds=0.3)
        begin = time.monotonic()
        await desk.client.auth_test()
        assert time.monotonic() - begin >= 0.3


async def test_the_control_door_turns_the_same_knobs() -> None:
    async with rig() as desk:
        door = f"{desk.standin.base_url}/_control"
        async with desk.http.post(
            door, json={"do": "limit", "channel": "support", "retry_after": 3}
        ) as response:
            assert (await response.json())["rules"][0]["effect"] == "limit"
        with pytest.raises(SlackApiError) as limited:
            await desk.client.chat_postMessage(channel=desk.support, text="x")
        assert limited.value.response.headers["Retry-After"] == "3"
        async with desk.http.post(door, json={"do": "archive", "channel": "support"}) as response:
            assert response.status == 200
        assert await error_of(desk.client.chat_postMessage(channel=desk.support, text="x")) == "is_archived"
        for bad in ({"do": "explode"}, {"do": "archive"}, {"do": "archive", "channel": "nowhere"}):
            async with desk.http.post(door, json=bad) as response:
                assert response.status == 400
        async with desk.http.get(door) as response:
            assert "archive" in (await response.json())["orders"]


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


async def test_a_local_page_may_upload_and_load_pictures() -> None:
    async with rig() as desk:
        origin = {"Origin": "http://127.0.0.1:8080"}
        kim = desk.person("agent1")
        given = await kim.files_getUploadURLExternal(filename="a.png", length=3)
        async with desk.http.options(given["upload_url"], headers=origin) as response:
            assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        async with desk.http.post(given["upload_url"], data=b"PNG", headers=origin) as response:
            assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        await kim.files_completeUploadExternal(files=[{"id": given["file_id"]}], channels=[desk.support])
        message = (await desk.standin.wait_for(lambda: desk.standin.messages("support")))[0]
        url = f"{message['files'][0]['url_private']}?token={desk.standin.people['agent1'].token}"
        async with desk.http.get(url, headers=origin) as response:
            assert (await response.read(), response.content_type) == (b"PNG", "image/png")


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
