"""How a case stands: pending, priority, tags; whom to answer next; who did what; who I am."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bot.commands.desk_services import Deed, NextUp, Priority
from bot.commands.types import Answer, Face, Form, Problems, Role
from bot.desk import Status
from tests.commands.callers import run, said
from tests.commands.fake_services import DAN, DANA, KIM, FakeServices

THREAD = "42.000100"


async def test_pending(services: FakeServices) -> None:
    line = await said(services, "pending", "C42")
    assert line == "Dana Petrov is to write next. Their next message makes it open again."
    assert services.people["C42"].status is Status.PENDING


@pytest.mark.parametrize("words", ["C42 high", "C42 HIGH", "C42: high"])
async def test_priority(services: FakeServices, words: str) -> None:
    assert await said(services, "priority", words) == "Dana Petrov's case has the priority high."
    assert services.desk.priorities == {42: Priority.HIGH}


@pytest.mark.parametrize("words", ["C42", "C42 very high", "C42 highest"])
async def test_a_priority_that_is_none_says_which_there_are(services: FakeServices, words: str) -> None:
    assert await said(services, "priority", words) == "Say which priority: low, normal, high, urgent."
    assert services.desk.priorities == {}


async def test_tags_in_a_thread(services: FakeServices) -> None:
    there = {"face": Face.THREAD, "thread_ts": THREAD}
    await run(services, "tag", "#Refund, late", **there)
    assert services.desk.tagged[42] == ("late", "refund")
    assert await said(services, "tag", "vip -late", **there) == "Dana Petrov's case: refund, vip."
    assert await said(services, "untag", "refund vip", **there) == "Dana Petrov's case has no tags."
    assert "cannot be a tag" in await said(services, "tag", "what?!", **there)


async def test_priority_and_tags_in_a_form(services: FakeServices) -> None:
    services.desk.tagged[42] = ("late",)
    services.desk.tagged[51] = ("refund",)
    form = await run(services, "case.sort", '{"c":42,"t":"support"}', Face.BUTTON)
    assert isinstance(form, Form)
    assert [field.value for field in form.fields] == ["normal", "late"]
    assert "In use: refund." in form.fields[1].hint
    wrong = await run(
        services, "case.sorted", form.context, Face.FORM, fields={"priority": "high", "tags": "a!"}
    )
    assert isinstance(wrong, Problems) and "tags" in wrong.by_field
    await run(
        services, "case.sorted", form.context, Face.FORM, fields={"priority": "high", "tags": "refund vip"}
    )
    assert services.desk.tagged[42] == ("refund", "vip")
    assert services.desk.priorities == {42: Priority.HIGH}


async def test_next_says_whom_and_why(services: FakeServices) -> None:
    now = time.time()
    first = replace(DANA, waiting_since=now - 600, excerpt="Where is my parcel?")
    second = replace(DAN, waiting_since=now - 60)
    services.desk.waiting = [
        NextUp(first, "urgent", now - 120, "first", True, 1),
        NextUp(second, "normal", None, None, False, 0),
    ]
    answer = await run(services, "next")
    assert isinstance(answer, Answer)
    assert answer.text.plain == "C42 Dana Petrov"
    assert answer.rows[0].text.plain == "“Where is my parcel?”"
    assert answer.rows[0].under.startswith("yours · urgent · first reply was due ")
    assert answer.rows[0].under.endswith("2 min ago · waits 10 min · 1 more after this")
    assert [button.label for button in answer.buttons] == ["Reply", "History", "Skip"]
    then = await run(services, "next.skip", answer.buttons[2].value, Face.BUTTON)
    assert isinstance(then, Answer) and then.replace
    assert then.text.plain == "C51 Dana White" and then.rows[0].under == "nobody has it · waits 60 s"
    assert [button.label for button in then.buttons] == ["Reply", "Take it", "History"]
    over = await run(services, "next.skip", "2", Face.BUTTON)
    assert isinstance(over, Answer) and over.text.plain == "Nobody else waits for you."


async def test_who_did_what(services: FakeServices) -> None:
    now = time.time()
    services.desk.done = [
        Deed(now - 60 - n, "U1KIM", "assign", "Amir took it")
        if n
        else Deed(now, "U1KIM", "reply", "message 7")
        for n in range(14)
    ]
    answer = await run(services, "audit", "C42")
    assert isinstance(answer, Answer) and len(answer.rows) == 12
    assert answer.rows[1].text.plain == "Amir took it"
    assert answer.rows[0].text.plain.endswith(": reply") and answer.rows[0].under.endswith("message 7")
    older = await run(services, "audit.older", answer.buttons[0].value, Face.BUTTON)
    assert isinstance(older, Answer) and len(older.rows) == 2 and older.replace


async def test_who_i_am(services: FakeServices) -> None:
    line = await said(services, "whoami", agent=replace(KIM, role=Role.LEAD, zone="Europe/Berlin"))
    assert "Customers see you as Kim" in line and "Role: lead." in line
    assert "Teams: support." in line and "Europe/Berlin" in line
