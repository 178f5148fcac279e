"""``customer``: the profile, what is set with words and with the form, and who comes after it in the table."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.commands import customer
from bot.commands.customer import FORMS, SUBCOMMANDS, pairs, split
from bot.commands.help import make_registry
from bot.commands.nouns import Person
from bot.commands.services import Services
from bot.commands.types import Answer, Call, Face, Form, Problems, Result
from bot.errors import UserError
from bot.messages import CustomerId, Text
from tests.commands.callers import THREAD, call, run, said
from tests.commands.fake_services import FakeServices

DANA = CustomerId(42)
VALUE = '{"c":42,"t":"support"}'


async def test_the_profile_says_who_it_is(services: FakeServices) -> None:
    await said(services, "customer", "C42 set plan=pro vip")
    answer = await run(services, "customer", "C42")
    assert isinstance(answer, Answer)
    assert answer.text.plain.splitlines()[0] == "Dana Petrov · C42 (also C77)"
    assert "2 cases, 7 messages · owner: nobody" in answer.text.plain
    rows = [(row.text.plain, row.under) for row in answer.rows]
    assert rows[0][0] == "Plan: pro" and rows[0][1].startswith("Kim, ")
    assert rows[2][0] == "email dana@mail.example"
    assert rows[2][1].startswith("proven 14 Nov") and "(DMARC passed for mail.example)" in rows[2][1]
    assert [button.label for button in answer.buttons] == ["Edit", "History"]


@pytest.mark.parametrize("who", ["C42", "dana@mail.example", '"Dana Petrov"', "Dana Petrov"])
async def test_whoever_is_named_is_meant(services: FakeServices, who: str) -> None:
    assert "Dana Petrov · C42" in await said(services, "customer", who)
    assert "C42 Dana Petrov" in await said(services, "customer", f"{who} set company=Acme")


async def test_in_a_thread_the_customer_is_implied(services: FakeServices) -> None:
    at: dict[str, Any] = {"face": Face.THREAD, "thread_ts": THREAD}
    assert "Dana Petrov · C42" in await said(services, "customer", "", **at)
    result = await run(services, "customer", "set vip", **at)
    assert isinstance(result, Answer) and result.quiet
    assert services.profile.has[DANA] == {"vip": "yes"}
    assert "There is no “frobnicate” here" in await said(services, "customer", "frobnicate", **at)
    answer = await run(services, "customer", "edit", **at)
    assert isinstance(answer, Answer) and answer.buttons[0].action == "customer.edit"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("plan=pro, vip,company=Acme", [("plan", "pro"), ("vip", "yes"), ("company", "Acme")]),
        ("plan=pro vip", [("plan", "pro"), ("vip", "yes")]),
        ('company="Acme Corp" plan = pro', [("company", "Acme Corp"), ("plan", "pro")]),
        ("company=“Acme & Sons”, vip=no", [("company", "Acme & Sons"), ("vip", "no")]),
        ("site=https://a.example/?x=1&y=2", [("site", "https://a.example/?x=1&y=2")]),
        ("Company='A B'", [("company", "A B")]),
        ("phone=+49-30-1 company=", [("phone", "+49-30-1")]),
        ("", []),
    ],
)
def test_names_and_values_are_read(words: str, found: list[tuple[str, str]]) -> None:
    if words.endswith("="):
        with pytest.raises(UserError, match="write name=value"):
            pairs(words)
        return
    assert pairs(words) == found


@pytest.mark.parametrize("words", ["company=Acme Corp!", '"', "=pro", 'company="Acme'])
def test_what_is_not_understood_sets_nothing(words: str) -> None:
    with pytest.raises(UserError, match="is not understood: write name=value"):
        pairs(words)


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        ("C42 set plan=pro", ("C42", "set", "plan=pro")),
        ("Dana Petrov unset plan", ("Dana Petrov", "unset", "plan")),
        ("C42  NAME  Dana  P.", ("C42", "name", "Dana  P.")),
        ("set", ("set", "", "")),
        ("", ("", "", "")),
    ],
)
def test_the_words_are_divided(args: str, parts: tuple[str, str, str]) -> None:
    assert split(args) == parts


async def test_wrong_values_are_told_and_nothing_is_set(services: FakeServices) -> None:
    told = await said(services, "customer", "C42 set plan=gold vip")
    assert told == "Plan is one of free, pro."
    assert DANA not in services.profile.has or services.profile.has[DANA] == {}
    assert "Say what to set" in await said(services, "customer", "C42 set")
    assert "There is no “sett” here" in await said(services, "customer", "C42 sett plan=pro")


async def test_unset_and_rename(services: FakeServices) -> None:
    await said(services, "customer", "C42 set plan=pro vip")
    await said(services, "customer", "C42 unset plan, vip")
    assert services.profile.has[DANA] == {}
    assert await said(services, "customer", "C42 name Dana P.") == "C42 is called Dana P. now."


async def form_of(services: FakeServices) -> Form:
    form = await run(services, "customer.edit", VALUE, Face.BUTTON)
    assert isinstance(form, Form)
    return form


async def test_the_form_has_a_field_for_each(services: FakeServices) -> None:
    await said(services, "customer", "C42 set plan=pro")
    form = await form_of(services)
    kinds = {field.name: (field.kind, field.value) for field in form.fields}
    assert kinds["name"] == ("text", "Dana Petrov")
    assert kinds["a-plan"] == ("select", "pro") and kinds["a-vip"] == ("select", "-")
    assert kinds["a-company"] == ("text", "")
    assert len(form.context) < 3000


async def test_only_what_was_changed_in_the_form_is_set(services: FakeServices) -> None:
    await said(services, "customer", "C42 set plan=free company=Acme")
    form = await form_of(services)
    services.profile.has[DANA]["plan"] = "pro"  # the site's token says so while the form is open
    fields = {"name": "Dana Petrov", "a-plan": "free", "a-vip": "yes"}
    result = await run(services, form.submit, form.context, Face.FORM, fields=fields)
    assert isinstance(result, Answer)
    assert services.profile.has[DANA] == {"plan": "pro", "vip": "yes"}, "company was emptied, plan left alone"


async def test_errors_are_shown_at_their_fields(services: FakeServices) -> None:
    form = await form_of(services)
    fields = {"name": "Dana Petrov", "a-phone": "call me", "a-zone": "Berlin"}
    result = await run(services, form.submit, form.context, Face.FORM, fields=fields)
    assert isinstance(result, Problems)
    assert set(result.by_field) == {"a-phone", "a-zone"}
    result = await run(services, form.submit, form.context, Face.FORM, fields={"name": " "})
    assert isinstance(result, Problems) and result.by_field == {"name": "Write a name."}


async def test_others_add_subcommands(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    async def export(services: Services, call: Call, person: Person, words: str) -> Result:
        return Answer(Text(f"{person.handle} {words}"))

    monkeypatch.setitem(SUBCOMMANDS, "testing", export)
    assert await said(services, "customer", "C42 testing a b") == "C42 a b"
    monkeypatch.setattr(customer, "FORMS", FORMS | {"testing"})
    command = make_registry().find("profile")
    assert command is not None and command.name == "customer"
    assert command.opens(call("C42 testing")) and command.opens(call("C42 edit"))
    assert not command.opens(call("C42 set vip")) and not command.opens(
        replace(call("edit"), face=Face.THREAD)
    )


def test_the_context_of_the_form_fits_with_forty_attributes() -> None:
    marks = {f"{'n' * 38}{number}": customer._mark(str(number)) for number in range(41)}
    assert len(json.dumps({"c": 10**12, "t": "t" * 40, "m": marks}, separators=(",", ":"))) < 3000
