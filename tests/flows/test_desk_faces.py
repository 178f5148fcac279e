"""The desk by mouse: every button of the card and its menus, every form filled wrongly and rightly, with the real bot."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.flows.desk import AtDesk, all_shown_is_valid, nothing_internal_went_out, two_customers
from tests.flows.seen import read
from tests.flows.shop import DANA, OMAR, Shop
from tests.slack.shown import check_view

Json = dict[str, Any]


async def more(kim: AtDesk, label: str) -> Json:
    """More… in the card's menu, and one of its buttons."""
    before = len(kim.person.ephemerals)
    await kim.chooses("More…")
    offered = await kim.told("What to do with C1 Dana Petrov?", before)
    await kim.presses(label, offered)
    return offered


async def test_every_button_of_the_card(shop: Shop) -> None:
    async with shop.open():
        kim = await two_customers(shop)
        assert "[Reply][Take it][Resolve]" in read(kim.card())
        await kim.presses("Take it")
        await shop.sees("Kim Lindqvist took it")
        await kim.card_shows("[Reply][Resolve]")
        await kim.presses("Resolve")
        await kim.card_shows("[Reply][Reopen]")
        await kim.presses("Reopen")
        await kim.card_shows("[Reply][Resolve]")
        await kim.chooses("History")
        await kim.told("C1 Dana Petrov · open since")
        await kim.chooses("Profile")
        await kim.told("customer1@mail.example")
        await kim.presses("Edit", await kim.told("First seen"))
        await kim.form("Profile of C1")
        await kim.sends(name="Dana Petrov", **{"a-company": "Acme"})
        await kim.told("Company Acme")
        await kim.presses("Reply")
        await kim.form("Reply to C1")
        all_shown_is_valid(shop)


async def test_everything_in_more(shop: Shop) -> None:
    async with shop.open():
        kim = await two_customers(shop)
        offered = await more(kim, "Pending")
        shown = [word.split("]")[0] for word in read(offered).split("[")[1:]]
        assert shown == ["Pending", "Sort", "Transfer", "Recap", "Switch", "Merge", "Audit", "Spam", "Block"]
        await kim.card_shows("🟡")
        await more(kim, "Sort")
        await kim.form("Case of C1")
        assert "cannot be a tag" in (await kim.sends(priority="high", tags="refund b?d"))["tags"]
        assert await kim.sends(priority="high", tags="refund") == {}
        await kim.card_shows("#refund")
        await kim.card_shows("high")
        await more(kim, "Recap")
        await kim.told("The last words, oldest first")
        await more(kim, "Audit")
        await kim.told("Who did what with C1 Dana Petrov")
        await more(kim, "Switch")
        await kim.told("How do you want to go on with C1")
        await more(kim, "Merge")
        await kim.form("Merge C1")
        found = await shop.slack.act(
            "agent1",
            "blocks.suggestion",
            view_id=kim.person.views[-1].id,
            action_id="other",
            value="Omar",
        )
        (omar,) = found["options"]
        await kim.changes("other", omar)
        await kim.form("C1 and C2")
        kim.person.views.clear()
        await more(kim, "Spam")
        asked = await kim.told("Mark C1 Dana Petrov as spam?")
        await kim.presses("Mark as spam", asked)
        await shop.until(lambda: "🚫 spam" in read(kim.card()))
        await kim.presses("Not spam")
        await kim.told("is no spam any more")
        await kim.card_shows("[Reply]")
        await more(kim, "Block")
        await kim.card_shows("🚫")
        await more(kim, "Unblock")
        await kim.card_shows("[Reply]")
        await more(kim, "Transfer")
        await kim.form("Transfer C1")
        await kim.sends(text="zebra: they ask for an interview")
        await shop.until(lambda: shop.card("Dana Petrov", "press"))
        nothing_internal_went_out(shop)
        all_shown_is_valid(shop)


async def test_forms_say_at_the_field_what_is_wrong(shop: Shop) -> None:
    """Nothing leaves and nothing changes until each is right."""
    async with shop.open():
        kim = await two_customers(shop)
        await kim.chooses("Snooze")
        await kim.form("Snooze C1")
        assert "zebra" in (await kim.sends(words="zebra o'clock"))["words"]
        assert "no part of a time" in (await kim.sends(words="tomorrow 9 and then"))["words"]
        assert await kim.sends(words="tomorrow 9", reason="zebra: the warehouse calls") == {}
        await kim.card_shows("[Wake up]")
        await kim.presses("Wake up")
        await shop.sees("ended the snooze")

        await kim.chooses("Assign")
        await kim.form("Assign C1")
        stranger = shop.slack.people["lead"].id.replace("U", "X")
        assert "not in this team" in (await kim.sends(agent=stranger))["agent"]
        assert await kim.sends(agent=shop.slack.people["agent2"].id) == {}
        await kim.card_shows(f"owner: <@{shop.slack.people['agent2'].id}>")

        await kim.types("/start")
        await kim.form("Write to somebody")
        wrong = await kim.sends(address="ann", text="Hello Ann")
        assert "is no address" in wrong["address"], wrong

        await kim.types("/find")
        await kim.form("Find")
        assert await kim.sends() == {"words": "Please complete this required field"}
        kim.person.views.clear()

        await kim.types("/macro")
        await kim.presses("New macro", await kim.told("There are no macros yet"))
        await kim.form("New macro")
        assert "cannot be a macro's name" in (await kim.sends(name="two words", text="Hi"))["name"]
        assert "means nothing here" in (await kim.sends(name="hi", text="Hi {nobody}"))["text"]
        assert await kim.sends(name="hi", text="Hi {customer.first_name|there}") == {}
        await kim.told("The macro hi is saved")

        await kim.presses("Reply")
        await kim.form("Reply to C1")
        assert (await kim.sends(text=""))["text"] == "Write something, or add a file."
        assert "{customer.plan} is still" in (await kim.sends(text="Your {customer.plan}"))["text"]
        assert "is no address" in (await kim.sends(text="It ships", cc="bo at mail.example"))["cc"]
        assert shop.inbox(DANA) == []
        assert await kim.sends(text="It ships today.", cc="") == {}
        assert "It ships today." in (await shop.gets(DANA)).as_string()
        assert len(shop.inbox(DANA)) == 1 and shop.inbox(OMAR) == []
        nothing_internal_went_out(shop)
        all_shown_is_valid(shop)


async def test_the_pause_of_clocks_asks_a_lead_why(shop: Shop) -> None:
    async with shop.open():
        await two_customers(shop)
        ruth = AtDesk(shop, "lead")
        answer = await ruth.asks("/sla C1", "[Pause]")
        await ruth.presses("Pause", answer)
        await ruth.form("Pause C1")
        assert await ruth.sends() == {"reason": "Please complete this required field"}
        assert await ruth.sends(reason="zebra: they are on holiday") == {}
        await ruth.told("stand still")
        await ruth.presses("Resume", await ruth.asks("/sla C1", "[Resume]"))
        await ruth.told("go on")
        all_shown_is_valid(shop)


async def test_several_of_one_name_are_asked_about(shop: Shop) -> None:
    """The command goes on with the one that is pressed; the other one hears nothing."""
    async with shop.open():
        await shop.mails(DANA, "Where is my parcel?", name="Dana Petrov")
        await shop.sees("Where is my parcel?")
        await shop.mails(OMAR, "Where is mine?", name="Dana White")
        await shop.sees("Where is mine?", "Dana White")
        kim = AtDesk(shop, "agent1")
        asked = await kim.asks("/reply Dana It ships today.", "Several people match “Dana”")
        assert shop.inbox(DANA) == shop.inbox(OMAR) == []
        await kim.presses("This one", asked, row="C2")
        got = await shop.gets(OMAR)
        body = got.get_body(("plain",))
        assert body is not None and "It ships today." in body.get_content()
        assert shop.inbox(DANA) == []
        all_shown_is_valid(shop)


async def test_next_gives_one_after_the_other(shop: Shop) -> None:
    async with shop.open():
        kim = await two_customers(shop)
        first = await kim.asks("/next", "C1 Dana Petrov")
        assert "nobody has it" in read(first) and "1 more after this" in read(first)
        await kim.presses("Skip", first)
        second = await kim.told("C2 Omar Said")
        assert "[Skip]" not in read(second) and "[Take it]" in read(second)
        await kim.presses("Take it", second)
        await shop.sees("Kim Lindqvist took it", "Omar Said")
        mine = await kim.asks("/next", "C2 Omar Said")
        assert "yours" in read(mine)
        await kim.types("/reply C2 It is on its way.")
        await shop.gets(OMAR)
        await kim.asks("/next", "C1 Dana Petrov")
        await kim.types("/reply C1 It ships today.")
        await shop.gets(DANA)
        await kim.asks("/next", "Nobody waits for you")
        all_shown_is_valid(shop)


async def test_the_home_of_an_agent_and_of_a_lead(shop: Shop) -> None:
    async with shop.open():
        kim = await two_customers(shop)
        await kim.types("/take C1")
        for who, shows in (("agent1", "Dana Petrov"), ("lead", "Omar Said")):
            person = shop.slack.people[who]
            assert (await shop.slack.act(who, "client.home"))["ok"]
            await shop.until(partial(getattr, person, "home"))
            view = person.home
            assert view is not None
            assert shows in str(view.body), view.body
            check_view(view.body)
        all_shown_is_valid(shop)
