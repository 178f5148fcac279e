"""What strangers may not do."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.site import protocol
from bot.adapters.site.settings import SiteSettings
from bot.messages import Attachment, Receipt
from tests.site.rig import ORIGIN, Core, Rig, Tab, chat

HOSTILE = [
    "",
    "null",
    "[]",
    "not json",
    "[" * 50_000,
    '{"t":"say"}',
    '{"t":"nothing"}',
    '{"t":[]}',
    '{"t":{}}',
    '{"t":"hello","after":0}',
    '{"t":"say","id":"client-id-1","text":5}',
    '{"t":"say","id":"client-id-1","text":""}',
    '{"t":"say","id":"client-id-1","text":"\\ud800\\u0000"}',
    '{"t":"say","id":"../../etc","text":"x"}',
    '{"t":"say","id":"client-id-1","text":"x","files":"x"}',
    '{"t":"say","id":"client-id-1","text":"x","files":[1]}',
    '{"t":"say","id":"client-id-1","files":[' + ",".join(['"a.b"'] * 11) + "]}",
    json.dumps({"t": "say", "id": "client-id-1", "text": "x" * 10_001}),
    '{"t":"seen","ids":{"a":1}}',
    '{"t":"seen","ids":["\\u0000"]}',
    json.dumps({"t": "seen", "ids": ["a"] * 101}),
    '{"t":"address","id":"client-id-1","email":[]}',
    '{"t":' + "9" * 5_000 + "}",
    '{"t":"say","id":"client-id-1","text":1e999}',
]
BAD_HELLOS: list[dict[str, Any]] = [
    {"after": -1},
    {"after": 1e10},
    {"after": True},
    {"after": 2**60},
    {"token": 5},
    {"token": "x" * 300},
    {"v": 99},
]


async def test_only_listed_pages_get_in() -> None:
    wrong = (None, "null", "https://evil.example", "https://shop.example.evil.example", "http://shop.example")
    async with chat() as rig:
        for origin in (
            *wrong,
            "https://shop.example:444",
            "https://sub.shop.example",
            "https://shop.example/",
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await rig.connect(origin)
            assert refused.value.status == 403
            headers = {"Origin": origin} if origin else {}
            async with rig.session.post(f"{rig.base}/files", data=b"x", headers=headers) as answer:
                assert answer.status == 403
                assert "Access-Control-Allow-Origin" not in answer.headers
        assert (await rig.talking()).visitor


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.shop.example",
        "https://shop.example/chat",
        "http://shop.example",
        "shop.example",
        "null",
        "",
    ],
)
def test_an_origin_is_exact(origin: str) -> None:
    with pytest.raises(ValueError):
        SiteSettings(origins=(origin,))


def test_origins_are_written_as_browsers_say_them() -> None:
    given_ = ("HTTPS://Shop.Example:443/", "http://127.0.0.1:8080", "http://localhost:80")
    assert SiteSettings(origins=given_).origins == (
        "https://shop.example",
        "http://127.0.0.1:8080",
        "http://localhost",
    )


@pytest.mark.parametrize("frame", HOSTILE)
async def test_hostile_frames_end_the_talk_with_a_code(frame: str, caplog: pytest.LogCaptureFixture) -> None:
    async with chat() as rig:
        tab = await rig.talking()
        await tab.ws.send_str(frame)
        assert await tab.closed() == protocol.BAD_FRAME
        assert len(rig.core.events) == 1
        assert (await rig.talking()).visitor
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("hello", BAD_HELLOS)
async def test_hostile_hellos_too(hello: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    async with chat() as rig:
        tab = Tab(await rig.connect())
        await tab.send(t="hello", **hello)
        assert await tab.closed() == protocol.BAD_FRAME
    assert caplog.records == [] or max(record.levelno for record in caplog.records) < logging.WARNING


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda s: st.lists(s) | st.dictionaries(st.text(), s),
    )
)
def test_whatever_json_comes_it_is_a_frame_or_refused(value: object) -> None:
    for kind in ("hello", "say", "seen", "address", "typing"):
        made = (
            {**value, "t": kind}
            if isinstance(value, dict)
            else {"t": kind, "id": value, "text": value, "ids": value}
        )
        try:
            protocol.parse(json.dumps(made))
        except protocol.BadFrame:
            pass


async def test_other_frames_that_end_it() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        await tab.ws.send_bytes(b"\x00")
        assert await tab.closed() == protocol.BAD_FRAME
        tab = await rig.talking()
        await tab.ws.send_str(json.dumps({"t": "ping", "x": "y" * 70_000}))
        assert await tab.closed() == 1009
        tab = Tab(await rig.connect())
        await tab.send(t="ping")
        assert await tab.closed() == protocol.NO_HELLO


async def test_who_does_not_say_hello_is_shown_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.site.talk.HELLO_SECONDS", 0.05)
    async with chat() as rig:
        assert await Tab(await rig.connect()).closed() == protocol.NO_HELLO


async def known(rig: Rig, token: str | None) -> bool:
    """Whether a token still proves somebody, at both doors."""
    tab = await rig.tab(token)
    welcome = next(frame for frame in tab.frames if frame["t"] == "welcome")
    async with rig.session.post(f"{rig.base}/files", data=b"x", headers=auth(token)) as answer:
        assert (answer.status == 201) is welcome["known"]
    return bool(welcome["known"])


def auth(token: str | None, **more: str) -> dict[str, str]:
    return {"Origin": ORIGIN, "Authorization": f"Bearer {token}", **more}


async def test_a_revoked_token_proves_nothing() -> None:
    core = Core()
    async with chat(core) as rig:
        tab = await rig.talking("secret words")
        assert await known(rig, tab.token)
        await rig.adapter.revoke(tab.visitor)
        assert await tab.closed() == protocol.REVOKED
        stranger = await rig.tab(tab.token)
        assert stranger.visitor != tab.visitor
        assert stranger.shown == {}
    async with chat(core) as rig:
        assert not await known(rig, tab.token)


async def test_leaving_revokes_for_all_tabs() -> None:
    async with chat() as rig:
        one = await rig.talking()
        two = await rig.tab(one.token)
        await one.send(t="leave")
        assert [await one.closed(), await two.closed()] == [protocol.REVOKED] * 2
        assert not await known(rig, one.token)


async def test_the_token_before_is_void_when_the_new_one_is_kept() -> None:
    core = Core()
    async with chat(core) as rig:
        tab = await rig.talking()
        await tab.send(t="address", id="client-id-1", email="dana@mail.example")
        new = (await tab.get("address"))["token"]
        assert await known(rig, tab.token), "until the client has the new one, the old one holds"
        await tab.send(t="kept")
        await tab.send(t="ping")
        await tab.get("pong")
        assert not await known(rig, tab.token)
        assert await known(rig, new)
    async with chat(core) as rig:
        assert not await known(rig, tab.token)
        assert await known(rig, new)


async def test_a_token_lives_as_long_as_it_is_used() -> None:
    core = Core()
    async with chat(core, token_days=30) as rig:
        tab = await rig.talking()
    for _ in range(3):
        core.clock.now += 29 * 86_400
        async with chat(core, token_days=30) as rig:
            assert await known(rig, tab.token)
    core.clock.now += 31 * 86_400
    async with chat(core, token_days=30) as rig:
        assert not await known(rig, tab.token)


async def test_tokens_are_kept_as_hashes_only() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        visitor, _, secret = (tab.token or "").partition(".")
        assert visitor == tab.visitor
        assert len(visitor) == 32
        assert len(secret) == 43
        kept = json.dumps(rig.core.state.kept)
        assert secret not in kept
        wrong = f"{visitor}.{'A' * 43}"
        assert not await known(rig, wrong)
        assert not await known(rig, visitor)


async def upload(
    rig: Rig, token: str | None, data: bytes = b"hello", name: str = "a.txt", status: int = 201
) -> dict[str, Any]:
    headers = auth(token, **{"X-File-Name": name})
    async with rig.session.post(f"{rig.base}/files", data=data, headers=headers) as answer:
        assert answer.status == status, await answer.text()
        made: dict[str, Any] = await answer.json()
        return made


async def fetch(rig: Rig, token: str | None, file: str) -> tuple[int, bytes, Any]:
    async with rig.session.get(f"{rig.base}/files/{file}", headers=auth(token)) as answer:
        return answer.status, await answer.read(), answer.headers


async def test_a_file_belongs_to_its_visitor() -> None:
    async with chat() as rig:
        one, two = await rig.talking(), await rig.talking()
        file = await upload(rig, one.token, b"<script>alert(1)</script>", "..%2F..%2Fevil%E2%80%AEgnp.html")
        assert (file["name"], file["type"]) == ("evil gnp.html", "text/plain")
        status, body, headers = await fetch(rig, one.token, file["id"])
        assert (status, body) == (200, b"<script>alert(1)</script>")
        assert headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''evil")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert headers["Content-Type"] == "application/octet-stream"
        assert (await fetch(rig, two.token, file["id"]))[0] == 404
        assert (await fetch(rig, None, file["id"]))[0] == 401
        payload, _, mac = file["id"].rpartition(".")
        for forged in (
            payload,
            f"{payload}.",
            f"{payload}.{mac[1:]}{mac[0]}x",
            f"x{payload}.{mac}",
            "a.b",
            "%00.%ff",
        ):
            assert (await fetch(rig, one.token, forged))[0] == 404
        assert (await two.say("mine now", files=[file["id"]]))["why"] == "file"
        assert (await one.say("mine", files=[file["id"]]))["t"] == "sent"
        assert [len(m.attachments) for m in rig.core.messages()] == [0, 0, 1]


async def test_an_agents_file_is_for_its_visitor_too_and_gone_when_erased() -> None:
    async with chat() as rig:
        one, two = await rig.talking(), await rig.talking()
        blob = await rig.core.blobs.put(b"MZ program")
        await rig.reply(one.visitor, "", Attachment("setup.exe", "application/x-msdownload", 10, blob))
        (item,) = (await one.get("messages"))["items"]
        file = item["files"][0]["id"]
        status, body, headers = await fetch(rig, one.token, file)
        assert (status, body, headers["Content-Type"]) == (200, b"MZ program", "application/octet-stream")
        assert (await fetch(rig, two.token, file))[0] == 404
        rig.core.blobs.kept.clear()
        assert (await fetch(rig, one.token, file))[0] == 404


async def test_a_page_on_the_bots_own_origin_reads_files_without_saying_so() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        file = await upload(rig, tab.token)
        headers = {"Authorization": f"Bearer {tab.token}"}
        for site, status in (("same-origin", 200), ("cross-site", 403), ("", 403)):
            more = {**headers, "Sec-Fetch-Site": site}
            async with rig.session.get(f"{rig.base}/files/{file['id']}", headers=more) as answer:
                assert answer.status == status
                assert (await answer.read() == b"hello") is (status == 200)


async def test_uploads_have_limits() -> None:
    async with chat(file_limit=10_000, uploads_per_minute=10) as rig:
        tab = await rig.tab()
        await upload(rig, tab.token, bytes(10_001), status=413)

        async def endless() -> Any:
            for _ in range(100):
                yield bytes(1_000)

        async with rig.session.post(f"{rig.base}/files", data=endless(), headers=auth(tab.token)) as answer:
            assert answer.status == 413
        await upload(rig, tab.token, b"", status=400)
        for _ in range(3):
            await upload(rig, tab.token)
        await upload(rig, tab.token, status=429)
        assert len(rig.core.blobs.kept) == 1


async def test_slow_uploads_from_one_address_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.site.door.CHUNK_SECONDS", 0.3)
    async with chat(uploads_per_minute=1_000) as rig:
        tab = await rig.tab()

        async def slow() -> AsyncIterator[bytes]:
            yield b"x"
            await asyncio.Event().wait()

        async def one() -> int:
            async with rig.session.post(f"{rig.base}/files", data=slow(), headers=auth(tab.token)) as answer:
                return answer.status

        slows = [asyncio.create_task(one()) for _ in range(4)]
        async with asyncio.timeout(5):
            while rig.adapter._door._uploading.total() < 4:
                await asyncio.sleep(0)
        await upload(rig, tab.token, status=429)
        assert await asyncio.gather(*slows) == [408] * 4
        await upload(rig, tab.token)


async def test_preflight_names_the_origin_and_never_a_star() -> None:
    async with chat() as rig:
        async with rig.session.options(f"{rig.base}/files", headers={"Origin": ORIGIN}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert "authorization" in answer.headers["Access-Control-Allow-Headers"]
            assert "Access-Control-Allow-Credentials" not in answer.headers
        async with rig.session.options(
            f"{rig.base}/files/x", headers={"Origin": "https://evil.example"}
        ) as answer:
            assert answer.status == 403


async def test_the_widget_is_cached_and_checked() -> None:
    async with chat() as rig:
        async with rig.session.get(f"{rig.base}/widget.js") as answer:
            assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
            assert "max-age=300" in answer.headers["Cache-Control"]
            assert answer.headers["Content-Encoding"] == "gzip"
            tag = answer.headers["ETag"]
            assert "customElements.define" in await answer.text()
        async with rig.session.get(f"{rig.base}/widget.js", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304


async def test_seen_of_another_visitors_reply_does_nothing() -> None:
    async with chat() as rig:
        one, two = await rig.talking(), await rig.talking()
        key = (await rig.reply(one.visitor, "for one")).remote_ids[0]
        await two.send(t="seen", ids=[key])
        await two.send(t="ping")
        await two.get("pong")
        assert rig.core.of(Receipt) == []


async def test_a_flood_of_messages_is_slowed_and_others_are_not() -> None:
    async with chat(messages_per_minute=30) as rig:
        tab, other = await rig.tab(), await rig.tab()
        answers = [(await tab.say(f"{n}"))["t"] for n in range(40)]
        assert answers[:15] == ["sent"] * 15
        assert set(answers[16:]) == {"later"}
        assert (await other.say("hello"))["t"] == "sent"


async def test_a_flood_of_frames_ends_the_talk() -> None:
    async with chat() as rig:
        tab = await rig.talking()
        for _ in range(300):
            await tab.send(t="ping")
        assert await tab.closed() == protocol.TOO_FAST


async def test_connections_are_counted_by_visitor_and_address() -> None:
    async with chat(connections_per_visitor=2) as rig:
        tab = await rig.talking()
        second = await rig.tab(tab.token)
        third = Tab(await rig.connect(), token=tab.token)
        await third.send(t="hello", token=tab.token)
        assert await third.closed() == protocol.TOO_MANY
        assert not second.ws.closed
    async with chat(connections_per_address=3) as rig:
        tabs = [await rig.tab() for _ in range(3)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await rig.connect()
        assert refused.value.status == 429
        await tabs[0].ws.close()
        async with asyncio.timeout(5):
            while rig.adapter._limits.open == 3:
                await asyncio.sleep(0)
        await rig.tab()
    async with chat(trusted_proxies=("127.0.0.1",), connections_per_address=1) as rig:
        one = await rig.connect(**{"X-Forwarded-For": "203.0.113.1"})
        two = await rig.connect(**{"X-Forwarded-For": "198.51.100.7, 203.0.113.2"})
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await rig.connect(**{"X-Forwarded-For": "198.51.100.8, 203.0.113.2"})
        assert not one.closed and not two.closed
