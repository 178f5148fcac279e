"""One customer on four channels: mail, the chat on the site, Telegram, X. One thread, one history, answered anywhere."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from bot.sandbox.telegram import TelegramStandIn
from bot.sandbox.x import XStandIn
from tests.flows.desk import AtDesk
from tests.flows.linked import LinkedShop, says, token, visiting
from tests.flows.seen import read
from tests.flows.shop import DANA
from tests.x.rig import patient

INBOX = """\
inboxes:
  acme-x:
    channel: x
    team: support
    user_id: "{user}"
    username: "@acme"
    oauth2: {{{{client_id: {client}, client_secret: "${{{{X_CLIENT}}}}", refresh_token: "${{{{X_REFRESH}}}}"}}}}
    poll: 0.2
    reconcile: 0.2
    api_url: {api}
"""


class FourShop(LinkedShop):
    """The shop with an X account too."""

    x: XStandIn

    @override
    def environment(self) -> dict[str, str]:
        keys = self.x.logins
        return {**super().environment(), "X_CLIENT": keys.client_secret, "X_REFRESH": keys.refresh_token}

    @override
    def write_config(self, **more: str) -> None:
        """Both fixtures put their inboxes behind the same line: the second goes behind what the first has put there."""
        super().write_config(**more)
        path = self.folder / "app.yaml"
        mine = INBOX.format(user=self.x.account.id, client=self.x.logins.client_id, api=self.x.url).format()
        path.write_text(path.read_text().replace("inboxes:\n", mine, 1))


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[FourShop]:
    made = FourShop(tmp_path)
    made.telegram, made.x = TelegramStandIn(), patient(XStandIn())
    await made.telegram.start()
    await made.x.start()
    try:
        async with made:
            yield made
    finally:
        await made.x.stop()
        await made.telegram.stop()


async def test_one_customer_on_four_channels(shop: FourShop) -> None:
    async with shop.open() as made, visiting(made) as visitors:
        # She mails, chats as who she is, and goes on by Telegram: each proves who she is, so it is one thread by itself.
        await shop.mails(DANA, "By mail", subject="Parcel")
        await shop.in_thread("By mail")
        known = await visitors.come(token())
        await says(known, "In the chat")
        await shop.in_thread("In the chat")
        await known.send(t="offers")
        await known.until(lambda: any(frame["t"] == "offers" for frame in known.frames))
        offers = next(frame["offers"] for frame in known.frames if frame["t"] == "offers")
        start = re.search(r"start=([a-z2-7]{26})", offers[0]["url"])
        assert start is not None
        shop.telegram.people.start("customer1", start[1])
        await shop.telegram.wait_for("customer1")
        shop.telegram.say("customer1", "On the phone")
        await shop.in_thread("On the phone")

        # On X nobody knows who she is, though she says so: she is somebody else there until an agent says otherwise.
        await shop.x.say("customer1", f"It is me, write to {DANA}. From X")
        await shop.in_thread("From X", 1)
        asked = await shop.in_thread("[Merge", 1)
        assert DANA in asked and "Dana Petrov" in asked
        found = re.search(r"C\d+", read(shop.roots()[1]))
        assert found is not None and found[0] != "C1"
        other = found[0]
        kim = AtDesk(shop, "agent1")
        assert "By mail" not in read(await kim.asks(f"/history {other}", "From X"))

        # The agent merges them; what is said on X comes into the one thread, and is answered there.
        await shop.types("agent1", f"/merge C1 {other}")
        views = shop.slack.people["agent1"].views
        await shop.until(lambda: views and views[-1].body["callback_id"] == "form")
        done = await shop.slack.act("agent1", "views.submit", view_id=views[-1].id, values={})
        assert done["ok"], done
        await shop.in_thread("from now on all of it comes here")
        await shop.x.say("customer1", "Again from X")
        await shop.in_thread("Again from X")
        await shop.types("agent1", "/reply C1 We know you.")
        await shop.until(lambda: shop.x.heard("customer1"))
        assert [one["text"] for one in shop.x.heard("customer1")] == ["We know you."]

        told = read(await kim.asks("/history C1", "We know you."))
        for words in ("By mail", "In the chat", "On the phone", "From X", "Again from X", "We know you."):
            assert words in told
        assert len(shop.roots()) == 2, "the thread that ended, and the one that goes on"
