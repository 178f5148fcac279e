"""The page in a real browser: the tour by its buttons, forms, hostile words, a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.demo.rig import DemoProcess, SlackPerson, fetch, send_mail
from tests.site.browser import axe_source

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
FLAGS += ["--disable-component-update", "--disable-sync"]
SLOW = 30_000
"""Milliseconds; for what goes through the bot."""
HOSTILE = "<img src=x onerror=alert(1)> <!channel> <script>document.title='taken'</script> &amp; *not bold*"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, demo: DemoProcess) -> Iterator[Page]:
    """The page at 1280 px; any error in its console, and any request to another host, fails the test."""
    problems: list[str] = []
    close_forms(demo)
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.on("console", lambda line: problems.append(line.text) if complaint(line) else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda request: problems.append(request.url) if strange(request.url, demo) else None)
    visit(opened, demo)
    yield opened
    opened.close()
    assert not problems


def close_forms(demo: DemoProcess) -> None:
    """Slack keeps a form open across reloads; what a failed test left would lie over the next one."""
    for key in ("agent1", "agent2"):
        person = SlackPerson(demo.endpoints, key)
        for view in reversed(person.call("client.views")["views"]):
            person.call("views.close", view_id=view["id"])


def strange(url: str, demo: DemoProcess) -> bool:
    chat = demo.chat
    return not url.startswith((demo.page, chat, chat.replace("http", "ws", 1), "blob:", "data:"))


def complaint(line: ConsoleMessage) -> bool:
    """An error in the console; while the bot is dead, Chromium complains of the chat's line."""
    return line.type in ("error", "warning") and "net::ERR" not in line.text


def visit(page: Page, demo: DemoProcess) -> None:
    page.goto(demo.page)
    expect(page.locator("body[data-ready=yes]")).to_be_attached()


def test_the_tour_by_its_buttons(page: Page, demo: DemoProcess) -> None:
    button = page.locator(".tour .step button")
    ticked = page.locator(".tour li.ticked")
    button.click()
    expect(ticked).to_have_count(1, timeout=SLOW)
    expect(page.locator(".pane.thread .message").nth(1)).to_contain_text("my order 1042")
    expect(button).to_have_text("Write it for me")
    button.click()
    expect(page.locator(".pane.channel textarea")).to_have_value(
        "/reply C1 Sorry, Dana. The parcel left our house today; it is with you on Thursday."
    )
    page.keyboard.press("Enter")
    expect(page.locator(".message.private")).to_contain_text("Only visible to you")
    expect(ticked).to_have_count(2, timeout=SLOW)
    button.click()
    expect(page.locator(".mail-body")).to_contain_text("it is with you on Thursday")
    expect(ticked).to_have_count(3)
    button.click()
    expect(page.frame_locator("iframe").locator("support-chat.open")).to_be_attached()
    page.keyboard.type("Is the cup dishwasher safe?")
    page.keyboard.press("Enter")
    expect(ticked).to_have_count(4, timeout=SLOW)
    expect(page.locator(".pane.channel .message", has_text="Visitor").last).to_contain_text("dishwasher")
    before = demo.endpoints["bot"]["pid"]
    button.click()
    expect(ticked).to_have_count(5, timeout=SLOW)
    assert demo.endpoints["bot"]["pid"] not in (0, before)
    expect(page.locator(".tour")).to_contain_text("That is all of it")
    visit(page, demo)
    expect(ticked).to_have_count(5)
    page.get_by_role("button", name="Close the tour").click()
    expect(page.locator("#tour")).to_be_hidden()


def test_a_mail_written_by_hand_becomes_a_thread_and_its_words_stay_words(page: Page) -> None:
    page.get_by_role("tab", name="Luis's mail").click()
    page.get_by_role("button", name="Write").click()
    page.locator(".mail-write [name=subject]").fill("Hostile")
    page.locator(".mail-write [name=text]").fill(f"{HOSTILE}\nA second line.")
    page.locator(".mail-write input[type=file]").set_input_files(
        [{"name": "cup.txt", "mimeType": "text/plain", "buffer": b"a cup"}]
    )
    page.locator(".mail-write button[type=submit]").click()
    card = page.locator(".pane.channel .message", has_text="Luis Ferreira").last
    expect(card).to_be_visible(timeout=SLOW)
    card.locator(".replies").click()
    words = page.locator(".pane.thread .message", has_text="A second line.").last
    expect(words).to_contain_text(HOSTILE, timeout=SLOW)
    assert words.locator("img, script, b:not(.by b), .mention").count() == 0
    assert page.title() == "Onethread demo"
    file = page.locator(".pane.thread a.file", has_text="cup.txt")
    with page.expect_download() as download:
        file.click()
    assert download.value.path().read_bytes() == b"a cup"


def test_a_form_asks_searches_and_sends(page: Page, demo: DemoProcess) -> None:
    given = demo.endpoints
    kim = SlackPerson(given, "agent1")
    support = given["slack"]["channels"]["support"]
    send_mail(
        given, "Dana Petrov <customer1@mail.example>", "support@shop.example", "A form", "Is this a form?"
    )
    kim.wait_for(lambda: kim.said(support, "Is this a form?"))
    page.locator(".pane.channel .message", has_text="Dana Petrov").locator(
        "[data-action='reply.open']"
    ).first.click()
    form = page.locator("dialog.modal[open]")
    text = form.locator("textarea").first
    expect(text).to_be_visible(timeout=SLOW)
    form.locator("button[type=submit]").click()
    expect(form.locator(".wrong .error")).to_contain_text("Write something")
    text.fill("Yes, it is a form.")
    form.locator("button[type=submit]").click()
    expect(form).to_be_hidden(timeout=SLOW)
    page.get_by_role("tab", name="Dana's mail").click()
    page.locator(".mail-row", has_text="A form").locator("visible=true", has_text="Re:").first.click(
        timeout=SLOW
    )
    expect(page.locator(".mail-body")).to_contain_text("Yes, it is a form.")


def test_slash_commands_complete_and_threads_refuse_them(page: Page) -> None:
    area = page.locator(".pane.channel textarea")
    area.fill("/hea")
    options = page.locator(".composer [role=option]:visible")
    expect(options.first).to_contain_text("/health")
    area.press("Tab")
    expect(area).to_have_value("/health ")
    area.press("Enter")
    expect(page.locator(".message.private").last).to_contain_text("support@shop.example", timeout=SLOW)
    page.locator(".pane.channel .replies").first.click()
    thread = page.locator(".pane.thread textarea")
    thread.fill("/reply C1 no")
    thread.press("Enter")
    expect(page.locator(".toast.bad")).to_contain_text("no slash commands in threads")


def test_another_person_sees_their_own_slack(page: Page) -> None:
    thread = page.locator(".pane.channel .replies").first
    thread.click()
    page.locator(".pane.thread textarea").fill("I look into this & <that>")
    page.locator(".pane.thread textarea").press("Enter")
    page.get_by_role("radio", name="Amir Haddad").check()
    mine = page.locator(".pane.thread .message", has_text="I look into this & <that>")
    expect(mine.locator(".by")).to_contain_text("Kim Lindqvist")
    expect(page.locator(".message.private")).to_have_count(0)


def test_what_the_bot_does_is_shown_while_it_does_it(page: Page, demo: DemoProcess) -> None:
    page.locator(".pane.channel .replies").first.click()
    given = demo.endpoints
    bot = {"Authorization": f"Bearer {given['slack']['bot_token']}"}
    channel, root = given["slack"]["channels"]["support"], page.locator(".pane.thread .message").first
    where = {"channel_id": channel, "thread_ts": root.get_attribute("data-ts")}
    for words in ("Dana is typing…", ""):
        reply = fetch(given["slack"]["api"] + "assistant.threads.setStatus", {**where, "status": words}, bot)[
            1
        ]
        assert isinstance(reply, dict) and reply["ok"], reply
        expect(page.locator(".pane.thread .status")).to_have_text(words)


def test_what_was_said_can_be_changed_and_taken_back(page: Page) -> None:
    page.locator(".pane.channel .replies").first.click()
    area = page.locator(".pane.thread textarea")
    area.fill("A <first> try @amir")
    area.press("Enter")
    said = page.locator(".pane.thread .message", has_text="A <first> try")
    expect(said.locator(".mention")).to_have_text("@Amir")
    said.get_by_role("button", name="Actions for").click()
    page.get_by_role("menuitem", name="Edit").press("Enter")
    expect(area).to_have_value("A <first> try @amir")
    area.fill("A second & better try")
    area.press("Enter")
    changed = page.locator(".pane.thread .message", has_text="A second & better try")
    expect(changed).to_contain_text("(edited)")
    expect(area).to_have_value("")
    changed.get_by_role("button", name="Actions for").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(changed).to_have_count(0)


def test_things_break_and_are_repaired(page: Page) -> None:
    page.get_by_role("tab", name="Break").click()
    panel = page.locator(".breaks")
    panel.locator("[data-do=mail_down]").click()
    expect(page.locator("#truth")).to_contain_text("mail server is away")
    panel.locator("[data-do=bot_kill]").click()
    expect(page.locator("#truth")).to_contain_text("not running (killed by SIGKILL)")
    expect(page.get_by_role("tab", name="something is broken")).to_be_visible()
    panel.locator("[data-do=slack_429]").click()
    expect(panel).to_contain_text("Armed: 2 more calls.")
    panel.locator("[data-do=repair]").click()
    expect(page.locator("#truth")).to_contain_text("process", timeout=SLOW)
    expect(page.locator("#truth")).not_to_contain_text("away")
    expect(page.get_by_role("tab", name="Break things", exact=True)).to_be_visible()


def test_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    expect(page.locator("#slack")).to_be_hidden()
    page.locator(".sides").get_by_role("button", name="Slack").click()
    expect(page.locator("#devices")).to_be_hidden()
    page.locator(".pane.channel .replies").first.click()
    expect(page.locator(".pane.channel")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="Close thread").click()
    expect(page.locator(".pane.channel")).to_be_visible()
    page.locator(".pane.channel .replies").first.click()
    page.locator(".tour li").nth(1).get_by_role("button").click()
    page.get_by_role("button", name="Write it for me").click()
    expect(page.locator(".pane.channel textarea")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, scheme: Literal["light", "dark"]) -> None:
    axe = axe_source()
    page.emulate_media(color_scheme=scheme)
    page.evaluate(axe)
    page.locator(".pane.channel .replies").first.click()
    page.locator(".mail-row").first.click()
    findings(page, "Slack and a mail")
    page.get_by_role("tab", name="Telegram").click()
    findings(page, "a messenger")
    page.get_by_role("tab", name="Shop").click()
    expect(page.frame_locator("iframe").locator("support-chat")).to_be_attached()
    findings(page, "the shop")
    page.get_by_role("tab", name="Break").click()
    page.locator(".pane.thread .dots").first.click()
    findings(page, "a menu")
    page.keyboard.press("Escape")
    page.locator(".pane.thread [data-action='reply.open']").first.click()
    expect(page.locator("dialog.modal textarea").first).to_be_visible(timeout=SLOW)
    findings(page, "a form")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.modal")).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 844})
    findings(page, "a phone")


def findings(page: Page, where: str) -> None:
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    assert not [(one["id"], [node["target"] for node in one["nodes"]]) for one in found], where


def test_who_waits_is_on_the_home_tab(page: Page, demo: DemoProcess) -> None:
    send_mail(
        demo.endpoints,
        "Nora Homer <nora@mail.example>",
        "support@shop.example",
        "Size",
        f"Is 42 left? {HOSTILE}",
    )
    page.get_by_role("button", name="Onethread Home").click()
    home = page.locator(".home-pane")
    row = home.locator(".section", has_text="Nora Homer")
    expect(row).to_contain_text("Is 42 left? <img src=x", timeout=SLOW)
    expect(home.locator("img")).to_have_count(0)
    row.get_by_role("button", name="Take it").click()
    expect(row.get_by_role("button", name="Reply")).to_be_visible(timeout=SLOW)
    expect(home).to_contain_text("for you")
    page.locator(".slack-side").get_by_role("button", name="support", exact=True).click()
    expect(home).to_be_hidden()
    expect(page.locator(".pane.channel .message", has_text="Nora Homer").first).to_contain_text("owner: @Kim")
