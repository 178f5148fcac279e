"""The small parts: paces, addresses behind proxies, what a file is, references."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.site import CHANNEL
from bot.adapters.site.files import References, disposition, safe_name, sniff
from bot.adapters.site.limits import Pace
from bot.adapters.site.protocol import batches, is_email, shown
from bot.adapters.site.settings import SiteSettings
from bot.adapters.site.visitors import Visitors
from bot.adapters.site.waiting import Waiting
from bot.contract import Secrets
from bot.messages import Attachment, BlobId, Text
from bot.peers import client_address
from tests.site.rig import Clock, Values


def test_a_pace_lets_a_burst_in_and_then_so_many_a_minute() -> None:
    clock = Clock()
    pace = Pace(60, clock)
    assert sum(pace.wait("a") == 0 for _ in range(100)) == 30
    assert 0 < pace.wait("a") <= 1
    assert pace.wait("b") == 0
    taken = 0
    for _ in range(60):
        clock.now += 1
        taken += pace.wait("a") == 0
    assert taken == 60


def test_a_pace_of_one_a_minute_lets_one_in() -> None:
    clock = Clock()
    pace = Pace(1, clock)
    assert pace.wait("a") == 0
    assert pace.wait("a") > 0
    clock.now += 60
    assert pace.wait("a") == 0


def test_a_pace_forgets_who_is_at_rest() -> None:
    clock = Clock()
    pace = Pace(600, clock)
    for number in range(30_000):
        clock.now += 0.1
        pace.wait(str(number))
    assert len(pace._next) <= 10_001


PROXIES = SiteSettings(origins=("https://a.example",), trusted_proxies=("10.0.0.0/8", "::1")).trusted_proxies


@pytest.mark.parametrize(
    ("peer", "header", "counts"),
    [
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.1", "garbage", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.1", "", "198.51.100.1"),
        (None, "203.0.113.9", "unknown"),
    ],
)
def test_the_address_that_counts(peer: str | None, header: str, counts: str) -> None:
    assert client_address(peer, {"X-Forwarded-For": header}, PROXIES, "X-Forwarded-For") == counts


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"RIFF1234WEBPVP8", "image/webp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"MZ\x90\x00", "application/vnd.microsoft.portable-executable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain"),
        (b"<!doctype html><script>", "text/plain"),
        ("Grüße".encode() * 1_000, "text/plain"),
        (b"a\x00b", "application/octet-stream"),
        (b"\xff\xfe\xfd", "application/octet-stream"),
    ],
    ids=range(9),
)
def test_a_file_is_what_its_bytes_say(data: bytes, kind: str) -> None:
    assert sniff(data) == kind


@given(st.text())
def test_a_name_is_only_a_label(name: str) -> None:
    made = safe_name(name)
    assert made
    assert len(made) <= 120
    assert not set(made) & set('/\\\0\r\n"')
    assert made not in (".", "..")
    disposition(name).encode("ascii")


def test_names() -> None:
    assert safe_name("../../etc/passwd") == "passwd"
    assert safe_name("C:\\temp\\a b.txt") == "a b.txt"
    assert safe_name("x" * 300 + ".pdf").endswith("x.pdf")
    assert safe_name("\u202e...") == "file"


@given(st.text(max_size=50), st.text(max_size=200))
def test_only_our_references_are_read(visitor: str, reference: str) -> None:
    assert (
        References(Secrets((b"k" * 32,))).read(visitor.encode("utf-8", "replace").decode(), reference) is None
    )


def test_references_outlive_a_change_of_keys() -> None:
    file = Attachment("a.txt", "text/plain", 3, BlobId("0" * 64))
    old = References(Secrets((b"o" * 32,))).make("visitor", file)
    assert References(Secrets((b"n" * 32, b"o" * 32))).read("visitor", old) == file
    assert References(Secrets((b"n" * 32,))).read("visitor", old) is None


@pytest.mark.parametrize("address", ["dana@mail.example", "o'neil+x@a.b.example", "x@xn--mller-kva.example"])
def test_addresses(address: str) -> None:
    assert is_email(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "dana",
        "@a.example",
        "a@b",
        "a b@c.example",
        "a@b.example\n",
        "a@-b.example",
        "a..b@c.example",
        "x" * 65 + "@a.example",
    ],
)
def test_not_addresses(address: str) -> None:
    assert not is_email(address)


def test_replays_come_in_frames_of_moderate_size() -> None:
    items = [shown(id=f"{n}", mine=True, author="", text=Text("x" * 5_000), at=n) for n in range(100)]
    frames = list(batches(items))
    assert [one["id"] for frame in frames for one in json.loads(frame)["items"]] == [
        f"{n}" for n in range(100)
    ]
    assert max(len(frame) for frame in frames) < 60_000


async def test_visitors_who_leave_are_forgotten_in_memory() -> None:
    clock = Clock()
    visitors = Visitors(Values(), 30, clock)
    for number in range(12_000):
        visitors.absent(f"{number:032x}")
    assert len(list(visitors)) <= 10_001
    clock.now += 4_000
    visitors.absent("f" * 32)
    assert len(list(visitors)) == 1


async def test_timers_are_written_before_a_reply_counts_as_sent() -> None:
    clock, state = Clock(), Values()
    waiting = Waiting(state, 10, clock)
    await waiting.add("v", "k1")
    await waiting.add("v", "k2")
    again = Waiting(state, 10, clock)
    assert {who: batch.keys for who, batch in (await again.load()).items()} == {"v": ["k1", "k2"]}
    assert await again.next_in() == 600
    await again.seen("v", {"k1"})
    assert await again.due() == []
    clock.now += 600
    assert [who for who, _ in await again.due()] == ["v"]
    await again.reported("v", ("k2",))
    assert await Waiting(state, 10, clock).next_in() is None
    off = Waiting(state, 0, clock)
    await off.add("v", "k3")
    assert await off.next_in() is None


def test_the_channel() -> None:
    settings = SiteSettings(origins=("https://shop.example",))
    assert CHANNEL.name == "site"
    assert CHANNEL.label is not None
    assert CHANNEL.label(settings) == "shop.example"


def test_every_setting_and_close_code_is_documented(root: Path) -> None:
    text = (root / "docs" / "site-chat.md").read_text(encoding="utf-8")
    for name in SiteSettings.model_fields:
        assert f"`{name}`" in text, name
    for code in ("4000", "4001", "4003", "4008", "4010", "1001", "1009", "1013"):
        assert f"| {code} |" in text, code
    for kind in ("hello", "say", "typing", "seen", "address", "kept", "leave", "ping"):
        assert f"`{kind}`" in text, kind
    for kind in ("welcome", "messages", "ready", "sent", "later", "refused", "pong"):
        assert f"`{kind}`" in text, kind
