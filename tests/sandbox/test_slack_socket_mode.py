"""Socket Mode as the real clients see it: slack_bolt's AsyncApp behind slack_sdk's socket client."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest

from bot.sandbox.slack import Channel, Person, SlackStandIn, default_people
from tests.sandbox.slack_rig import MODAL, bolt, error_of, new_app, rig


async def _next(ws: aiohttp.ClientWebSocketResponse, timeout: float = 5) -> dict[str, Any]:
    frame = await ws.receive(timeout=timeout)
    assert frame.type is aiohttp.WSMsgType.TEXT, frame
    found: dict[str, Any] = json.loads(frame.data)
    return found


async def test_hello_counts_the_connections() -> None:
    async with rig() as desk:
        first, second = await desk.socket(), await desk.socket()
        hello, other = await _next(first), await _next(second)
        assert (hello["type"], hello["num_connections"], other["num_connections"]) == ("hello", 1, 2)
        assert hello["debug_info"]["approximate_connection_time"] > 0
        assert hello["connection_info"]["app_id"] == "A0ONETHREAD"
        await first.ping(b"are you there")
        await first.close()
        await desk.standin.wait_for(lambda: desk.standin.connections == 1)


async def test_a_ticket_opens_one_connection() -> None:
    async with rig() as desk:
        url = (await desk.client.apps_connections_open(app_token=desk.standin.app_token))["url"]
        await desk.socket(url)
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await desk.socket(url)


async def test_the_eleventh_connection_is_one_too_many() -> None:
    async with rig() as desk:
        ten = [await desk.socket() for _ in range(10)]
        await desk.standin.wait_for(lambda: desk.standin.connections == 10)
        eleventh = await desk.socket()
        assert (await _next(eleventh))["reason"] == "too_many_websockets"
        assert (await eleventh.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        assert desk.standin.connections == len(ten)


async def test_an_event_reaches_bolt_whole_and_is_acked() -> None:
    async with rig() as desk:
        app, seen = new_app(desk), []

        @app.event("message")
        async def on_message(event: dict[str, Any], body: dict[str, Any]) -> None:
            seen.append((event, body))

        async with bolt(desk, app):
            root = (await desk.client.chat_postMessage(channel=desk.support, text="card"))["ts"]
            await desk.person("agent1").chat_postMessage(
                channel=desk.support, text="! it's 5 < 6 & more", thread_ts=root
            )
            await desk.standin.wait_for(lambda: len(desk.standin.deliveries) == 2)
            await desk.standin.wait_for(lambda: all(delivery.acked for delivery in desk.standin.deliveries))
        ((event, body),) = seen  # Bolt drops the bot's own post, which was sent and acked as well
        assert desk.standin.deliveries[0].event["bot_id"] == "B0ONETHREAD"
        assert event["text"] == "! it's 5 &lt; 6 &amp; more"
        assert (event["user"], event["thread_ts"]) == (desk.standin.people["agent1"].id, root)
        assert (event["channel_type"], event["channel"]) == ("channel", desk.support)
        assert body["event_id"].startswith("Ev")
        assert body["authorizations"][0]["user_id"] == "U0ONETHREAD"
        assert (body["team_id"], body["is_ext_shared_channel"]) == ("T0STANDIN", False)


async def test_an_unacked_event_comes_again_at_once_and_then_later() -> None:
    async with rig(ack_timeout=0.1, clock_scale=1_000) as desk:
        ws = await desk.socket()
        await _next(ws)
        begin = time.monotonic()
        await desk.person("agent1").chat_postMessage(channel=desk.support, text="hi")
        envelopes = [await _next(ws) for _ in range(4)]
        assert [e["retry_attempt"] for e in envelopes] == [0, 1, 2, 3]
        assert [e["retry_reason"] for e in envelopes] == ["", "timeout", "timeout", "timeout"]
        assert len({e["payload"]["event_id"] for e in envelopes}) == 1
        assert time.monotonic() - begin >= 0.1 * 3 + 0.06 + 0.3
        await desk.standin.wait_for(lambda: desk.standin.deliveries[0].failed)


async def test_a_raising_listener_is_given_the_event_again() -> None:
    async with rig(ack_timeout=0.15) as desk:
        app, attempts = new_app(desk), []

        @app.event("message")
        async def on_message(body: dict[str, Any]) -> None:
            attempts.append(body["event_id"])
            if len(attempts) == 1:
                raise RuntimeError("not today")

        async with bolt(desk, app):
            await desk.person("agent1").chat_postMessage(channel=desk.support, text="hi")
            await desk.standin.wait_for(lambda: desk.standin.deliveries[0].acked)
        assert len(attempts) == 2
        assert len(set(attempts)) == 1


async def test_events_wait_for_a_bot_that_is_away() -> None:
    async with rig(ack_timeout=0.1, clock_scale=120) as desk:
        await desk.person("agent1").chat_postMessage(channel=desk.support, text="anybody?")
        app, seen = new_app(desk), []

        @app.event("message")
        async def on_message(event: dict[str, Any]) -> None:
            seen.append(event["text"])

        async with bolt(desk, app):
            await desk.standin.wait_for(lambda: desk.standin.deliveries[0].acked)
        assert seen == ["anybody?"]


async def test_each_envelope_goes_to_one_of_the_connections() -> None:
    async with rig() as desk:
        app, seen = new_app(desk), []

        @app.event("message")
        async def on_message(event: dict[str, Any]) -> None:
            seen.append(event["ts"])

        async with bolt(desk, app), bolt(desk, app):
            for n in range(20):
                await desk.person("agent1").chat_postMessage(channel=desk.support, text=str(n))
            await desk.standin.wait_for(lambda: all(d.acked for d in desk.standin.deliveries))
        assert len(seen) == len(set(seen)) == 20


async def test_duplicates_carry_the_same_event() -> None:
    async with rig() as desk:
        desk.standin.faults.duplicate = True
        ws = await desk.socket()
        await _next(ws)
        await desk.person("agent1").chat_postMessage(channel=desk.support, text="hi")
        first, second = await _next(ws), await _next(ws)
        assert first["envelope_id"] != second["envelope_id"]
        assert first["payload"]["event_id"] == second["payload"]["event_id"]
        assert first["retry_attempt"] == second["retry_attempt"] == 0


async def test_reordered_envelopes_all_arrive() -> None:
    async with rig() as desk:
        desk.standin.faults.reorder = 4
        ws = await desk.socket()
        await _next(ws)
        for n in range(5):
            await desk.person("agent1").chat_postMessage(channel=desk.support, text=str(n))
        texts = [(await _next(ws))["payload"]["event"]["text"] for _ in range(5)]
        assert sorted(texts[:4]) == ["0", "1", "2", "3"]
        assert texts[:4] != sorted(texts[:4])
        assert texts[4] == "4"


async def test_a_refresh_warns_asks_and_closes_and_bolt_comes_back() -> None:
    async with rig() as desk:
        ws = await desk.socket()
        await _next(ws)
        await desk.standin.control("refresh_sockets")
        assert [(await _next(ws))["reason"] for _ in range(2)] == ["warning", "refresh_requested"]
        assert (await ws.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        await desk.standin.wait_for(lambda: desk.standin.connections == 0)
        app, seen = new_app(desk), []

        @app.event("message")
        async def on_message(event: dict[str, Any]) -> None:
            seen.append(event["text"])

        async with bolt(desk, app, ping_interval=0.2):
            opened = len(desk.standin.calls_of("apps.connections.open"))
            await desk.standin.control("close_sockets")
            await desk.standin.wait_for(
                lambda: (
                    len(desk.standin.calls_of("apps.connections.open")) > opened
                    and desk.standin.connections == 1
                )
            )
            await desk.person("agent1").chat_postMessage(channel=desk.support, text="still there?")
            await desk.standin.wait_for(lambda: desk.standin.deliveries[0].acked)
        assert seen == ["still there?"]


async def test_a_deaf_socket_stays_open_and_says_nothing() -> None:
    async with rig(ack_timeout=0.2) as desk:
        ws = await desk.socket()
        await _next(ws)
        desk.standin.faults.deaf = True
        await desk.person("agent1").chat_postMessage(channel=desk.support, text="hi")
        assert await error_of_timeout(ws)
        assert desk.standin.connections == 1
        desk.standin.faults.clear()
        assert (await _next(ws))["retry_attempt"] == 1


async def test_one_deaf_socket_of_two_swallows_its_share_of_every_attempt() -> None:
    async with rig(ack_timeout=0.1, clock_scale=1_000) as desk:
        app, seen = new_app(desk), set()

        @app.event("message")
        async def on_message(event: dict[str, Any]) -> None:
            seen.add(event["text"])

        async with bolt(desk, app), bolt(desk, app):
            await desk.standin.control("deaf", connection=0)
            for n in range(8):
                await desk.person("agent1").chat_postMessage(channel=desk.support, text=str(n))
            await desk.standin.wait_for(lambda: all(d.acked or d.failed for d in desk.standin.deliveries))
            assert any(delivery.attempt for delivery in desk.standin.deliveries)
            heard = {delivery.event["text"] for delivery in desk.standin.deliveries if delivery.acked}
        assert seen == heard
        assert len(heard) >= 4, "the other socket hears half of each round"


async def error_of_timeout(ws: aiohttp.ClientWebSocketResponse) -> bool:
    """True when nothing arrives in 50 ms."""
    try:
        await ws.receive(timeout=0.05)
    except TimeoutError:
        return True
    return False


async def test_changes_and_deletions_are_events() -> None:
    async with rig() as desk:
        kim = desk.person("agent1")
        ts = (await kim.chat_postMessage(channel=desk.support, text="helo"))["ts"]
        await kim.chat_update(channel=desk.support, ts=ts, text="hello")
        await kim.chat_delete(channel=desk.support, ts=ts)
        said, changed, deleted = (delivery.event for delivery in desk.standin.deliveries)
        assert (changed["subtype"], changed["message"]["text"]) == ("message_changed", "hello")
        assert (changed["previous_message"]["text"], changed["hidden"]) == ("helo", True)
        assert changed["message"]["edited"]["user"] == desk.standin.people["agent1"].id
        assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", said["ts"])
        assert deleted["previous_message"]["text"] == "hello"


async def test_the_other_events() -> None:
    async with rig() as desk:
        kim, bot = desk.person("agent1"), desk.standin.workspace.bot.id
        ts = (await kim.chat_postMessage(channel=desk.support, text=f"<@{bot}> who owns this?"))["ts"]
        await kim.reactions_add(channel=desk.support, timestamp=ts, name="eyes")
        await kim.conversations_leave(channel=desk.support)
        await kim.conversations_join(channel=desk.support)
        await desk.standin.act("agent1", "client.home")
        await desk.standin.control("archive", channel="support")
        events = {delivery.event["type"]: delivery.event for delivery in desk.standin.deliveries}
        assert set(events) == {
            "message",
            "app_mention",
            "reaction_added",
            "member_left_channel",
            "member_joined_channel",
            "app_home_opened",
            "channel_archive",
        }
        assert events["reaction_added"]["item"] == {"type": "message", "channel": desk.support, "ts": ts}
        assert events["app_home_opened"]["tab"] == "home"


async def test_the_bot_hears_nothing_of_channels_it_is_not_in_or_without_scope() -> None:
    channels = {"support": Channel("support"), "other": Channel("other", bot_is_member=False)}
    async with rig(channels=channels) as desk:
        kim = desk.person("agent1")
        await kim.chat_postMessage(channel=desk.standin.channels["other"].id, text="secret")
        assert not desk.standin.deliveries
        await kim.chat_postMessage(channel=desk.support, text="open")
        assert len(desk.standin.deliveries) == 1
        await desk.standin.control("revoke_scope", scope="channels:history")
        await kim.chat_postMessage(channel=desk.support, text="unheard")
        assert len(desk.standin.deliveries) == 1


async def test_strangers_in_a_shared_channel_are_marked() -> None:
    people = default_people() | {"stranger": Person("Sam Stranger", is_stranger=True)}
    async with rig(people=people) as desk:
        await desk.person("stranger").conversations_join(channel=desk.support)
        await desk.person("stranger").chat_postMessage(channel=desk.support, text="hi")
        delivery = desk.standin.deliveries[-1]
        assert delivery.payload["is_ext_shared_channel"]
        assert delivery.event["user_team"] == "T0ELSEWHERE"


async def test_a_command_is_answered_by_its_ack() -> None:
    async with rig() as desk:
        app, got = new_app(desk), {}

        @app.command("/reply")
        async def on_reply(ack: Any, body: dict[str, Any]) -> None:
            got.update(body)
            await ack(f"→ {body['text']}")

        async with bolt(desk, app):
            answer = await desk.standin.act(
                "agent1",
                "chat.command",
                channel=desk.support,
                command="/reply C42 ships today @amir",
                text="& soon",
            )
        amir = desk.standin.people["agent2"]
        assert answer["ok"]
        assert answer["response"]["text"] == f"→ C42 ships today <@{amir.id}|amir> &amp; soon"
        assert (got["channel_name"], got["user_id"]) == ("support", desk.standin.people["agent1"].id)
        shown = (await desk.standin.act("agent1", "client.ephemerals", channel=desk.support))["messages"]
        assert shown[0]["text"].startswith("→ C42")
        assert (await desk.standin.act("agent2", "client.ephemerals"))["messages"] == []


async def test_commands_fail_as_slack_lets_them_fail() -> None:
    async with rig(ack_timeout=0.1, commands=["/reply"]) as desk:
        say = {"channel": desk.support, "command": "/reply"}
        act = desk.standin.act
        assert (await act("agent1", "chat.command", **say))["error"] == "dispatch_failed"
        ws = await desk.socket()
        await _next(ws)
        assert (await act("agent1", "chat.command", **say))["error"] == "operation_timeout"
        assert (await _next(ws))["type"] == "slash_commands"
        assert (await act("agent1", "chat.command", **say, thread_ts="1.2"))[
            "error"
        ] == "not_supported_in_threads"
        assert (await act("agent1", "chat.command", channel=desk.support, command="/search x"))["error"] == (
            "built_in_command"
        )
        assert (await act("agent1", "chat.command", channel=desk.support, command="/hug"))["error"] == (
            "unknown_command"
        )
        try:
            again = await ws.receive(timeout=0.3)
        except TimeoutError:
            again = None
        assert again is None, "commands are not sent again"


async def test_a_form_from_command_to_submission() -> None:
    async with rig() as desk:
        app, submitted = new_app(desk), []

        @app.command("/reply")
        async def on_reply(ack: Any, body: dict[str, Any], client: Any) -> None:
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
            await ack()

        @app.view("form")
        async def on_form(ack: Any, view: dict[str, Any]) -> None:
            words = view["state"]["values"]["words"]["text"]["value"]
            if words == "bad":
                await ack(response_action="errors", errors={"words": "Say something kind"})
                return
            submitted.append(words)
            await ack()

        async with bolt(desk, app):
            act = desk.standin.act
            await act("agent1", "chat.command", channel=desk.support, command="/reply")
            (view,) = (await act("agent1", "client.views"))["views"]
            empty = await act("agent1", "views.submit", view_id=view["id"])
            assert (empty["error"], list(empty["errors"])) == ("incomplete", ["words"])
            bad = await act("agent1", "views.submit", view_id=view["id"], values={"words": {"text": "bad"}})
            assert (bad["response_action"], bad["errors"]) == ("errors", {"words": "Say something kind"})
            good = await act("agent1", "views.submit", view_id=view["id"], values={"text": "It ships today"})
            assert (good["ok"], good["response_action"]) == (True, None)
        assert submitted == ["It ships today"]
        assert desk.standin.people["agent1"].views == []
        assert await error_of(desk.client.views_update(view_id=view["id"], view=MODAL)) == "not_found"


async def test_slack_is_away_for_a_while_and_forgets_nothing() -> None:
    async with rig(ack_timeout=0.1, clock_scale=1_000) as desk:
        standin = desk.standin
        root = (await desk.client.chat_postMessage(channel=desk.support, text="card"))["ts"]
        port = int(standin.base_url.rpartition(":")[2])
        await standin.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await desk.client.auth_test()
        await standin.start(port=port)
        assert standin.thread("support", root)[0]["text"] == "card"
        ws = await desk.socket()
        await _next(ws)
        assert (await _next(ws))["payload"]["event"]["ts"] == root


async def test_a_duplicated_command_reaches_the_app_twice_with_one_trigger() -> None:
    async with rig() as desk:
        desk.standin.faults.duplicate = True
        app, triggers = new_app(desk), []

        @app.command("/reply")
        async def on_reply(ack: Any, body: dict[str, Any]) -> None:
            triggers.append(body["trigger_id"])
            await ack("done")

        async with bolt(desk, app):
            await desk.standin.act("agent1", "chat.command", channel=desk.support, command="/reply C42")
            await desk.standin.wait_for(lambda: desk.standin.deliveries[0].acks == 2)
        assert len(triggers) == 2
        assert len(set(triggers)) == 1
        assert len(desk.standin.people["agent1"].ephemerals) == 1


def test_outside_scripts_find_everything() -> None:
    found = SlackStandIn().endpoints()
    assert set(found["people"]) == {"agent1", "agent2", "lead"}
    assert found["people"]["lead"]["token"].startswith("xoxp-")
    assert set(found["channels"]) == {"support", "press"}


async def test_nothing_is_left_running_after_stop() -> None:
    async with rig(ack_timeout=30) as desk:
        await desk.socket()
        await desk.person("agent1").chat_postMessage(channel=desk.support, text="hi")
        command = asyncio.create_task(
            desk.standin.act("agent1", "chat.command", channel=desk.support, command="/reply")
        )
        await desk.standin.wait_for(lambda: len(desk.standin.deliveries) == 2)
        begin = time.monotonic()
        await desk.standin.stop()
        assert time.monotonic() - begin < 15
        await asyncio.gather(command, return_exceptions=True)
