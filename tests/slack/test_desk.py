"""``SlackDesk`` on the Slack stand-in: what is posted, found again, shared once; and what each of Slack's refusals means."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.commands.types import GivenFile
from bot.desk import Activity, Mark, Place, State
from bot.errors import (
    DeliveryError,
    PermanentFailure,
    PlaceGone,
    TemporaryFailure,
    UncertainFailure,
    UserError,
)
from bot.messages import Attachment
from bot.slack.errors import mapped
from tests.slack.rig import HAVE_SPECS, REFEREE, SPECS, Rig, card, rig, said
from tests.slack.test_posts import replied


def thread(desk: Rig) -> list[dict[str, Any]]:
    return desk.standin.thread("support", str(desk.place.ts))


async def test_a_card_and_a_customers_words() -> None:
    async with rig(run=False) as desk:
        ts = await desk.desk.post(desk.place, (said("<!channel> hello"),), "k1")
        root, post = thread(desk)
        assert root["ts"] == desk.place.ts and "username" not in root
        assert (post["ts"], post["username"], post["icons"]) == (
            ts,
            "Dana Petrov (email)",
            {"emoji": ":email:"},
        )
        assert post["text"] == "Dana Petrov (email): &lt;!channel&gt; hello"
        sent = desk.standin.calls_of("chat.postMessage")[-1].args
        assert sent["unfurl_links"] is False and sent["unfurl_media"] is False
        assert sent["metadata"] == {"event_type": "onethread", "event_payload": {"id": "k1"}}
        assert not {"parse", "link_names"} & set(sent)


async def test_the_card_changes_in_place() -> None:
    async with rig(run=False) as desk:
        await desk.desk.update_card(desk.place, card(customer_name="Dana P."))
        (root,) = desk.standin.messages("support")
        assert root["ts"] == desk.place.ts and "Dana P." in str(root["blocks"])


async def test_a_new_case_is_broadcast_to_the_channel() -> None:
    async with rig(run=False) as desk:
        await desk.desk.post(desk.place, (said(new_case=True),), "k1")
        assert len(desk.standin.messages("support")) == 2
        await desk.desk.post(desk.place, (Activity("Kim took it", 1.0),), "k2")
        assert len(desk.standin.messages("support")) == 2


async def test_find_tells_whether_a_post_was_made() -> None:
    async with rig(run=False) as desk:
        since = float(str(desk.place.ts))
        keys = [f"k{number}" for number in range(5)]
        made = {key: await desk.desk.post(desk.place, (said(key),), key) for key in keys}
        for key in keys:
            assert await desk.desk.find(desk.place, key, since) == made[key]
        assert await desk.desk.find(desk.place, "k9", since) is None
        assert await desk.desk.find(Place(desk.channel), "card-key", since) == desk.place.ts
        assert await desk.desk.find(Place(desk.channel), "k1", since) is None


async def test_find_turns_every_page() -> None:
    async with rig(run=False) as desk:
        for number in range(230):
            await desk.standin.act(
                "agent1", "chat.postMessage", channel=desk.channel, thread_ts=desk.place.ts, text="x"
            )
            if number == 220:
                ts = await desk.desk.post(desk.place, (said("late"),), "late")
        assert await desk.desk.find(desk.place, "late", float(str(desk.place.ts))) == ts
        assert len(desk.standin.calls_of("conversations.replies")) >= 2


async def test_somebody_elses_metadata_is_not_ours() -> None:
    async with rig(run=False) as desk:
        await desk.desk.client.chat_postMessage(
            channel=desk.channel, text="x", metadata={"event_type": "other", "event_payload": {"id": "k1"}}
        )
        assert await desk.desk.find(Place(desk.channel), "k1", 0.0) is None


@pytest.mark.parametrize("fault", ["drop", "fail"])
async def test_a_lost_answer_is_uncertain_and_can_be_found(fault: str) -> None:
    async with rig(run=False) as desk:
        since = float(str(desk.place.ts))
        if fault == "drop":
            desk.standin.faults.drop("chat.postMessage")
        else:
            desk.standin.faults.fail("chat.postMessage", processed=True)
        with pytest.raises(UncertainFailure):
            await desk.desk.post(desk.place, (said("once"),), "k1")
        assert await desk.desk.find(desk.place, "k1", since) == thread(desk)[1]["ts"]
        assert len(thread(desk)) == 2, "one call, one post"


async def test_a_slow_slack_is_uncertain() -> None:
    async with rig(run=False) as desk:
        desk.desk.api._timeout = 0.05
        desk.standin.faults.hang("chat.postMessage", 2.0)
        with pytest.raises(UncertainFailure):
            await desk.desk.post(desk.place, (said("once"),), "k1")


async def test_an_update_may_be_repeated() -> None:
    async with rig(run=False) as desk:
        desk.standin.faults.drop("chat.update")
        with pytest.raises(TemporaryFailure):
            await desk.desk.update_card(desk.place, card())


async def test_too_fast_freezes_the_bucket_for_as_long_as_slack_says() -> None:
    async with rig(run=False) as desk:
        desk.standin.faults.limit("chat.postMessage", retry_after=37)
        with pytest.raises(TemporaryFailure) as caught:
            await desk.desk.post(desk.place, (said(),), "k1")
        assert caught.value.freeze and caught.value.retry_after == 37


async def test_nobody_is_there() -> None:
    async with rig(run=False) as desk:
        await desk.standin.stop()
        with pytest.raises(UncertainFailure):
            await desk.desk.post(desk.place, (said(),), "k0")  # the kept-alive connection breaks under it
        with pytest.raises(TemporaryFailure, match="cannot be reached"):
            await desk.desk.post(desk.place, (said(),), "k1")


@pytest.mark.parametrize(
    ("order", "act", "whole"),
    [
        ({"do": "archive", "channel": "support"}, "post", True),
        ({"do": "archive", "channel": "support"}, "card", True),
        ({"do": "remove_bot", "channel": "support"}, "post", True),
        ({"do": "delete_message", "channel": "support"}, "post", False),
        ({"do": "delete_message", "channel": "support"}, "card", False),
        ({"do": "delete_message", "channel": "support"}, "find", False),
    ],
)
async def test_a_place_that_is_gone(order: dict[str, Any], act: str, whole: bool) -> None:
    async with rig(run=False) as desk:
        do = order.pop("do")
        if do == "delete_message":
            order["ts"] = desk.place.ts
        await desk.standin.control(do, **order)
        acts: dict[str, Callable[[], Awaitable[object]]] = {
            "post": lambda: desk.desk.post(desk.place, (said(),), "k1"),
            "card": lambda: desk.desk.update_card(desk.place, card()),
            "find": lambda: desk.desk.find(desk.place, "k1", 0.0),
        }
        with pytest.raises(PlaceGone) as caught:
            await acts[act]()
        assert caught.value.whole_channel is whole


async def test_a_lost_scope_waits_for_a_person() -> None:
    async with rig(run=False) as desk:
        await desk.standin.control("revoke_scope", scope="chat:write")
        with pytest.raises(TemporaryFailure, match="lacks a permission") as caught:
            await desk.desk.post(desk.place, (said(),), "k1")
        assert caught.value.retry_after == 300


def answered(error: str, status: int = 200) -> SlackApiError:
    answer = SimpleNamespace(data={"ok": False, "error": error}, status_code=status, headers={})
    return SlackApiError("no", answer)


@pytest.mark.parametrize(
    ("error", "repeatable", "kind"),
    [
        (answered("ratelimited", 429), False, TemporaryFailure),
        (answered("invalid_blocks"), False, PermanentFailure),
        (answered("invalid_auth"), False, TemporaryFailure),
        (answered("token_revoked"), True, TemporaryFailure),
        (answered("is_archived"), False, PlaceGone),
        (answered("internal_error"), False, UncertainFailure),
        (answered("internal_error"), True, TemporaryFailure),
        (answered("", 503), False, UncertainFailure),
        (aiohttp.ServerDisconnectedError(), False, UncertainFailure),
        (aiohttp.ServerDisconnectedError(), True, TemporaryFailure),
        (TimeoutError(), False, UncertainFailure),
        (ConnectionResetError(), False, UncertainFailure),
        (AttributeError("a bug"), False, UncertainFailure),
    ],
)
def test_the_table_of_errors(error: Exception, repeatable: bool, kind: type[DeliveryError]) -> None:
    found = mapped("chat.postMessage", error, repeatable=repeatable)
    assert type(found) is kind and found.reason.endswith(".")


# Marks


def reactions(desk: Rig, ts: str) -> list[str]:
    message = next(m for m in thread(desk) if m["ts"] == ts)
    return [reaction["name"] for reaction in message.get("reactions") or []]


async def test_a_mark_takes_the_place_of_the_one_before() -> None:
    async with rig(run=False) as desk:
        ts = (await desk.say("agent1", "! hi"))["ts"]
        await desk.desk.mark(desk.place, ts, Mark.HELD)
        assert reactions(desk, ts) == ["hourglass_flowing_sand"]
        await desk.desk.mark(desk.place, ts, Mark.ACCEPTED)
        await desk.desk.mark(desk.place, ts, Mark.ACCEPTED)
        assert reactions(desk, ts) == ["white_check_mark"]
        desk.desk._marks.clear()
        await desk.desk.mark(desk.place, ts, Mark.FAILED)
        assert reactions(desk, ts) == ["x"]


async def test_a_deleted_message_needs_no_mark_and_a_deleted_post_no_change() -> None:
    async with rig(run=False) as desk:
        ts = (await desk.say("agent1", "! hi"))["ts"]
        post = await desk.desk.post(desk.place, (said(),), "k1")
        for gone in (ts, post):
            await desk.standin.control("delete_message", channel="support", ts=gone)
        await desk.desk.mark(desk.place, ts, Mark.CANCELLED)
        with pytest.raises(PermanentFailure, match="deleted the post"):
            await desk.desk.update(desk.place, post, (said(),))


# Files


async def upload(desk: Rig, saved: str | None = None, crash_after: int | None = None) -> list[str]:
    """Uploads a file; ``crash_after`` raises in place of the save of that number."""
    steps: list[str] = []

    async def save(step: str) -> None:
        if crash_after is not None and len(steps) == crash_after:
            raise KeyboardInterrupt
        steps.append(step)

    blob = await desk.blobs.put(b"%PDF-1.7 invoice")
    await desk.desk.upload(
        desk.place, Attachment("../in/voice.pdf", "application/pdf", 16, blob), saved, save
    )
    return steps


async def shared(desk: Rig, count: int) -> list[str]:
    def names() -> list[str]:
        return [file["name"] for message in thread(desk) for file in message.get("files") or ()]

    await desk.wait(lambda: len(names()) >= count)
    return names()


async def test_a_file_lands_in_the_thread() -> None:
    async with rig(run=False) as desk:
        steps = await upload(desk)
        assert len(steps) == 2
        assert await shared(desk, 1) == [".._in_voice.pdf"]
        await upload(desk, steps[-1])
        assert len(desk.standin.calls_of("files.completeUploadExternal")) == 1


async def test_a_crash_before_the_share_shares_once() -> None:
    async with rig(run=False) as desk:
        steps = await upload(desk)
        await shared(desk, 1)
        await upload(desk, steps[0])
        assert len(await shared(desk, 1)) == 1
        assert len(desk.standin.calls_of("files.completeUploadExternal")) == 1


async def test_a_crash_before_the_file_was_known_starts_anew() -> None:
    async with rig(run=False) as desk:
        with pytest.raises(KeyboardInterrupt):
            await upload(desk, crash_after=0)
        assert desk.standin.calls_of("files.completeUploadExternal") == []
        await upload(desk)
        assert len(await shared(desk, 1)) == 1


async def test_a_crash_after_the_bytes_shares_the_same_file() -> None:
    async with rig(run=False) as desk:
        desk.standin.faults.fail("files.completeUploadExternal")
        saved: list[str] = []

        async def save(step: str) -> None:
            saved.append(step)

        blob = await desk.blobs.put(b"x")
        with pytest.raises(UncertainFailure):
            await desk.desk.upload(desk.place, Attachment("a.txt", "text/plain", 1, blob), None, save)
        await desk.desk.upload(desk.place, Attachment("a.txt", "text/plain", 1, blob), saved[-1], save)
        assert len(await shared(desk, 1)) == 1
        assert len(desk.standin.calls_of("files.getUploadURLExternal")) == 1


async def test_a_file_that_slack_forgot_is_put_again() -> None:
    async with rig(run=False) as desk:
        steps = await upload(desk, '{"file": "F0FORGOTTEN"}')
        assert len(steps) == 2
        assert await shared(desk, 1) == [".._in_voice.pdf"]


async def test_a_file_that_was_not_kept_is_not_shown() -> None:
    async with rig(run=False) as desk:

        async def save(step: str) -> None:
            raise AssertionError("nothing to save")

        with pytest.raises(PermanentFailure, match="was not kept"):
            await desk.desk.upload(desk.place, Attachment("a", "text/plain", 1), None, save)


async def test_long_words_follow_as_a_file() -> None:
    async with rig(run=False) as desk:
        await desk.desk.post(desk.place, (said("word " * 4000),), "k1")
        assert await shared(desk, 1) == ["message-1.txt"]


async def test_a_file_that_fails_does_not_undo_the_post() -> None:
    async with rig(run=False) as desk:
        desk.standin.faults.fail("files.getUploadURLExternal")
        await desk.desk.post(desk.place, (said("word " * 4000),), "k1")
        assert len(thread(desk)) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a.pdf",
        "https://files.slack.com.evil.example/a.pdf",
        "http://files.slack.com/a.pdf",
        "https://evil.example/.slack.com",
        "https://files.slack.com@evil.example/a.pdf",
        "file:///etc/passwd",
        "",
    ],
)
async def test_files_come_only_from_slack(url: str) -> None:
    async with rig(run=False) as desk:
        with pytest.raises(UserError, match="not a file of this Slack"):
            await desk.desk.fetch(GivenFile("F1", "a.pdf", "application/pdf", 10, url))


async def test_the_sign_in_page_is_not_taken_for_a_file() -> None:
    async with rig(run=False) as desk:
        await upload(desk)
        await shared(desk, 1)
        file = next(file for message in thread(desk) for file in message.get("files") or ())
        given = GivenFile(file["id"], "a.pdf", "application/pdf", 16, file["url_private"])
        assert await desk.desk.fetch(given) == b"%PDF-1.7 invoice"
        desk.desk.files._policy = type(desk.policy)("xoxb-wrong", "x", (), api_url=desk.policy.api_url)
        with pytest.raises(UserError, match="did not let the bot read"):
            await desk.desk.fetch(given)


async def test_files_have_a_limit() -> None:
    async with rig(run=False) as desk:
        await upload(desk)
        await shared(desk, 1)
        file = next(file for message in thread(desk) for file in message.get("files") or ())
        lied = GivenFile(file["id"], "a.pdf", "application/pdf", 1, file["url_private"])
        with pytest.raises(UserError, match="larger than"):
            await desk.desk.fetch(lied, 5)
        with pytest.raises(UserError, match="larger than"):
            await desk.desk.fetch(GivenFile("F", "a.pdf", "application/pdf", 10**9, file["url_private"]))


async def test_tell() -> None:
    async with rig(run=False) as desk:
        await desk.desk.tell(desk.channel, "support@ cannot be read <since 09:14>.", "k1")
        message = desk.standin.messages("support")[-1]
        assert message["blocks"][0]["text"]["text"] == "support@ cannot be read <since 09:14>."
        assert await desk.desk.find(Place(desk.channel), "k1", 0.0) == message["ts"]


def needs_specs() -> Path:
    """The folder of the vendors' descriptions; the test is skipped, or fails where they are required."""
    if not HAVE_SPECS:
        if os.environ.get("ONETHREAD_REQUIRE_SPECS") == "1":
            pytest.fail(f"Slack's descriptions are not at {SPECS}")
        pytest.skip(f"Slack's descriptions are not at {SPECS}")
    return SPECS


async def test_every_call_is_as_slack_describes_it() -> None:
    needs_specs()
    async with rig() as desk:
        await upload(desk)
        ts = await desk.desk.post(desk.place, (replied(state=State.FAILED), said()), "k1")
        await desk.desk.update(desk.place, ts, (said(deleted=True),))
        await desk.desk.update_card(desk.place, card())
        await desk.desk.find(desk.place, "k1", 0.0)
        await desk.desk.find(Place(desk.channel), "k1", 0.0)
        mine = (await desk.say("agent1", "hello"))["ts"]
        await desk.desk.mark(desk.place, mine, Mark.HELD)
        await desk.desk.mark(desk.place, mine, Mark.ACCEPTED)
        await desk.standin.act("agent1", "chat.command", channel=desk.channel, command="/reply C42")
        await desk.view("agent1")
        await desk.settled()
        used = {call.method for call in desk.standin.calls}
        assert {"chat.postMessage", "chat.postEphemeral", "views.open", "views.update", "users.info"} <= used
        assert REFEREE.judge_all(desk.standin.calls) == []
