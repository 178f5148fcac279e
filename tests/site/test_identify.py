"""Signed tokens: who a visitor is, on which devices, and everything that proves nothing."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

import jwt
import pytest
from pydantic import ValidationError

from bot.adapters.site.settings import Identify
from bot.messages import AddressGiven, Contact, Identified
from tests.site.rig import START, Core, Rig, Tab, chat, settings

KEY, OLD, OTHER = "k" * 48, "o" * 48, "x" * 48
IDENTIFY = {"keys": [KEY, OLD]}
DEVICE = "device-of-dana"


def claims(**changes: Any) -> dict[str, Any]:
    """What a site says of Dana; None takes a claim away."""
    made: dict[str, Any] = {
        "aud": "shop-chat",
        "sub": "4711",
        "iat": START - 5,
        "exp": START + 600,
        "jti": secrets.token_hex(8),
        "name": "Dana Petrov",
        "email": "Dana@mail.example",
        "email_verified": True,
        "attributes": {"plan": "pro", "orders": 7, "vip": True},
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def token(
    key: str = KEY, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A token as the site's server makes it."""
    return jwt.encode(claims(**changes), key, algorithm, headers)


def by_hand(header: dict[str, Any], body: dict[str, Any], signature: bytes = b"") -> str:
    """A token that no library would make."""
    parts = [json.dumps(header).encode(), json.dumps(body).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def refused(rig: Rig, given: str, **more: str) -> str:
    """Why a token proves nothing; the chat goes on all the same, and the team is told with the next words."""
    tab = Tab(await rig.connect())
    await tab.send(t="hello", v=1, after=0, identity=given, **more)
    welcome = await tab.get("welcome")
    assert welcome["identified"] is False
    problem = str((await tab.get("identity"))["problem"])
    await tab.get("ready")
    before = len(rig.core.messages())
    assert (await tab.say("Hello"))["t"] == "sent"
    said = rig.core.messages()[before]
    assert said.problems == (f"{problem} Nobody has proved who this is.",)
    assert said.sender.anonymous
    assert (await tab.say("Hello again"))["t"] == "sent"
    assert rig.core.messages()[-1].problems == ()
    assert rig.core.of(Identified) == []
    return problem


async def test_a_signed_token_says_who_it_is() -> None:
    async with chat(identify=IDENTIFY) as rig:
        tab = await rig.tab(identity=token(), device=DEVICE)
        assert rig.core.events == []  # who only looks is told to nobody
        await tab.say("Where is it?")
        (told,) = rig.core.of(Identified)
        assert told.proven == Contact("site", "user:4711", "Dana Petrov", True, "signed by the site")
        assert told.email == Contact("email", "dana@mail.example", "Dana Petrov", True, "signed by the site")
        assert told.attributes == {"plan": "pro", "orders": 7, "vip": True}
        assert rig.core.events.index(told) < rig.core.events.index(rig.core.messages()[0])
        assert rig.core.messages()[0].sender == told.proven
        assert rig.core.messages()[0].thread_key == told.thread_key == tab.visitor
        assert "4711" not in json.dumps(tab.frames)


async def test_what_was_said_before_stays_in_sight_and_the_old_token_is_void() -> None:
    async with chat(identify=IDENTIFY) as rig:
        stranger = await rig.talking("Is it in stock?")
        await rig.reply(stranger.visitor, "It is.")
        known = await rig.tab(token=stranger.token, identity=token(), device=DEVICE)
        assert known.visitor != stranger.visitor
        assert [item["text"] for item in known.shown.values()] == ["Is it in stock?", "It is."]
        (told,) = rig.core.of(Identified)
        assert (told.sender.address, told.sender.anonymous) == (stranger.visitor, True)
        await rig.reply(stranger.visitor, "Shall I put one aside?")  # was on its way to the visitor of before
        await known.get("messages")
        assert "Shall I put one aside?" in [item["text"] for item in known.shown.values()]
        await known.say("Yes")
        again = Tab(await rig.connect(), token=stranger.token)
        assert (await again.hello())["known"] is False
        assert again.shown == {}


async def test_the_same_person_on_two_devices_sees_one_conversation() -> None:
    async with chat(identify=IDENTIFY) as rig:
        laptop = await rig.tab(identity=token(), device=DEVICE)
        await laptop.say("Where is it?")
        phone = await rig.tab(identity=token(), device="another-device")
        assert phone.visitor == laptop.visitor
        assert [item["text"] for item in phone.shown.values()] == ["Where is it?"]
        await rig.reply(laptop.visitor, "On its way.")
        for tab in (laptop, phone):
            await tab.get("messages")
            assert "On its way." in [item["text"] for item in tab.shown.values()]
        await phone.send(t="leave")
        assert await phone.closed() == 4003
        assert (await Tab(await rig.connect(), token=phone.token).hello())["known"] is False
        assert (await Tab(await rig.connect(), token=laptop.token).hello())["known"] is True


async def test_who_leaves_leaves_in_all_tabs_of_the_device_and_on_no_other() -> None:
    async with chat(identify=IDENTIFY) as rig:
        phone = await rig.tab(identity=token(), device="another-device")
        laptop = await rig.tab(identity=token(), device=DEVICE)
        second = await rig.tab(token=laptop.token)
        assert second.visitor == phone.visitor
        await laptop.say("Where is it?")
        await laptop.send(t="leave")
        for tab in (laptop, second):
            assert await tab.closed() == 4003
        assert (await phone.say("Still me"))["t"] == "sent"
        assert [one.text.plain for one in rig.core.messages()] == ["Where is it?", "Still me"]


async def test_somebody_else_in_the_same_browser_sees_nothing() -> None:
    async with chat(identify=IDENTIFY) as rig:
        dana = await rig.tab(identity=token(), device=DEVICE)
        await dana.say("My address is …")
        omar = await rig.tab(token=dana.token, identity=token(sub="4712", name="Omar"), device=DEVICE)
        assert omar.visitor != dana.visitor
        assert omar.shown == {}
        await omar.say("Hello")
        assert [(one.sender.address, one.proven.address) for one in rig.core.of(Identified)] == [
            ("user:4711", "user:4711"),
            ("user:4712", "user:4712"),
        ]
        assert (await Tab(await rig.connect(), token=dana.token).hello())["known"] is False


async def test_a_session_goes_on_without_a_token_and_over_a_restart() -> None:
    core = Core()
    async with chat(core, identify=IDENTIFY) as rig:
        tab = await rig.tab(identity=token(), device=DEVICE)
    async with chat(core, identify=IDENTIFY) as rig:
        again = await rig.tab(token=tab.token)
        assert again.visitor == tab.visitor
        await again.say("Hello")
        (told,) = core.of(Identified)
        assert told.attributes["plan"] == "pro"
        assert core.messages()[0].sender.address == "user:4711"


async def test_a_wrong_token_takes_nothing_from_somebody_known() -> None:
    async with chat(identify=IDENTIFY) as rig:
        tab = await rig.tab(identity=token(), device=DEVICE)
        await tab.say("Hello")
        again = Tab(await rig.connect(), token=tab.token)
        welcome = await again.hello(identity=token(exp=START - 300, iat=START - 400))
        assert (welcome["identified"], welcome["visitor"]) == (True, tab.visitor)
        assert any("has expired" in frame.get("problem", "") for frame in again.frames)
        await again.say("Still me")
        assert rig.core.messages()[-1].problems == ()


async def test_what_changed_is_told_again_and_only_that() -> None:
    async with chat(identify=IDENTIFY) as rig:
        tab = await rig.tab(identity=token(), device=DEVICE)
        await tab.say("Hello")
        await rig.tab(token=tab.token, identity=token(), device=DEVICE)
        assert len(rig.core.of(Identified)) == 1
        await rig.tab(token=tab.token, identity=token(attributes={"plan": "free"}), device=DEVICE)
        assert [one.attributes.get("plan") for one in rig.core.of(Identified)] == ["pro", "free"]


async def test_a_connection_that_was_lost_costs_nobody_their_token() -> None:
    async with chat(identify=IDENTIFY) as rig:
        given = token()
        lost = Tab(await rig.connect())
        await lost.send(t="hello", v=1, after=0, identity=given, device=DEVICE)
        await lost.get("welcome")
        await lost.ws.close()  # before the client could store anything
        again = await rig.tab(identity=given, device=DEVICE)
        assert again.visitor == lost.frames[0]["visitor"]


async def test_a_token_is_good_for_one_browser_also_after_a_restart() -> None:
    core, given = Core(), token()
    async with chat(core, identify=IDENTIFY) as rig:
        await rig.tab(identity=given, device=DEVICE)
    async with chat(core, identify=IDENTIFY) as rig:
        for more in ({}, {"device": "a-thief-of-tokens"}):
            assert "used in another browser" in await refused(rig, given, **more)


async def test_used_tokens_are_forgotten_when_they_end() -> None:
    core = Core()
    async with chat(core, identify=IDENTIFY) as rig:
        for _ in range(300):
            await (await rig.tab(identity=token(), device=DEVICE)).ws.close()
        used = [value for key, value in core.state.kept.items() if key.startswith("used:")]
        assert sum(len(json.loads(value)) for value in used) == 300
        core.clock.now += 3600
        for number in range(300):
            sub, times = f"u{number}", {"iat": core.clock.now, "exp": core.clock.now + 60}
            await (await rig.tab(identity=token(sub=sub, **times), device=DEVICE)).ws.close()
        used = [value for key, value in core.state.kept.items() if key.startswith("used:")]
        assert len(used) <= 64
        assert sum(len(json.loads(value)) for value in used) < 400, (
            "the old ones go when their part is written again"
        )


ENVELOPE = {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (lambda: by_hand({"alg": "none", "typ": "JWT"}, claims()), "not signed with HS256"),
        (lambda: by_hand({"alg": "None"}, claims()), "not signed with HS256"),
        (lambda: by_hand(ENVELOPE, claims()), "no key of this chat has signed it"),
        (lambda: token(OTHER), "no key of this chat has signed it"),
        (lambda: token(KEY, "HS384"), "not signed with HS256"),
        (lambda: by_hand({"alg": "RS256"}, claims(), b"signature"), "not signed with HS256"),
        (lambda: token(aud="another-chat"), "aud must be 'shop-chat'"),
        (lambda: token(aud=None), "aud must be 'shop-chat'"),
        (lambda: token(exp=START - 31, iat=START - 600), "has expired"),
        (lambda: token(exp=None), "exp is missing"),
        (lambda: token(exp="soon"), "exp is missing"),
        (lambda: token(exp=True), "exp is missing"),
        (lambda: token(exp=START + 3600, iat=START - 5), "must end within 60 minutes"),
        (lambda: token(exp=START + 60, iat=START + 120), "comes from the future"),
        (lambda: token(iat=None), "iat is missing"),
        (lambda: token(iat=START + 31), "comes from the future"),
        (lambda: token(nbf=START + 60), "not good yet"),
        (lambda: token(sub=None), "names nobody"),
        (lambda: by_hand_signed(claims(sub=4711)), "names nobody"),
        (lambda: by_hand_signed(claims(sub=" \n ")), "names nobody"),
        (lambda: by_hand_signed(claims(sub="x" * 201)), "names nobody"),
        (lambda: token(jti=None), "has no jti"),
        (lambda: "not.a.token", "not a signed token that can be read"),
        (lambda: "", "not a signed token that can be read"),
        (lambda: token(name="x" * 9_000), "too long"),
    ],
)
async def test_what_proves_nothing(given: Any, why: str) -> None:
    async with chat(identify=IDENTIFY) as rig:
        problem = await refused(rig, given())
        assert why in problem
        assert problem.startswith("The sign-in token was refused: ")


def by_hand_signed(body: dict[str, Any]) -> str:
    """Signed, whatever stands in it."""
    return jwt.api_jws.encode(json.dumps(body).encode(), KEY, "HS256")


async def test_a_key_that_was_taken_away_proves_nothing_any_more() -> None:
    async with chat(identify=IDENTIFY) as rig:
        assert (await rig.tab(identity=token(OLD), device=DEVICE)).frames[0]["identified"]
    async with chat(identify={"keys": [KEY]}) as rig:
        assert "no key" in await refused(rig, token(OLD))
    async with chat() as rig:
        assert "set identify in app.yaml" in await refused(rig, token())


async def test_an_address_is_proven_only_where_the_site_says_exactly_so() -> None:
    async with chat(identify=IDENTIFY) as rig:
        for number, said in enumerate((False, "true", 1, None)):
            tab = await rig.tab(identity=token(sub=f"u{number}", email_verified=said), device=DEVICE)
            assert tab.frames[0]["addressGiven"] is False
            await tab.say("Hello")
            email = rig.core.of(Identified)[-1].email
            assert (email.address, email.verified) == ("dana@mail.example", False)
            assert email.evidence == "named by the site, not verified"


async def test_what_cannot_be_taken_is_left_out_and_named() -> None:
    strange = {
        "fine": "yes",
        "list": [1],
        "deep": {"a": 1},
        "long": "x" * 201,
        "n\u0000": 1,
        "nan": float("nan"),
        "__proto__": 1,
        "huge": 2**70,
    }
    async with chat(identify=IDENTIFY) as rig:
        tab = await rig.tab(identity=token(attributes=strange, email="not one"), device=DEVICE)
        problem = next(frame["problem"] for frame in tab.frames if frame["t"] == "identity")
        assert "attributes.long" in problem
        assert "email" in problem
        await tab.say("Hello")
        assert rig.core.of(Identified)[0].attributes == {"fine": "yes"}
        assert rig.core.of(Identified)[0].email is None


async def test_an_address_left_by_somebody_known_is_still_only_what_they_say() -> None:
    async with chat(identify=IDENTIFY) as rig:
        tab = await rig.tab(identity=token(email=None), device=DEVICE)
        await tab.say("Hello")
        await tab.send(t="address", id="address-1", email="dana@mail.example")
        renewed = (await tab.get("address"))["token"]
        await tab.send(t="kept")
        (given,) = await rig.core.until(AddressGiven)
        assert (given.sender.address, given.given.verified) == ("user:4711", False)
        await tab.say("Hello again")
        assert (await Tab(await rig.connect(), token=tab.token).hello())["known"] is False
        assert (await Tab(await rig.connect(), token=renewed).hello())["known"] is True


async def test_who_is_erased_is_signed_out_everywhere() -> None:
    async with chat(identify=IDENTIFY) as rig:
        laptop = await rig.tab(identity=token(), device=DEVICE)
        await laptop.say("Hello")
        phone = await rig.tab(identity=token(), device="another-device")
        await rig.adapter.forget("user:4711")
        assert (await laptop.closed(), await phone.closed()) == (4003, 4003)
        rig.core.state.kept.pop(f"visitor:{laptop.visitor}")  # as the core does
        assert (await Tab(await rig.connect(), token=laptop.token).hello())["known"] is False


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"keys": []}, "at least 1"),
        ({"keys": ["short"]}, "too short"),
        ({"keys": [KEY, OLD, OTHER]}, "at most 2"),
        ({"keys": ["-----BEGIN PUBLIC KEY-----" + KEY]}, "HS256 takes a random secret"),
        ({"keys": [KEY], "algorithm": "none"}, "HS256"),
        ({"keys": [KEY], "algorithm": "RS256"}, "HS256"),
        ({"keys": [KEY], "max_age_minutes": 61}, "60"),
    ],
)
def test_settings_that_would_prove_nothing_are_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Identify(**wrong)


def test_public_keys_need_the_package_that_can_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----"
    monkeypatch.setattr("bot.adapters.site.settings.has_crypto", False)
    with pytest.raises(ValidationError, match="needs the Python package cryptography"):
        Identify(keys=[pem], algorithm="EdDSA")
    monkeypatch.setattr("bot.adapters.site.settings.has_crypto", True)
    assert Identify(keys=[pem], algorithm="EdDSA").algorithm == "EdDSA"
    with pytest.raises(ValidationError, match="takes public keys in PEM form"):
        Identify(keys=[KEY], algorithm="ES256")


def test_the_page_of_a_link_is_a_page() -> None:
    assert settings(page="https://shop.example/help?from=chat").page
    for wrong in ("http://shop.example/", "shop.example", "https://shop.example/#top"):
        with pytest.raises(ValidationError):
            settings(page=wrong)
