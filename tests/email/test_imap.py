"""The Mailbox against pymap, through a proxy that breaks the network."""

import asyncio
import time

import pytest

from bot.adapters.email.imap import ImapLogin, LoginRefused, Mailbox, MailSize, batches, uid_set
from bot.adapters.email.wire import ConnectionBroken
from bot.sandbox.mail import MailStandIn
from tests.email.conftest import SUPPORT, box, plain, smtp

LIMIT = 25_000_000


async def read_all(mailbox: Mailbox, after: int = 0, *, limit: int = LIMIT) -> list[bytes]:
    sizes = await mailbox.sizes(await mailbox.new_uids(after))
    return [mail.raw async for batch in mailbox.fetch(sizes, size_limit=limit) for mail in batch]


async def test_reads_what_smtp_delivered(mail: MailStandIn) -> None:
    await smtp(mail, plain("One"))
    await smtp(mail, plain("Two"))
    mailbox = box(mail)
    await mailbox.connect()
    state = await mailbox.open_folder()
    raws = await read_all(mailbox)
    await mailbox.close()
    assert [b"Subject: One" in raws[0], b"Subject: Two" in raws[1]] == [True, True]
    assert raws == mail.messages(SUPPORT)
    assert state.uidvalidity > 0
    assert state.uidnext == 103  # pymap counts from 101


async def test_only_new_uids_although_star_names_the_last(mail: MailStandIn) -> None:
    await smtp(mail, plain())
    mailbox = box(mail)
    await mailbox.connect()
    state = await mailbox.open_folder()
    assert await mailbox.new_uids(state.uidnext - 1) == []
    await mailbox.close()


async def test_idle_wakes_within_a_moment(mail: MailStandIn) -> None:
    mailbox = box(mail)
    await mailbox.connect()
    await mailbox.open_folder()
    await mailbox.new_uids(0)
    waiting = asyncio.create_task(mailbox.wait_for_mail(30))
    await smtp(mail, plain("Awake"))
    started = time.monotonic()
    assert await waiting
    assert time.monotonic() - started < 15
    assert len(await mailbox.new_uids(0)) == 1
    await mailbox.close()


async def test_a_quiet_idle_ends_in_time_and_the_connection_is_good(mail: MailStandIn) -> None:
    mailbox = box(mail)
    await mailbox.connect()
    await mailbox.open_folder()
    await mailbox.new_uids(0)
    assert not await mailbox.wait_for_mail(0.05)
    assert await mailbox.new_uids(0) == []
    await mailbox.close()


async def test_server_close_during_idle_is_noticed_at_once(mail: MailStandIn) -> None:
    mailbox = box(mail)
    await mailbox.connect()
    await mailbox.open_folder()
    await mailbox.new_uids(0)
    waiting = asyncio.create_task(mailbox.wait_for_mail(60))
    await asyncio.sleep(0.05)
    mail.imap_proxy.drop_connections()
    with pytest.raises(ConnectionBroken):
        async with asyncio.timeout(2):
            await waiting
    assert not mailbox.connected


async def test_black_hole_is_noticed_after_the_probe(mail: MailStandIn) -> None:
    mailbox = box(mail, timeout=0.3)
    await mailbox.connect()
    await mailbox.open_folder()
    await mailbox.new_uids(0)
    mail.black_hole_imap()
    with pytest.raises(ConnectionBroken, match="no answer"):
        async with asyncio.timeout(5):
            await mailbox.wait_for_mail(0.1)
    assert not mailbox.connected


@pytest.mark.parametrize("cut", [0, 1, 100, 4000])
async def test_cut_in_the_middle_of_a_literal(mail: MailStandIn, cut: int) -> None:
    await smtp(mail, plain(body="x" * 70 + "\r\n" + ("z" * 70 + "\r\n") * 80))
    mail.cut_imap_after(cut)
    mailbox = box(mail)
    await mailbox.connect()
    await mailbox.open_folder()
    with pytest.raises(ConnectionBroken):
        await read_all(mailbox)
    assert mail.imap_proxy.cuts == 1
    again = box(mail)
    await again.connect()
    await again.open_folder()
    assert await read_all(again) == mail.messages(SUPPORT)
    await again.close()


async def test_oversized_mail_is_fetched_in_part(mail: MailStandIn) -> None:
    await smtp(mail, plain("Big", body="b" * 900 + "\r\n" + "c" * 900))
    await smtp(mail, plain("Small"))
    mailbox = box(mail)
    await mailbox.connect()
    await mailbox.open_folder()
    sizes = await mailbox.sizes(await mailbox.new_uids(0))
    got = [m async for batch in mailbox.fetch(sizes, size_limit=1500, head=600) for m in batch]
    await mailbox.close()
    assert [(m.oversized, len(m.raw) == 600) for m in got] == [(True, True), (False, False)]
    assert got[0].size == sizes[0].size > 1500
    assert sizes[0].received_at is not None


async def test_expunged_between_search_and_fetch(mail: MailStandIn) -> None:
    for name in ("One", "Two", "Three"):
        await smtp(mail, plain(name))
    mailbox = box(mail)
    await mailbox.connect()
    await mailbox.open_folder()
    sizes = await mailbox.sizes(await mailbox.new_uids(0))
    await mail.imap.expunge(SUPPORT, 1)
    got = [m.raw async for batch in mailbox.fetch(sizes, size_limit=LIMIT) for m in batch]
    await mailbox.close()
    assert [b"One" in got[0], b"Three" in got[-1]] == [True, True]


async def test_flags_are_left_alone(mail: MailStandIn) -> None:
    await smtp(mail, plain())
    mailbox = box(mail)
    await mailbox.connect()
    await mailbox.open_folder()
    await read_all(mailbox)
    await mailbox.close()
    assert not any(b"Seen" in bytes(flag) for flag in mail.imap.flags(SUPPORT, 0))


async def test_wrong_password(mail: MailStandIn) -> None:
    with pytest.raises(LoginRefused):
        await box(mail, password="wrong").connect()


async def test_nobody_listens(mail: MailStandIn) -> None:
    await mail.imap_down()
    with pytest.raises(ConnectionBroken, match="cannot reach"):
        await box(mail).connect()


def test_plaintext_is_for_loopback_only() -> None:
    with pytest.raises(ValueError, match="without TLS"):
        Mailbox(ImapLogin("imap.shop.example", 143, "u", "p", tls="none"))
    Mailbox(ImapLogin("imap.shop.example", 143, "u", "p", tls="none", plaintext_ok=True))
    assert "secret" not in repr(ImapLogin("imap.shop.example", 993, "u", "secret"))


def test_uid_set_folds_runs() -> None:
    assert uid_set([3, 1, 2, 7, 9, 10]) == "1:3,7,9:10"


def test_batches_keep_order_budget_and_single_out_the_large() -> None:
    mails = [
        MailSize(uid, size, None) for uid, size in [(1, 40), (2, 40), (3, 40), (4, 500), (5, 10), (6, 200)]
    ]
    got = [[mail.uid for mail in batch] for batch in batches(mails, budget=100, size_limit=300)]
    assert got == [[1, 2], [3], [4], [5], [6]]
    many = [MailSize(uid, 1, None) for uid in range(1, 151)]
    assert [len(b) for b in batches(many, budget=10_000, size_limit=300)] == [64, 64, 22]
