"""The story that the demo tells, told by scripts: real mail in, Slack, real mail out, and things that break."""

from __future__ import annotations

import email
import imaplib
import json
import re
import time
from email import policy
from email.message import EmailMessage

import pytest

from tests.demo.rig import DemoProcess, SlackPerson, fetch, send_mail

DANA = "Dana Petrov <customer1@mail.example>"
LUIS = "Luis Ferreira <customer2@mail.example>"


@pytest.fixture
def kim(demo: DemoProcess) -> SlackPerson:
    return SlackPerson(demo.endpoints, "agent1")


def inbox(demo: DemoProcess, address: str) -> list[EmailMessage]:
    """What a mailbox holds, read over IMAP."""
    mail = demo.endpoints["mail"]
    account = mail["mailboxes"][address]
    with imaplib.IMAP4(mail["imap"]["host"], mail["imap"]["port"]) as imap:
        imap.login(account["user"], account["password"])
        imap.select("INBOX", readonly=True)
        numbers = imap.search(None, "ALL")[1][0].split()
        raw = [imap.fetch(number, "(BODY.PEEK[])")[1][0] for number in numbers]
    found = [email.message_from_bytes(one[1], policy=policy.default) for one in raw if isinstance(one, tuple)]
    return [one for one in found if isinstance(one, EmailMessage)]


def answered(demo: DemoProcess, address: str, words: str, timeout: float = 30.0) -> EmailMessage:
    """The mail with these words, once it is there."""
    end = time.monotonic() + timeout
    known = -1
    while time.monotonic() < end:
        state = fetch(f"{demo.page}demo/state?known={known}")[1]
        assert isinstance(state, dict)
        known = state["version"]
        for mail in inbox(demo, address):
            body = mail.get_body(("plain",))
            if body is not None and words in body.get_content():
                return mail
        time.sleep(0.05)
    raise AssertionError(f"no mail with {words!r} for {address}")


def handle(thread: list[dict[str, object]]) -> str:
    """The customer's handle on a card."""
    found = re.search(r"\bC\d+\b", json.dumps(thread[0]["blocks"]))
    assert found
    return found[0]


def test_a_mail_becomes_a_thread_and_reply_becomes_a_mail(demo: DemoProcess, kim: SlackPerson) -> None:
    given = demo.endpoints
    support = given["slack"]["channels"]["support"]
    first = send_mail(
        given, DANA, "support@shop.example", "Where is my parcel?", "It should have come on Monday."
    )
    kim.wait_for(lambda: kim.said(support, "It should have come on Monday."))
    (thread,) = [one for one in kim.threads(support) if "Dana Petrov" in json.dumps(one[0])]
    assert [one["username"] for one in thread[1:]] == ["Dana Petrov (email)"]

    kim.call("chat.command", channel=support, command="/reply", text=f"{handle(thread)} It ships today.")
    mail = answered(demo, "customer1@mail.example", "It ships today.")
    assert mail["In-Reply-To"] == first and first in mail["References"]
    assert mail["Subject"] == "Re: Where is my parcel?" and "support@shop.example" in mail["From"]
    kim.wait_for(
        lambda: [one for one in kim.said(support, "It ships today.") if "→ Dana" in one.get("username", "")]
    )

    send_mail(
        given, DANA, mail["Reply-To"] or mail["From"], mail["Subject"], "Thank you, Kim!", In_Reply_To=mail["Message-ID"]
    )  # fmt: skip
    (back,) = kim.wait_for(lambda: kim.said(support, "Thank you, Kim!"))
    assert back["thread_ts"] == thread[0]["ts"]


def test_press_has_its_own_channel(demo: DemoProcess, kim: SlackPerson) -> None:
    given = demo.endpoints
    send_mail(given, LUIS, "press@shop.example", "An interview", "May I ask you three questions?")
    press, support = given["slack"]["channels"]["press"], given["slack"]["channels"]["support"]
    assert kim.wait_for(lambda: kim.said(press, "three questions"))
    assert not kim.said(support, "three questions")


def test_the_bot_is_killed_while_a_customer_writes(demo: DemoProcess, kim: SlackPerson) -> None:
    given = demo.endpoints
    support = given["slack"]["channels"]["support"]
    state = demo.break_things("bot_kill")
    assert state["bot"] | {"pid": 0, "running": False, "ending": "killed by SIGKILL"} == state["bot"]
    assert demo.endpoints["bot"]["pid"] == 0 and demo.get("healthz")[0] == 503
    send_mail(given, LUIS, "support@shop.example", "A second cup?", "Written while nobody listened.")
    demo.break_things("bot_start")
    assert demo.endpoints["bot"]["pid"] not in (0, given["bot"]["pid"])
    assert len(kim.wait_for(lambda: kim.said(support, "while nobody listened"))) == 1


def test_slack_posts_and_drops_the_line(demo: DemoProcess, kim: SlackPerson) -> None:
    given = demo.endpoints
    support = given["slack"]["channels"]["support"]
    state = demo.break_things("slack_drop")
    assert [rule["effect"] for rule in state["slack"]["broken"]] == ["drop"]
    send_mail(given, DANA, "support@shop.example", "Once", "This is to be seen once.")
    kim.wait_for(lambda: kim.said(support, "to be seen once"))
    send_mail(given, DANA, "support@shop.example", "After", "And this comes after it.")
    kim.wait_for(lambda: kim.said(support, "comes after it"))
    assert len(kim.said(support, "to be seen once")) == 1
    demo.break_things("repair")


@pytest.mark.parametrize(("what", "effect"), [("slack_429", "limit"), ("slack_500", "error")])
def test_slack_refuses_for_a_while(demo: DemoProcess, kim: SlackPerson, what: str, effect: str) -> None:
    given = demo.endpoints
    assert [rule["effect"] for rule in demo.break_things(what)["slack"]["broken"]] == [effect]
    send_mail(given, DANA, "press@shop.example", what, f"Sent during {what}.")
    press = given["slack"]["channels"]["press"]
    assert len(kim.wait_for(lambda: kim.said(press, f"Sent during {what}."), 60)) == 1
    demo.break_things("repair")


def test_the_mail_server_goes_and_comes_back(demo: DemoProcess, kim: SlackPerson) -> None:
    given = demo.endpoints
    support = given["slack"]["channels"]["support"]
    letter = {"to": "support@shop.example", "subject": "Hello again", "text": "After the outage."}
    assert demo.break_things("mail_down")["mail"] == {"up": False}
    status, body = fetch(demo.page + "mail/customer2", letter)
    assert status == 400 and body == {
        "error": "The mail server cannot be reached. Try again when it is back."
    }
    assert demo.break_things("mail_up")["mail"] == {"up": True}
    assert fetch(demo.page + "mail/customer2", letter)[0] == 200
    assert len(kim.wait_for(lambda: kim.said(support, "After the outage."), 60)) == 1
