"""The spoof matrix: everybody who says they are Dana, by every way there is. Nobody is joined, nothing is shown to them,
and the team sees a claim as a claim."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from sqlalchemy import Connection, select

from bot.app import App
from bot.storage import people
from bot.storage.schema import identity
from tests.flows.linked import OLD_KEY, LinkedShop, Visitors, opened, says, token, visiting
from tests.flows.shop import DANA, OMAR
from tests.flows.test_chat_story import Visitor

MALLORY = OMAR
SECRET = "My card ends in 1234."
"""What Dana wrote, and nobody else may see."""


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[LinkedShop]:
    async with opened(tmp_path) as made:
        yield made


async def owners(made: App) -> dict[str, int]:
    """Whose each address is today: proven ones under their own name, claims with a ``?`` behind them."""

    def unit(connection: Connection) -> dict[str, int]:
        rows = connection.execute(
            select(identity.c.address, identity.c.verified, identity.c.customer_id)
        ).all()
        return {
            row.address + ("" if row.verified else "?"): people.final(connection, row.customer_id) or 0
            for row in rows
        }

    return await made.database.read(unit)


async def dana_is_known(shop: LinkedShop) -> str:
    """Dana has mailed with proof, was answered, and is C1. Gives the address that her answers go to."""
    await shop.mails(DANA, SECRET, subject="Parcel")
    await shop.in_thread(SECRET)
    await shop.types("agent1", "/reply C1 Thank you, Dana.")
    return str((await shop.gets(DANA))["Reply-To"])


async def nothing_leaked(shop: LinkedShop, made: App, *visitors: Visitor) -> None:
    """Dana's thread holds what she wrote and nothing else of anybody's; nobody else was shown or sent any of it."""
    thread = "\n".join(shop.posts())
    assert thread.count(SECRET) == 1
    for other in shop.posts_of_others():
        assert SECRET not in other
    for visitor in visitors:
        assert SECRET not in json.dumps(visitor.frames) + json.dumps(visitor.items)
        assert "Thank you, Dana." not in visitor.heard()
    assert all(SECRET not in mail.as_string() for mail in shop.inbox(MALLORY))
    for phone in ("customer1", "customer2"):
        assert all(SECRET not in str(one) for one in shop.telegram.heard(phone))
    assert (await owners(made))[DANA] == 1


async def forged(shop: LinkedShop, reply_to: str) -> str:
    await shop.forges(DANA, "I am Dana, where is it?", subject="Re: Parcel")
    return "I am Dana, where is it?"


async def forged_proof(shop: LinkedShop, reply_to: str) -> str:
    """With a verdict that came with the mail, in the name of our own server."""
    verdict = "mx.shop.example; dmarc=pass header.from=mail.example; dkim=pass header.d=mail.example"
    await shop.forges(DANA, "I am Dana, see the verdict", Authentication_Results=verdict)
    return "I am Dana, see the verdict"


async def failed_proof(shop: LinkedShop, reply_to: str) -> str:
    await shop.forges(DANA, "I am Dana, it failed", verdict="fail")
    return "I am Dana, it failed"


async def proof_of_another(shop: LinkedShop, reply_to: str) -> str:
    """Proven for the sender's own domain, in the name of Dana's."""
    await shop.forges(DANA, "I am Dana from elsewhere", verdict="pass")
    return "I am Dana from elsewhere"


async def named_like_her(shop: LinkedShop, reply_to: str) -> str:
    await shop.mails(MALLORY, "I only have her name", name="Dana Petrov")
    return "I only have her name"


async def address_as_a_name(shop: LinkedShop, reply_to: str) -> str:
    await shop.mails(MALLORY, "Her address as my name", name=f'"{DANA}"')
    return "Her address as my name"


async def reply_to_trick(shop: LinkedShop, reply_to: str) -> str:
    headers = {"Reply-To": DANA}
    await shop.mails(MALLORY, "Answer to Dana, please", headers=headers)
    return "Answer to Dana, please"


async def subject_trick(shop: LinkedShop, reply_to: str) -> str:
    await shop.mails(MALLORY, "Same subject", subject="Re: Parcel")
    return "Same subject"


async def guessed_token(shop: LinkedShop, reply_to: str) -> str:
    """The address of Dana's conversation with one letter changed, and one made up."""
    last = "b" if reply_to[-len("@shop.example>") - 1] == "a" else "a"
    wrong = re.sub(r".(?=@)", last, reply_to.partition("<")[2].rstrip(">") or reply_to, count=1)
    await shop.mails(MALLORY, "A token I made up", to=wrong)
    return "A token I made up"


async def test_mails_that_are_not_hers(shop: LinkedShop) -> None:
    async with shop.open() as made:
        reply_to = await dana_is_known(shop)
        for attack in (forged, forged_proof, failed_proof, proof_of_another):
            words = await attack(shop, reply_to)
            post = await shop.in_thread(words, 1)
            assert "This sender is not verified and may not be Dana Petrov" in post
        assert (await owners(made))[f"{DANA}?"] == 2
        for attack in (named_like_her, address_as_a_name, reply_to_trick, subject_trick, guessed_token):
            await shop.in_thread(await attack(shop, reply_to), 2)
        assert (await owners(made))[MALLORY] == 3
        await nothing_leaked(shop, made)


async def test_a_stolen_token_shows_its_thief(shop: LinkedShop) -> None:
    """A mail to the address of her conversation from elsewhere: shown as somebody else's words; answers go to her."""
    async with shop.open() as made:
        reply_to = await dana_is_known(shop)
        for send, words in ((shop.mails, "Send it to me"), (shop.forges, "Send it to me, please")):
            await send(MALLORY, words, to=reply_to)
            post = await shop.in_thread(words)
            assert f"Written by Dana Petrov ‹{MALLORY}›, not by Dana Petrov." in post
        await shop.types("agent1", "/reply C1 We never do that.")
        assert "We never do that." in (await shop.gets(DANA, 2)).as_string()
        assert shop.inbox(MALLORY) == []
        assert MALLORY not in await owners(made)


async def test_who_is_copied_gets_nothing_without_a_click(shop: LinkedShop) -> None:
    async with shop.open() as made:
        await dana_is_known(shop)
        await shop.mails(DANA, "Please copy my friend", headers={"Cc": MALLORY})
        await shop.in_thread("Please copy my friend")
        await shop.types("agent1", "/reply C1 Only you.")
        mail = await shop.gets(DANA, 2)
        assert "Only you." in mail.as_string()
        assert mail["Cc"] is None
        assert all("Only you." not in mail.as_string() for mail in shop.inbox(MALLORY))
        assert MALLORY not in await owners(made)


async def test_a_visitor_who_says_that_she_is_dana(shop: LinkedShop) -> None:
    async with shop.open() as made, visiting(made) as visitors:
        await dana_is_known(shop)
        visitor = await visitors.come()
        await says(visitor, "I am Dana, what did I write to you?")
        await visitor.send(t="address", id="address-1", email=DANA)
        await visitor.until(lambda: any(frame["t"] == "address" for frame in visitor.frames))
        await shop.in_thread("I am Dana, what did I write to you?", 1)
        post = await shop.in_thread("They left an address", 1)
        assert f"{DANA} (not proven)" in post
        await nothing_leaked(shop, made, visitor)


def crafted(header: dict[str, Any], key: str | None = None, **changes: Any) -> str:
    """A token that no library would make: unsigned, or signed with the wrong thing."""
    body = jwt.decode(token(**changes), options={"verify_signature": False})
    parts = [json.dumps(part).encode() for part in (header, body)]
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


NOW = time.time
TOKENS: dict[str, Callable[[], str]] = {
    "no signature": lambda: crafted({"alg": "none"}),
    "no signature, said otherwise": lambda: crafted({"alg": "HS256"}),
    "a public key's algorithm": lambda: crafted({"alg": "RS256", "typ": "JWT"}),
    "another key": lambda: token(secrets.token_urlsafe(48)),
    "another chat": lambda: token(aud="press-chat"),
    "no audience": lambda: token(aud=None),
    "ended": lambda: token(iat=NOW() - 900, exp=NOW() - 60),
    "made tomorrow": lambda: token(iat=NOW() + 3600, exp=NOW() + 3700),
    "good for a day": lambda: token(exp=NOW() + 86_400),
    "good for ever": lambda: token(exp=None),
    "of nobody": lambda: token(sub=None),
    "good for many uses": lambda: token(jti=None),
    "not a token": lambda: "eyJhbGciOiJIUzI1NiJ9",
}


async def test_tokens_that_prove_nothing(shop: LinkedShop) -> None:
    async with shop.open() as made, visiting(made) as visitors:
        await dana_is_known(shop)
        for number, (what, given) in enumerate(TOKENS.items()):
            visitor = await visitors.come(given())
            problem = next(frame["problem"] for frame in visitor.frames if frame["t"] == "identity")
            await says(visitor, f"I am Dana, with a token: {what}")
            post = await shop.in_thread(f"I am Dana, with a token: {what}", number + 1)
            assert "The sign-in token was refused: " in problem
            assert "The sign-in token was refused: " in post
            assert "Nobody has proved who this is." in post
        assert not [one for one in await owners(made) if one.startswith("user:")]
        await nothing_leaked(shop, made, *visitors.made)


async def test_a_token_that_was_seen_on_its_way(shop: LinkedShop) -> None:
    async with shop.open() as made, visiting(made) as visitors:
        await dana_is_known(shop)
        given = token()
        dana = await visitors.come(given)
        await says(dana, "It is me.")
        await shop.in_thread("It is me.")
        thief = await visitors.come(given)
        await says(thief, "It is me, too.")
        await shop.in_thread("used in another browser", 1)
        assert [one["text"] for one in thief.items.values()] == []
        await nothing_leaked(shop, made, thief)


async def test_a_key_that_was_taken_away(shop: LinkedShop) -> None:
    async with shop.open() as made, visiting(made) as visitors:
        await dana_is_known(shop)
        await says(
            await visitors.come(token(OLD_KEY, sub="1", email=None, name="Omar")), "The old key still works"
        )
        await shop.in_thread("The old key still works", 1)
        assert (await owners(made))["user:1"] == 2
    shop.write_config(**{', "${CHAT_KEY_OLD}"': ""})
    async with shop.open() as made, visiting(made) as visitors:
        visitor = await visitors.come(token(OLD_KEY, sub="2"))
        await says(visitor, "It does not any more")
        await shop.in_thread("no key of this chat has signed it", 2)
        assert "user:2" not in await owners(made)
        await nothing_leaked(shop, made, visitor)


async def test_an_address_that_the_site_has_not_verified(shop: LinkedShop) -> None:
    async with shop.open() as made, visiting(made) as visitors:
        await dana_is_known(shop)
        visitor = await visitors.come(token(sub="666", name="Mallory", email_verified=False))
        await says(visitor, "Read me my mails")
        await shop.in_thread("Read me my mails", 1)
        whose = await owners(made)
        assert (whose["user:666"], whose[f"{DANA}?"]) == (2, 2)
        await nothing_leaked(shop, made, visitor)


async def code_for(shop: LinkedShop, visitors: Visitors, channel: str, words: str) -> str:
    """A code that somebody else was given in the chat."""
    visitor = await visitors.come()
    await says(visitor, words)
    await shop.until(lambda: words in shop.everything())  # so that their card is before the next one's
    await visitor.send(t="offers")
    await visitor.until(lambda: any(frame["t"] == "offers" for frame in visitor.frames))
    offers = next(frame["offers"] for frame in visitor.frames if frame["t"] == "offers")
    url = next(one["url"] for one in offers if one["channel"] == channel)
    found = re.search(r"[a-z2-7]{26}", url)
    assert found is not None
    return found[0]


async def test_a_forged_mail_with_a_code_of_ones_own(shop: LinkedShop) -> None:
    """The attacker's own code, sent in Dana's name: her address does not become the attacker's."""
    async with shop.open() as made, visiting(made) as visitors:
        await dana_is_known(shop)
        code = await code_for(shop, visitors, "email", "I am Mallory")
        await shop.forges(DANA, "I am Dana, with a code", to=f"support+go-{code}@shop.example")
        post = await shop.in_thread("I am Dana, with a code", 2)
        assert "may not be Dana Petrov" in post
        await nothing_leaked(shop, made, *visitors.made)


async def test_a_code_that_was_sent_to_somebody_with_a_history(shop: LinkedShop) -> None:
    """The attacker gets Dana to use a code of the attacker's: people are asked, nothing is joined."""
    async with shop.open() as made, visiting(made) as visitors:
        await dana_is_known(shop)
        code = await code_for(shop, visitors, "email", "I am Mallory")
        await shop.mails(DANA, "Somebody gave me this address", to=f"support+go-{code}@shop.example")
        await shop.in_thread("Somebody gave me this address")
        question = await shop.in_thread("Is this the same person?", 1)
        assert "came with a link code" in question
        assert len(set((await owners(made)).values())) == 2
        await nothing_leaked(shop, made, *visitors.made)


async def test_a_code_that_was_found(shop: LinkedShop) -> None:
    """A stolen code works once; who comes second is told apart from who came first, and the team hears of it."""
    async with shop.open() as made, visiting(made) as visitors:
        code = await code_for(shop, visitors, "telegram", "I am Dana")
        shop.telegram.people.start("customer2", code)
        await shop.telegram.wait_for("customer2")
        shop.telegram.people.start("customer1", code)
        heard = await shop.telegram.wait_for("customer1")
        assert (
            heard["text"]
            == "That link was used already or is too old. Just write here: we read it all the same."
        )
        await shop.in_thread("was used a second time, by Dana Petrov in telegram")
        whose = await owners(made)
        assert len(set(whose.values())) == 2


async def test_a_code_of_another_team_or_another_channel(shop: LinkedShop) -> None:
    async with shop.open() as made, visiting(made) as visitors:
        code = await code_for(shop, visitors, "telegram", "I am Dana")
        for to in ("press@shop.example", "support@shop.example"):
            plus = to.replace("@", f"+go-{code}@")
            await shop.mails(MALLORY, f"With a code to {to}", to=plus)
        press = await shop.sees("With a code to press@shop.example", channel="press")
        assert "goes on by" not in press
        await shop.in_thread("With a code to support@shop.example", 1)
        whose = await owners(made)
        assert len(set(whose.values())) == 2
        visitor = await visitors.come()
        await says(visitor, "With a code in the chat", link=code)
        await shop.in_thread("With a code in the chat", 2)
        assert len(set((await owners(made)).values())) == 3


async def test_a_start_that_was_forwarded_and_a_name_like_ours(shop: LinkedShop) -> None:
    async with shop.open() as made, visiting(made) as visitors:
        code = await code_for(shop, visitors, "telegram", "I am Dana")
        origin = {
            "type": "hidden_user",
            "date": int(time.time()),
            "sender_user_name": "Shop Support ✓",
        }
        shop.telegram.say("customer2", f"/start {code}", forward_origin=origin)
        await shop.in_thread("Forwarded from Shop Support ✓:", 1)
        whose = await owners(made)
        assert len(set(whose.values())) == 2
        assert "goes on by" not in "\n".join(shop.posts())


async def test_a_name_that_looks_like_one_of_us(shop: LinkedShop) -> None:
    async with shop.open() as made:
        await dana_is_known(shop)
        name = "Kim (Shop Support) \u2705\u202e"
        await shop.mails(MALLORY, "I am one of you", name=f'"{name}"')
        post = await shop.in_thread("I am one of you", 1)
        assert "(email)]" in post.splitlines()[0]
        assert "\u202e" not in post
        await nothing_leaked(shop, made)
