"""Pace and faults: what Slack does to a bot on a bad day."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.sandbox.slack_rig import error_of, rig


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
