"""The whole way with the real bot: a customer on X, a thread in Slack, an agent's answer on X."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import config as configuration
from bot.adapters.x import CHANNEL
from bot.sandbox.demo.run import free_port
from bot.sandbox.x import XStandIn
from tests.flows.shop import Shop
from tests.x.rig import PNG, patient

INBOX = """\
inboxes:
  acme-x:
    channel: x
    team: support
    user_id: "{user}"
    username: "@acme"
    oauth2: {{{{client_id: {client}, client_secret: "${{{{X_CLIENT}}}}", refresh_token: "${{{{X_REFRESH}}}}"}}}}
    webhook:
      url: http://127.0.0.1:{port}/channels/acme-x/webhook
      consumer_secret: ${{{{X_CONSUMER}}}}
      bearer_token: ${{{{X_BEARER}}}}
    poll: 0.2
    reconcile: 0.2
    api_url: {api}
"""


class XShop(Shop):
    """The shop with an X account too."""

    x: XStandIn

    def environment(self) -> dict[str, str]:
        keys = self.x.logins
        mine = {"X_CLIENT": keys.client_secret, "X_REFRESH": keys.refresh_token}
        mine |= {"X_CONSUMER": keys.consumer_secret, "X_BEARER": keys.bearer_token}
        return {**super().environment(), **mine}


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[XShop]:
    channels = {
        **configuration.installed_channels(),
        "x": lambda: CHANNEL,
    }  # also where an older version is installed
    monkeypatch.setattr(configuration, "installed_channels", lambda: channels)
    port = free_port()
    opened = XShop(tmp_path)
    opened.x = patient(XStandIn())
    await opened.x.start()
    async with opened:
        x = opened.x
        inbox = INBOX.format(user=x.account.id, client=x.logins.client_id, port=port, api=x.url)
        opened.write_config(**{"inboxes:\n": inbox.format(), "web: {port: 0}": f"web: {{port: {port}}}"})
        yield opened
    await x.stop()


async def test_a_customer_on_x_has_a_thread_and_gets_an_answer(shop: XShop) -> None:
    async with shop.open():
        await shop.until(lambda: len(shop.x.hooks.subscriptions) == 2)
        await shop.x.say("customer1", "Where is https://shop.example/o/1 ?", PNG)
        seen = await shop.sees("Where is https://shop.example/o/1 ?", "Ada Lovelace")
        assert "@acme" in seen or "x" in seen.lower()
        await shop.x.hooks.settled()
        assert shop.x.hooks.delivered == [("dm.received", 200)]
        answer = await shop.types("agent1", "/reply C1 It ships <today>.")
        assert answer["ok"], answer
        await shop.until(lambda: shop.x.heard("customer1"))
        assert "accepted" in await shop.sees("It ships", "Ada Lovelace")
    assert [one["text"] for one in shop.x.heard("customer1")] == ["It ships <today>."]
    assert len(shop.roots()) == 1 and sum("Where is" in one for one in shop.thread("Ada Lovelace")) == 1


async def test_what_was_said_while_the_bot_was_down_is_there_once(shop: XShop) -> None:
    async with shop.open():
        await shop.x.say("customer1", "before")
        await shop.sees("before", "Ada Lovelace")
    for words in ("one", "two", "three"):
        await shop.x.say("customer1", f"while away {words}")
    async with shop.open():
        await shop.sees("while away three", "Ada Lovelace")
        thread = "\n".join(shop.thread("Ada Lovelace"))
    assert [thread.count(f"while away {words}") for words in ("one", "two", "three")] == [1, 1, 1]
    assert thread.index("away one") < thread.index("away two") < thread.index("away three")


async def test_an_encrypted_message_and_a_refusal_are_seen(shop: XShop) -> None:
    async with shop.open():
        await shop.until(lambda: len(shop.x.hooks.subscriptions) == 2)
        await shop.x.say("customer1", "hello")
        await shop.sees("hello", "Ada Lovelace")
        await shop.x.say("customer1", "", encrypted=True)
        await shop.sees("encrypted chat", "Ada Lovelace")
        shop.x.faults.refuse_send = (403, "You cannot send messages to this user.")
        await shop.types("agent1", "/reply C1 are you there?")
        assert "You cannot send messages to this user." in await shop.sees("are you there?", "Ada Lovelace")
        shop.x.faults.refuse_send = None
        shop.x.faults.drop_after = 1
        await shop.types("agent1", "/reply C1 once only")
        await shop.until(lambda: len(shop.x.heard("customer1")) == 1)
        assert "once only" in await shop.sees("it may have arrived, nobody knows", "Ada Lovelace")
    assert len(shop.x.heard("customer1")) == 1


async def test_replies_that_wait_for_x_go_out_as_one(shop: XShop) -> None:
    async with shop.open():
        await shop.x.say("customer1", "hello")
        await shop.sees("hello", "Ada Lovelace")
        shop.x.limits["send"], shop.x.window = 1, 2.5
        await shop.types("agent1", "/reply C1 one")
        await shop.until(lambda: len(shop.x.heard("customer1")) == 1)
        await shop.types("agent1", "/reply C1 two")
        await shop.until(lambda: [call.status for call in shop.x.calls].count(429) == 1)
        for words in ("three", "four"):
            await shop.types("agent1", f"/reply C1 {words}")
        shop.x.limits["send"] = 1
        await shop.until(lambda: len(shop.x.heard("customer1")) == 2)
        await shop.sees("accepted", "Ada Lovelace")
    assert [one["text"] for one in shop.x.heard("customer1")] == ["one", "two\n\nthree\n\nfour"]
    assert [call.status for call in shop.x.calls if call.method == "POST" and "/with/" in call.path] == [
        201,
        429,
        201,
    ]
