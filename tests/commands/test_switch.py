"""``switch``: another channel, the recap before it goes, and what cures a channel that is not there."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.linking_services import Invitation
from bot.commands.types import Answer, Button, Face, Form
from bot.messages import InboxId, RouteId, SpanKind, Text
from tests.commands.callers import THREAD, run, said
from tests.commands.fake_services import CHAT, EMAIL, FakeServices

PHONE = Invitation(InboxId("phone"), "telegram", "telegram @acmebot")
RECAP = Text("We go on here. The last words between us:\nYou: Where is it?\nKim: On its way.")


async def answer(services: FakeServices, name: str, args: str = "", **more: object) -> Answer:
    result = await run(services, name, args, **more)  # type: ignore[arg-type]
    assert isinstance(result, Answer), result
    return result


def labels(of: Answer) -> list[str]:
    return [one.label for one in of.buttons]


def button(of: Answer, label: str) -> Button:
    every = [*of.buttons, *(row.button for row in of.rows if row.button is not None)]
    return next(one for one in every if one.label == label)


async def press(services: FakeServices, of: Answer, label: str) -> Answer:
    pressed = button(of, label)
    return await answer(services, pressed.action, pressed.value, face=Face.BUTTON)


async def test_the_recap_is_seen_before_it_goes(services: FakeServices) -> None:
    services.linking.words = RECAP
    asked = await answer(services, "switch", "C42 site")
    assert asked.text.plain == (
        "Go on with C42 Dana Petrov by chat on shop.example? These words can go there first:\n" + RECAP.plain
    )
    assert [span.kind for span in asked.text.spans] == [SpanKind.QUOTE]
    assert labels(asked) == ["Switch and send", "Switch without a word", "Cancel"]
    assert services.linking.switched == []
    done = await press(services, asked, "Switch and send")
    assert services.linking.switched == [(CHAT.route_id, True)]
    assert "sending in 5 s" in done.text.plain
    assert labels(done) == ["Undo", "Edit"]


async def test_without_a_word(services: FakeServices) -> None:
    services.linking.words = RECAP
    asked = await answer(services, "switch", "site", face=Face.THREAD, thread_ts=THREAD)
    done = await press(services, asked, "Switch without a word")
    assert services.linking.switched == [(CHAT.route_id, False)]
    assert done.text.plain == "Answers to Dana Petrov go that way now, until they write by another channel."
    assert (await press(services, asked, "Cancel")).text.plain == "Nothing was changed."


async def test_nothing_to_send_asks_nothing(services: FakeServices) -> None:
    words = await said(services, "switch", "C42 chat")
    assert words == (
        "Answers to Dana Petrov go by chat on shop.example now, until they write by another channel."
    )
    assert services.linking.switched == [(CHAT.route_id, False)]


async def test_a_part_of_a_name_will_do(services: FakeServices) -> None:
    services.ways_of = (CHAT, EMAIL)
    for words in ("mail", "support-mail", "dana@mail.example", "E-Mail".replace("-", "")):
        services.linking.switched.clear()
        await answer(services, "switch", f"C42 {words}")
        assert services.linking.switched == [(EMAIL.route_id, False)]


async def test_the_present_way_needs_no_switch(services: FakeServices) -> None:
    words = await said(services, "switch", "C42 email")
    assert words == (
        "Answers to Dana Petrov go by email dana@mail.example (from support@shop.example) already."
    )


async def test_a_channel_that_is_not_there_is_cured_by_a_link(services: FakeServices) -> None:
    services.linking.missing = (PHONE,)
    asked = await answer(services, "switch", "C42 telegram")
    assert asked.text.plain == (
        "Dana Petrov has no telegram here yet. A link brings them there, and they stay the same customer."
    )
    assert labels(asked) == ["Send them a link"]
    sent = await press(services, asked, "Send them a link")
    assert services.linking.invited == [InboxId("phone")]
    assert sent.text.plain.startswith("→ Dana Petrov, email dana@mail.example")


async def test_a_channel_that_is_closed_says_why(services: FakeServices) -> None:
    services.ways_of = (EMAIL, replace(CHAT, closed="they have to write first"))
    words = await said(services, "switch", "C42 chat")
    assert words == "chat on shop.example: they have to write first. There is: email."
    words = await said(services, "switch", "C42 fax")
    assert words == "Dana Petrov has no fax here yet. There is: email."


async def test_without_a_channel_all_ways_are_shown(services: FakeServices) -> None:
    services.linking.missing = (PHONE,)
    shown = await answer(services, "switch", "C42")
    assert [(row.text.plain, row.button.label if row.button else None) for row in shown.rows] == [
        (EMAIL.label, None),
        (CHAT.label, "Switch"),
        ("telegram @acmebot", "Send a link"),
    ]
    assert shown.rows[0].under == "answers go this way now"
    await press(services, shown, "Switch")
    assert services.linking.switched == [(CHAT.route_id, False)]
    same = await answer(services, "switch.open", '{"c":42,"t":"support"}', face=Face.BUTTON)
    assert same.rows == shown.rows


async def test_a_button_of_another_time_changes_nothing(services: FakeServices) -> None:
    words = await said(services, "switch.send", '{"c":42,"t":"support"}', Face.BUTTON)
    assert words == "This button is too old to be understood. Use the command instead."
    gone = '{"c":42,"t":"support","r":99}'
    words = await said(services, "switch.to", gone, Face.BUTTON)
    assert words == "Dana Petrov cannot be reached that way any more. Choose another."
    assert services.linking.switched == []


async def test_another_way_after_a_failure_is_chosen_already(services: FakeServices) -> None:
    sent = await run(services, "reply", "C42 It ships today.")
    assert isinstance(sent, Answer)
    message = sent.buttons[0].value
    services.linking.failed = RouteId(EMAIL.route_id)
    form = await run(services, "reply.another", message, Face.BUTTON)
    assert isinstance(form, Form)
    way = next(one for one in form.fields if one.name == "way")
    assert way.value == str(CHAT.route_id)
    assert [choice.value for choice in way.choices] == [str(CHAT.route_id), str(EMAIL.route_id)]
