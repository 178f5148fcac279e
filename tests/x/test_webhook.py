"""Only X's own deliveries come in, nobody can have words signed, and what is not durable is not acknowledged."""

from __future__ import annotations

import json

import pytest

from bot.adapters.x import webhook
from tests.x.rig import ME, Rig
from tests.x.test_parse import fixture


async def asked(rig: Rig, token: str | None) -> tuple[int, str]:
    params = {} if token is None else {"crc_token": token}
    async with rig.http.get(rig.hook, params=params) as answer:
        return answer.status, await answer.text()


def body(words: str = "hello") -> bytes:
    made = fixture("activity_dm_received")
    data = made["data"]["payload"]["direct_message_events"][0]["message_create"]["message_data"]
    del data["attachment"]
    data.update(text=words, entities={})
    return json.dumps(made).encode()


async def test_x_gets_its_crc_answer(rig: Rig) -> None:
    rig.adapter(webhook=rig.hook)
    status, said = await asked(rig, "Y3JjLXRva2Vu_-=")
    assert status == 200
    assert json.loads(said) == {"response_token": rig.x.hooks.sign(b"Y3JjLXRva2Vu_-=")}
    assert await rig.x.hooks.challenge(rig.hook)


@pytest.mark.parametrize("token", [None, "", "x" * 257, '{"for_user_id": "1"}', "a b", "a\n"])
async def test_nobody_has_a_delivery_signed_by_asking(rig: Rig, token: str | None) -> None:
    rig.adapter(webhook=rig.hook)
    status, said = await asked(rig, token)
    assert status == 400 and "sha256" not in said


async def test_a_signed_delivery_comes_in(rig: Rig) -> None:
    rig.adapter(webhook=rig.hook)
    assert await rig.post(body()) == 200
    assert rig.core.texts == ["hello"]
    assert rig.core.position is None, "the cursor belongs to polling"


async def test_forged_deliveries_are_refused_before_they_are_read(rig: Rig) -> None:
    rig.adapter(webhook=rig.hook)
    good = rig.x.hooks.sign(body())
    other = good[:7] + ("B" if good[7] == "A" else "A") + good[8:]  # the last characters may be an A already
    for signature in ("", "sha256=", other, good.removeprefix("sha256="), "sha256=é", good + "="):
        assert await rig.post(body(), signature) == 403, signature
    assert await rig.post(body("other words"), good) == 403
    assert await rig.post(b"{not json", "sha256=") == 403
    assert rig.core.events == [] and rig.core.files == {}


async def test_a_long_body_is_refused_unread(rig: Rig) -> None:
    rig.adapter(webhook=rig.hook)
    long = b" " * (webhook.MAX_BODY + 1)
    assert await rig.post(long) == 413

    async def pieces():
        for _ in range(webhook.MAX_BODY // 65_536 + 1):
            yield b" " * 65_536

    async with rig.http.post(rig.hook, data=pieces()) as answer:
        assert answer.status == 413


async def test_a_body_that_dawdles_is_let_go(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr(webhook, "BODY_SECONDS", 0.05)
    rig.adapter(webhook=rig.hook)

    async def slow():
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    async with rig.http.post(rig.hook, data=slow()) as answer:
        assert answer.status == 408


async def test_signed_nonsense_is_no_message(rig: Rig) -> None:
    rig.adapter(webhook=rig.hook)
    for nonsense in (b"[1]", b"{", b"[" * 100_000, b"\xff\xfe"):
        assert await rig.post(nonsense) == 400
    assert rig.core.events == []


async def test_what_is_not_durable_is_not_acknowledged(rig: Rig) -> None:
    rig.adapter(webhook=rig.hook)
    rig.core.refuse = 1
    assert await rig.post(body()) == 503
    assert await rig.post(body()) == 200
    assert rig.core.texts == ["hello"]


async def test_a_delivery_that_never_came_is_found_by_polling(rig: Rig) -> None:
    async with rig.reading(webhook=rig.hook):
        await rig.x.until(lambda: len(rig.x.hooks.subscriptions) == 2)
        rig.x.faults.no_delivery = True
        await rig.x.say("customer1", "not delivered")
        await rig.core.until(lambda: rig.core.texts)
    assert rig.x.hooks.delivered == []


async def test_the_webhook_is_registered_once(rig: Rig) -> None:
    for _ in range(2):
        async with rig.reading(webhook=rig.hook):
            await rig.x.until(lambda: any(c.path == "/2/activity/subscriptions" for c in rig.x.calls))
            await rig.x.until(lambda: len(rig.x.hooks.subscriptions) == 2)
    assert [hook.url for hook in rig.x.hooks.rows.values()] == [rig.hook]
    kinds = sorted(one["event_type"] for one in rig.x.hooks.subscriptions.values())
    assert kinds == ["chat.received", "dm.received"]
    assert {one["filter"]["user_id"] for one in rig.x.hooks.subscriptions.values()} == {ME}


async def test_a_webhook_that_x_gave_up_is_validated_again(rig: Rig) -> None:
    async with rig.reading(webhook=rig.hook):
        await rig.x.until(lambda: len(rig.x.hooks.subscriptions) == 2)
    (hook,) = rig.x.hooks.rows.values()
    hook.valid = False
    async with rig.reading(webhook=rig.hook):
        await rig.x.until(lambda: hook.valid)
        hook.valid = False
        await rig.x.say("customer1", "found by polling, which casts doubt on the webhook")
        await rig.core.until(lambda: rig.core.texts)
        await rig.x.until(lambda: hook.valid)


async def test_polling_is_fast_until_webhooks_deliver(rig: Rig) -> None:
    async with rig.reading(webhook=rig.hook + "/nowhere", reconcile=3600):
        await rig.core.until(lambda: any(rig.core.problems))
        await rig.x.say("customer1", "not by webhook")
        await rig.core.until(lambda: rig.core.texts)


async def test_what_a_webhook_garbles_polling_still_brings(rig: Rig) -> None:
    async with rig.reading(webhook=rig.hook, reconcile=0.05):
        await rig.x.until(lambda: len(rig.x.hooks.subscriptions) == 2)
        rig.x.faults.no_delivery = True
        garbled = {"type": "message_create", "id": await rig.x.say("customer1", "in full")}
        body = {"data": {"filter": {"user_id": ME}, "event_type": "dm.received"}}
        body["data"]["payload"] = {"direct_message_events": [garbled]}
        assert await rig.post(json.dumps(body).encode()) == 200
        await rig.core.until(lambda: rig.core.texts)
    assert rig.core.texts == ["in full"] and len(rig.core.unreadable) == 1


async def test_a_webhook_that_cannot_be_registered_is_told(rig: Rig) -> None:
    async with rig.reading(webhook=rig.hook + "/nowhere"):
        await rig.core.until(lambda: any(rig.core.problems))
    told = next(filter(None, rig.core.problems))
    assert "webhook" in told and "CrcValidationFailed" in told and "messages come late" in told


async def test_consent_that_is_withdrawn_is_told(rig: Rig) -> None:
    rig.adapter(webhook=rig.hook)
    revoke = {"for_user_id": ME, "user_event": {"revoke": {}}}
    assert await rig.post(json.dumps(revoke).encode()) == 200
    assert rig.core.problems and "withdrawn its consent" in str(rig.core.problems[-1])
