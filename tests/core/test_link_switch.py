"""Another way to a customer: the default, the recap that goes first, the link that makes a way."""

from __future__ import annotations

import pytest

from bot.commands.nouns import Draft
from bot.commands.types import Sent
from bot.desk import Activity, Replied, State
from bot.errors import PermanentFailure, UserError
from bot.identity.linkwork import LinkWork
from bot.messages import CustomerId, RouteId, Text
from bot.storage.database import Database
from tests.core.test_linking import Linked, said
from tests.core.world import CHAT, KIM, SUPPORT, message


class Switching(Linked):
    """A world where Dana writes by mail, then by chat."""

    @property
    def linking(self) -> LinkWork:
        targets = {CHAT: lambda code: f"https://chat.example/?start={code}"}
        return LinkWork(self.casework.hands, targets, {CHAT: "the chat"})

    async def dana(self) -> tuple[CustomerId, dict[str, RouteId]]:
        """Who she is, and her ways by channel."""
        person = (await self.casework.lookup("Dana", SUPPORT))[0]
        ways = await self.casework.ways(person.customer_id, SUPPORT)
        return person.customer_id, {way.channel: way.route_id for way in ways}

    async def two_ways(self) -> None:
        """She mailed, was answered, and went on in the chat."""
        await self.says("Where is my parcel?", source="m1")
        sent = await self.reply("C1", "It left on Monday.")
        await self.reaches(sent.message_id, State.ACCEPTED)
        await self.chats("I am in the chat now", "phone-7", await self.code())
        await self.quiet()


async def test_a_switch_sends_the_last_words_and_stays_until_they_write_elsewhere(database: Database) -> None:
    async with Switching(database) as world:
        await world.two_ways()
        dana, ways = await world.dana()
        preview = await world.linking.preview(dana, ways["email"])
        assert preview.plain == (
            "We go on here. The last words between us:\n"
            "You: Where is my parcel?\nKim: It left on Monday.\nYou: I am in the chat now"
        )
        sent = await world.linking.switch(dana, SUPPORT, KIM, ways["email"], "s9", recap=True)
        assert isinstance(sent, Sent)
        await world.quiet()
        assert world.mail.words()[-1] == preview.plain
        reply, _ = world.mail.sent[-1]
        assert reply.automated
        again = await world.linking.switch(dana, SUPPORT, KIM, ways["email"], "s9", recap=True)
        assert again is not None
        assert again.duplicate
        answer = await world.reply("C1", "By mail again.", "s10")
        await world.reaches(answer.message_id, State.ACCEPTED)
        assert world.mail.words()[-1] == "By mail again."
        lines = [one.text for one in world.desk.entries() if isinstance(one, Activity)]
        assert lines[0] == "Kim goes on by email dana@mail.example (from support@shop.example)"
        assert "the last words, by email dana@mail.example" in lines[1]
        await world.chats("Hello?", "phone-7")
        answer = await world.reply("C1", "In the chat.", "s11")
        await world.reaches(answer.message_id, State.ACCEPTED)
        assert world.chat.words()[-1] == "In the chat."


async def test_a_recap_is_no_answer_and_can_be_taken_back(database: Database) -> None:
    async with Switching(database, undo=30.0) as world:
        await world.says("Where is my parcel?", source="m1")
        await world.chats("I am in the chat now", "phone-7", await world.code())
        dana, ways = await world.dana()
        sent = await world.linking.switch(dana, SUPPORT, KIM, ways["email"], "s9", recap=True)
        assert sent is not None
        person = await world.casework.person(dana, SUPPORT)
        assert person.waiting_since is not None
        await world.casework.undo(sent.message_id, KIM)
        await world.quiet()
        assert world.mail.sent == []


async def test_without_a_word_nothing_is_sent(database: Database) -> None:
    async with Switching(database) as world:
        await world.two_ways()
        dana, ways = await world.dana()
        count = len(world.mail.sent)
        assert await world.linking.switch(dana, SUPPORT, KIM, ways["email"], "s9", recap=False) is None
        await world.quiet()
        assert len(world.mail.sent) == count
        assert (await world.casework.ways(dana, SUPPORT))[0].channel == "email"


async def test_nobody_gets_a_recap_who_only_claims_the_address(database: Database) -> None:
    async with Switching(database) as world:
        await world.says("I am Dana", source="m1", verified=False)
        await world.says("And here", source="m2", verified=False, who="other@mail.example", name=None)
        person = (await world.casework.lookup("Dana", SUPPORT))[0]
        (way,) = await world.casework.ways(person.customer_id, SUPPORT)
        assert await world.linking.preview(person.customer_id, way.route_id) == Text()
        stranger = (await world.casework.lookup("other@mail.example", SUPPORT))[0]
        assert await world.linking.preview(stranger.customer_id, way.route_id) == Text()
        with pytest.raises(UserError, match="cannot be reached that way"):
            await world.linking.switch(stranger.customer_id, SUPPORT, KIM, way.route_id, "s1", recap=True)


async def test_a_link_is_a_reply_that_makes_a_way(database: Database) -> None:
    async with Switching(database) as world:
        await world.says("Where is my parcel?", source="m1")
        dana, _ = await world.dana()
        (offered,) = await world.linking.invitations(dana, SUPPORT)
        assert (offered.inbox, offered.label) == (CHAT, "chat the shop")
        sent = await world.linking.invite(dana, SUPPORT, KIM, CHAT, "s1")
        again = await world.linking.invite(dana, SUPPORT, KIM, CHAT, "s1")
        assert (again.message_id, again.duplicate) == (sent.message_id, True)
        await world.reaches(sent.message_id, State.ACCEPTED)
        (words,) = world.mail.words()
        assert words.startswith(
            "You can go on with this conversation on the chat: https://chat.example/?start="
        )
        await world.chats("Here I am", "phone-7", words.rpartition("=")[2])
        await world.quiet()
        assert said(world.threads()["Dana Petrov"]) == ["Where is my parcel?", "Here I am"]
        assert await world.linking.invitations(dana, SUPPORT) == ()


async def test_a_failed_reply_names_the_other_ways_and_goes_by_one(database: Database) -> None:
    async with Switching(database) as world:
        await world.two_ways()
        dana, ways = await world.dana()
        world.chat.faults.fail("send", PermanentFailure("blocked the bot"))
        failed = await world.reply("C1", "Try this.", "s5")
        await world.reaches(failed.message_id, State.FAILED)
        assert await world.linking.way_of(failed.message_id) == ways["chat"]
        await world.quiet()
        shown = next(
            one for one in world.desk.entries() if isinstance(one, Replied) and one.state is State.FAILED
        )
        assert shown.others == ("email support@shop.example",)
        draft = Draft(dana, SUPPORT, KIM, Text("Try this."), "s6", route_id=ways["email"], confirmed=True)
        sent = await world.casework.reply(draft)
        assert isinstance(sent, Sent)
        await world.reaches(sent.message_id, State.ACCEPTED)
        assert world.mail.words()[-1] == "Try this."
        card = world.desk.cards()[0].card
        assert card is not None
        assert set(card.reach) == {"chat the shop", "email support@shop.example"}


async def test_a_code_in_an_answer_from_a_form_of_words_is_no_code(database: Database) -> None:
    """A code counts where the adapter found it, never in what somebody writes."""
    async with Switching(database) as world:
        await world.says("Where is my parcel?", source="m1")
        code = await world.code()
        await world.relay.accept_customer(
            CHAT, message(f"/start {code}", source="x", who="phone-9", channel="chat", name="Omar")
        )
        await world.quiet()
        assert len(set((await world.customers()).values())) == 2
