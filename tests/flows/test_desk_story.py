"""The desk over the wire: every command, typed with a slash and in a customer's thread, with the real bot."""

from __future__ import annotations

from bot.commands.help import make_registry
from bot.commands.types import Face
from tests.flows.desk import AtDesk, all_shown_is_valid, nothing_internal_went_out, two_customers
from tests.flows.shop import DANA, Shop

REGISTRY = make_registry()
SLASH = (
    ("agent1", "/onethread", "Anywhere, with the customer's handle"),
    ("agent1", "/onethread reply", "/reply C42 It ships today."),
    ("agent1", "/onethread repyl", "Closest: reply"),
    ("agent1", "/whoami", "Customers see you as Kim Lindqvist"),
    ("agent1", "/health", "support@shop.example"),
    ("agent1", "/next", "C1 Dana Petrov"),
    ("agent1", "/take C1", "Dana Petrov is with you now"),
    ("agent1", "/note C1 zebra: she called", "Noted"),
    ("agent1", "/history C1", "Where is my parcel?"),
    ("agent1", "/history Dana Petrov", "Where is my parcel?"),
    ("agent1", "/find parcel", "everywhere, newest first"),
    ("agent1", "/find", "form Find"),
    ("agent1", "/recap customer1@mail.example", "The last words"),
    ("agent1", "/customer C1", "customer1@mail.example"),
    ("agent1", "/customer C1 set company=Acme", "Company Acme"),
    ("agent1", "/customer C1 edit", "form Profile of C1"),
    ("agent1", "/customer C1 export", "Only a lead can do that"),
    ("lead", "/customer C1 export", "is in your direct messages"),
    ("lead", "/customer C1 erase", "form Onethread"),
    ("agent1", "/customer C9", "C9 is nobody"),
    ("agent1", "/priority C1 high", "priority high"),
    ("agent1", "/priority C1 much", "low, normal, high, urgent"),
    ("agent1", "/tag C1 refund late", "refund"),
    ("agent1", "/untag C1 late", "refund."),
    ("agent1", "/pending C1", "is to write next"),
    ("agent1", "/snooze C1 tomorrow 9", "snoozed until tomorrow 09:00"),
    ("agent1", "/snooze C1 off", "is open again"),
    ("agent1", "/snooze C1 whenever", "whenever"),
    ("agent1", "/snooze C1", "form Snooze C1"),
    ("agent1", "/followup C1 tomorrow 10 zebra invoice", "You will be reminded of Dana Petrov"),
    ("agent1", "/followups", "zebra invoice"),
    ("agent1", "/sla", "of yours"),
    ("agent1", "/sla C1", "C1 Dana Petrov"),
    ("agent1", "/sla why C1", "C1 Dana Petrov"),
    ("agent1", "/sla pause C1 sick", "Only a lead"),
    ("lead", "/sla pause C1 sick", "stand still"),
    ("lead", "/sla resume C1", "go on"),
    ("lead", "/stats today", "support"),
    ("agent1", "/stats today", "Only a lead can do that"),
    ("agent1", "/audit C1", "Who did what with C1 Dana Petrov"),
    ("agent1", "/switch C1", "How do you want to go on with C1"),
    ("agent1", "/switch C1 telegram", "telegram"),
    ("agent1", "/macro", "There are no macros yet"),
    ("agent1", "/macro C1 refund", "There is no macro refund. Nothing was sent."),
    ("agent1", "/duty on", "You are on duty"),
    ("agent1", "/duty", "You are on duty since"),
    ("agent1", "/duty off", "You are off duty"),
    ("agent1", "/assign C1 @Amir", "is with Amir Haddad now"),
    ("agent1", "/assign C1 somebody", "Say to whom"),
    ("agent1", "/unassign C1", "belongs to the team again"),
    ("agent1", "/block C1", "kept but not shown"),
    ("agent1", "/unblock C1", "Dana Petrov"),
    ("agent1", "/spam C1", "Mark C1 Dana Petrov as spam?"),
    ("agent1", "/spam C1 off", "is not marked as spam"),
    ("agent1", "/quarantine", "Nothing waits in quarantine"),
    ("agent1", "/merge C1 C2", "form "),
    ("agent1", "/unmerge C1", "Nobody was merged with C1"),
    ("agent1", "/resolve C1", "resolved"),
    ("agent1", "/reopen C1", "open again"),
    ("agent1", "/rating C1", "Dana Petrov"),
    ("agent1", "/undo C1", "there is nothing to take back"),
    ("agent1", "/start", "form Write to somebody"),
    ("agent1", "/start ann@new.example Hello", "has never written to us"),
    ("agent1", "/transfer C1 nowhere", "Say to which team"),
    ("agent1", "/reply", "form Reply to a customer"),
    ("agent1", "/reply C1", "form Reply to C1"),
    ("agent1", "/reply C1 It ships today.", "→ Dana Petrov, email customer1@mail.example"),
    ("agent1", "/transfer C1 press zebra: they ask for an interview", "is with Shop Press now"),
)
THREAD = (
    ("agent1", "!help", "Only these go out"),
    ("agent1", "!help macro", "!m refund"),
    ("agent1", "!whoami", "Role: agent"),
    ("agent1", "!health", "support@shop.example"),
    ("agent1", "!next", "C1 Dana Petrov"),
    ("agent1", "!take", "post Kim Lindqvist"),
    ("agent1", "!note zebra: she called", "mark"),
    ("agent1", "!history", "Where is my parcel?"),
    ("agent1", "!find parcel", "in what was said with C1"),
    ("agent1", "!recap", "The last words"),
    ("agent1", "!customer", "customer1@mail.example"),
    ("agent1", "!customer name Dana Petrov-Lind", "card Dana Petrov-Lind"),
    ("agent1", "!customer name Dana Petrov", "card Dana Petrov"),
    ("agent1", "!priority urgent", "card urgent"),
    ("agent1", "!tag refund late", "card #refund"),
    ("agent1", "!untag late", "post late"),
    ("agent1", "!pending", "card 🟡"),
    ("agent1", "!snooze tomorrow 9", "card 💤"),
    ("agent1", "!snooze off", "post ended the snooze"),
    ("agent1", "!followup tomorrow 10 zebra invoice", "You will be reminded"),
    ("agent1", "!followups", "zebra invoice"),
    ("agent1", "!sla", "C1 Dana Petrov"),
    ("agent1", "!sla why", "C1 Dana Petrov"),
    ("lead", "!stats today", "support"),
    ("agent1", "!audit", "Who did what with C1"),
    ("agent1", "!switch", "How do you want to go on with C1"),
    ("agent1", "!macro", "There are no macros yet"),
    ("agent1", "!m refund", "There is no macro refund. Nothing was sent."),
    ("agent1", "!duty on", "You are on duty"),
    ("agent1", "!duty off", "You are off duty"),
    ("agent1", "!unassign", "card owner: nobody"),
    ("agent1", "!assign me", "card owner: <@"),
    ("agent1", "!block", "card 🚫"),
    ("agent1", "!unblock", "card [Reply]"),
    ("agent1", "!spam", "Mark C1 Dana Petrov as spam?"),
    ("agent1", "!quarantine", "Nothing waits in quarantine"),
    ("agent1", "!merge C2", "stays"),
    ("agent1", "!unmerge", "Nobody was merged with C1"),
    ("agent1", "!resolve", "card ✅"),
    ("agent1", "!reopen", "card [Resolve]"),
    ("agent1", "!rating", "Dana Petrov"),
    ("agent1", "!undo", "there is nothing to take back"),
    ("agent1", "!thanks", "There is no command !thanks"),
    ("agent1", "!reply", "There is nothing to send"),
    ("agent1", "!reply C2 zebra", "is somebody else. Nothing was done."),
    ("agent1", "!reply It ships today.", "post :white_check_mark:"),
    ("agent1", "!transfer press zebra: they ask for an interview", "post Shop Press"),
)


def names(script: tuple[tuple[str, str, str], ...]) -> set[str]:
    """The commands that a script types."""
    found = {REGISTRY.find(words.split()[0].lstrip("/!")) for _, words, _ in script}
    return {command.name for command in found if command is not None}


def test_the_scripts_type_every_command() -> None:
    assert names(SLASH) == {one.name for one in REGISTRY.commands if Face.SLASH in one.faces}
    assert names(THREAD) == {one.name for one in REGISTRY.commands if Face.THREAD in one.faces}


async def expect(desk: AtDesk, words: str, expected: str) -> None:
    """Types it and waits for what comes of it: an answer, a form, a post, the card, a mark."""
    kind, _, rest = expected.partition(" ")
    if kind == "form":
        desk.person.views.clear()
        await desk.types(words)
        await desk.form(rest)
    elif kind in ("post", "card", "mark"):
        await desk.says(words)
        if kind == "post":
            await desk.shop.sees(rest)
        elif kind == "card":
            await desk.card_shows(rest, "Dana")
    else:
        await desk.asks(words, expected)


async def test_every_command_with_a_slash(shop: Shop) -> None:
    async with shop.open():
        await two_customers(shop)
        desks = {who: AtDesk(shop, who) for who in ("agent1", "lead")}
        for who, words, expected in SLASH:
            await expect(desks[who], words, expected)
        got = await shop.gets(DANA)
        assert "It ships today." in got.as_string()
        assert len(shop.inbox(DANA)) == 1
        nothing_internal_went_out(shop)
        all_shown_is_valid(shop)


async def test_every_command_in_the_thread(shop: Shop) -> None:
    async with shop.open():
        await two_customers(shop)
        desks = {who: AtDesk(shop, who) for who in ("agent1", "lead")}
        for who, words, expected in THREAD:
            await expect(desks[who], words, expected)
        await shop.gets(DANA)
        assert len(shop.inbox(DANA)) == 1
        nothing_internal_went_out(shop)
        all_shown_is_valid(shop)
