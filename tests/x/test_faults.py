"""What X does on bad days: nothing accepted is lost, nothing goes out twice by itself, people are told."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bot.adapters.x import adapter as x_adapter
from bot.errors import (
    AdapterError,
    AuthenticationFailed,
    ConnectionLost,
    PermanentFailure,
    StorageError,
    TemporaryFailure,
    UncertainFailure,
)
from bot.messages import BlobId
from bot.retry import RetryPolicy, Verdict, decide
from tests.x.rig import MP4, PNG, Rig, patient, reply, send
from tests.x.test_story import attachment

WORDS = [f"words {number}" for number in range(130)]


async def backlog(rig: Rig, words: list[str] = WORDS) -> None:
    """Finds out where now is; then customers write while nobody reads."""
    async with rig.reading():
        pass
    for one in words:
        await rig.x.say("customer1", one)


async def test_a_backlog_of_pages_comes_in_order(rig: Rig) -> None:
    await backlog(rig)
    async with rig.reading():
        await rig.core.until(lambda: len(rig.core.texts) == 130)
    assert rig.core.texts == WORDS
    sizes = [call.query["max_results"] for call in rig.x.calls if "pagination_token" in call.query]
    assert sizes[:3] == ["10", "50", "100"]


@pytest.mark.parametrize("fault", ["cut_pages", "lose_tokens", "drop_reads", "busy", "limited", "nonsense"])
async def test_a_gap_in_the_pages_loses_nothing(rig: Rig, fault: str) -> None:
    await backlog(rig, WORDS[:30])
    setattr(rig.x.faults, fault, 2)
    rig.x.limits["read"] = 100_000
    adapter = rig.adapter()
    if fault == "limited":  # without a word when: a minute
        adapter._tell = quick_tell(adapter)  # type: ignore[method-assign]
    async with rig.running(adapter):
        await rig.core.until(lambda: len(rig.core.texts) == 30)
    assert rig.core.texts == WORDS[:30]
    assert getattr(rig.x.faults, fault) == 0


def quick_tell(adapter: x_adapter.XAdapter):
    tell = adapter._tell

    async def told(problem: Exception, failures: int) -> float:
        return min(await tell(problem, failures), 0.03)

    return told


async def test_a_message_that_is_listed_late_is_found(rig: Rig) -> None:
    async with rig.reading():
        late = await rig.x.say("customer2", "listed late")
        rig.x.faults.hidden.add(late)
        await rig.x.say("customer1", "listed at once")
        await rig.core.until(lambda: rig.core.texts)
        rig.x.faults.hidden.clear()
        await rig.x.say("customer1", "the next")
        await rig.core.until(lambda: len(rig.core.texts) == 3)
    assert sorted(rig.core.texts) == ["listed at once", "listed late", "the next"]


async def test_a_full_window_waits_and_goes_on_where_it_was(rig: Rig) -> None:
    await backlog(rig)
    before = len(rig.x.calls)
    rig.x.window, rig.x.limits["read"] = 1.2, 1
    rig.x._windows.clear()
    async with rig.reading():
        await rig.core.until(lambda: len(rig.core.texts) == 130, 15.0)
    assert rig.core.texts == WORDS
    pages = [call for call in rig.x.calls[before:] if call.path == "/2/dm_events"]
    taken = [call for call in pages if call.status == 200]
    assert [call.status for call in pages].count(429) >= 2
    first_tokens = [call.query.get("pagination_token") for call in taken][:4]
    assert len(set(first_tokens)) == 4, "no page is paid for twice"
    assert not any(rig.core.problems), "a full window passes by itself"


async def test_a_crash_between_pages_and_accepting_loses_nothing(rig: Rig) -> None:
    await backlog(rig, WORDS[:30])
    rig.core.refuse = 1_000
    async with rig.reading():
        await rig.core.until(lambda: rig.core.refused)
    rig.core.refuse = 0
    async with rig.reading():
        await rig.core.until(lambda: len(rig.core.texts) == 30)
    assert rig.core.texts == WORDS[:30]


async def test_sending_too_fast_freezes_until_the_window_ends(rig: Rig) -> None:
    patient(rig.x).limits["send"] = 1
    rig.x.window = 700.0
    adapter = rig.adapter()
    await send(adapter, reply("one"))
    with pytest.raises(TemporaryFailure, match=r"no more messages until \d\d:\d\d UTC") as caught:
        await send(adapter, reply("two"))
    assert caught.value.freeze and caught.value.retry_after is not None
    assert 690 < caught.value.retry_after < 705
    decision = decide(caught.value, 1, 0.0, RetryPolicy())
    assert decision.verdict is Verdict.RETRY and decision.freeze == decision.delay > 690
    assert [one["text"] for one in rig.x.heard("customer1")] == ["one"]


async def test_a_429_of_a_proxy_freezes_too(rig: Rig) -> None:
    adapter = rig.adapter()
    await adapter.check()
    rig.x.faults.limited = 1
    with pytest.raises(TemporaryFailure) as caught:
        await send(adapter, reply())
    assert caught.value.freeze and caught.value.retry_after == 60.0


async def test_a_day_holds_so_many_messages_even_after_a_restart(rig: Rig) -> None:
    for words in ("one", "two"):
        await send(rig.adapter(sends_per_day=2), reply(words))
    with pytest.raises(TemporaryFailure, match="24 hours") as caught:
        await send(rig.adapter(sends_per_day=2), reply("three"))
    assert caught.value.freeze and caught.value.retry_after is not None
    assert 23 * 3600 < caught.value.retry_after <= 25 * 3600
    assert len(rig.x.heard("customer1")) == 2


@pytest.mark.parametrize(
    ("fault", "arrives"), [("drop_after", 1), ("drop_before", 0), ("busy", 0), ("nonsense", 0)]
)
async def test_what_x_may_have_taken_is_uncertain(rig: Rig, fault: str, arrives: int) -> None:
    adapter = rig.adapter()
    await adapter.check()
    setattr(rig.x.faults, fault, 1)
    with pytest.raises(UncertainFailure):
        await send(adapter, reply())
    assert len(rig.x.heard("customer1")) == arrives


async def test_a_film_that_x_cannot_process_is_refused(rig: Rig) -> None:
    rig.x.faults.bad_films = 1
    file = await attachment(rig.context, MP4, "c.mp4", "video/mp4")
    with pytest.raises(PermanentFailure, match="cannot process this file"):
        await send(rig.adapter(), reply("look", attachments=(file,)))
    assert rig.x.heard("customer1") == []


async def test_a_file_that_cannot_be_had_stops_its_message(rig: Rig) -> None:
    file = await attachment(rig.context, PNG, "a.png", "image/png")
    adapter = rig.adapter()
    for broken, words in (
        (replace(file, blob=None), "no bytes"),
        (replace(file, blob=BlobId("0" * 64)), "erased"),
        (replace(file, blob=await rig.context.blobs.put(b"no picture")), "cannot be a dm_image"),
    ):
        with pytest.raises(PermanentFailure, match=words):
            await send(adapter, reply("look", attachments=(broken,)))
    with pytest.raises(PermanentFailure, match="one picture"):
        await send(adapter, reply("look", attachments=(file, file)))
    rig.x.faults.nonsense = 1
    with pytest.raises(TemporaryFailure):
        await send(adapter, reply("look", attachments=(file,)))
    assert rig.x.heard("customer1") == []


async def test_a_status_that_cannot_be_stored_is_told_later(rig: Rig) -> None:
    told: list[str | None] = []

    async def status(problem: str | None) -> None:
        told.append(problem)
        if len(told) < 3:
            raise StorageError("full")

    rig.context = replace(rig.context, status=status)
    async with rig.reading():
        await rig.x.until(lambda: len(told) == 3)
    assert told == [None, None, None]


async def test_silence_is_uncertain(rig: Rig) -> None:
    adapter = rig.adapter(timeout=0.2)
    await adapter.check()
    rig.x.faults.hang = asyncio.Event()
    with pytest.raises(UncertainFailure):
        await send(adapter, reply())


@pytest.mark.parametrize("fault", ["busy", "limited", "nonsense"])
async def test_without_an_access_token_nothing_was_sent(rig: Rig, fault: str) -> None:
    setattr(rig.x.faults, fault, 1)
    with pytest.raises(TemporaryFailure, match="no access token now"):
        await send(rig.adapter(), reply())
    await send(rig.adapter(), reply())
    assert len(rig.x.heard("customer1")) == 1


async def test_nobody_there_is_certain(rig: Rig) -> None:
    adapter = rig.adapter()
    await adapter.check()
    await rig.x.stop()
    with pytest.raises(TemporaryFailure, match="could not be reached"):
        await send(adapter, reply())
    with pytest.raises(ConnectionLost):
        await adapter.check()


async def test_a_refusal_says_why(rig: Rig) -> None:
    rig.x.faults.refuse_send = (403, "You cannot send messages to users who are not following you.")
    with pytest.raises(PermanentFailure, match="not following you") as caught:
        await send(rig.adapter(), reply())
    assert decide(caught.value, 1, 0.0, RetryPolicy()).verdict is Verdict.FAILED


async def test_an_access_token_that_ends_is_replaced_and_the_newest_survives_a_restart(rig: Rig) -> None:
    rig.x.logins.lifetime = 30  # within the margin: each call asks for a new one
    first = rig.adapter()
    await send(first, reply("one"))
    await send(first, reply("two"))
    assert rig.x.logins.refreshed == 2
    rig.x.logins.lifetime = 7200
    rig.x.logins.expire()
    await send(rig.adapter(), reply("three"))
    await send(rig.adapter(), reply("four"))
    assert rig.x.logins.refreshed == 3, "a good access token is used again"
    assert [one["text"] for one in rig.x.heard("customer1")] == ["one", "two", "three", "four"]
    assert rig.x.logins.refresh_token not in rig.core.values["oauth2"], "the first token is used up"


async def test_a_token_that_x_ends_early_is_replaced_once(rig: Rig) -> None:
    adapter = rig.adapter()
    await adapter.check()
    rig.x.logins.expire()
    await asyncio.gather(*(send(adapter, reply(f"{number}")) for number in range(4)))
    assert rig.x.logins.refreshed == 2
    assert len(rig.x.heard("customer1")) == 4


async def test_a_token_that_cannot_be_stored_is_stored_later(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = rig.adapter()
    state = rig.context.state

    async def full(key: str, value: str) -> None:
        raise StorageError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(type(state), "set", lambda self, key, value: full(key, value))
        await adapter.check()
        with pytest.raises(TemporaryFailure):
            await send(adapter, reply("not counted, not sent"))
    assert rig.core.values == {} and rig.x.heard("customer1") == []
    await adapter.check()
    await adapter.close()
    await rig.adapter().check()


async def test_withdrawn_consent_is_said_and_mended_by_a_new_token(rig: Rig) -> None:
    await rig.adapter().check()
    rig.x.logins.withdraw()
    adapter = rig.adapter()
    with pytest.raises(AuthenticationFailed, match=r"oauth2\.refresh_token into app\.yaml"):
        await adapter.check()
    with pytest.raises(TemporaryFailure) as caught:
        await send(adapter, reply("waits"))
    assert caught.value.freeze and "Sign in to X anew" in caught.value.reason
    async with rig.running(adapter):
        await rig.core.until(lambda: any(rig.core.problems))
    assert "Sign in to X anew" in str(rig.core.problems[-1])
    rig.x.logins.sign_in()
    again = rig.adapter()
    await again.check()
    await send(again, reply("waits"))
    async with rig.running(again):
        await rig.core.until(lambda: rig.core.problems[-1] is None)


async def test_the_wrong_account_is_said(rig: Rig) -> None:
    with pytest.raises(AdapterError, match="belong to the X account 1111111111111111111"):
        await rig.adapter(user_id="42").check()


async def test_the_spend_guard_stops_reading_and_says_so(rig: Rig) -> None:
    await backlog(rig, WORDS[:30])
    async with rig.reading(reads_per_day=14) as adapter:
        await rig.core.until(lambda: any(rig.core.problems))
        told = str(rig.core.problems[-1])
        assert "14 reads" in told and "reads_per_day" in told
        assert rig.core.texts == [], "half a walk is not accepted: the cursor would jump over the rest"
        await send(adapter, reply("sending goes on"))
    read = sum(call.reply["meta"]["result_count"] for call in rig.x.calls if call.path == "/2/dm_events")
    assert read == 14
    async with rig.reading(reads_per_day=14):
        await rig.core.until(lambda: len(list(filter(None, rig.core.problems))) > 1)
    assert read == sum(c.reply["meta"]["result_count"] for c in rig.x.calls if c.path == "/2/dm_events")
    async with rig.reading(reads_per_day=5_000):
        await rig.core.until(lambda: len(rig.core.texts) == 30)


async def test_webhooks_bring_messages_while_reading_is_spent(rig: Rig) -> None:
    async with rig.reading():
        pass
    async with rig.reading(webhook=rig.hook, reads_per_month=0):
        await rig.core.until(lambda: any(rig.core.problems))
        assert "this month's budget" in str(rig.core.problems[-1])
        await rig.x.until(lambda: len(rig.x.hooks.subscriptions) == 2)
        await rig.x.say("customer1", "by webhook")
        await rig.core.until(lambda: rig.core.texts)


async def test_no_secret_and_no_words_are_in_a_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keys = rig.x.logins
    with capture_logs() as lines:
        for oauth1 in (False, True):
            async with rig.reading(webhook=rig.hook, oauth1=oauth1) as adapter:
                await rig.x.until(lambda: len(rig.x.hooks.subscriptions) == 2)
                await rig.x.say("customer1", "secret words in")
                await rig.core.until(lambda: rig.core.texts)
                await send(adapter, reply("hello"))
                rig.x.faults.busy = 2
                rig.core.seen.clear()
                rig.core.events.clear()
                await rig.post(b"{}", "sha256=forged")
    ours = " ".join([str(lines), *(r.getMessage() for r in caplog.records if r.name.startswith("bot"))])
    everything = ours + " ".join(record.getMessage() for record in caplog.records)
    access = json.loads(rig.core.values["oauth2"])
    secrets = [keys.client_secret, keys.consumer_secret, keys.access_token_secret, keys.bearer_token]
    for secret in (*secrets, keys.refresh_token, access["access"], access["refresh"]):
        assert secret and secret not in everything
    assert "secret words" not in ours and "x.webhook_forged" in ours
