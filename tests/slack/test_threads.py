"""What agents write in a customer's thread, on the real slack-bolt and the Slack stand-in: what goes out, and what must not."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest

from bot.commands.nouns import Confirm
from bot.desk import State
from bot.slack.policy import ThreadReplies
from tests.slack.rig import Rig, card, rig, running
from tests.slack.shown import shown


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("! It ships today.", "It ships today."),
        ("!reply It ships today.", "It ships today."),
        ("!\nDear Dana,\n\nit ships.", "Dear Dana,\n\nit ships."),
        ("!Reply\nfirst\nsecond", "first\nsecond"),
        ("! a &amp; b &lt;c&gt; :tada:", "a & b <c> 🎉"),
        ("! see <https://shop.example/7|order 7>", "see order 7"),
    ],
)
async def test_what_is_sent(typed: str, sent: str) -> None:
    async with rig() as desk:
        await desk.say("agent1", typed)
        await desk.settled()
        assert [draft.text.plain for draft in desk.services.drafts] == [sent]
        draft = desk.services.drafts[0]
        assert draft.from_thread and draft.customer_id == 42 and draft.agent.name == "Kim Lindqvist"
        assert desk.services.notes == [] and desk.whispers("agent1") == []


async def test_the_bot_can_be_named_instead() -> None:
    async with rig() as desk:
        bot = desk.standin.workspace.bot.id
        await desk.say("agent1", f"<@{bot}> reply It ships today.")
        await desk.settled()
        assert [draft.text.plain for draft in desk.services.drafts] == ["It ships today."]


@pytest.mark.parametrize(
    "typed",
    ["!!! look", "!?", "Is she the one with the broken lamp?", "1! not this", "reply to her please"],
)
async def test_what_stays(typed: str) -> None:
    async with rig() as desk:
        await desk.say("agent1", typed)
        await desk.settled()
        assert desk.services.drafts == []
        assert [note[1] for note in desk.services.notes] == [typed.strip()]
        answer = (await desk.whispered("agent1"))[0]
        assert "Stayed internal" in answer["text"]


async def test_nothing_after_the_sign_is_said() -> None:
    async with rig() as desk:
        await desk.say("agent1", "!")
        answer = (await desk.whispered("agent1"))[0]
        assert answer["text"] == "There is nothing to send: write the words after it, or add a file."


async def test_the_hint_comes_once_per_thread_and_sends_on_request() -> None:
    async with rig() as desk:
        first = await desk.say("agent1", "It is at the depot, she gets it tomorrow.")
        await desk.settled()
        await desk.say("agent1", "I called them.")
        await desk.settled()
        hints = desk.whispers("agent1")
        assert len(hints) == 1
        assert shown(hints[0]) == (
            "[(bot)]\n"
            "Stayed internal: Dana Petrov does not see it. To answer them, begin with “! ”.\n"
            "  [Send to customer]\n"
        )
        await desk.press("agent1", hints[0], "note.send")
        await desk.settled()
        assert [draft.text.plain for draft in desk.services.drafts] == [
            "It is at the depot, she gets it tomorrow."
        ]
        assert desk.services.drafts[0].message_ts == first["ts"]
        assert desk.services.drafts[0].source == f"send:{desk.channel}:{first['ts']}"


@pytest.mark.parametrize(
    ("typed", "line", "would"),
    [
        ("!thanks", "There is no command !thanks. Dana Petrov got nothing.", "thanks"),
        (
            "!resovle",
            "There is no command !resovle. Did you mean !resolve? Dana Petrov got nothing.",
            "resovle",
        ),
        (
            "!thanks for waiting!",
            "There is no command !thanks. Dana Petrov got nothing.",
            "thanks for waiting!",
        ),
    ],
)
async def test_an_unknown_word_sends_nothing(typed: str, line: str, would: str) -> None:
    async with rig() as desk:
        await desk.say("agent1", typed)
        await desk.settled()
        assert desk.services.drafts == []
        answer = desk.whispers("agent1")[0]
        assert answer["text"] == line
        await desk.press("agent1", answer, "note.send")
        await desk.settled()
        assert [draft.text.plain for draft in desk.services.drafts] == [would]


async def test_a_mention_without_a_command_gets_a_short_help() -> None:
    async with rig() as desk:
        bot = desk.standin.workspace.bot.id
        await desk.say("agent1", f"<@{bot}> who owns this?")
        await desk.settled()
        assert desk.services.drafts == []
        assert desk.whispers("agent1")[0]["text"].startswith(
            "Nothing was sent. To answer the customer, begin with “! ”"
        )


async def test_files_go_with_the_words() -> None:
    async with rig() as desk:
        files = await _upload(desk, "agent1", "lamp.jpg", b"\xff\xd8 picture", "! Like this one?")
        await desk.settled()
        draft = desk.services.drafts[0]
        assert draft.text.plain == "Like this one?"
        assert [(f.slack_id, f.name) for f in draft.files] == [(files, "lamp.jpg")]
        assert await desk.desk.fetch(draft.files[0]) == b"\xff\xd8 picture"


async def _upload(desk: Rig, who: str, name: str, data: bytes, comment: str) -> str:
    place = await desk.standin.act(who, "files.getUploadURLExternal", filename=name, length=len(data))
    async with aiohttp.ClientSession() as session, session.post(place["upload_url"], data=data) as answer:
        assert answer.status == 200
    done = await desk.standin.act(
        who,
        "files.completeUploadExternal",
        files=[{"id": place["file_id"], "title": name}],
        channel_id=desk.channel,
        thread_ts=desk.place.ts,
        initial_comment=comment,
    )
    assert done["ok"], done
    await desk.wait(lambda: desk.services.drafts)
    return str(place["file_id"])


async def test_people_are_named_as_customers_know_them() -> None:
    async with rig() as desk:
        amir = desk.standin.people["agent2"].id
        await desk.say("agent1", f"! <@{amir}> will call you.")
        await desk.settled()
        assert desk.services.drafts[0].text.plain == "@Amir Haddad will call you."


@pytest.mark.parametrize("who", ["guest", "outsider"])
async def test_outsiders_send_nothing(who: str) -> None:
    async with rig() as desk:
        await desk.say(who, "! hello")
        await desk.say(who, "just chatting")
        await desk.settled()
        assert desk.services.drafts == [] and desk.services.notes == []
        assert [w["text"][:45] for w in desk.whispers(who)] == [
            "Only members of this team can do that. Ask th"
        ]


async def test_commands_in_the_thread() -> None:
    async with rig() as desk:
        amir = desk.standin.people["agent2"].id
        await desk.say("agent1", f"!assign <@{amir}>")
        await desk.say("agent1", "!note she called")
        await desk.settled()
        await desk.say("agent1", "!resolve")
        await desk.settled()
        assert ("assign", 42, amir) in desk.services.done
        assert desk.services.notes[0][1] == "she called"
        assert desk.services.done[-1][0] == "resolve"
        assert desk.whispers("agent1") == []


async def test_errors_are_whispered_into_the_thread() -> None:
    async with rig() as desk:
        await desk.say("agent1", "!assign")
        answer = (await desk.whispered("agent1"))[0]
        assert answer["text"] == "Say to whom: @name, me, or nobody."
        assert answer["thread_ts"] == desk.place.ts


async def test_a_question_in_the_thread_has_a_button() -> None:
    async with rig() as desk:
        desk.services.ask = Confirm(
            "Dana Petrov got the same words a minute ago. Send them again?", "Send again"
        )
        await desk.say("agent1", "! hello")
        asked = (await desk.whispered("agent1"))[0]
        assert desk.services.drafts == []
        await desk.press("agent1", asked, "reply.confirm")
        await desk.settled()
        assert desk.services.drafts[0].confirmed


async def test_the_same_event_twice_is_one_reply() -> None:
    async with rig() as desk:
        await desk.standin.control("duplicate")
        await desk.say("agent1", "! hello")
        await desk.settled()
        assert len(desk.services.drafts) == 1


async def test_a_failure_of_the_core_makes_slack_deliver_again() -> None:
    async with rig(ack_timeout=0.3) as desk:
        failures = [True]

        async def fail_once(*args: object, **more: object) -> None:
            if failures:
                failures.clear()
                raise RuntimeError("the database is away")
            await real(*args, **more)  # type: ignore[arg-type]

        real = desk.services.note
        desk.services.note = fail_once  # type: ignore[method-assign,assignment]
        await desk.say("agent1", "do not lose this")
        await desk.wait(lambda: desk.services.notes, 8)
        assert [note[1] for note in desk.services.notes] == ["do not lose this"]


async def test_editing_while_held_changes_the_reply() -> None:
    async with rig() as desk:
        sent = await desk.say("agent1", "! It ships todya.")
        await desk.settled()
        await _edit(desk, sent, "! It ships today.")
        assert desk.services.done == [("revise", 101, "It ships today.")]


async def test_editing_too_late_says_so() -> None:
    async with rig() as desk:
        sent = await desk.say("agent1", "! It ships todya.")
        await desk.settled()
        item = desk.services.messages[101]
        desk.services.messages[101] = replace(item, state=State.ACCEPTED)
        await _edit(desk, sent, "! It ships today.")
        assert desk.whispers("agent1")[0]["text"] == (
            "It was already sent, so changing it here changes nothing for the customer."
        )


@pytest.mark.parametrize("edited", ["!note she is wrong", "never mind", "!"])
async def test_an_edit_that_is_no_reply_takes_it_back(edited: str) -> None:
    async with rig() as desk:
        sent = await desk.say("agent1", "! She is wrong")
        await desk.settled()
        await _edit(desk, sent, edited)
        assert desk.services.messages[101].state is State.CANCELLED
        assert desk.whispers("agent1")[-1]["text"] == "Taken back: the customer got nothing."


async def test_an_edited_note_is_left_alone() -> None:
    async with rig() as desk:
        sent = await desk.say("agent1", "!note she called")
        await desk.settled()
        await _edit(desk, sent, "!note she called twice")
        assert desk.services.drafts == [] and desk.whispers("agent1") == []


async def test_an_edit_never_sends() -> None:
    async with rig() as desk:
        sent = await desk.say("agent1", "hm")
        await desk.settled()
        await _edit(desk, sent, "! hm")
        assert desk.services.drafts == []
        assert desk.whispers("agent1")[-1]["text"].startswith("An edit sends nothing.")


async def _edit(desk: Rig, sent: dict[str, object], text: str) -> None:
    done = await desk.standin.act("agent1", "chat.update", channel=desk.channel, ts=sent["ts"], text=text)
    assert done["ok"], done
    await desk.settled()


async def test_deleting_while_held_takes_back() -> None:
    async with rig() as desk:
        sent = await desk.say("agent1", "! wrong customer")
        await desk.settled()
        await desk.standin.act("agent1", "chat.delete", channel=desk.channel, ts=sent["ts"])
        await desk.settled()
        assert desk.services.messages[101].state is State.CANCELLED


async def test_a_deleted_card_and_an_archived_channel_are_told() -> None:
    async with rig() as desk:
        await desk.say("agent1", "x")
        await desk.settled()
        await desk.standin.control("delete_message", channel="support", ts=desk.place.ts)
        await desk.wait(lambda: desk.gone)
        assert desk.gone == [(desk.channel, desk.place.ts)]
        await desk.standin.control("archive", channel="support")
        await desk.wait(lambda: len(desk.gone) == 2)
        assert desk.gone[1] == (desk.channel, None)


async def test_a_team_may_choose_that_plain_messages_go_out() -> None:
    async with rig(thread_replies=ThreadReplies.SEND) as desk:
        for text in ("It ships today.", "!!! look", "!thanks", "!note internal"):
            await desk.say("agent1", text)
            await desk.settled()
        assert [draft.text.plain for draft in desk.services.drafts] == ["It ships today."]
        assert [note[1] for note in desk.services.notes] == ["!!! look", "!thanks", "internal"]


async def test_threads_in_the_fallback_channel_work_too() -> None:
    async with rig(run=False) as desk:
        press = desk.standin.channels["press"].id
        desk.policy = replace(desk.policy, teams=(replace(desk.policy.teams[0], fallback=press),))
        async with running(desk):
            desk.services.channel = press
            root = await desk.desk.open_card(press, card(), "k")
            desk.services.threads = {root: "C42"}
            await desk.say("agent1", "! hello", channel=press, thread_ts=root)
            await desk.wait(lambda: desk.services.drafts)
            await desk.say("agent1", "hm", channel=press, thread_ts=root)
            answer = (await desk.whispered("agent1"))[0]
            assert answer["channel"] == press
            await desk.press("agent1", {"ts": answer["ts"]}, "note.send", channel=press)
            await desk.wait(lambda: len(desk.services.drafts) == 2)


async def test_a_mention_in_the_channel_answers_where_nothing_is_implied() -> None:
    async with rig() as desk:
        bot = desk.standin.workspace.bot.id
        await desk.say("agent1", f"<@{bot}> history C42", thread_ts="")
        assert (await desk.whispered("agent1"))[0]["text"] == "Nothing was said with Dana Petrov yet."
        await desk.say("agent1", f"<@{bot}> hello", thread_ts="")
        assert (await desk.whispered("agent1", 2))[1]["text"].startswith("Anywhere, with the customer")
        await desk.say("agent1", "! nobody is here", thread_ts="")
        await desk.settled()
        assert desk.services.drafts == [] and len(desk.whispers("agent1")) == 2
