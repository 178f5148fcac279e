"""The adapter sending: a real mail in the customer's mailbox, threaded, and every failure called by its name."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters.email.adapter import EmailAdapter
from bot.adapters.email.mime import ParsedMail, parse
from bot.capabilities import fit
from bot.errors import PermanentFailure, TemporaryFailure, UncertainFailure
from bot.messages import (
    Attachment,
    BlobId,
    Contact,
    ConversationId,
    Failure,
    Level,
    Part,
    Quoted,
    RemoteId,
    Reply,
    Text,
)
from bot.sandbox.mail import MailStandIn
from tests.email.conftest import CUSTOMER, SUPPORT, plain, smtp
from tests.email.core import Core
from tests.email.test_adapter_in import reading, settings

CASE = ConversationId(42)
OTHER = "customer2@mail.example"
QUOTED = Quoted(
    RemoteId("<q@mail.example>"), Text("Where is it?"), "Dana", datetime(2026, 1, 5, tzinfo=UTC), "Parcel", (RemoteId("<p@x>"),)
)  # fmt: skip


def reply(text: str = "It ships today.", key: str = "k" * 26, **changes: Any) -> Reply:
    values: dict[str, Any] = {
        "to": Contact("email", CUSTOMER, "Dana"),
        "author": "Kim",
        "text": Text(text),
        "team_name": "Support",
    }
    return Reply(key=key, conversation_id=CASE, **{**values, **changes})


def one(message: Reply) -> Part:
    return Part(0, 1, message.text, message.attachments)


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
async def adapter(mail: MailStandIn, core: Core) -> Any:
    made = EmailAdapter(settings(mail, signature="{author}, {name}"), core.context())
    yield made
    await made.close()


def inbox(mail: MailStandIn, address: str = CUSTOMER) -> list[ParsedMail]:
    return [parse(raw) for raw in mail.messages(address)]


async def test_a_reply_arrives_threaded(mail: MailStandIn, adapter: EmailAdapter) -> None:
    message = reply(reply_to=QUOTED)
    receipt = await adapter.send(message, one(message))
    got = inbox(mail)[0]
    assert receipt.remote_ids == (got.message_id,)
    assert (receipt.level, receipt.refused) == (Level.ACCEPTED, ())
    assert receipt.detail == "250 2.0.0 accepted"
    assert got.subject == "Re: Parcel"
    assert got.in_reply_to == ("<q@mail.example>",)
    assert got.references == ("<p@x>", "<q@mail.example>")
    assert got.sender is not None
    assert (got.sender.name, got.sender.address) == ("Kim (Shop)", SUPPORT)
    assert got.text.startswith(
        "It ships today.\n\n-- \nKim, Shop\n\nOn 2026-01-05 00:00 UTC, Dana wrote:\n> Where is it?"
    )
    assert got.reply_to[0].address.startswith("support+")
    assert got.headers.get("auto-submitted") == ""


async def test_the_answer_to_our_mail_finds_its_conversation(mail: MailStandIn, core: Core) -> None:
    async with reading(mail, core) as adapter:
        message = reply()
        receipt = await adapter.send(message, one(message))
        ours = inbox(mail)[0]
        await smtp(mail, plain("Re: x", "by plus address"), to=ours.reply_to[0].address)
        await smtp(mail, plain("Re: x", "by In-Reply-To", In_Reply_To=receipt.remote_ids[0]))
        await smtp(mail, plain("Re: x", "by References", References=f"<a@b> {receipt.remote_ids[0]} <c@d>"))
        await smtp(mail, plain("Re: x", "by nothing"))
        forged = ours.reply_to[0].address.replace("+", "+a", 1)
        await smtp(mail, plain("Re: x", "forged"), to=forged)
        await core.until(lambda: len(core.messages) == 5)
    got = {message.text.plain: message.answers for message in core.messages}
    assert got == {
        "by plus address": 42,
        "by In-Reply-To": 42,
        "by References": 42,
        "by nothing": None,
        "forged": None,
    }


async def test_the_same_part_has_the_same_id_at_every_attempt(
    mail: MailStandIn, adapter: EmailAdapter
) -> None:
    message = reply()
    first = await adapter.send(message, one(message))
    second = await adapter.send(message, one(message))
    other = await adapter.send(message, Part(1, 2, Text("more")))
    assert first.remote_ids == second.remote_ids != other.remote_ids
    assert inbox(mail)[2].in_reply_to == first.remote_ids


async def test_one_connection_is_used_again(mail: MailStandIn, adapter: EmailAdapter) -> None:
    for number in range(5):
        message = reply(f"mail {number}")
        await adapter.send(message, one(message))
    assert mail.connections == 1


async def test_a_kept_connection_that_died_is_replaced_unseen(
    mail: MailStandIn, adapter: EmailAdapter
) -> None:
    message = reply()
    await adapter.send(message, one(message))
    await mail.smtp_down()
    await mail.smtp_up()
    await adapter.send(message, one(message))
    assert len(mail.messages(CUSTOMER)) == 2


async def test_files_and_copies(mail: MailStandIn, core: Core, adapter: EmailAdapter) -> None:
    core.files["b1"] = b"%PDF"
    message = reply(
        attachments=(Attachment("a.pdf", "application/pdf", 4, BlobId("b1")),), cc=(Contact("email", OTHER),), automated=True
    )  # fmt: skip
    fitted = fit(message.text, message.attachments, adapter.capabilities)
    assert (len(fitted.parts), fitted.losses) == (1, ())
    await adapter.send(message, fitted.parts[0])
    for address in (CUSTOMER, OTHER):
        got = inbox(mail, address)[0]
        assert [(f.name, f.content) for f in got.files] == [("a.pdf", b"%PDF")]
        assert [a.address for a in got.cc] == [OTHER]
        assert got.headers.get("auto-submitted") == "auto-replied"


async def test_erased_files_are_permanent(mail: MailStandIn, adapter: EmailAdapter) -> None:
    message = reply(attachments=(Attachment("a.pdf", "application/pdf", 4, BlobId("gone")),))
    with pytest.raises(PermanentFailure, match="erased"):
        await adapter.send(message, one(message))


# -- fault row 24 --------------------------------------------------------------------------------------


async def test_refusals(mail: MailStandIn, adapter: EmailAdapter) -> None:
    message = reply()
    mail.refuse_recipient(CUSTOMER, "550 5.1.1 no such person")
    with pytest.raises(PermanentFailure, match=r"no such person \(550\)"):
        await adapter.send(message, one(message))
    mail.refuse_recipient(CUSTOMER, "451 4.7.1 greylisted")
    with pytest.raises(TemporaryFailure, match="greylisted"):
        await adapter.send(message, one(message))
    mail.restore()
    mail.knobs.data_reply = "554 5.7.1 looks like spam"
    with pytest.raises(PermanentFailure, match="spam"):
        await adapter.send(message, one(message))
    mail.knobs.data_reply = "452 4.3.1 disk full"
    with pytest.raises(TemporaryFailure, match="disk full"):
        await adapter.send(message, one(message))
    mail.restore()
    await adapter.send(message, one(message))
    assert len(mail.messages(CUSTOMER)) == 1


async def test_one_of_several_refused_is_reported(mail: MailStandIn, adapter: EmailAdapter) -> None:
    message = reply(cc=(Contact("email", OTHER),))
    mail.refuse_recipient(OTHER, "550 5.1.1 gone")
    receipt = await adapter.send(message, one(message))
    assert receipt.refused == ((OTHER, "5.1.1 gone (550)"),)
    assert len(mail.messages(CUSTOMER)) == 1


async def test_copies_alone_never_get_the_mail(mail: MailStandIn, adapter: EmailAdapter) -> None:
    message = reply(cc=(Contact("email", OTHER),))
    mail.refuse_recipient(CUSTOMER)
    with pytest.raises(PermanentFailure):
        await adapter.send(message, one(message))
    assert mail.messages(OTHER) == []


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_drop_after_the_last_dot_is_uncertain(
    mail: MailStandIn, adapter: EmailAdapter, accepted: bool
) -> None:
    message = reply()
    mail.drop_after_data(accepted=accepted)
    with pytest.raises(UncertainFailure):
        await adapter.send(message, one(message))
    assert len(mail.messages(CUSTOMER)) == int(accepted)
    await adapter.send(message, one(message))  # the next attempt is somebody else's decision; it works
    assert len(mail.messages(CUSTOMER)) == int(accepted) + 1


async def test_an_answer_that_never_comes_is_uncertain(mail: MailStandIn, core: Core) -> None:
    smtp_settings = {**settings(mail).smtp.model_dump(), "timeout": 0.05, "password": ""}
    adapter = EmailAdapter(settings(mail, smtp=smtp_settings), core.context())
    mail.knobs.pause_before_250 = asyncio.Event()
    message = reply()
    with pytest.raises(UncertainFailure):
        await adapter.send(message, one(message))
    mail.knobs.pause_before_250.set()
    await adapter.close()


async def test_nobody_listens_is_certain(mail: MailStandIn, adapter: EmailAdapter) -> None:
    message = reply()
    await mail.smtp_down()
    with pytest.raises(TemporaryFailure, match="could not be reached"):
        await adapter.send(message, one(message))


async def test_login(mail: MailStandIn, core: Core) -> None:
    account = {**settings(mail).smtp.model_dump(), "user": SUPPORT, "password": mail.mailboxes[SUPPORT]}
    adapter = EmailAdapter(settings(mail, smtp=account), core.context())
    mail.knobs.require_login = True
    message = reply()
    await adapter.send(message, one(message))
    await adapter.close()
    mail.knobs.refuse_login = True
    with pytest.raises(TemporaryFailure, match="refuses our login") as refused:
        await adapter.send(message, one(message))
    assert refused.value.freeze
    stranger = EmailAdapter(settings(mail), core.context())
    mail.restore()
    mail.knobs.require_login = True
    with pytest.raises(TemporaryFailure, match="Authentication required"):
        await stranger.send(message, one(message))
    await stranger.close()


@pytest.mark.parametrize(
    "address", ["no address", "a@b\r\nRCPT TO:<x@y>", "ü@mail.example", "unknown@invalid "]
)
async def test_addresses_that_are_none(mail: MailStandIn, adapter: EmailAdapter, address: str) -> None:
    message = reply(to=Contact("email", address))
    with pytest.raises(PermanentFailure, match="not an address"):
        await adapter.send(message, one(message))


async def test_subjects(mail: MailStandIn, adapter: EmailAdapter) -> None:
    for changes in (
        {"reply_to": QUOTED, "subject": "Re: RE: Parcel"}, {"reply_to": QUOTED, "subject": "A new matter"}, {},
        {"subject": "Hello"},
    ):  # fmt: skip
        message = reply(**changes)
        await adapter.send(message, one(message))
    assert [m.subject for m in inbox(mail)] == ["Re: Parcel", "A new matter", "Message from Support", "Hello"]


# -- bounces -------------------------------------------------------------------------------------------


def bounce(original: str, action: str = "failed") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.mail.example\r\nSubject: Undelivered\r\nContent-Type: multipart/report; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        f"Final-Recipient: rfc822; {CUSTOMER}\r\n"
        f"Action: {action}\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such user\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {original}\r\n\r\n--b--\r\n"
    ).encode()


async def test_bounces_are_joined_to_what_bounced(mail: MailStandIn, core: Core) -> None:
    async with reading(mail, core) as adapter:
        message = reply()
        ours = (await adapter.send(message, one(message))).remote_ids[0]
        plus = inbox(mail)[0].reply_to[0].address
        await mail.deliver("", [SUPPORT], bounce(ours))
        await mail.deliver("", [plus], bounce("<unknown@x>", "delayed"))
        await mail.deliver("", [SUPPORT], bounce("<forged@x>"))
        await mail.deliver("", [SUPPORT], bounce(ours, "delivered"))
        await core.until(lambda: len(core.events) == 4)
    named, late, stranger, good = core.events
    assert isinstance(named, Failure)
    assert (named.remote_id, named.answers, named.address, named.final) == (ours, 42, CUSTOMER, True)
    assert named.reason == "550 no such user (5.1.1)"
    assert named.raw is not None
    assert isinstance(late, Failure)
    assert (late.remote_id, late.answers, late.final) == (None, 42, False)
    assert core.messages == [stranger]  # about no mail of ours: shown, not believed
    assert core.messages[0].automated is not None
    assert getattr(good, "level", None) is Level.DELIVERED
