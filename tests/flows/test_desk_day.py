"""A day at the desk with the real bot: macros, beginning to write, giving away, being on duty, two agents at once."""

from __future__ import annotations

from typing import Any

from tests.flows.desk import AtDesk, all_shown_is_valid, nothing_internal_went_out, two_customers
from tests.flows.seen import read
from tests.flows.shop import DANA, OMAR, Shop

ANN = OMAR
"""Has a mailbox, and has not written to us."""
BOSS = "boss@else.example"


def words(mail: Any) -> str:
    """What a mail says."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


async def macro(desk: AtDesk, name: str, text: str) -> None:
    """An agent makes a macro of their own."""
    await desk.presses("New macro", await desk.asks("/macro", "[New macro]"))
    await desk.form("New macro")
    assert await desk.sends(name=name, text=text) == {}
    await desk.told(f"The macro {name} is saved")


async def test_macros_in_the_thread_with_a_slash_and_in_the_form(shop: Shop) -> None:
    async with shop.open():
        kim = await two_customers(shop)
        await macro(kim, "hello", "Hello {customer.first_name|there}, I am {agent.first_name}.")
        await macro(kim, "where", "Your order left for {customer.company}.")
        shown = await kim.asks("/macro hello", "Hello {customer.first_name|there}")
        assert "[Edit][Delete]" in read(shown)

        await kim.says("!m hello")
        assert "Hello Dana, I am Kim." in words(await shop.gets(DANA))
        await shop.sees("Hello Dana, I am Kim.")
        await kim.types("/macro C2 hello It ships today.")
        assert "Hello Omar, I am Kim.\n\nIt ships today." in words(await shop.gets(OMAR))

        await kim.asks("!m where", "company")
        await kim.asks("/macro C1 where", "company")
        await kim.asks("!m helo", "There is no macro helo. Nothing was sent. Closest: hello.")

        await kim.presses("Reply")
        form = await kim.form("Reply to C1")
        choices = next(one for one in form["blocks"] if one["block_id"].startswith("macro"))
        hello, where = choices["element"]["options"]
        await kim.changes("macro", where, text="One moment.")
        await shop.until(lambda: "One moment.\n\nYour order" in typed(kim))
        assert "{customer.company} is still in the message" in (await kim.sends(text=typed(kim)))["text"]
        await kim.changes("macro", hello)
        await shop.until(lambda: "Hello Dana, I am Kim." in typed(kim))
        assert await kim.sends(text="Hello again Dana.") == {}
        assert "Hello again Dana." in words(await shop.gets(DANA, 2))

        answer = await kim.asks("/macro where", "[Delete]")
        await kim.presses("Delete", answer)
        await kim.presses("Delete where", await kim.told("Delete the macro where? It is your own."))
        await kim.told("The macro where is deleted")
        assert len(shop.inbox(DANA)) == 2 and len(shop.inbox(OMAR)) == 1
        nothing_internal_went_out(shop)
        all_shown_is_valid(shop)


def typed(desk: AtDesk) -> str:
    """What stands in the message of the form that is open."""
    blocks = desk.person.views[-1].body["blocks"]
    return next(
        (
            str(one["element"].get("initial_value", ""))
            for one in blocks
            if one["block_id"].partition(":")[0] == "text"
        ),
        "",
    )


async def test_a_conversation_that_an_agent_begins(shop: Shop) -> None:
    """To whom is asked before it goes; the answer comes into the same thread."""
    async with shop.open():
        kim = AtDesk(shop, "agent1")
        asked = await kim.asks(f"/start {ANN} Your order is back in stock.", "has never written to us")
        assert shop.inbox(ANN) == []
        await kim.presses("Send", asked)
        got = await shop.gets(ANN)
        assert "Your order is back in stock." in words(got)
        await shop.until(shop.roots)
        assert "customer2" in read(shop.roots()[0]), read(shop.roots()[0])
        await shop.mails(ANN, "Great, send me two.", name="Ann Lee", answering=got)
        await shop.until(lambda: any("send me two" in one for one in everywhere(shop)))
        assert len(shop.roots()) == 1
        again = await kim.asks(f"/start {ANN} And the blue one?", "the conversation with them goes on")
        await kim.presses("Do not send", again)
        await kim.told("Nothing was sent.")

        await shop.slack.act("agent1", "blocks.actions", callback_id="start.open")
        await kim.form("Write to somebody")
        assert await kim.sends(address=DANA, name="Dana", subject="Your return", text="It came.") == {}
        await kim.form("Before it goes out")
        assert shop.inbox(DANA) == []
        await kim.sends()
        letter = await shop.gets(DANA)
        assert letter["Subject"] == "Your return" and "It came." in words(letter)
        assert len(shop.inbox(ANN)) == 1
        nothing_internal_went_out(shop)
        all_shown_is_valid(shop)


def everywhere(shop: Shop, channel: str = "support") -> list[str]:
    """All posts of a team's channel."""
    return [read(post) for root in shop.roots(channel) for post in shop.slack.thread(channel, root["ts"])]


async def test_a_case_goes_to_another_team_and_so_do_the_customers_next_words(shop: Shop) -> None:
    async with shop.open():
        kim = await two_customers(shop)
        await kim.types("/reply C1 One moment.")
        got = await shop.gets(DANA)
        await kim.asks("/transfer C1 press zebra: they ask for an interview", "is with Shop Press now")
        await shop.until(lambda: any("zebra: they ask" in one for one in everywhere(shop, "press")))
        assert any("Where is my parcel?" in one for one in everywhere(shop, "press")), "with the last words"
        await shop.mails(DANA, "Thank you, and when?", answering=got)
        await shop.sees("Thank you, and when?", channel="press")
        assert not any("and when?" in one for one in everywhere(shop))
        amir = AtDesk(shop, "agent2", "press")
        await amir.says("! On Monday at ten.")
        assert "On Monday at ten." in words(await shop.gets(DANA, 2))
        await kim.asks("/reply C1 Mine too", "Amir Haddad answered Dana Petrov")
        pia = AtDesk(shop, "agent1", "press")
        await pia.asks("/reply C1 Mine too", "Only members of this team can do that")
        assert len(shop.inbox(DANA)) == 2
        nothing_internal_went_out(shop)
        all_shown_is_valid(shop)


async def test_on_duty_one_is_given_customers_the_least_loaded_first(shop: Shop) -> None:
    shop.write_config(
        **{"undo_seconds: 0.3\n  press": "undo_seconds: 0.3\n    routing: {assign: least_loaded}\n  press"}
    )
    async with shop.open():
        kim, amir = AtDesk(shop, "agent1"), AtDesk(shop, "agent2")
        await shop.mails(DANA, "Where is my parcel?")
        await shop.sees("Where is my parcel?")
        assert "owner: nobody" in read(kim.card()), "nobody is on duty"
        await kim.asks("/duty on", "You are on duty")
        await kim.card_shows(f"owner: <@{kim.person.id}>")
        await amir.asks("/duty on", "Also on duty: Kim Lindqvist.")
        await shop.mails(OMAR, "I want to return it", name="Omar Said")
        await shop.sees("I want to return it", "Omar Said")
        await kim.card_shows(f"owner: <@{amir.person.id}>", "Omar Said")
        away = await amir.asks("/duty off", "1 case in which a customer waits went back to the team")
        await kim.card_shows(f"owner: <@{kim.person.id}>", "Omar Said")
        await amir.presses("Go on duty", away)
        await amir.told("You are on duty")
        all_shown_is_valid(shop)


async def test_two_agents_never_talk_over_each_other(shop: Shop) -> None:
    async with shop.open():
        kim, amir = await two_customers(shop), AtDesk(shop, "agent2")
        await kim.presses("Reply")
        first = await kim.form("Reply to C1")
        assert "writing" not in str(first)
        await amir.presses("Reply")
        second = await amir.form("Reply to C1")
        assert "⚠ Kim Lindqvist is writing to Dana Petrov just now." in str(second)
        assert await kim.sends(text="It ships today.") == {}
        assert "It ships today." in words(await shop.gets(DANA))
        assert await amir.sends(text="It ships tomorrow.") == {}
        asked = str(await amir.form("Before it goes out"))
        assert "Kim Lindqvist answered Dana Petrov" in asked and "“It ships today.”" in asked
        await shop.slack.act("agent2", "views.close", view_id=amir.person.views[-1].id)

        await amir.says("! It ships tomorrow.")
        question = await amir.told("Send yours too?")
        assert "[Send mine too][Do not send]" in read(question)
        assert len(shop.inbox(DANA)) == 1
        await amir.presses("Do not send", question)
        await amir.told("Nothing was sent.")
        asked_again = await amir.asks("/reply C1 It ships tomorrow.", "[Send mine too]")
        await amir.presses("Send mine too", asked_again)
        assert "It ships tomorrow." in words(await shop.gets(DANA, 2))
        assert len(shop.inbox(DANA)) == 2
        nothing_internal_went_out(shop)
        all_shown_is_valid(shop)


async def test_what_was_sent_too_soon_is_taken_back(shop: Shop) -> None:
    shop.undo = 60
    shop.write_config()
    async with shop.open():
        kim = await two_customers(shop)
        sent = await kim.asks("/reply C1 zebra, wrong window", "[Undo][Edit]")
        await kim.presses("Undo", sent)
        await kim.told("Taken back, nothing was sent. Your words:")
        await kim.asks("/reply C1 zebra again", "→ Dana Petrov, email customer1@mail.example")
        await kim.asks("/undo C1", "Dana Petrov got nothing. Your words:")
        await kim.says("! zebra once more")
        await shop.sees("zebra once more\n:hourglass_flowing_sand:")
        await kim.asks("!undo", "zebra once more")
        sent = await kim.asks("/reply C1 zebra to be edited", "[Undo][Edit]")
        await kim.presses("Edit", sent)
        await kim.form("Reply to C1")
        assert typed(kim) == "zebra to be edited"
        await kim.asks("/audit C1", "Kim Lindqvist: undo")
        assert shop.inbox(DANA) == []
        all_shown_is_valid(shop)


async def test_nobody_reads_along_unseen(shop: Shop) -> None:
    async with shop.open():
        kim = await two_customers(shop)
        await kim.presses("Reply")
        await kim.form("Reply to C1")
        assert await kim.sends(text="It ships today.", cc=f"{BOSS}, {OMAR}") == {}
        asked = str(await kim.form("Before it goes out"))
        assert f"{BOSS}, {OMAR} have never been part of this conversation and would read it." in asked
        assert shop.inbox(DANA) == [] and shop.inbox(OMAR) == []
        await kim.sends()
        assert "It ships today." in words(await shop.gets(DANA))
        copy = await shop.gets(OMAR)
        assert BOSS in str(copy["Cc"]) and OMAR in str(copy["Cc"])
        assert len(shop.roots()) == 2
        nothing_internal_went_out(shop)
        all_shown_is_valid(shop)
