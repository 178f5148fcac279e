"""Commands as agents type them, on a core in memory."""

from __future__ import annotations

import time

import pytest

from bot.commands import pending
from bot.commands.help import make_registry
from bot.commands.nouns import Health, InboxHealth
from bot.commands.registry import Registry
from bot.commands.types import Answer, Face
from bot.commands.words import ago, clock, size
from bot.desk import Status
from bot.errors import UserError
from bot.messages import InboxId, Text
from tests.commands.callers import call, run, said
from tests.commands.fake_services import GUEST, SUPPORT, FakeServices


async def test_several_are_told_apart(services: FakeServices) -> None:
    assert await said(services, "history", "Dana") == (
        "Several people match “Dana”. Whom do you mean? Nothing was done yet."
    )


async def test_an_outsider_can_do_nothing(services: FakeServices) -> None:
    for name in ("reply", "note", "history", "resolve", "assign", "block", "health", "help", "undo"):
        answer = await run(services, name, "C42 hello", agent=GUEST)
        assert isinstance(answer, Answer) and answer.error
        assert answer.text.plain.startswith("Only members of this team can do that.")
    assert services.drafts == [] and services.done == [] and services.notes == []


async def test_notes(services: FakeServices) -> None:
    assert (
        await said(services, "note", "C42 calls back at 3") == "Noted for Dana Petrov. Only the team sees it."
    )
    assert services.notes[0][:2] == ("C42", "calls back at 3")
    assert await said(services, "note", "C42") == "There is nothing to note: write the words after it."


async def test_resolve_and_reopen(services: FakeServices) -> None:
    assert (
        await said(services, "resolve", "C42")
        == "Dana Petrov's case is resolved. Their next message opens a new one."
    )
    assert services.people["C42"].status is Status.RESOLVED
    assert await said(services, "resolve", "C42") == "Dana Petrov's case is already resolved."
    assert await said(services, "reopen", "C42") == "Dana Petrov's case is open again."


@pytest.mark.parametrize(
    ("args", "owner", "line"),
    [
        ("C42 <@U7AMIR>", "U7AMIR", "Dana Petrov is with Amir now."),
        ("C42 <@U7AMIR|amir>", "U7AMIR", "Dana Petrov is with Amir now."),
        ("C42 me", "U1KIM", "Dana Petrov is with you now."),
        ("C42 nobody", None, "Dana Petrov belongs to the team again."),
        ("Petrov me", "U1KIM", "Dana Petrov is with you now."),
    ],
)
async def test_assign(services: FakeServices, args: str, owner: str | None, line: str) -> None:
    assert await said(services, "assign", args) == line
    assert services.done == [("assign", 42, owner)]


async def test_assign_refuses_strangers(services: FakeServices) -> None:
    assert await said(services, "assign", "C42 <@USTRANGER>") == (
        "They are not in this team. Choose one of the team's agents."
    )
    assert await said(services, "assign", "C42") == "Say to whom: @name, me, or nobody."
    assert services.done == []


async def test_take_and_unassign(services: FakeServices) -> None:
    await said(services, "take", "C42")
    await said(services, "unassign", "C42")
    assert services.done == [("assign", 42, "U1KIM"), ("assign", 42, None)]


async def test_block_and_unblock(services: FakeServices) -> None:
    answer = await run(services, "block", "C42")
    assert isinstance(answer, Answer)
    assert answer.text.plain == (
        "Dana Petrov is blocked: their messages are kept but not shown, and nothing is sent to them."
    )
    again = await run(services, answer.buttons[0].action, answer.buttons[0].value, Face.BUTTON)
    assert isinstance(again, Answer) and again.text.plain == "Dana Petrov is not blocked any more."


async def test_quoted_text_is_shown_on_demand(services: FakeServices) -> None:
    services.keep(5, "C42", "inbound", Text("new"), tail=Text("> old"))
    assert await said(services, "tail.show", "5", Face.BUTTON) == "Quoted below their words:\n> old"


async def test_health_reads_well(services: FakeServices) -> None:
    answer = await run(services, "health")
    assert isinstance(answer, Answer)
    assert answer.text.plain == (
        "🟢 All is well.\n2 waiting to be sent (2 desk), the oldest for 3 s.\n"
        "Onethread 0.1.0, running for 2 h, 2 connections to Slack."
    )
    assert answer.rows[0].text.plain == "🟢 support@shop.example"


async def test_help_names_only_what_exists(services: FakeServices) -> None:
    registry = make_registry("ot-")
    words = await said(services, "help")
    assert "/reply C42 text · send words to a customer" in words
    helped = await registry.run(registry.commands[-1], services, call())
    assert isinstance(helped, Answer)
    for line in helped.text.plain.splitlines():
        if line.startswith("/"):
            assert registry.find_slash(line.split()[0]) is not None
    assert registry.find_slash("/reply") is None


def test_suggestions() -> None:
    registry = make_registry()
    assert [registry.suggest(word) for word in ("resovle", "asign", "thanks", "Hisotry")] == [
        "resolve",
        "assign",
        None,
        "history",
    ]


async def test_health_says_what_is_wrong(services: FakeServices) -> None:
    now = time.time()
    down = InboxHealth(
        InboxId("press-mail"),
        "email",
        SUPPORT,
        "press@shop.example",
        "the password is refused",
        now - 600,
        None,
    )

    async def sick() -> Health:
        return Health(
            (down,),
            {"route": 3},
            400.0,
            2,
            1,
            "SMTP 421",
            now - 60,
            1,
            now - 90_000,
            "0.1.0",
            ("Look at C42.",),
        )

    services.health = sick  # type: ignore[method-assign]
    answer = await run(services, "health")
    assert isinstance(answer, Answer)
    lines = answer.text.plain.splitlines()
    assert lines[0] == "🔴 1 of 1 inboxes do not work."
    assert lines[1] == "3 waiting to be sent (3 route), the oldest for 7 min."
    assert lines[2] == "2 failed in the last 24 hours."
    assert lines[3] == "1 may or may not have arrived and wait for somebody to check."
    assert lines[4].startswith("Last error ") and lines[4].endswith(": SMTP 421")
    assert lines[5] == "Onethread 0.1.0, running for 25 h, one connection to Slack."
    assert answer.rows[0].text.plain.startswith("🔴 press@shop.example: the password is refused, since ")
    assert answer.rows[1].text.plain == "⚠ Look at C42."


NOON = 1_760_011_200.0  # Thursday, 9 October 2025, 12:00 UTC


@pytest.mark.parametrize(
    ("at", "zone", "shown"),
    [
        (NOON - 60, "UTC", "11:59"),
        (NOON - 60, "Europe/Stockholm", "13:59"),
        (NOON - 86_400, "UTC", "Wed 12:00"),
        (NOON - 30 * 86_400, "UTC", "9 Sep 12:00"),
        (NOON - 400 * 86_400, "UTC", "4 Sep 2024"),
        (NOON, "Nowhere/AtAll", "12:00"),
    ],
)
def test_clock(at: float, zone: str, shown: str) -> None:
    assert clock(at, zone, NOON) == shown


def test_sizes_and_ages() -> None:
    assert [size(n) for n in (1, 999, 24_000, 3_100_000, 90_000_000, 2_000_000_000)] == [
        "1 byte",
        "999 bytes",
        "24 kB",
        "3.1 MB",
        "90 MB",
        "2 GB",
    ]
    assert [ago(s) for s in (-3, 40, 700, 7200, 3 * 86_400)] == ["0 s", "40 s", "12 min", "2 h", "3 days"]


def test_questions_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "KEPT_COUNT", 2)
    kept: pending.Pending[str] = pending.Pending()
    tokens = [kept.keep(word) for word in ("a", "b", "c")]
    assert [kept.get(token) for token in tokens[1:]] == ["b", "c"]
    with pytest.raises(UserError):
        kept.get(tokens[0])
    monkeypatch.setattr(pending, "KEPT_SECONDS", -1.0)
    with pytest.raises(UserError):
        kept.get(kept.keep("d"))


def test_two_commands_of_one_name_are_refused() -> None:
    command = make_registry().commands[0]
    with pytest.raises(ValueError, match="two commands"):
        Registry([command, command], [])
