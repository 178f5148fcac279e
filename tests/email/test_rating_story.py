"""Asking by mail with the real bot: resolved in Slack, a scanner follows every link, a person presses one button."""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path

import aiohttp

from tests.flows.shop import DANA, Shop
from tests.flows.test_reminder_story import configure

PUBLIC = "https://support.acme.example"
ASKING = """
ratings:
  not_again_days: 0
  inboxes:
    support-mail: {ask: true, after: 0 min}
"""


def plain(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_a_scanner_rates_nothing_and_a_person_does(tmp_path: Path) -> None:
    async with Shop(tmp_path) as shop:
        configure(
            shop,
            ASKING,
            **{
                "    address: support@shop.example\n": f"    address: support@shop.example\n    public_url: {PUBLIC}\n"
            },
        )
        async with shop.open() as made, aiohttp.ClientSession() as session:
            await shop.mails(DANA, "Wo ist mein Paket? Ich warte schon eine Woche und habe nichts gehört.")
            await shop.sees("Wo ist mein Paket?")
            await shop.types("agent1", "/reply C1 It ships today.")
            await shop.gets(DANA)
            await shop.sees("accepted")
            await shop.types("agent1", "/resolve C1")
            asked = plain(await shop.gets(DANA, 2))
            links = re.findall(r"https://\S+", asked)
            assert len(links) == 5
            assert all(link.startswith(f"{PUBLIC}/channels/support-mail/rate/") for link in links)
            await shop.sees("Asked for a rating")
            here = [link.replace(PUBLIC, f"http://127.0.0.1:{made.web_port}") for link in links]
            for link in here:
                for method in ("HEAD", "GET"):
                    async with session.request(method, link) as answer:
                        assert answer.status == 200
            async with session.get(here[1]) as answer:
                page = await answer.text()
            (score,) = re.findall(r'value="(\d)" required checked', page)
            (form,) = re.findall(r'name="form" value="(\w+)"', page)
            assert not any(" rated " in post for post in shop.thread())
            sent = {"score": score, "comment": "Took a week.", "form": form}
            for _ in range(2):
                async with session.post(here[1], data=sent) as answer:
                    assert answer.status == 200
            await shop.sees("rated ★★☆☆☆ 2 of 5: “Took a week.”")
            wrong = here[4].replace(here[4].partition("/rate/")[2][:26], "a" * 26)
            async with session.post(wrong, data=sent | {"score": "5"}) as answer:
                assert answer.status == 200
            assert sum(" rated " in post for post in shop.thread()) == 1
            assert len(shop.inbox(DANA)) == 2
