"""How a prompt looks in Slack."""

from __future__ import annotations

from bot.desk import Group, Press, Prompt, Strong, ThreadLink, When, Who
from bot.messages import AgentId
from bot.slack.posts import render
from tests.slack.shown import check_blocks

URL = "https://acme.slack.com/"
NASTY = "<!channel> *bold* <https://evil.example|ok> :tada:"
TURNED = "\u202egnp.exe\u2066\u0007"


def prompt(**more: object) -> Prompt:
    lines = (
        (Strong("Dana"), f" {NASTY} waits since ", When(1_700_000_000.0, "time")),
        (Who(AgentId("UKIM")), ": ", ThreadLink("open", "C1", "1700000000.000100")),
    )
    return Prompt(lines, 1.0, (Press("Take", "case.take", "x"), Press("Again", "case.take", "y")), **more)  # type: ignore[arg-type]


def test_nothing_in_it_is_parsed_and_each_button_is_its_own() -> None:
    shown, _ = render((prompt(),), {}, url=URL)
    check_blocks(shown.blocks)
    first = shown.blocks[0]
    assert first["type"] == "rich_text"
    (section,) = first["elements"]
    kinds = [piece["type"] for piece in section["elements"]]
    assert kinds == ["text", "text", "date", "text", "user", "text", "link"]
    assert NASTY in section["elements"][1]["text"]
    assert section["elements"][6]["url"] == f"{URL}archives/C1/p1700000000000100"
    assert [one["action_id"] for one in shown.blocks[1]["elements"]] == ["case.take", "case.take#1"]
    assert "<" not in shown.text.replace("&lt;", ""), "a notification parses nothing either"


def test_when_it_is_done_there_is_nothing_left_to_press() -> None:
    shown, _ = render((prompt(done=("Kim took it",)),), {}, renewed=True, url=URL)
    check_blocks(shown.blocks)
    assert [block["type"] for block in shown.blocks] == ["rich_text", "rich_text"]
    assert shown.blocks[1]["elements"][0]["elements"][0]["text"] == "Kim took it"


def test_a_user_group_is_named_so_that_its_people_are_notified() -> None:
    named = Prompt(((Group("S0614TZR7"), " ⏰ ", Strong("Dana"), " waits"),), 1.0)
    shown, _ = render((named,), {}, url=URL)
    check_blocks(shown.blocks)
    assert shown.blocks[0]["elements"][0]["elements"][0] == {
        "type": "usergroup",
        "usergroup_id": "S0614TZR7",
    }
    assert shown.text == " ⏰ Dana waits".strip()


def test_nobody_turns_a_line_around() -> None:
    lines = ((f"{TURNED} waits", Strong(TURNED), ThreadLink(TURNED, "C1", "1.2")),)
    shown, _ = render((Prompt(lines, 1.0),), {}, url=URL)
    check_blocks(shown.blocks)
    texts = [piece["text"] for piece in shown.blocks[0]["elements"][0]["elements"]]
    assert texts == ["gnp.exe waits", "gnp.exe", "gnp.exe"]
