"""A conversation that an agent begins: whom it goes to is always asked."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.types import Answer, Face, Form, Problems
from bot.messages import AgentId, Text
from tests.commands.callers import run, said
from tests.commands.fake_services import KIM, FakeServices


async def test_a_slash_command_asks_and_sends(services: FakeServices) -> None:
    asked = await run(services, "start", "ann@new.example Hello Ann")
    assert isinstance(asked, Answer) and services.desk.begun == []
    assert asked.text.plain == "ann@new.example has never written to us. Send this to them?"
    other = replace(KIM, id=AgentId("U9"))
    refused = await run(services, "start.confirm", asked.buttons[0].value, Face.BUTTON, agent=other)
    assert isinstance(refused, Answer) and refused.error
    sent = await run(services, "start.confirm", asked.buttons[0].value, Face.BUTTON)
    assert isinstance(sent, Answer) and sent.text.plain.startswith("→ ann@new.example, email · sending in")
    (given,) = services.desk.begun
    assert (given.address, given.text.plain, given.inbox) == ("ann@new.example", "Hello Ann", "support-mail")


async def test_a_form_asks_too(services: FakeServices) -> None:
    form = await run(services, "start", "ann@new.example")
    assert isinstance(form, Form)
    assert [one.name for one in form.fields] == ["address", "name", "inbox", "subject", "text", "files"]
    assert form.fields[0].value == "ann@new.example"
    fields = {"address": "ann", "inbox": "support-mail", "text": "Hello"}
    wrong = await run(services, "start.submit", form.context, Face.FORM, fields=fields, text=Text("Hello"))
    assert isinstance(wrong, Problems) and "address" in wrong.by_field
    fields |= {"address": "ann@new.example", "subject": "Your order", "name": "Ann"}
    asked = await run(services, "start.submit", form.context, Face.FORM, fields=fields, text=Text("Hello"))
    assert isinstance(asked, Form) and asked.button == "Send" and services.desk.begun == []
    await run(services, "start.confirm", asked.context, Face.FORM)
    (given,) = services.desk.begun
    assert (given.subject, given.name, given.text.plain) == ("Your order", "Ann", "Hello")


async def test_what_is_no_address_is_said(services: FakeServices) -> None:
    assert "is no address" in await said(services, "start", "ann Hello")
    assert services.desk.begun == []
