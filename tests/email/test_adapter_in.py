"""The adapter reading a real mailbox over a network that breaks: nothing lost, nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.adapters.email import adapter as adapter_module
from bot.adapters.email.adapter import EmailAdapter
from bot.adapters.email.cursor import ReadTo
from bot.adapters.email.settings import EmailSettings
from bot.errors import AdapterError, AuthenticationFailed, ConnectionLost
from bot.messages import Event, Message, SpanKind, Unreadable
from bot.sandbox.mail import MailStandIn
from tests.email.conftest import CUSTOMER, SUPPORT, plain, smtp
from tests.email.core import Core, no_storage


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of milliseconds."""
    for name in ("RETRY_FIRST", "RETRY_MOST", "LOGIN_FIRST", "LOGIN_MOST"):
        monkeypatch.setattr(adapter_module, name, 0.05)


def settings(mail: MailStandIn, **changes: Any) -> EmailSettings:
    values: dict[str, Any] = {
        "address": SUPPORT,
        "name": "Shop",
        "imap": {
            "host": "127.0.0.1",
            "port": mail.imap_port,
            "password": mail.mailboxes[SUPPORT],
            "tls": "none",
            "timeout": 5,
        },
        "smtp": {"host": "127.0.0.1", "port": mail.smtp_port, "tls": "none"},
        "authserv_id": "mx.shop.example",
    }
    return EmailSettings.model_validate({**values, **changes})


def impatient(mail: MailStandIn, **changes: float) -> dict[str, Any]:
    """`imap` settings with short limits."""
    imap = settings(mail).imap.model_dump()
    return {"imap": {**imap, "password": mail.mailboxes[SUPPORT], "timeout": 0.5, "probe": 0.3, **changes}}


@asynccontextmanager
async def reading(mail: MailStandIn, core: Core, **changes: Any) -> AsyncIterator[EmailAdapter]:
    """The adapter at work, from the moment its cursor is known."""
    adapter = EmailAdapter(
        settings(mail, **changes), core.context(own_addresses=frozenset(["press@shop.example"]))
    )
    task = asyncio.create_task(adapter.run())
    try:
        await core.until(lambda: core.cursor is not None or core.problems or task.done())
        yield adapter
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await adapter.close()


RICH = (
    b'Content-Type: multipart/mixed; boundary="b"\r\nMessage-ID: <7@mail.example>\r\nReferences: <1@x> <2@x>\r\n'
    b"From: Dana Petrov <Customer1@Mail.example>\r\nTo: support@shop.example, friend@mail.example\r\nCc: Press@shop.example\r\n"
    b"Subject: =?utf-8?q?Caf=C3=A9?=\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Where is <b>it</b>?</p>"
    b"<div class=gmail_quote>On Mon wrote:<blockquote>old</blockquote></div>\r\n--b\r\nContent-Type: text/plain; name=a.txt\r\n"
    b"Content-Disposition: attachment; filename=a.txt\r\n\r\nfile\r\n--b--\r\n"
)


async def test_a_mail_becomes_a_message(mail: MailStandIn) -> None:
    core = Core()
    async with reading(mail, core):
        await smtp(mail, RICH)
        await core.until(lambda: core.messages)
    message = core.messages[0]
    assert (message.text.plain, message.subject, message.automated) == ("Where is it?", "Café", None)
    assert [(s.kind, message.text.plain[s.start : s.end]) for s in message.text.spans] == [
        (SpanKind.BOLD, "it")
    ]
    assert message.tail is not None
    assert message.tail.plain == "On Mon wrote:\n\nold"
    assert (message.sender.address, message.sender.name, message.sender.verified) == (
        CUSTOMER,
        "Dana Petrov",
        True,
    )
    assert message.sender.evidence == "DMARC passed for mail.example"
    assert (message.remote_id, message.references) == ("<7@mail.example>", ("<2@x>", "<1@x>"))
    assert [contact.address for contact in message.participants] == ["friend@mail.example"]
    assert [(a.name, a.size, core.files[a.blob or ""]) for a in message.attachments] == [
        ("a.txt", 4, b"file")
    ]
    assert core.files[message.raw or ""] == mail.messages(SUPPORT)[0]
    assert message.problems == ()
    assert core.problems == [None]


async def test_the_first_start_begins_now(mail: MailStandIn) -> None:
    await smtp(mail, plain(body="old"))
    core = Core()
    async with reading(mail, core):
        await smtp(mail, plain(body="new"))
        await core.until(lambda: core.messages)
    assert core.texts == ["new"]


async def test_or_with_everything_where_that_is_wanted(mail: MailStandIn) -> None:
    await smtp(mail, plain(body="old"))
    core = Core()
    async with reading(mail, core, start="all"):
        await core.until(lambda: core.messages)
    assert core.texts == ["old"]


async def test_an_outage_and_then_the_backlog_in_order(mail: MailStandIn) -> None:
    core = Core()
    async with reading(mail, core):
        pass
    for number in range(150):
        await mail.deliver(CUSTOMER, [SUPPORT], plain(body=f"mail {number}"))
    async with reading(mail, core):
        await core.until(lambda: len(core.messages) == 150)
    assert core.texts == [f"mail {number}" for number in range(150)]
    assert core.duplicates == 0


@pytest.mark.parametrize("cut", [0, 1, 137, 900])
async def test_cut_in_the_middle_of_a_literal(mail: MailStandIn, cut: int) -> None:
    core = Core()
    async with reading(mail, core):
        pass
    mail.cut_imap_after(cut, times=2)
    for number in range(3):
        await smtp(mail, plain(body=f"mail {number}\r\n" + "x" * 500))
    async with reading(mail, core):
        await core.until(lambda: len(core.messages) == 3)
    assert mail.imap_proxy.cuts == 2
    assert [text.split("\n")[0] for text in core.texts] == ["mail 0", "mail 1", "mail 2"]


async def test_server_restart_while_waiting(mail: MailStandIn) -> None:
    core = Core()
    async with reading(mail, core):
        await smtp(mail, plain(body="one"))
        await core.until(lambda: core.messages)
        await mail.imap_down()
        await smtp(mail, plain(body="two"))
        await core.until(lambda: any(problem for problem in core.problems))
        await mail.imap_up()
        await core.until(lambda: len(core.messages) == 2)
        await core.until(lambda: core.problems[-1] is None)
    assert core.texts == ["one", "two"]


async def test_a_black_hole_is_noticed_and_left(mail: MailStandIn) -> None:
    core = Core()
    async with reading(mail, core, **impatient(mail)):
        mail.black_hole_imap()
        await smtp(mail, plain(body="during"))
        await core.until(lambda: any(problem for problem in core.problems))
        mail.black_hole_imap(False)
        await core.until(lambda: core.messages)
    assert core.texts == ["during"]


async def test_uidvalidity_changes_without_loss_or_copy(mail: MailStandIn) -> None:
    await mail.imap.append(SUPPORT, plain(body="from before the start"), days_ago=400)
    core = Core()
    async with reading(mail, core):
        await smtp(mail, plain(body="one"))
        await core.until(lambda: core.messages)
        mail.change_uidvalidity(SUPPORT)
        await smtp(mail, plain(body="two"))
        await core.until(lambda: len(core.messages) == 2)
        assert core.cursor is not None
        first = ReadTo.load(core.cursor)
        mail.change_uidvalidity(SUPPORT)
        await core.until(lambda: ReadTo.load(core.cursor or "").uidvalidity > first.uidvalidity)
        await smtp(mail, plain(body="three"))
        await core.until(lambda: len(core.messages) == 3)
    assert core.texts == ["one", "two", "three"]
    assert core.duplicates >= 2  # they were seen again and recognised


async def test_a_move_to_another_server_shows_no_old_mail(mail: MailStandIn) -> None:
    old = plain(body="from before the start", Date="Mon, 05 Jan 2015 10:00:00 +0000")
    await mail.imap.append(SUPPORT, old, days_ago=4000)
    core = Core()
    async with reading(mail, core):
        await smtp(mail, plain(body="one"))
        await core.until(lambda: core.messages)
        mail.imap.recreate(SUPPORT, arrived_now=True)
        mail.imap_proxy.drop_connections()
        await smtp(mail, plain(body="two"))
        await core.until(lambda: len(core.messages) == 2)
    assert core.texts == ["one", "two"]


async def test_login_refused_and_then_not(mail: MailStandIn) -> None:
    core = Core()
    secret = mail.mailboxes[SUPPORT]
    inbox = settings(mail)
    mail.set_password(SUPPORT, "changed")
    adapter = EmailAdapter(inbox, core.context())
    task = asyncio.create_task(adapter.run())
    await core.until(lambda: core.problems)
    assert "refuses our login" in (core.problems[0] or "")
    with pytest.raises(AuthenticationFailed):
        await adapter.check()
    mail.set_password(SUPPORT, secret)
    await core.until(lambda: core.problems[-1] is None)
    await smtp(mail, plain(body="hello again"))
    await core.until(lambda: core.messages)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_check_says_what_is_wrong(mail: MailStandIn) -> None:
    core = Core()
    good = EmailAdapter(settings(mail), core.context())
    await good.check()
    await good.close()
    folder = impatient(mail)
    folder["imap"]["folder"] = "Nowhere"
    with pytest.raises(AdapterError, match="Nowhere"):
        await EmailAdapter(settings(mail, **folder), core.context()).check()
    await mail.smtp_down()
    with pytest.raises(AdapterError, match="SMTP"):
        await EmailAdapter(settings(mail), core.context()).check()
    await mail.imap_down()
    with pytest.raises(ConnectionLost):
        await EmailAdapter(settings(mail), core.context()).check()


async def test_nothing_moves_while_storage_fails(mail: MailStandIn) -> None:
    core = Core()
    async with reading(mail, core):
        before = core.cursor
        refused: list[Event] = []

        def refuse(event: Event) -> Exception:
            refused.append(event)
            core.changed.set()
            return no_storage(event)

        core.fail = refuse
        for number in range(3):
            await smtp(mail, plain(body=f"mail {number}"))
        await core.until(lambda: len(refused) > 6)  # it goes on trying
        assert core.cursor == before
        core.fail = lambda event: None
        await core.until(lambda: len(core.messages) == 3)
    assert core.texts == ["mail 0", "mail 1", "mail 2"]


async def test_one_of_a_batch_is_not_stored_and_none_is_lost(mail: MailStandIn) -> None:
    core = Core()
    async with reading(mail, core):
        pass
    for number in range(5):
        await mail.deliver(CUSTOMER, [SUPPORT], plain(body=f"mail {number}"))
    refused = 0

    def fail_twice(event: Event) -> Exception | None:
        nonlocal refused
        if isinstance(event, Message) and event.text.plain == "mail 2" and refused < 2:
            refused += 1
            return no_storage(event)
        return None

    core.fail = fail_twice
    async with reading(mail, core):
        await core.until(lambda: len(core.messages) == 5)
    assert sorted(core.texts) == [f"mail {number}" for number in range(5)]
    assert refused == 2


async def test_poison_is_shown_as_such_and_the_next_mail_flows(
    mail: MailStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = Core()
    from bot.adapters.email import inbound

    real = inbound._parse

    def fragile(raw: bytes) -> Any:
        if b"poison" in raw:
            raise RecursionError("a parser's bug")
        return real(raw)

    monkeypatch.setattr(inbound, "_parse", fragile)
    core.fail = lambda event: (
        ValueError("a core's bug") if getattr(event, "subject", "") == "trouble" else None
    )
    async with reading(mail, core):
        await smtp(mail, plain(body="poison"))
        await smtp(mail, plain("trouble"))
        await smtp(mail, plain(body="good"))
        await core.until(lambda: len(core.events) == 3)
    unreadable = [event for event in core.events if isinstance(event, Unreadable)]
    assert ["RecursionError" in unreadable[0].reason, "ValueError" in unreadable[1].reason] == [True, True]
    assert [
        b"poison" in core.files[unreadable[0].raw or ""],
        b"trouble" in core.files[unreadable[1].raw or ""],
    ] == [True, True]
    assert core.texts == ["good"]


async def test_hostile_mail_does_not_stop_the_flow(mail: MailStandIn) -> None:
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(20_000)
    )
    core = Core()
    async with reading(mail, core):
        await mail.deliver(CUSTOMER, [SUPPORT], b"From: a@x.example\r\n" + nested + b"\r\nwords")
        words = b"From: a@x.example\r\nSubject: " + b"=?utf-8?q?a?=\r\n " * 20_000 + b"\r\n\r\nx"
        await mail.deliver(CUSTOMER, [SUPPORT], words)
        await mail.deliver(CUSTOMER, [SUPPORT], b"\xff\xfe\x00garbage")
        await mail.deliver(CUSTOMER, [SUPPORT], plain(body="good"))
        await core.until(lambda: "good" in core.texts, timeout=20)
    assert any("nested" in problem for message in core.messages for problem in message.problems)
    assert len(core.events) == 4


async def test_an_oversized_mail_is_announced(mail: MailStandIn) -> None:
    files = (
        "--b\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=big.zip\r\n\r\n"
        + "x" * 60_000
    )
    body = f"--b\r\n\r\nSee the file.\r\n{files}\r\n--b--"
    core = Core()
    async with reading(mail, core, size_limit=50_000):
        await mail.deliver(CUSTOMER, [SUPPORT], plain(body=body, Content_Type="multipart/mixed; boundary=b"))
        await core.until(lambda: core.messages)
    message = core.messages[0]
    assert message.text.plain == "See the file."
    assert "over the limit" in message.problems[0]
    assert [(a.name, a.blob, a.problem) for a in message.attachments] == [
        ("big.zip", None, "not fetched: the mail is over the size limit")
    ]


async def test_a_file_over_the_limit_is_named_without_bytes(mail: MailStandIn) -> None:
    core = Core()
    async with reading(mail, core, attachment_limit=3):
        await smtp(mail, RICH)
        await core.until(lambda: core.messages)
    attachment = core.messages[0].attachments[0]
    assert (attachment.name, attachment.blob) == ("a.txt", None)
    assert "over the limit" in (attachment.problem or "")


async def test_a_mail_the_server_does_not_give_out(
    mail: MailStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.adapters.email.imap import FetchRefused, Mailbox

    real = Mailbox._fetch

    async def refusing(self: Mailbox, uids: Any, what: str) -> Any:
        uids = list(uids)
        if "BODY" in what and 102 in uids:
            raise FetchRefused("internal error")
        return await real(self, uids, what)

    monkeypatch.setattr(Mailbox, "_fetch", refusing)
    core = Core()
    for number in range(3):
        await mail.deliver(CUSTOMER, [SUPPORT], plain(body=f"mail {number}"))
    async with reading(mail, core, start="all"):
        await core.until(lambda: len(core.events) == 3)
    assert core.texts == ["mail 0", "mail 2"]
    assert isinstance(core.events[1], Unreadable)
