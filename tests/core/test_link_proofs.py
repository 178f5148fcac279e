"""Proof of who somebody is: what it joins at once, what people are asked, and what it never shows to anybody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.capabilities import Capabilities
from bot.delivery import backlog
from bot.desk import Activity, Said
from bot.messages import AddressGiven, Contact, CustomerId, Identified, SourceId
from bot.storage import people
from bot.storage.database import Database
from tests.core.ends import MemoryAdapter
from tests.core.test_linking import Linked, said
from tests.core.world import CHAT, MAIL, SUPPORT
from tests.core.world import message as made

ABLE = Capabilities("chat", 500, idempotent_send=True, backlog=True, receipts="seen")


class Shop(Linked):
    """A chat whose site can prove who visitors are."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, chat=MemoryAdapter(ABLE))
        self.number = 0

    async def visitor(self, words: str, who: str = "v1") -> None:
        """Somebody whom nobody knows chats."""
        self.number += 1
        sender = Contact("chat", who, f"Visitor {who}", True, "token", anonymous=True)
        await self.relay.accept_customer(
            CHAT, made(words, source=f"v{self.number}", sender=sender, thread_key=who)
        )

    async def known(self, words: str, sub: str = "u1", name: str = "Dana Petrov") -> None:
        """Somebody proven chats."""
        self.number += 1
        sender = Contact("chat", f"user:{sub}", name, True, "signed")
        await self.relay.accept_customer(
            CHAT, made(words, source=f"k{self.number}", sender=sender, thread_key=f"t-{sub}")
        )

    async def proof(
        self,
        sub: str = "u1",
        *,
        visitor: str | None = None,
        email: str | None = None,
        verified: bool = True,
        name: str | None = "Dana Petrov",
        **attributes: Any,
    ) -> None:
        """The site's token arrives."""
        self.number += 1
        proven = Contact("chat", f"user:{sub}", name, True, "signed by the site")
        anonymous = Contact("chat", visitor or "", f"Visitor {visitor}", True, "token", anonymous=True)
        address = Contact("email", email, name, verified, "signed by the site") if email else None
        await self.relay.accept_customer(
            CHAT,
            Identified(
                SourceId(f"i{self.number}"),
                anonymous if visitor else proven,
                proven,
                datetime.now(UTC),
                email=address,
                attributes=attributes,
                thread_key=f"t-{sub}",
            ),
        )

    async def sees(self, thread: str) -> list[str]:
        """What somebody in the chat is shown."""
        found = await self.database.read(lambda connection: backlog.after(connection, CHAT, thread, 0))
        return [item.part.text.plain for item in found]


async def test_a_visitor_signs_in_and_stays_who_they_are(database: Database) -> None:
    async with Shop(database) as world:
        await world.visitor("Is it in stock?")
        await world.proof(visitor="v1")
        await world.known("Then I take two.")
        await world.quiet()
        assert list(world.threads()) == ["Dana Petrov"]
        shown = world.threads()["Dana Petrov"]
        assert said(shown) == ["Is it in stock?", "Then I take two."]
        assert [one.text for one in shown if isinstance(one, Activity)] == [
            "Signed in as Dana Petrov (signed by the site)"
        ]
        assert await world.sees("t-u1") == ["Is it in stock?", "Then I take two."]
        assert await world.sees("v1") == []
        person = (await world.casework.lookup("Dana", SUPPORT))[0]
        assert len(await world.casework.ways(person.customer_id, SUPPORT)) == 1


async def test_a_second_visit_from_another_browser_joins_the_first(database: Database) -> None:
    async with Shop(database) as world:
        await world.proof()
        await world.known("From the laptop")
        await world.visitor("From the phone", "v2")
        await world.quiet()
        assert len(world.threads()) == 2
        await world.proof(visitor="v2")
        await world.known("Still me")
        await world.quiet()
        whose = await world.customers()
        assert whose["v2"] == whose["user:u1"]
        assert said(world.threads()["Dana Petrov"]) == ["From the laptop", "Still me"]
        assert await world.sees("t-u1") == ["From the laptop", "From the phone", "Still me"]


async def test_a_verified_address_brings_the_mail_and_the_chat_together(database: Database) -> None:
    async with Shop(database) as world:
        await world.says("Where is it?", source="m1")
        await world.visitor("Hello")
        await world.proof(visitor="v1", email="dana@mail.example")
        await world.known("It is me")
        await world.quiet()
        whose = await world.customers()
        assert whose["v1"] == whose["user:u1"] == whose["dana@mail.example"]
        assert await world.proposals() == 0
        await world.says("By mail again", source="m2")
        await world.quiet()
        assert said(world.threads()["Dana Petrov"])[-2:] == ["It is me", "By mail again"]


async def test_an_address_that_is_not_verified_joins_nobody(database: Database) -> None:
    async with Shop(database) as world:
        await world.says("Where is it?", source="m1")
        await world.proof("u9", email="dana@mail.example", verified=False, name="Mallory")
        await world.known("I am Dana", "u9", "Mallory")
        await world.quiet()
        whose = await world.customers()
        assert whose["user:u9"] != 1
        assert said(world.threads()["Mallory"]) == ["I am Dana"]
        assert said(world.threads()["Dana Petrov"]) == ["Where is it?"]


async def test_a_verified_address_that_nobody_had_is_theirs(database: Database) -> None:
    async with Shop(database) as world:
        await world.proof(email="dana@mail.example")
        await world.known("Hello")
        await world.says("And by mail", source="m1")
        await world.quiet()
        assert said(world.threads()["Dana Petrov"]) == ["Hello", "And by mail"]
        verified, given, how, _ = await world.evidence("dana@mail.example")
        assert (verified, given, how) == (True, False, "signed by the site")


async def test_a_forged_mail_from_before_stays_a_claim(database: Database) -> None:
    async with Shop(database) as world:
        await world.says("I am Dana, send me her address", source="m1", verified=False, name="Mallory")
        await world.proof(email="dana@mail.example")
        await world.known("Hello")
        await world.quiet()
        assert said(world.threads()["Mallory"]) == ["I am Dana, send me her address"]
        assert said(world.threads()["Dana Petrov"]) == ["Hello"]


@pytest.mark.parametrize("case", ["linked", "two accounts"])
async def test_more_proof_than_the_signers_word_makes_people_decide(database: Database, case: str) -> None:
    """An attacker's Telegram that came by a link code, or another account of the shop, never comes to see Dana's history."""
    async with Shop(database) as world:
        await world.says("My card ends in 1234", source="m1")
        await world.proof("u9", name="Mallory")
        await world.known("Hi", "u9", "Mallory")
        if case == "linked":
            code = await world.code(Contact("chat", "user:u9", None, True), for_inbox=MAIL, via=CHAT)
            await world.says("Me too", source="m2", who="mallory@mail.example", name="Mallory", link=code)
        else:
            await world.proof("u1", email="dana@mail.example")
            await world.known("It is me", "u1")
        await world.proof("u9", email="dana@mail.example", name="Mallory", plan="free")
        await world.quiet()
        whose = await world.customers()
        assert whose["user:u9"] != whose["dana@mail.example"]
        assert await world.proposals() == 1


async def test_somebody_else_who_signs_in_where_a_link_was_used_is_somebody_else(database: Database) -> None:
    """A link code that was planted in a victim's browser does not make the victim's account the attacker's."""
    async with Shop(database) as world:
        await world.says("I am the attacker", source="m1", who="mallory@mail.example", name="Mallory")
        mallory = Contact("email", "mallory@mail.example", None, True)
        sender = Contact("chat", "v1", "Visitor v1", True, "token", anonymous=True)
        link = await world.code(mallory)
        await world.relay.accept_customer(
            CHAT, made("Hello?", source="x1", sender=sender, thread_key="v1", link=link)
        )
        await world.proof("u1", visitor="v1", email="dana@mail.example")
        await world.known("Now I am signed in")
        await world.quiet()
        whose = await world.customers()
        assert whose["v1"] == whose["mallory@mail.example"]
        assert whose["user:u1"] != whose["mallory@mail.example"]
        assert await world.proposals() == 1
        assert said(world.threads()["Dana Petrov"]) == ["Now I am signed in"]
        assert "Now I am signed in" not in await world.sees("v1")


async def test_an_address_left_in_the_chat_is_proven_by_an_answer_to_our_mail(database: Database) -> None:
    async with Shop(database) as world:
        await world.visitor("Do you ship to Malta?")
        sender = Contact("chat", "v1", "Visitor v1", True, "token", anonymous=True)
        given = Contact("email", "dana@mail.example", evidence="typed into the chat")
        now = datetime.now(UTC)
        await world.relay.accept_customer(CHAT, AddressGiven(SourceId("a1"), sender, given, now, "v1"))
        case = await world.database.read(lambda connection: people.customer_in_thread(connection, CHAT, "v1"))
        assert case is not None
        person = await world.casework.person(CustomerId(case), SUPPORT)
        await world.says("By mail", source="m1", answers=person.conversation_id, verified=False)
        assert (await world.evidence("dana@mail.example"))[:2] == (False, True)
        await world.says("By mail, proven", source="m2", answers=person.conversation_id)
        verified, still_given, how, _ = await world.evidence("dana@mail.example")
        assert (verified, still_given) == (True, False)
        assert how.startswith("answered our message")
        await world.says("And a new one", source="m3")
        await world.quiet()
        (shown,) = world.threads().values()
        assert said(shown) == ["Do you ship to Malta?", "By mail", "By mail, proven", "And a new one"]
        assert all(one.other_sender is None for one in shown if isinstance(one, Said))


async def test_an_owned_address_that_a_visitor_left_is_not_proven_by_the_owners_answer(
    database: Database,
) -> None:
    async with Shop(database) as world:
        await world.says("Where is it?", source="m0")
        await world.visitor("I am Dana", "v9")
        sender = Contact("chat", "v9", "Visitor v9", True, "token", anonymous=True)
        given = Contact("email", "dana@mail.example", evidence="typed into the chat")
        now = datetime.now(UTC)
        await world.relay.accept_customer(CHAT, AddressGiven(SourceId("a1"), sender, given, now, "v9"))
        visitor = await world.database.read(
            lambda connection: people.customer_in_thread(connection, CHAT, "v9")
        )
        assert visitor is not None
        case = (await world.casework.person(CustomerId(visitor), SUPPORT)).conversation_id
        await world.says("What is this?", source="m1", answers=case)
        await world.quiet()
        answer = next(
            one for one in world.desk.entries() if isinstance(one, Said) and one.text.plain == "What is this?"
        )
        assert answer.other_sender == "Dana Petrov <dana@mail.example>"
        assert await world.sees("v9") == ["I am Dana"]
