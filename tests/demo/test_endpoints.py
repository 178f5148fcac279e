"""The contract for outside scripts: endpoints.json, app.yaml, and who may ask the page's server."""

from __future__ import annotations

import imaplib
import os
import re
import smtplib
from pathlib import Path

import pytest

from tests.demo.rig import DemoProcess, SlackPerson, alive, fetch

MAILBOXES = {"support@shop.example", "press@shop.example", "customer1@mail.example", "customer2@mail.example"}
PAGE = Path(__file__).resolve().parents[2] / "bot" / "sandbox" / "demo" / "page"

SHOP = PAGE.with_name("shop")


def test_the_keys_are_the_promised_ones(demo: DemoProcess) -> None:
    given = demo.endpoints
    assert given.keys() == {"page", "slack", "mail", "site", "telegram", "x", "bot", "database"}
    assert given["page"] == demo.page
    slack, mail = given["slack"], given["mail"]
    assert slack.keys() == {"api", "bot_token", "app_token", "people", "channels"}
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api/", slack["api"])
    assert slack["bot_token"].startswith("xoxb-") and slack["app_token"].startswith("xapp-")
    assert slack["people"].keys() == {"agent1", "agent2", "lead"}
    assert all(one["id"][0] == "U" and one["token"].startswith("xoxp-") for one in slack["people"].values())
    assert slack["channels"].keys() == {"support", "press"}
    assert all(channel.startswith("C") for channel in slack["channels"].values())
    assert mail.keys() == {"smtp", "imap", "mailboxes"} and mail["mailboxes"].keys() == MAILBOXES
    assert mail["smtp"]["host"] == mail["imap"]["host"] == "127.0.0.1"
    assert given["bot"].keys() == {"pid", "config"}
    site, telegram, x = given["site"], given["telegram"], given["x"]
    assert site.keys() == {"page", "websocket", "origin"}
    assert site["page"] == f"{demo.page}shop/" and site["origin"] == demo.page.rstrip("/")
    assert re.fullmatch(r"ws://127\.0\.0\.1:\d+/channels/support-chat/ws", site["websocket"])
    assert telegram.keys() == {"api", "token", "say", "heard"}
    assert x.keys() >= {"api", "client_id", "client_secret", "refresh_token", "bearer_token", "say", "heard"}
    for name, channel in (("telegram", telegram), ("x", x)):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", channel["api"])
        assert channel["say"] == f"{demo.page}{name}/say" and channel["heard"] == f"{demo.page}{name}/heard"


def test_every_account_works(demo: DemoProcess) -> None:
    given = demo.endpoints
    for key, person in given["slack"]["people"].items():
        assert SlackPerson(given, key).call("auth.test")["user_id"] == person["id"]
    for account in given["mail"]["mailboxes"].values():
        with imaplib.IMAP4(given["mail"]["imap"]["host"], given["mail"]["imap"]["port"]) as imap:
            assert imap.login(account["user"], account["password"])[0] == "OK"
            assert imap.select("INBOX")[0] == "OK"
        with smtplib.SMTP(given["mail"]["smtp"]["host"], given["mail"]["smtp"]["port"]) as smtp:
            smtp.login(account["user"], account["password"])


def test_the_bot_is_a_process_that_runs_on_an_ordinary_app_yaml(demo: DemoProcess) -> None:
    given = demo.endpoints
    config = Path(given["bot"]["config"])
    assert alive(given["bot"]["pid"])
    command = Path(f"/proc/{given['bot']['pid']}/cmdline")
    if command.exists():
        assert command.read_bytes().split(b"\0")[1:-1] == [
            b"-m",
            b"bot",
            b"run",
            b"--config",
            os.fsencode(config),
        ]
    assert Path(given["database"].removeprefix("sqlite:///")).is_file()


def test_no_secret_stands_in_app_yaml(demo: DemoProcess) -> None:
    given = demo.endpoints
    config = Path(given["bot"]["config"])
    passwords = [box["password"] for box in given["mail"]["mailboxes"].values()]
    x = given["x"]
    passwords += [x["client_secret"], x["refresh_token"], x["consumer_secret"], x["bearer_token"]]
    tokens = (given["slack"]["bot_token"], given["slack"]["app_token"], given["telegram"]["token"])
    for secret in (*tokens, *passwords):
        assert secret not in config.read_text()
    assert config.with_name("bot.env").stat().st_mode & 0o777 == 0o600


def test_health(demo: DemoProcess) -> None:
    status, body = demo.get("healthz")
    assert status == 200 and isinstance(body, dict) and body["ok"] is True


def test_strangers_are_kept_out(demo: DemoProcess) -> None:
    order = {"do": "repair"}
    assert fetch(demo.page + "endpoints.json", headers={"Host": "evil.example:8080"})[0] == 403
    assert fetch(demo.page + "demo/break", order, {"Origin": "https://evil.example"})[0] == 403
    assert fetch(demo.page + "demo/break", order, {"Content-Type": "text/plain"})[0] == 415
    assert fetch(demo.page + "demo/break", order, {"Origin": demo.page.rstrip("/")})[0] == 200
    app_token = demo.endpoints["slack"]["app_token"]
    door = demo.page + "slack/api/apps.connections.open"
    assert fetch(door, {}, {"Authorization": f"Bearer {app_token}"})[0] == 403


@pytest.mark.parametrize(
    ("path", "order", "words"),
    [
        ("demo/break", {"do": "nothing known"}, "Known: slack_429"),
        ("telegram/say", {"customer": "customer3", "text": "x"}, "customer1, customer2"),
        ("telegram/say", {"customer": "customer1", "text": " "}, "Write something"),
        (
            "x/say",
            {"customer": "customer1", "text": "x", "file": {"name": "f", "data": "not base64!"}},
            "cannot be read",
        ),
        (
            "x/say",
            {"customer": "customer1", "text": "x", "file": {"name": "f.txt", "data": "aGVsbG8="}},
            "pictures and videos only",
        ),
        ("mail/customer1", {"to": "nobody", "text": "x"}, "Say who"),
        ("mail/customer1", {"to": "support@shop.example", "text": " "}, "Write something"),
        ("mail/customer1", {"to": "nobody@shop.example", "text": "x"}, "no such mailbox"),
        (
            "mail/customer1",
            {"to": "a@b.example", "text": "x", "files": [{"name": "f", "data": "not base64!"}]},
            "cannot be written",
        ),
    ],
)
def test_a_wrong_order_is_told_in_a_sentence(
    demo: DemoProcess, path: str, order: dict[str, object], words: str
) -> None:
    status, body = fetch(demo.page + path, order)
    assert status == 400 and isinstance(body, dict) and words in body["error"]


def test_the_page_asks_nobody_else_and_makes_no_markup_of_words() -> None:
    for path in (*PAGE.iterdir(), *SHOP.iterdir()):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(?:src|href|url\(|import|from)\W{1,3}(?:https?:)?//", text), path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text), (
            path.name
        )
