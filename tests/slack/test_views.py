"""Every form as an agent reads it: valid by Slack's limits and the library's validators, and kept as readable text.

``ONETHREAD_GOLDEN=write`` writes them anew; then read them.
"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.commands.help import make_registry
from bot.commands.macro_services import Macro
from bot.commands.nouns import Confirm
from bot.commands.types import Agent, Answer, Call, Face, Form, Problems, Role
from bot.messages import AgentId, TeamId, Text
from bot.slack import forms
from tests.commands.fake_services import DANA, EMAIL, SUPPORT, FakeServices
from tests.slack.matrix import DANA as DANA_VALUE
from tests.slack.matrix import OTHER, PRESSED
from tests.slack.shown import check_blocks, check_view, shown_view

GOLDEN = Path(__file__).parent / "golden"
REGISTRY = make_registry()
RUTH = Agent(AgentId("U2RUTH"), "Ruth", Role.ADMIN, zone="UTC")
TIMES = re.compile(r"\b(?:today|tomorrow|\w{3},? )?[^\n–]*\d\d:\d\d\b")


def core() -> FakeServices:
    """Dana has a mail and a chat; there is a macro, and somebody else is writing to her."""
    made = FakeServices()
    made.macros.kept = [
        Macro(1, "refund", "Hello {customer.first_name|there}, your money is back.", SUPPORT, 3)
    ]
    made.desk.others = ("Amir",)
    made.desk.tagged = {42: ("late", "refund"), 51: ("angry",)}
    made.profile.has[DANA.customer_id] = {"plan": "pro", "company": "Acme"}
    return made


def call(args: str, face: Face = Face.BUTTON, **fields: str) -> Call:
    return Call(
        RUTH,
        face,
        "src",
        "C0SUPPORT",
        args,
        Text(fields.get("text", args)),
        team=SUPPORT,
        fields=fields,
        order=1.0,
    )


async def opened(services: FakeServices, name: str, asked: Call) -> Form:
    what = REGISTRY.action(name) or REGISTRY.find(name)
    assert what is not None, name
    form = await REGISTRY.run(what, services, asked)
    assert isinstance(form, Form), (name, form)
    return form


def read(form: Form) -> str:
    view = forms.modal(form, "C0SUPPORT", "1.0")
    check_view(view)
    return shown_view(view)


FORMS: dict[str, tuple[str, Call]] = {
    "reply": ("reply.open", call(DANA_VALUE)),
    "reply_to_whom": ("reply", call("", Face.SLASH)),
    "assign": ("case.assign", call(DANA_VALUE)),
    "sort": ("case.sort", call(DANA_VALUE)),
    "transfer": ("case.transfer", call(DANA_VALUE)),
    "snooze": ("case.snooze", call(DANA_VALUE)),
    "profile": ("customer.edit", call(DANA_VALUE)),
    "erase": ("privacy.open", call(DANA_VALUE)),
    "find": ("find.filter", call('{"q":"parcel"}')),
    "history_filter": ("history.filter", call(DANA_VALUE)),
    "macro_new": ("macro.new", call("")),
    "macro_edit": ("macro.edit", call("1")),
    "merge_whom": ("merge.open", call(DANA_VALUE)),
    "merge": ("merge.submit.refresh", call(DANA_VALUE, Face.FORM, other=OTHER)),
    "pause": ("sla.pause", call(DANA_VALUE)),
    "start": ("start.open", call("")),
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_form_reads_well(name: str) -> None:
    action, asked = FORMS[name]
    await asyncio.to_thread(kept, f"form_{name}", read(await opened(core(), action, asked)))


async def test_the_question_before_a_reply_goes_out() -> None:
    services = core()
    services.ask = Confirm(
        "boss@else.example has never been part of this conversation and would read it.", "Send to them too"
    )
    asked = call(DANA_VALUE, Face.FORM, customer=DANA_VALUE, text="It ships today.")
    await asyncio.to_thread(
        kept, "form_before_it_goes_out", read(await opened(services, "reply.submit", asked))
    )


def kept(name: str, text: str) -> None:
    """Compares with the file, times left out."""
    text = TIMES.sub("…", text)
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("ONETHREAD_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text(), "read it, and write it anew with ONETHREAD_GOLDEN=write"


def test_every_action_that_opens_a_form_is_read_here() -> None:
    opens = {name for name in PRESSED if (found := REGISTRY.action(name)) is not None and found.opens}
    elsewhere = {"reply.edit", "reply.another", "proposal.merge"}  # the forms of reply and merge
    assert opens == {action for action, _ in FORMS.values() if action in opens} | elsewhere


LONG = "Wolfeschlegelsteinhausenbergerdorff " * 8


@pytest.mark.parametrize("name", FORMS)
async def test_a_form_keeps_slacks_limits_whatever_there_is(name: str) -> None:
    """Names, addresses, subjects, teams and macros as long and as many as they can be."""
    services = core()
    services.people["C42"] = replace(
        DANA, name=LONG, address="a" * 200 + "@mail.example", handle="C421234567"
    )
    services.people["C421234567"] = services.people["C42"]
    services.ways_of = tuple(
        replace(EMAIL, route_id=number, label=f"{number} {LONG}", carries=LONG, subjects=(LONG,) * 120)  # type: ignore[arg-type]
        for number in range(1, 130)
    )
    services.macros.kept = [
        Macro(number, f"m{'x' * 36}{number}", "x" * 3000, TeamId("support"), 0) for number in range(1, 130)
    ]
    services.desk.tagged = {42: tuple(f"{'t' * 36}{number}" for number in range(20))}
    action, asked = FORMS[name]
    what = REGISTRY.action(action) or REGISTRY.find(action)
    assert what is not None
    made: Any = await REGISTRY.run(what, services, asked)
    assert isinstance(made, Form | Answer | Problems)
    if isinstance(made, Form):
        check_view(forms.modal(made, "C0SUPPORT", "1.0"))
    elif isinstance(made, Answer):
        view = forms.told(made)
        check_view(view)
        check_blocks(view["blocks"])
