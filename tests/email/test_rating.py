"""Ratings by mail: five links in the mail, a page that asks once more, and nothing that a scanner could do."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bot.adapters.email import rate, ratepage
from bot.adapters.email.adapter import EmailAdapter
from bot.errors import StorageError
from bot.messages import Ask, Part, Rated
from bot.policy import Rate
from bot.sandbox.mail import MailStandIn
from bot.web import InboxRoutes, application, serving
from tests.email.core import Core
from tests.email.test_adapter_in import settings
from tests.email.test_adapter_out import inbox, one, reply
from tests.site.browser import axe_source, browser

TOKEN = "abcdefghijklmnopqrstuvwx27"
PUBLIC = "https://support.acme.example"
ASK = Ask(TOKEN, "schlecht", "sehr gut", "Warum?", "Danke!", "de")


async def fine() -> dict[str, Any]:
    return {"ok": True}


@dataclass
class Page:
    """A mail inbox whose page is served."""

    core: Core
    adapter: EmailAdapter
    base: str
    session: aiohttp.ClientSession

    def url(self, token: str = TOKEN, query: str = "?score=4&l=de") -> str:
        return f"{self.base}/channels/support-mail/rate/{token}{query}"

    async def form(self, query: str = "?score=4&l=de") -> str:
        """The name of a form that a page holds."""
        async with self.session.get(self.url(query=query)) as answer:
            found = re.search(r'name="form" value="([0-9a-f]{26})"', await answer.text())
        assert found is not None
        return found[1]

    async def send(self, token: str = TOKEN, query: str = "?score=4&l=de", **fields: str) -> tuple[int, str]:
        async with self.session.post(self.url(token, query), data=fields) as answer:
            return answer.status, await answer.text()

    @property
    def ratings(self) -> list[Rated]:
        return [event for event in self.core.events if isinstance(event, Rated)]


@asynccontextmanager
async def page(mail: MailStandIn, **changes: Any) -> AsyncIterator[Page]:
    core, web = Core(), application(fine)
    context = core.context(routes=InboxRoutes(web, "support-mail"))
    adapter = EmailAdapter(settings(mail, **{"public_url": PUBLIC, **changes}), context)
    async with serving(web, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        yield Page(core, adapter, f"http://127.0.0.1:{port}", session)
    await adapter.close()


async def test_a_mail_asks_and_its_link_leads_to_the_page(mail: MailStandIn) -> None:
    async with page(mail, signature="{author}") as made:
        assert made.adapter.capabilities.asks
        message = reply("Wie war unsere Hilfe?", ask=ASK, automated=True)
        await made.adapter.send(message, one(message))
        (got,) = inbox(mail)
        plain, html = got.bodies[0].plain or "", got.bodies[0].html or ""
        address = f"{PUBLIC}/channels/support-mail/rate/{TOKEN}?score="
        lines = [f"1 – schlecht: {address}1&l=de", *(f"{n}: {address}{n}&l=de" for n in (2, 3, 4))]
        lines.append(f"5 – sehr gut: {address}5&l=de")
        assert plain.startswith("Wie war unsere Hilfe?\n\n" + "\n".join(lines) + "\n\n-- \nKim")
        links = re.findall(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', html)
        assert [f"{unescape(name)}: {unescape(url)}" for url, name in links] == lines
        path = unescape(links[3][0]).removeprefix(PUBLIC)
        async with made.session.get(made.base + path) as answer:
            shown = await answer.text()
        assert answer.status == 200
        assert 'value="4" required checked' in shown
        assert shown.count("checked") == 1
        assert '<html lang="de">' in shown


async def test_the_last_part_asks_and_a_mail_without_an_ask_does_not(mail: MailStandIn) -> None:
    async with page(mail) as made:
        message = reply("Wie war unsere Hilfe?", ask=ASK)
        await made.adapter.send(message, Part(0, 2, message.text))
        await made.adapter.send(message, Part(1, 2, message.text))
        plain = reply(key="p" * 26)
        await made.adapter.send(plain, one(plain))
        assert ["/rate/" in (got.bodies[0].plain or "") for got in inbox(mail)] == [False, True, False]


async def test_without_an_address_or_a_web_server_the_inbox_cannot_ask(mail: MailStandIn) -> None:
    async with page(mail, public_url="") as made:
        assert not made.adapter.capabilities.asks
        assert (await made.session.get(made.url())).status == 404
        message = reply(ask=ASK)
        await made.adapter.send(message, one(message))
        assert TOKEN not in (inbox(mail)[0].bodies[0].plain or "")
    alone = EmailAdapter(settings(mail, public_url=PUBLIC), Core().context())
    assert not alone.capabilities.asks


async def test_looking_changes_nothing(mail: MailStandIn) -> None:
    async with page(mail) as made:
        for score in "12345":
            for method in ("GET", "HEAD"):
                async with made.session.request(method, made.url(query=f"?score={score}")) as answer:
                    assert answer.status == 200
                    assert answer.headers["Cache-Control"] == "no-store"
                    assert bool(await answer.text()) == (method == "GET")
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            async with made.session.request(method, made.url(), data={"score": "5"}) as answer:
                assert answer.status == 405
        # A scanner that fetches with the form's fields in the address.
        assert (await made.session.get(made.url(query="?score=5&comment=x&form=" + "0" * 26))).status == 200
        assert made.core.events == []


async def test_a_person_sends_the_form(mail: MailStandIn) -> None:
    async with page(mail) as made:
        form = await made.form()
        status, shown = await made.send(score="2", comment=" Zu langsam.\r\n<b>Leider</b> ", form=form)
        assert status == 200
        assert "Vielen Dank!" in shown
        (event,) = made.ratings
        assert (event.token, event.score, event.comment) == (TOKEN, 2, "Zu langsam.\n<b>Leider</b>")
        # A reload of the page after, or a second press: the same form.
        await made.send(score="2", comment=" Zu langsam.\r\n<b>Leider</b> ", form=form)
        assert len(made.ratings) == 1
        assert made.core.duplicates == 1


async def test_the_last_answer_counts_also_when_it_was_the_first(mail: MailStandIn) -> None:
    async with page(mail) as made:
        for score in ("4", "2", "4"):
            await made.send(score=score, form=await made.form())
        assert [(event.score, event.comment) for event in made.ratings] == [(4, None), (2, None), (4, None)]


async def test_a_form_without_its_name_counts_once_a_day(mail: MailStandIn) -> None:
    async with page(mail) as made:
        for form in ("", "x", "../" * 9, "0" * 27):
            assert (await made.send(score="3", form=form))[0] == 200
        assert len(made.ratings) == 1


async def test_whether_a_token_is_right_is_not_told(mail: MailStandIn) -> None:
    """The core knows it, and ignores a wrong one; the page thanks the same."""
    async with page(mail) as made:
        right = await made.send(score="5")
        wrong = await made.send("z" * 26, score="5")
        assert right == wrong


@pytest.mark.parametrize(
    "token",
    [
        "short",
        TOKEN.upper(),
        TOKEN + "a",
        TOKEN[:-1] + "%0a",
        TOKEN[:-1] + "%C3%A9",
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "%22%3E%3Csvg%20onload=alert(1)%3E",
        "..%2f..%2fhealthz",
        TOKEN + "%0d%0aX-Evil:%201",
    ],
)
async def test_what_is_no_link_of_ours(mail: MailStandIn, token: str) -> None:
    async with page(mail) as made:
        url = made.url(token, "?score=%3Cscript%3E&l=%0d%0aX-Evil:1")
        async with made.session.get(URL(url, encoded=True)) as answer:
            shown = await answer.text()
            assert answer.status == 404
            assert "X-Evil" not in answer.headers
        assert "<script" not in shown
        assert "onload" not in shown
        assert "not complete or too old" in shown
        post = URL(url, encoded=True)
        assert (await made.session.post(post, data={"score": "5"})).status == 404
        assert made.core.events == []


async def test_hostile_words_are_words(mail: MailStandIn) -> None:
    evil = '"><script>alert(1)</script></textarea><img src=x onerror=alert(2)>\u202e\x00'
    async with page(mail) as made:
        status, shown = await made.send(score="9", comment=evil, form=evil)
        assert status == 422
        assert "Bitte wählen Sie eine Zahl." in shown
        assert "<script" not in shown
        assert "<img" not in shown
        assert "&lt;/textarea&gt;" in shown
        assert "\u202e" not in shown
        assert made.core.events == []
        await made.send(score="1", comment="x" * 5_000)
        assert made.ratings[0].comment == "x" * ratepage.MAX_COMMENT


async def test_bodies_that_are_none(mail: MailStandIn) -> None:
    async with page(mail) as made:
        large = {"score": "5", "comment": "x" * rate.MAX_BODY}
        async with made.session.post(made.url(), data=large) as answer:
            assert answer.status == 413

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"score=5&comment=" + b"x" * 4096

        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        async with made.session.post(made.url(), data=endless(), headers=kind) as answer:
            assert answer.status == 413
        async with made.session.post(made.url(), json={"score": 5}) as answer:
            assert answer.status == 413
        many = "&".join(f"score{number}=5" for number in range(50))
        async with made.session.post(made.url(), data=many, headers=kind) as answer:
            assert answer.status == 422
        assert made.core.events == []
        longest = await made.send(score="5", comment="漢" * ratepage.MAX_COMMENT)
        assert longest[0] == 200


async def test_what_cannot_be_stored_is_said_and_nothing_is_lost(mail: MailStandIn) -> None:
    async with page(mail) as made:
        form = await made.form()
        made.core.fail = lambda event: StorageError("no disk")
        status, shown = await made.send(score="2", comment="Zu langsam.", form=form)
        assert status == 503
        assert "Das hat gerade nicht geklappt." in shown
        assert 'value="2" required checked' in shown
        assert "Zu langsam.</textarea>" in shown
        assert form in shown
        made.core.fail = lambda event: None
        assert (await made.send(score="2", comment="Zu langsam.", form=form))[0] == 200
        assert len(made.ratings) == 1


async def test_a_flood_waits(mail: MailStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "OF_ONE", Rate(per_second=0.001, burst=3.0))
    monkeypatch.setattr(rate, "IN_ALL", Rate(per_second=0.001, burst=5.0))
    async with page(mail) as made:
        answers = [(await made.send(score="5", form=f"{number:026}"))[0] for number in range(4)]
        assert answers == [200, 200, 200, 429]
        others = [(await made.send(f"{number:026}", score="5"))[0] for number in range(3)]
        assert others == [200, 200, 429]
        assert len(made.ratings) == 5


async def test_who_guesses_tokens_is_slowed(mail: MailStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "FROM_ONE", Rate(per_second=0.01, burst=3.0))
    proxied = {"trusted_proxies": ["127.0.0.0/8"], "proxy_header": "X-Real-Ip"}
    async with page(mail, **proxied) as made:

        async def guess(number: int, address: str) -> tuple[int, str, str]:
            headers = {"X-Real-Ip": address}
            url, data = made.url(f"{number:026}"), {"score": "2", "comment": "Zu langsam."}
            async with made.session.post(url, data=data, headers=headers) as answer:
                return answer.status, answer.headers.get("Retry-After", ""), await answer.text()

        for number in range(3):
            assert (await guess(number, "203.0.113.7"))[:2] == (200, "")
        status, after, shown = await guess(3, "203.0.113.7")
        assert status == 429 and 90 <= int(after) <= 100
        assert "Das hat gerade nicht geklappt." in shown and "Zu langsam.</textarea>" in shown
        assert (await guess(4, "198.51.100.1, 203.0.113.7"))[0] == 429, (
            "what they put before it is not believed"
        )
        assert (await guess(5, "203.0.113.8"))[0] == 200, "somebody else"
        for number, address in enumerate(("2001:db8::1", "2001:db8::2", "2001:db8::3"), 6):
            assert (await guess(number, address))[0] == 200
        assert (await guess(9, "2001:db8::4"))[0] == 429, "one household"
        assert len(made.ratings) == 7


async def test_a_header_is_believed_of_our_own_proxies_only(
    mail: MailStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate, "FROM_ONE", Rate(per_second=0.01, burst=2.0))
    async with page(mail) as made:
        seen = []
        for number in range(4):
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            async with made.session.post(
                made.url(f"{number:026}"), data={"score": "2"}, headers=headers
            ) as answer:
                seen.append(answer.status)
        assert seen == [200, 200, 429, 429]


async def test_one_who_floods_leaves_room_for_others(
    mail: MailStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate, "FROM_ONE", Rate(per_second=0.01, burst=3.0))
    monkeypatch.setattr(rate, "IN_ALL", Rate(per_second=0.01, burst=4.0))
    async with page(mail, trusted_proxies=["127.0.0.1"]) as made:

        async def send(number: int, address: str) -> int:
            url, headers = made.url(f"{number:026}"), {"X-Forwarded-For": address}
            async with made.session.post(url, data={"score": "2"}, headers=headers) as answer:
                return answer.status

        assert [await send(number, "203.0.113.7") for number in range(9)] == [200] * 3 + [429] * 6
        assert await send(10, "203.0.113.8") == 200


def test_made_up_names_take_no_memory() -> None:
    many = rate._Many(Rate(per_second=1.0, burst=2.0))
    for number in range(5 * rate._REMEMBERED):
        assert many.wait(f"{number}", now=number / 100) == 0.0
        if number % 3 == 0:
            many.take(f"{number}", now=number / 100)
        assert len(many._names) <= rate._REMEMBERED


async def test_the_page_stands_alone(mail: MailStandIn) -> None:
    async with page(mail) as made, made.session.get(made.url()) as answer:
        shown, policy = await answer.text(), answer.headers["Content-Security-Policy"]
        style = shown.partition("<style>")[2].partition("</style>")[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in policy
        assert policy.startswith("default-src 'none'; ")
        for part in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert part in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers
        for word in ("http:", "https:", "src=", "<script", "style="):
            assert word not in shown, word


@pytest.mark.parametrize(
    ("asked", "accepted", "found"),
    [
        ("de", "fr", "de"),
        ("", "xx;q=0.9, fr-CA;q=0.8, en", "fr"),
        ("zz", "", "en"),
        ("de<script>", "", "de"),
        ("", "*", "en"),
        ("deu", "", "en"),
    ],
)
def test_its_language(asked: str, accepted: str, found: str) -> None:
    assert ratepage.language(asked, accepted) == found


def test_every_language_has_every_sentence() -> None:
    for words in ratepage.LANGUAGES.values():
        assert all(getattr(words, name) for name in ratepage.Words.__slots__)


@pytest.mark.parametrize(
    "url",
    [
        "http://support.acme.example",
        "support.acme.example",
        "https://",
        "https://a.example/?x=1",
        "https://a.example/#x",
        "https://me@a.example",
        "https://a.example/a b",
        'https://a.example/"><script>',
        "javascript:alert(1)",
    ],
)
def test_addresses_that_are_none(mail: MailStandIn, url: str) -> None:
    with pytest.raises(ValueError, match="public_url"):
        settings(mail, public_url=url)


def test_an_address_may_have_a_path(mail: MailStandIn) -> None:
    assert settings(mail, public_url="https://a.example/bot/").public_url == "https://a.example/bot"
    assert settings(mail, public_url="http://127.0.0.1:8080").public_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_browser_and_a_keyboard(mail: MailStandIn, scheme: Any) -> None:
    axe = axe_source()
    async with page(mail) as made, browser() as running:
        context = await running.new_context(
            color_scheme=scheme, viewport={"width": 390, "height": 700}, bypass_csp=False
        )
        shown = await context.new_page()
        complaints: list[str] = []
        shown.on("console", lambda message: complaints.append(message.text))
        await shown.goto(made.url())
        assert complaints == []
        await shown.evaluate(axe)
        result = await shown.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        assert [one["id"] for one in result["violations"]] == []
        if folder := os.environ.get("ONETHREAD_SCREENSHOTS"):
            await shown.screenshot(path=f"{folder}/rate-page-{scheme}.png")
        await shown.keyboard.press("Tab")
        await shown.keyboard.press("ArrowLeft")
        await shown.keyboard.press("Tab")
        await shown.keyboard.type("Na ja")
        await shown.keyboard.press("Tab")
        await shown.keyboard.press("Enter")
        await shown.get_by_text("Vielen Dank!").wait_for()
        (event,) = made.ratings
        assert (event.score, event.comment) == (3, "Na ja")
        await shown.reload()
        assert len(made.ratings) == 1
