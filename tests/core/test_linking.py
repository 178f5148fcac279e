"""Link codes: one customer on several channels, and what a code does not do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from bot.desk import Entry, Prompt, Said
from bot.identity import linking
from bot.messages import Contact, InboxId
from bot.storage import links, people
from bot.storage.database import Database
from bot.storage.schema import identity
from bot.storage.schema_people import link_code, merge_proposal
from tests.core.world import CHAT, MAIL, PRESS_MAIL, SUPPORT, World

KEY = b"k" * 32
DANA = Contact("email", "dana@mail.example", "Dana Petrov", True, "dkim=pass")


class Linked(World):
    """A world with a key for codes."""

    def __init__(self, database: Database, **more: Any) -> None:
        self.later = 0.0
        super().__init__(database, clock=lambda: time.time() + self.later, **more)
        self.policy = replace(self.policy, link_keys=(KEY,))
        self.build()

    async def code(self, whose: Contact = DANA, *, for_inbox: InboxId = CHAT, via: InboxId = MAIL) -> str:
        """A code that a customer was given."""
        made = linking.new_code()
        given = await self.database.write(
            partial(
                linking.issue,
                policy=self.policy,
                via=via,
                sender=whose,
                codes=[(for_inbox, made)],
                lifetime=1800,
                now=self.clock(),
            )
        )
        assert given
        return made

    async def chats(self, words: str, who: str, link: str | None = None, **more: Any) -> None:
        """Somebody writes in the chat, perhaps with a code."""
        more = {"inbox": CHAT, "channel": "chat", "name": None, **more}
        await self.says(words, source=f"{who}-{words}", who=who, link=link, thread_key=who, **more)

    async def customers(self) -> dict[str, int]:
        """Whose each address is."""

        def unit(connection: Connection) -> dict[str, int]:
            rows = connection.execute(select(identity.c.address, identity.c.customer_id)).all()
            return {row.address: people.final(connection, row.customer_id) or 0 for row in rows}

        return await self.database.read(unit)

    async def proposals(self) -> int:
        """How many pairs people are asked about."""
        return await self.database.read(
            lambda connection: len(connection.execute(select(merge_proposal.c.id)).all())
        )

    async def evidence(self, address: str) -> tuple[bool, bool, str, float | None]:
        """Whether an address is proven, whether it is only their word, how, and since when."""
        columns = (identity.c.verified, identity.c.given, identity.c.evidence, identity.c.verified_at)
        row = await self.database.read(
            lambda connection: connection.execute(select(*columns).where(identity.c.address == address)).one()
        )
        return tuple(row)

    def threads(self) -> dict[str, Sequence[Entry]]:
        """What each thread shows, by the customer's name on its card."""
        return {
            card.card.customer_name: self.desk.entries(card.ts) for card in self.desk.cards() if card.card
        }


def said(entries: Sequence[Entry]) -> list[str]:
    return [one.text.plain for one in entries if isinstance(one, Said)]


def lines(entries: Sequence[Entry]) -> list[str]:
    """Prompts as text, without times."""
    prompts = [one for one in entries if isinstance(one, Prompt)]
    return [
        "".join(p if isinstance(p, str) else getattr(p, "words", "…") for p in line)
        for one in prompts
        for line in one.lines
    ]


async def test_a_customer_goes_on_by_another_channel(database: Database) -> None:
    async with Linked(database) as world:
        await world.says("Where is it?", source="m1")
        await world.chats("It is me", "phone-7", await world.code())
        await world.quiet()
        assert list(world.threads()) == ["Dana Petrov"]
        shown = world.threads()["Dana Petrov"]
        assert said(shown) == ["Where is it?", "It is me"]
        assert lines(shown) == [
            "Dana Petrov goes on by chat the shop (link code given in email support@shop.example at …)"
        ]
        verified, given, how, when = await world.evidence("phone-7")
        assert (verified, given, how) == (True, False, "link code given in email support@shop.example")
        assert when is not None
        assert abs(when - world.clock()) < 60
        ways = await world.casework.ways(
            (await world.casework.lookup("Dana", SUPPORT))[0].customer_id, SUPPORT
        )
        assert [way.channel for way in ways] == ["chat", "email"]


async def test_a_code_is_kept_as_a_hash_only(database: Database) -> None:
    async with Linked(database) as world:
        await world.says("Where is it?", source="m1")
        code = await world.code()
        rows = await database.read(lambda connection: connection.execute(select(link_code)).all())
        assert len(rows) == 1
        assert code not in repr(rows)
        assert len(code) == 26
        assert set(code) <= set("abcdefghijklmnopqrstuvwxyz234567")


async def test_a_code_is_good_once_and_the_team_hears_of_a_second_use(database: Database) -> None:
    async with Linked(database) as world:
        await world.says("Where is it?", source="m1")
        code = await world.code()
        await world.chats("I was quicker", "thief", code)
        await world.chats("It is me", "phone-7", code)
        await world.chats("Really", "phone-7", code)
        await world.chats("More", "thief", code)
        await world.quiet()
        whose = await world.customers()
        assert whose["thief"] == whose["dana@mail.example"]
        assert whose["phone-7"] != whose["dana@mail.example"]
        told = [line for line in lines(world.threads()["Dana Petrov"]) if "second time" in line]
        assert told == [
            "⚠ A link that was given to Dana Petrov was used a second time, by phone-7 in chat the shop. "
            "One of the two is not Dana Petrov: ask before you say anything private."
        ]


async def test_a_code_that_is_too_old_unknown_or_for_another_inbox_is_nothing(database: Database) -> None:
    async with Linked(database) as world:
        await world.says("Where is it?", source="m1")
        old, for_mail = await world.code(), await world.code(for_inbox=MAIL)
        for_press = await world.code(for_inbox=PRESS_MAIL)
        world.later += 1801
        for number, code in enumerate((old, for_mail, for_press, linking.new_code(), "", "x" * 3000)):
            await world.chats(f"Hello {number}", f"phone-{number}", code)
        await world.quiet()
        whose = await world.customers()
        assert len(set(whose.values())) == 7
        assert await world.proposals() == 0
        assert lines(world.threads()["Dana Petrov"]) == []


async def test_somebody_with_words_of_their_own_is_never_joined_silently(database: Database) -> None:
    async with Linked(database) as world:
        await world.says("Where is it?", source="m1")
        await world.chats("I am Omar", "phone-7", name="Omar Haddad")
        code = await world.code()
        await world.chats("A link came by mail", "phone-7", code, name="Omar Haddad")
        await world.chats("I pressed it again", "phone-7", code, name="Omar Haddad")
        await world.quiet()
        whose = await world.customers()
        assert whose["phone-7"] != whose["dana@mail.example"]
        assert await world.proposals() == 1
        assert said(world.threads()["Dana Petrov"]) == ["Where is it?"]
        words = ["I am Omar", "A link came by mail", "I pressed it again"]
        assert said(world.threads()["Omar Haddad"]) == words
        assert "second time" not in "".join(lines(world.threads()["Dana Petrov"]))


async def test_who_only_pressed_start_is_nobody_yet(database: Database) -> None:
    async with Linked(database) as world:
        await world.says("Where is it?", source="m1")
        await world.chats("Started the chat.", "phone-7", automated="Start")
        await world.chats("It is me", "phone-7", await world.code())
        await world.quiet()
        whose = await world.customers()
        assert whose["phone-7"] == whose["dana@mail.example"]


async def test_an_unproven_mail_with_a_code_is_their_word_and_owns_no_address(database: Database) -> None:
    async with Linked(database) as world:
        visitor = Contact("chat", "v1", None, True, "dkim=pass")
        await world.chats("Hi", "v1")
        code = await world.code(visitor, for_inbox=MAIL, via=CHAT)
        await world.says("By mail now", source="m1", verified=False, link=code)
        await world.quiet()
        whose = await world.customers()
        assert whose["dana@mail.example"] == whose["v1"]
        assert (await world.evidence("dana@mail.example"))[:2] == (False, True)
        shown = next(
            one for one in world.desk.entries() if isinstance(one, Said) and one.text.plain == "By mail now"
        )
        assert shown.warning is not None
        assert "not proven" in shown.warning
        # The owner of the address comes, with proof: somebody else, as far as anybody knows.
        await world.says("I am the real one", source="m2")
        await world.quiet()
        assert said(world.threads()["Dana Petrov"]) == ["I am the real one"]


async def test_a_forged_mail_with_a_code_does_not_reach_the_owner_of_the_address(database: Database) -> None:
    async with Linked(database) as world:
        await world.says("Where is it?", source="m1")
        await world.chats("Hi", "attacker")
        code = await world.code(Contact("chat", "attacker", None, True), for_inbox=MAIL, via=CHAT)
        await world.says("I am Dana", source="m2", verified=False, link=code)
        await world.quiet()
        whose = await world.customers()
        assert whose["attacker"] != whose["dana@mail.example"]
        assert said(world.threads()["Dana Petrov"]) in (["Where is it?"], ["I am Dana"])
        claim = next(
            one for one in world.desk.entries() if isinstance(one, Said) and one.text.plain == "I am Dana"
        )
        assert claim.warning is not None
        assert "may not be Dana Petrov" in claim.warning


async def test_only_so_many_codes_are_good_and_given(database: Database) -> None:
    async with Linked(database) as world:
        await world.says("Where is it?", source="m1")
        first = await world.code()
        for _ in range(linking.MOST_OPEN):
            world.later += 1
            await world.code()
        good = select(link_code.c.hash).where(link_code.c.expires_at > world.clock())
        known = await database.read(lambda connection: connection.execute(good).all())
        assert len(known) == linking.MOST_OPEN
        await world.chats("Late", "phone-7", first)
        assert len(set((await world.customers()).values())) == 2
        refused = 0
        for _ in range(linking.PER_HOUR):
            given = await database.write(
                partial(
                    linking.issue,
                    policy=world.policy,
                    via=MAIL,
                    sender=DANA,
                    codes=[(CHAT, linking.new_code())],
                    lifetime=60,
                    now=world.clock(),
                )
            )
            refused += not given
        assert refused > 0
        stranger = Contact("email", "nobody@mail.example", None, True)
        assert not await database.write(
            partial(
                linking.issue,
                policy=world.policy,
                via=MAIL,
                sender=stranger,
                codes=[(CHAT, linking.new_code())],
                lifetime=60,
                now=world.clock(),
            )
        )
        world.later += 100 * 86_400
        assert await database.write(partial(links.forget_old, before=world.clock())) == linking.PER_HOUR
