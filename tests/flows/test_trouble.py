"""Stories in which something goes wrong: failures, doubt, spoofing, hostile words, archived channels."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.flows.seen import read
from tests.flows.shop import DANA, Shop


def newest(shop: Shop, words: str) -> dict[str, object]:
    """The newest post of Dana's thread that shows these words."""
    card = shop.card()
    assert card is not None
    return [m for m in shop.slack.thread("support", card["ts"])[1:] if words in read(m)][-1]


async def test_a_refused_reply_says_so_and_can_be_sent_again(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "Hello?")
        await shop.sees("Hello?")
        shop.mail.refuse_recipient(DANA, "550 5.1.1 mailbox unavailable")
        await shop.types("agent1", "/reply C1 First try")
        shown = await shop.sees("mailbox unavailable")
        assert "failed" in shown and "[Retry]" in shown
        shop.mail.restore()
        await shop.presses("agent1", str(newest(shop, "First try")["ts"]), "reply.retry")
        got = await shop.gets(DANA)
        assert "First try" in got.as_string()
        await shop.until(lambda: "accepted" in read(newest(shop, "First try")))
        assert "failed" not in read(newest(shop, "First try"))


async def test_a_mail_server_that_is_busy_is_tried_again(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "Hello?")
        await shop.sees("Hello?")
        shop.mail.refuse_recipient(DANA, "451 4.3.0 try again later")
        await shop.types("agent1", "/reply C1 Patience")
        await shop.sees("try again later")
        assert shop.inbox(DANA) == []
        shop.mail.restore()
        got = await shop.gets(DANA, seconds=15)
        assert "Patience" in got.as_string()
        await shop.until(lambda: "accepted" in read(newest(shop, "Patience")))
        assert len(shop.inbox(DANA)) == 1


async def test_a_connection_that_drops_after_the_last_dot_is_uncertain(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "Hello?")
        await shop.sees("Hello?")
        shop.mail.drop_after_data(accepted=True)
        await shop.types("agent1", "/reply C1 Did you get it")
        shown = await shop.sees("may have arrived")
        assert "[It arrived]" in shown
        await asyncio.sleep(0.5)
        assert len(shop.inbox(DANA)) == 1  # nothing is sent again by itself
        await shop.presses("agent1", str(newest(shop, "Did you get it")["ts"]), "reply.arrived")
        await shop.until(lambda: "accepted" in read(newest(shop, "Did you get it")))
        assert len(shop.inbox(DANA)) == 1


async def test_a_post_that_slack_took_without_answering_is_there_once(shop: Shop) -> None:
    async with shop.open():
        shop.slack.faults.drop("chat.postMessage", times=2, processed=True)
        await shop.mails(DANA, "Hello?")
        await shop.sees("Hello?", seconds=25)
        await shop.mails(DANA, "Still there?")
        await shop.sees("Still there?", seconds=15)
        assert len(shop.roots()) == 1
        assert sum("Hello?" in post for post in shop.thread()) == 1


async def test_slack_that_fails_or_hurries_us_loses_nothing(shop: Shop) -> None:
    async with shop.open():
        shop.slack.faults.limit("chat.postMessage", retry_after=1, times=2)
        shop.slack.faults.fail("chat.postMessage", times=1, status=503)
        for number in range(4):
            await shop.mails(DANA, f"line {number}")
        await shop.sees("line 3", seconds=25)
        text = "\n".join(shop.thread())
        places = [text.index(f"line {number}") for number in range(4)]
        assert places == sorted(places)
        assert all(text.count(f"line {number}") == 1 for number in range(4))
        assert len(shop.roots()) == 1


async def test_envelopes_twice_and_out_of_order(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "Hello?")
        await shop.sees("Hello?")
        card = shop.card()
        assert card is not None
        shop.slack.faults.duplicate = True
        shop.slack.faults.reorder = 4
        for number in range(4):
            await shop.writes("agent1", f"! part {number}", card["ts"])
        await shop.gets(DANA, 4, seconds=15)
        await asyncio.sleep(0.6)
        mails = [
            next(f"part {n}" for n in range(4) if f"part {n}" in m.as_string()) for m in shop.inbox(DANA)
        ]
        assert mails == [f"part {n}" for n in range(4)]


async def test_a_spoofed_sender_gets_a_thread_of_their_own(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "I am the real Dana")
        await shop.sees("I am the real Dana")
        shop.mail.knobs.auth_results = "fail"
        await shop.mails(
            DANA, "Send me all my data to evil@evil.example", headers={"Reply-To": "evil@evil.example"}
        )
        await shop.until(lambda: len(shop.roots()) == 2)
        spoof = shop.roots()[-1]
        await shop.until(
            lambda: any("all my data" in read(m) for m in shop.slack.thread("support", spoof["ts"]))
        )
        words = "\n".join(read(m) for m in shop.slack.thread("support", spoof["ts"]))
        assert "not verified" in words
        first = "\n".join(read(m) for m in shop.slack.thread("support", shop.roots()[0]["ts"]))
        assert "all my data" not in first


async def test_hostile_words_call_nobody_and_link_nowhere(shop: Shop) -> None:
    hostile = "<!channel> <@U123> <https://evil.example|paypal.com> *bold* & </script> @here \u202ereversed"
    async with shop.open():
        await shop.mails(DANA, hostile, name="Support <!channel> ✓")
        await shop.until(shop.roots)
        card = shop.roots()[0]
        await shop.until(lambda: len(shop.slack.thread("support", card["ts"])) > 1)
        for message in shop.slack.thread("support", card["ts"]):
            assert "<!channel>" not in message.get("text", "")
            assert "<@U123>" not in message.get("text", "")
            for block in message.get("blocks", ()):
                if block["type"] == "section" and block["text"]["type"] == "mrkdwn":
                    assert "<!channel>" not in block["text"]["text"]
        for call in shop.slack.calls_of("chat.postMessage"):
            assert call.args.get("parse") in (None, "none")
            assert not call.args.get("link_names")
            assert call.args.get("unfurl_links") in (False, "false", "0", 0)


async def test_long_words_and_files_go_both_ways(shop: Shop) -> None:
    async with shop.open():
        long = "A very long story. " * 900
        await shop.mails(DANA, long, files=[("photo.jpg", b"\xff\xd8\xff" + b"x" * 5000)])
        await shop.sees("A very long story.")
        await shop.until(lambda: any("photo.jpg" in post and "📎" in post for post in shop.thread()[1:]), 15)
        await shop.until(lambda: any("message.txt" in post for post in shop.thread()), 15)
        card = shop.card()
        assert card is not None
        up = await shop.slack.act("agent1", "files.getUploadURLExternal", filename="invoice.pdf", length=9)
        assert up["ok"], up
        async with (
            aiohttp.ClientSession() as session,
            session.post(up["upload_url"], data=b"%PDF-1.4\n") as answer,
        ):
            assert answer.status == 200
        done = await shop.slack.act(
            "agent1",
            "files.completeUploadExternal",
            files=[{"id": up["file_id"], "title": "invoice.pdf"}],
            channel_id=shop.slack.channels["support"].id,
            thread_ts=card["ts"],
            initial_comment="! Here is your invoice",
        )
        assert done["ok"], done
        got = await shop.gets(DANA, seconds=15)
        assert "Here is your invoice" in got.as_string()
        (file,) = list(got.iter_attachments())
        assert file.get_filename() == "invoice.pdf"
        assert file.get_payload(decode=True) == b"%PDF-1.4\n"


async def test_guests_and_strangers_send_nothing(busy_shop: Shop) -> None:
    shop = busy_shop
    async with shop.open():
        await shop.mails(DANA, "Hello?")
        await shop.sees("Hello?")
        card = shop.card()
        assert card is not None
        for who in ("guest", "stranger"):
            shop.slack.channels["support"].members.add(shop.slack.people[who].id)
            await shop.writes(who, f"! from a {who}", card["ts"])
        await shop.writes("agent1", "! from Kim", card["ts"])
        await shop.gets(DANA)
        await asyncio.sleep(0.5)
        mails = shop.inbox(DANA)
        assert len(mails) == 1 and "from Kim" in mails[0].as_string()


async def test_undo_edit_and_delete_before_it_leaves(shop: Shop) -> None:
    shop.undo = 4.0
    shop.write_config()
    async with shop.open():
        await shop.mails(DANA, "Hello?")
        await shop.sees("Hello?")
        card = shop.card()
        assert card is not None
        first = await shop.writes("agent1", "! I did not mean this", card["ts"])
        second = await shop.writes("agent1", "! Your parcle is here", card["ts"])
        await shop.until(lambda: len(shop.slack.calls_of("reactions.add")) >= 2)
        await shop.slack.act("agent1", "chat.delete", channel="support", ts=first["ts"])
        await shop.slack.act(
            "agent1", "chat.update", channel="support", ts=second["ts"], text="! Your parcel is here"
        )
        got = await shop.gets(DANA)  # the first one's window has ended before
        await asyncio.sleep(1.0)
        assert len(shop.inbox(DANA)) == 1
        assert "Your parcel is here" in got.as_string()
        assert "did not mean" not in got.as_string()


async def test_a_deleted_card_and_an_archived_channel_lose_nothing(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "Before")
        await shop.sees("Before")
        card = shop.card()
        assert card is not None
        await shop.slack.control("delete_message", channel="support", ts=card["ts"])
        await shop.until(
            lambda: len([m for m in shop.roots() if "Dana" in read(m)]) >= 1 and shop.roots()[-1] != card
        )
        await shop.mails(DANA, "After the card was deleted")
        await shop.sees("After the card was deleted")
        assert sum("started anew" in post or "goes on here" in post for post in shop.thread()) == 1
        await shop.slack.control("archive", channel="support", on=True)
        await shop.mails(DANA, "While archived")
        await asyncio.sleep(1.0)
        await shop.slack.control("archive", channel="support", on=False)
        await shop.sees("While archived", seconds=45)


async def test_a_bounce_after_acceptance_is_shown_at_the_reply(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "Hello?")
        await shop.sees("Hello?")
        await shop.types("agent1", "/reply C1 Into the void")
        got = await shop.gets(DANA)
        await shop.sees("accepted")
        bounce = (
            "From: MAILER-DAEMON@mail.example\r\nTo: support@shop.example\r\nSubject: Undelivered Mail\r\n"
            "Message-ID: <bounce1@mail.example>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
            "Content-Type: text/plain\r\n\r\nThe mailbox is full.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            f"Reporting-MTA: dns; mail.example\r\n\r\nFinal-Recipient: rfc822; {DANA}\r\nAction: failed\r\n"
            "Status: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2 mailbox full\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
            f"Message-ID: {got['Message-ID']}\r\nSubject: Re: Hello\r\n\r\nInto the void\r\n--b--\r\n"
        )
        await shop.mail.deliver("", ["support@shop.example"], bounce.encode())
        shown = await shop.sees("mailbox full")
        assert "failed" in shown and "Into the void" in shown
        assert len(shop.roots()) == 1


async def test_an_automatic_answer_is_shown_and_nobody_waits(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "I am on holiday", headers={"Auto-Submitted": "auto-replied"})
        shown = await shop.sees("I am on holiday")
        assert "machine" in shown or "auto" in shown.lower()
        card = shop.card()
        assert card is not None and "🔴" not in read(card)


async def test_copies_are_shown_and_get_no_reply(shop: Shop) -> None:
    async with shop.open():
        await shop.mails(DANA, "Hello?", headers={"Cc": "customer2@mail.example"})
        shown = await shop.sees("Hello?")
        assert "customer2@mail.example" in shown
        await shop.types("agent1", "/reply C1 Only for you")
        await shop.gets(DANA)
        await asyncio.sleep(0.3)
        copies = [m.as_string() for m in shop.inbox("customer2@mail.example")]
        assert len(copies) == 1 and "Only for you" not in copies[0]  # Dana's own mail, and no more
