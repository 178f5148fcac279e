"""Slash commands, buttons, forms and shortcuts, on the real slack-bolt and the Slack stand-in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.commands.nouns import Confirm, Draft
from bot.commands.registry import Command, Registry
from bot.commands.services import Services
from bot.commands.types import Answer, Call, Later, Result, Sent
from bot.desk import State
from bot.errors import StorageError
from bot.messages import Text
from tests.slack.rig import Rig, rig
from tests.slack.shown import check_blocks, shown
from tests.slack.test_posts import replied

Json = dict[str, Any]


async def slash(desk: Rig, who: str, words: str, channel: str | None = None) -> Json:
    return await desk.standin.act(who, "chat.command", channel=channel or desk.channel, command=words)


async def test_reply_answers_only_the_agent() -> None:
    async with rig() as desk:
        assert (await slash(desk, "agent1", "/reply C42 It ships today."))["ok"]
        assert desk.services.drafts[0].text.plain == "It ships today."
        assert shown(desk.whispers("agent1")[0]) == (
            "[(bot)]\n→ Dana Petrov, email dana@mail.example · sending in 5 s\n  [Undo] [Edit]\n"
        )
        assert desk.whispers("agent2") == []


async def test_the_prefix_keeps_clear_of_other_apps() -> None:
    async with rig(prefix="ot-") as desk:
        await slash(desk, "agent1", "/ot-reply C42 hello")
        assert len(desk.services.drafts) == 1
        await slash(desk, "agent1", "/reply C42 hello")
        assert len(desk.services.drafts) == 1


async def test_undo_takes_the_place_of_the_question() -> None:
    async with rig() as desk:
        await slash(desk, "agent1", "/reply C42 helo")
        await desk.press("agent1", desk.whispers("agent1")[0], "reply.undo")
        await desk.settled()
        assert desk.services.messages[101].state is State.CANCELLED
        (only,) = desk.whispers("agent1")
        assert shown(only) == "[(bot)]\nTaken back, nothing was sent. Your words:\nhelo\n  [Edit]\n"


async def test_edit_opens_the_form_with_the_words() -> None:
    async with rig() as desk:
        await slash(desk, "agent1", "/reply C42 helo")
        await desk.press("agent1", desk.whispers("agent1")[0], "reply.edit#1")
        view = await desk.view("agent1")
        assert desk.services.messages[101].state is State.CANCELLED
        text = next(block for block in view["blocks"] if block["block_id"] == "text")
        assert text["element"]["initial_value"] == "helo"
        await desk.settled()
        assert desk.whispers("agent1")[0]["text"] == "Taken back to be edited. Nothing was sent."


async def test_the_form_from_the_card() -> None:
    async with rig() as desk:
        card = desk.standin.messages("support")[0]
        await desk.press("agent1", card, "reply.open")
        view = await desk.view("agent1")
        check_view(view)
        assert view["title"]["text"] == "Reply to C42"
        done = await desk.standin.act(
            "agent1",
            "views.submit",
            view_id=view["id"],
            values={"way": "1", "subject": "1", "text": "It ships today.", "cc": "bo@x.example"},
        )
        assert done["ok"], done
        await desk.settled()
        draft = desk.services.drafts[0]
        assert (draft.text.plain, draft.subject, draft.cc) == (
            "It ships today.",
            "Invoice 7",
            ("bo@x.example",),
        )
        assert (draft.route_id, draft.from_thread) == (1, False)
        answer = desk.whispers("agent1")[0]
        assert answer["text"].startswith("→ Dana Petrov") and answer["thread_ts"] == desk.place.ts


def check_view(view: Json) -> None:
    """Slack's limits for a modal."""
    assert len(view["title"]["text"]) <= 24 and len(view["private_metadata"]) <= 3000
    check_blocks(view["blocks"])


async def test_the_form_without_a_customer_searches_as_one_types() -> None:
    async with rig() as desk:
        await slash(desk, "agent1", "/reply")
        view = await desk.view("agent1")
        check_view(view)
        act = desk.standin.act
        mine = await act("agent1", "blocks.suggestion", view_id=view["id"], action_id="customer", value="")
        assert [option["text"]["text"] for option in mine["options"]] == ["C42 Dana Petrov", "C51 Dana White"]
        found = await act(
            "agent1", "blocks.suggestion", view_id=view["id"], action_id="customer", value="white"
        )
        (option,) = found["options"]
        assert option["description"]["text"] == "white@mail.example"
        chosen = await act(
            "agent1",
            "blocks.actions",
            view_id=view["id"],
            action_id="customer",
            selected_option=option,
            state={"text": "typed before"},
        )
        assert chosen["ok"], chosen
        await desk.wait(
            lambda: desk.standin.people["agent1"].views[-1].body["title"]["text"] == "Reply to C51"
        )
        filled = desk.standin.people["agent1"].views[-1]
        check_view(filled.body)
        assert filled.values["text"]["text"]["value"] == "typed before"
        done = await act("agent1", "views.submit", view_id=view["id"], values={})
        assert done["ok"], done
        assert desk.services.drafts[0].customer_id == 51
        assert desk.services.drafts[0].text.plain == "typed before"


async def test_an_outsider_finds_nobody_and_opens_nothing() -> None:
    async with rig() as desk:
        await slash(desk, "guest", "/reply")
        assert desk.whispers("guest")[0]["text"].startswith("Only members of this team")
        card = desk.standin.messages("support")[0]
        await desk.press("guest", card, "reply.open")
        await desk.press("guest", card, "case.take")
        await desk.settled()
        assert desk.standin.people["guest"].views == [] and desk.services.done == []


async def test_a_mistake_keeps_the_form_open() -> None:
    async with rig() as desk:
        await desk.press("agent1", desk.standin.messages("support")[0], "reply.open")
        view = await desk.view("agent1")
        done = await desk.standin.act("agent1", "views.submit", view_id=view["id"], values={"way": "1"})
        assert done["errors"] == {"text": "Write something, or add a file."}
        assert desk.standin.people["agent1"].views


async def test_a_question_in_the_form() -> None:
    async with rig() as desk:
        desk.services.ask = Confirm(
            "Dana Petrov got the same words a minute ago. Send them again?", "Send again"
        )
        await desk.press("agent1", desk.standin.messages("support")[0], "reply.open")
        view = await desk.view("agent1")
        done = await desk.standin.act("agent1", "views.submit", view_id=view["id"], values={"text": "hello"})
        assert done["response_action"] == "update" and desk.services.drafts == []
        page = desk.standin.people["agent1"].views[-1].body
        check_view(page)
        assert page["submit"]["text"] == "Send again"
        await desk.standin.act("agent1", "views.submit", view_id=page["id"], values={})
        assert [draft.confirmed for draft in desk.services.drafts] == [True]


async def test_the_cards_buttons_and_menu() -> None:
    async with rig() as desk:
        card = desk.standin.messages("support")[0]
        await desk.press("agent1", card, "case.take")
        await desk.press("agent1", card, "case.resolve")
        options = card["blocks"][-1]["elements"][-1]["options"]
        labels = {option["text"]["text"]: option["value"] for option in options}
        assert set(labels) >= {"Assign", "History", "More…"} and len(labels) <= 5
        await desk.press("agent1", card, "menu", labels["More…"])
        await desk.settled()
        (more,) = desk.whispers("agent1")[-1:]
        assert more["text"] == "What to do with C42 Dana Petrov?"
        await desk.press("agent1", more, "case.block")
        await desk.press("agent1", card, "menu", labels["History"])
        await desk.settled()
        kim = desk.standin.people["agent1"].id
        assert desk.services.done == [("assign", 42, kim), ("resolve", 42, kim), ("block", 42, True)]
        texts = {whisper["text"] for whisper in desk.whispers("agent1")}
        assert "Nothing was said with Dana Petrov yet." in texts
        await desk.press("agent1", card, "menu", labels["Assign"])
        view = await desk.view("agent1")
        amir = desk.standin.people["agent2"].id
        await desk.standin.act("agent1", "views.submit", view_id=view["id"], values={"agent": amir})
        assert desk.services.done[-1] == ("assign", 42, amir)
        assert card == desk.standin.messages("support")[0], "an answer never takes the card's place"


async def test_reopen_takes_the_place_of_resolved() -> None:
    async with rig() as desk:
        await slash(desk, "agent1", "/resolve C42")
        (answer,) = desk.whispers("agent1")
        await desk.press("agent1", answer, "case.reopen")
        await desk.settled()
        assert [whisper["text"] for whisper in desk.whispers("agent1")] == [
            "Dana Petrov's case is open again."
        ]


async def test_the_shortcut_on_a_message() -> None:
    async with rig() as desk:
        said = await desk.say("agent2", "Tell her <@" + desk.standin.people["agent1"].id + "> calls at 3.")
        await desk.settled()
        order = {"channel": desk.channel, "message_ts": said["ts"], "callback_id": "note.send"}
        assert (await desk.standin.act("agent1", "blocks.actions", **order))["ok"]
        await desk.settled()
        assert desk.services.drafts[0].text.plain == "Tell her @Kim Lindqvist calls at 3."
        assert (await desk.standin.act("agent1", "blocks.actions", **order))["ok"]
        await desk.settled()
        assert len(desk.services.drafts) == 1
        assert (
            desk.whispers("agent1")[-1]["text"]
            == "That message already went to Dana Petrov, or is on its way."
        )


async def test_the_shortcut_sends_nothing_of_the_bots_own() -> None:
    async with rig() as desk:
        order = {"channel": desk.channel, "message_ts": desk.place.ts, "callback_id": "note.send"}
        await desk.standin.act("agent1", "blocks.actions", **order)
        answer = (await desk.whispered("agent1"))[0]
        assert answer["text"] == "Only what a person of the team wrote can be sent to the customer."
        assert desk.services.drafts == []


async def test_the_global_shortcut_opens_the_form_and_is_answered_in_the_teams_channel() -> None:
    async with rig() as desk:
        assert (await desk.standin.act("agent1", "blocks.actions", callback_id="reply.open"))["ok"]
        view = await desk.view("agent1")
        assert view["title"]["text"] == "Reply to a customer"
        act = desk.standin.act
        found = await act(
            "agent1", "blocks.suggestion", view_id=view["id"], action_id="customer", value="C42"
        )
        values = {"customer": {"customer": found["options"][0]}, "text": "hello :tada:"}
        done = await act("agent1", "views.submit", view_id=view["id"], values=values)
        assert done["ok"], done
        assert desk.services.drafts[0].text.plain == "hello 🎉"
        answer = (await desk.whispered("agent1"))[0]
        assert answer["text"].startswith("→ Dana Petrov") and answer["channel"] == desk.channel


async def test_what_takes_longer_is_announced_first(monkeypatch: pytest.MonkeyPatch) -> None:
    go = asyncio.Event()

    async def work() -> Answer:
        await go.wait()
        return Answer(Text("12 mails today."))

    async def count(services: Services, call: Call) -> Result:
        return Later(Answer(Text("Counting…")), work)

    registry = Registry([Command("count", "count", count)], [])
    monkeypatch.setattr("tests.slack.rig.make_registry", lambda prefix: registry)
    async with rig() as desk:
        await slash(desk, "agent1", "/count")
        await desk.say("agent2", "!count")
        assert (await desk.whispered("agent1"))[0]["text"] == "Counting…"
        assert (await desk.whispered("agent2"))[0]["text"] == "Counting…"
        go.set()
        await desk.wait(lambda: [w["text"] for w in desk.whispers("agent1")] == ["12 mails today."])
        await desk.wait(lambda: desk.whispers("agent2")[-1]["text"] == "12 mails today.")


async def test_a_slow_core_is_answered_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.answering.QUICK_SECONDS", 0.05)
    async with rig() as desk:
        go = asyncio.Event()
        desk.services.before = lambda: _until(go)
        asked = asyncio.create_task(slash(desk, "agent1", "/history C42"))
        done = await asked
        assert done["ok"] and done["response"] is None and desk.whispers("agent1") == []
        go.set()
        answer = (await desk.whispered("agent1"))[0]
        assert answer["text"] == "Nothing was said with Dana Petrov yet."


async def _until(go: asyncio.Event) -> None:
    await go.wait()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (StorageError("no"), "The database did not take it, so nothing was done. Please try again."),
        (RuntimeError("bug"), "Something went wrong here. Look in the thread before you try again."),
    ],
)
async def test_a_failure_of_ours_is_told(error: Exception, line: str) -> None:
    async with rig() as desk:

        async def fail(draft: Draft) -> Sent | Confirm:
            raise error

        desk.services.reply = fail  # type: ignore[method-assign]
        await slash(desk, "agent1", "/reply C42 hello")
        assert desk.whispers("agent1")[0]["text"] == line


async def test_a_form_that_cannot_be_opened_is_told() -> None:
    async with rig() as desk:
        desk.standin.faults.fail("views.open")
        await slash(desk, "agent1", "/reply C42")
        answer = (await desk.whispered("agent1"))[0]
        assert answer["text"].startswith("Slack did not open the form. Press it again.")


async def test_failed_and_uncertain_replies_have_their_buttons() -> None:
    async with rig() as desk:
        desk.services.keep(2, "C42", "outbound", Text("It ships."), State.FAILED)
        failed = replied(state=State.FAILED, detail="mailbox unavailable (550)")
        await desk.desk.post(desk.place, (failed,), "k1")
        await desk.desk.post(desk.place, (replace(failed, state=State.UNCERTAIN),), "k2")
        _, bad, unsure = desk.standin.thread("support", str(desk.place.ts))
        await desk.press("agent1", bad, "reply.retry")
        await desk.press("agent1", bad, "reply.another")
        await desk.view("agent1")
        await desk.press("agent1", unsure, "reply.arrived")
        await desk.press("agent1", unsure, "reply.check")
        await desk.settled()
        asked = desk.whispers("agent1")[-1]
        await desk.press("agent1", asked, "reply.again")
        await desk.settled()
        assert desk.services.done == [("retry", 2), ("settle", 2, True), ("settle", 2, False), ("retry", 2)]


async def test_help_and_health() -> None:
    async with rig() as desk:
        await slash(desk, "agent1", "/onethread")
        await slash(desk, "agent1", "/health")
        for message in desk.whispers("agent1"):
            check_blocks(message["blocks"])
        assert "/reply C42 text · send words to a customer" in shown(desk.whispers("agent1")[0])
        assert "🟢 All is well." in shown(desk.whispers("agent1")[1])


async def test_a_slow_button_is_answered_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.answering.QUICK_SECONDS", 0.05)
    async with rig() as desk:
        go = asyncio.Event()
        real = desk.services.resolve

        async def slow(*args: Any) -> Any:
            await go.wait()
            return await real(*args)

        desk.services.resolve = slow  # type: ignore[method-assign]
        await desk.press("agent1", desk.standin.messages("support")[0], "case.resolve")
        assert desk.services.done == []
        go.set()
        await desk.settled()
        assert desk.services.done[0][0] == "resolve"


async def test_a_slow_form_closes_and_is_answered_in_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig() as desk:
        await desk.press("agent1", desk.standin.messages("support")[0], "reply.open")
        view = await desk.view("agent1")
        monkeypatch.setattr("bot.slack.answering.QUICK_SECONDS", 0.05)
        go = asyncio.Event()
        real = desk.services.reply

        async def slow(draft: Draft) -> Sent | Confirm:
            await go.wait()
            return await real(draft)

        desk.services.reply = slow  # type: ignore[method-assign]
        await desk.standin.act("agent1", "views.submit", view_id=view["id"], values={"text": "hello"})
        page = desk.standin.people["agent1"].views[-1].body
        assert "takes longer than usual" in str(page["blocks"])
        go.set()
        answer = (await desk.whispered("agent1"))[0]
        assert answer["text"].startswith("→ Dana Petrov")


async def test_slack_that_does_not_say_who_somebody_is() -> None:
    async with rig() as desk:
        desk.standin.faults.fail("users.info")
        await slash(desk, "agent1", "/reply C42 hello")
        assert desk.services.drafts == []
        assert desk.whispers("agent1")[0]["text"] == (
            "Slack has trouble of its own (500). Nothing was done; please try again."
        )


async def test_another_teams_customer_stays_theirs() -> None:
    async with rig() as desk:

        async def nobody(agent: Any, team: Any) -> bool:
            return False

        desk.services.may_be_owner = nobody  # type: ignore[method-assign]
        elsewhere = desk.standin.channels["press"].id
        await slash(desk, "agent1", "/reply C42 hello", elsewhere)
        assert desk.services.drafts == []
        assert desk.whispers("agent1")[0]["text"] == (
            "C42 Dana Petrov belongs to another team, support, and you are not in it."
        )
        await slash(desk, "agent1", "/reply C42 hello")
        assert len(desk.services.drafts) == 1
