"""Strangers that look like machines, spam or a flood wait apart; nothing of what waits is lost; spam is hidden."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.desk import Activity, Prompt, Said, Status
from bot.errors import UserError
from bot.messages import Attachment, BlobId, ConversationId, CustomerId, Suspicion, SuspicionKind, Text
from bot.policy import QuarantinePolicy
from bot.storage import cases
from bot.storage.database import Database, connect
from bot.storage.migrate import migrate
from tests.core.world import CHAT, KIM, PRESS, PRESS_MAIL, SUPPORT, World

MASS = Suspicion(SuspicionKind.MASS, "mailing list or newsletter (List-Id)")
MACHINE: dict[str, Any] = {"automated": "newsletter", "suspicion": MASS}
NEWS = "news@letters.example"
C1 = CustomerId(1)


@asynccontextmanager
async def opened(database: Database, clock: Any = None, **rules: Any) -> AsyncIterator[World]:
    world = World(database, clock=clock)
    world.policy = replace(world.policy, quarantine=QuarantinePolicy(**rules))
    world.build()
    async with world:
        yield world


def said(world: World) -> list[str]:
    return [one.text.plain for one in world.desk.entries() if isinstance(one, Said)]


def notices(world: World, channel: str = "C1") -> list[Prompt]:
    return [
        entry
        for post in world.desk.posts.values()
        if post.channel == channel and post.thread_ts is None
        for entry in post.entries
        if isinstance(entry, Prompt)
    ]


def words(prompt: Prompt) -> str:
    return "".join(str(piece) for line in prompt.lines for piece in line)


async def case_of(world: World, customer: int = 1) -> Any:
    return await world.database.read(partial(cases.newest_case, customer_id=customer, team="support"))


async def test_a_newsletter_has_no_card_and_the_channel_is_told_quietly(database: Database) -> None:
    async with opened(database) as world:
        await world.says("Sale!", source="n1", who=NEWS, **MACHINE)
        await world.quiet()
        assert world.desk.cards() == [] and said(world) == []
        (notice,) = notices(world)
        assert words(notice) == "1 sender waits in quarantine."
        assert [one.label for one in notice.buttons] == ["Look"]
        case = await case_of(world)
        assert (case.status, case.waiting_since) == (Status.RESOLVED, None)
        assert await world.casework.open_for(KIM.id, SUPPORT) == ()
        assert await world.casework.lookup("news", SUPPORT) == ()
        (by_handle,) = await world.casework.lookup("C1", SUPPORT)
        assert by_handle.handle == "C1"


class Later:
    """The world's clock; ``pass_`` lets seconds pass at once."""

    def __init__(self) -> None:
        self.more = 0.0

    def __call__(self) -> float:
        return time.time() + self.more


async def test_one_post_a_day_that_is_renewed(database: Database) -> None:
    clock = Later()
    async with opened(database, clock) as world:
        for number in range(4):
            await world.says(
                f"Sale {number}", source=f"n{number}", who=f"n{number}@letters.example", **MACHINE
            )
            await world.quiet()
        assert [words(one)[:14] for one in notices(world)] == ["4 senders wait"]
        clock.more += 86_401
        await world.says("Tomorrow's sale", source="n9", who=NEWS, **MACHINE)
        await world.quiet()
        assert [words(one)[:14] for one in notices(world)] == ["4 senders wait", "5 senders wait"]
        person = await world.casework.spam.let_in(C1, SUPPORT, KIM, "s1")
        assert person.status is Status.OPEN
        await world.quiet()
        assert [words(one)[:14] for one in notices(world)] == ["4 senders wait", "4 senders wait"]


async def test_let_in_is_as_if_it_had_just_come_and_once(database: Database) -> None:
    clock = Later()
    async with opened(database, clock) as world:
        file = Attachment("a.pdf", "application/pdf", 3, BlobId("b"))
        await world.says("First", source="n1", who=NEWS, attachments=(file,), **MACHINE)
        await world.says("Second " + "x" * 10_000, source="n2", who=NEWS, **MACHINE)
        clock.more += 7200
        since = clock()
        await world.casework.spam.let_in(C1, SUPPORT, KIM, "s1")
        with pytest.raises(UserError, match="not in quarantine any more"):
            await world.casework.spam.let_in(C1, SUPPORT, KIM, "s2")
        await world.casework.spam.let_in(C1, SUPPORT, KIM, "s1")
        await world.quiet()
        assert [one[:6] for one in said(world)] == ["First", "Second"]
        assert [file.name for _, file in world.desk.files] == ["a.pdf", "message.txt"]
        (post,) = world.desk.cards()
        assert post.card is not None and post.card.waiting_since is not None
        assert post.card.waiting_since >= since and post.card.status is Status.OPEN
        assert words(notices(world)[0]) == "Nothing waits in quarantine any more."
        await world.says("Third, by a machine", source="n3", who=NEWS, **MACHINE)
        await world.quiet()
        assert said(world)[-1] == "Third, by a machine", "who was let in once is known"


async def test_who_writes_again_by_hand_is_let_in_by_that(database: Database) -> None:
    async with opened(database) as world:
        await world.says("Your weekly letter", source="n1", who=NEWS, **MACHINE)
        await world.says("Away until Monday", source="n2", who=NEWS, automated="an absence notice")
        await world.quiet()
        assert said(world) == []
        await world.says("Hello, it is me, Nora", source="n3", who=NEWS)
        await world.quiet()
        assert said(world) == ["Your weekly letter", "Away until Monday", "Hello, it is me, Nora"]
        (post,) = world.desk.cards()
        assert post.card is not None and post.card.cases == 1 and post.card.excerpt == "Hello, it is me, Nora"
        assert not any(one.new_case for one in world.desk.entries() if isinstance(one, Said))


async def test_an_answer_to_us_and_a_known_sender_are_never_held(database: Database) -> None:
    async with opened(database) as world:
        await world.says("Where is my parcel?", source="m1")
        await world.says("Newsletter of Dana", source="m2", **MACHINE)
        await world.says(
            "My reply from a list", source="m3", who="other@x.example", answers=ConversationId(1), **MACHINE
        )
        await world.quiet()
        assert said(world) == ["Where is my parcel?", "Newsletter of Dana", "My reply from a list"]
        assert notices(world) == []


LINKS = "http://a.example http://b.example www.c.example now"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (
            {"suspicion": Suspicion(SuspicionKind.SPAM, "our mail server calls it spam")},
            "our mail server calls it spam",
        ),
        ({"suspicion": Suspicion(SuspicionKind.PROOF, "asks to verify")}, "do not use it as proof"),
        ({"who": "Deals@Shop.Letters.example"}, "on the list (letters.example)"),
        ({"who": "a@bulk.example"}, "on the list (*@bulk.example)"),
        ({"subject": "The best Casino!"}, "it says “casino”"),
        ({"text": Text(LINKS)}, "more than half of its words are links"),
    ],
)
async def test_why_strangers_are_held(database: Database, more: dict[str, Any], why: str) -> None:
    rules = {"senders": ("letters.example", "*@bulk.example"), "words": ("casino",)}
    async with opened(database, automatic=False, **rules) as world:
        await world.says("Hello", source="m1", **({"who": "x@y.example"} | more))
        (held,) = await world.casework.spam.held(SUPPORT)
        assert why in held.why and held.count == 1


@pytest.mark.parametrize(
    "more",
    [
        {"words": "https://shop.example/p/1"},
        {"words": "See https://a.example and https://b.example please"},
        {"words": "casinos are not my thing"},
        {"who": "dana@newletters.example"},
        MACHINE,
        {"automated": "an absence notice"},
    ],
)
async def test_people_are_not_held(database: Database, more: dict[str, Any]) -> None:
    rules = {"senders": ("letters.example", "*@bulk.example"), "words": ("casino",)}
    async with opened(database, automatic=False, **rules) as world:
        given_ = {"words": "Hello", "who": "x@y.example"} | more
        await world.says(given_.pop("words"), source="m1", **given_)
        await world.quiet()
        assert await world.casework.spam.held(SUPPORT) == () and len(said(world)) == 1


async def test_a_flood_of_a_newcomer_is_held_until_it_ends(database: Database) -> None:
    clock = Later()
    async with opened(database, clock, flood=5) as world:
        for number in range(8):
            await world.says(f"word {number}", source=f"f{number}")
        await world.quiet()
        assert said(world) == [f"word {number}" for number in range(5)]
        (post,) = world.desk.cards()
        assert post.card is not None and post.card.quarantine == "more than 5 messages in 10 min"
        assert (await case_of(world)).waiting_since is not None, "somebody who was seen waiting still waits"
        assert words(notices(world)[0]).startswith("1 sender waits")
        assert [one.count for one in await world.casework.spam.held(SUPPORT)] == [3]
        clock.more += 700
        await world.says("Sorry, my cat", source="f9")
        await world.quiet()
        assert said(world) == [*(f"word {number}" for number in range(8)), "Sorry, my cat"]
        (post,) = world.desk.cards()
        assert post.card is not None and post.card.quarantine is None


async def test_a_conversation_is_no_flood(database: Database) -> None:
    async with opened(database, flood=5) as world:
        for number in range(4):
            await world.says(f"word {number}", source=f"f{number}")
        await world.reply("C1", "One at a time, please")
        await world.quiet()
        for number in range(4, 8):
            await world.says(f"word {number}", source=f"f{number}")
        await world.quiet()
        assert len(said(world)) == 8


async def test_each_team_has_its_own(database: Database) -> None:
    async with opened(database) as world:
        await world.says("To support", source="n1", who=NEWS, **MACHINE)
        await world.says("To the press", source="n2", who=NEWS, inbox=PRESS_MAIL, **MACHINE)
        await world.says("More", source="n3", who="x@y.example", inbox=PRESS_MAIL, **MACHINE)
        await world.quiet()
        assert words(notices(world, "C1")[0]).startswith("1 sender waits")
        assert words(notices(world, "C2")[0]).startswith("2 senders wait")
        assert [one.handle for one in await world.casework.spam.held(PRESS)] == ["C2", "C1"]
        assert [one.handle for one in await world.casework.spam.held(PRESS, CustomerId(2))] == ["C1"]
        await world.casework.spam.let_in(C1, PRESS, KIM, "s1")
        await world.quiet()
        assert sorted(said(world)) == ["To support", "To the press"]
        assert sorted(post.channel for post in world.desk.cards()) == ["C1", "C2"]


# Spam


async def shown_line(world: World) -> list[str]:
    return [one.text for one in world.desk.entries() if isinstance(one, Activity)]


async def test_spam_is_closed_blocked_and_hidden_and_comes_back(database: Database) -> None:
    async with opened(database) as world:
        await world.says("Buy now", source="m1")
        await world.quiet()
        await world.casework.spam.mark(C1, SUPPORT, KIM, True, "s1")
        await world.quiet()
        (post,) = world.desk.cards()
        assert post.card is not None and post.card.spam
        assert (await case_of(world)).status == Status.RESOLVED
        assert await world.casework.open_for(KIM.id, SUPPORT) == ()
        assert await world.casework.lookup("dana", SUPPORT) == ()
        assert await world.casework.nearest("Dana Petrow", SUPPORT) == ()
        await world.says("Buy more", source="m2")
        await world.says("And more", source="m3", inbox=CHAT, channel="email")
        await world.quiet()
        assert said(world) == ["Buy now"] and (await case_of(world)).waiting_since is None
        kept = await world.casework.history(C1)
        assert [one.text.plain for one in kept if one.direction == "inbound"] == [
            "And more",
            "Buy more",
            "Buy now",
        ]
        await world.casework.spam.mark(C1, SUPPORT, KIM, False, "s2")
        await world.quiet()
        (post,) = world.desk.cards()
        assert post.card is not None and not post.card.spam and not post.card.blocked
        assert post.card.status is Status.OPEN and post.card.waiting_since is not None
        (prompt,) = [one for one in world.desk.entries() if isinstance(one, Prompt)]
        assert words(prompt) == "2 messages were kept and not shown." and prompt.buttons[0].label == "Show"
        assert await world.casework.spam.show_kept(C1, SUPPORT, KIM, "s3") == 2
        assert await world.casework.spam.show_kept(C1, SUPPORT, KIM, "s4") == 0
        await world.quiet()
        assert said(world) == ["Buy now", "Buy more", "And more"]
        (prompt,) = [one for one in world.desk.entries() if isinstance(one, Prompt)]
        assert prompt.done == ("Kim had them shown below.",)
        assert len(await world.casework.history(C1, None, 50)) == 3, "no case, no note, nothing else was made"


async def test_what_waits_to_be_posted_is_dropped_and_not_lost(database: Database) -> None:
    world = World(database)
    await world.says("One", source="m1")
    file = Attachment("a.pdf", "application/pdf", 3, BlobId("b"))
    await world.says("Two", source="m2", attachments=(file,))
    await world.casework.spam.mark(C1, SUPPORT, KIM, True, "s1")
    async with world:
        await world.quiet()
        assert said(world) == [] and world.desk.files == []
        await world.casework.spam.mark(C1, SUPPORT, KIM, False, "s2")
        assert await world.casework.spam.show_kept(C1, SUPPORT, KIM, "s3") == 2
        await world.quiet()
        assert said(world) == ["One", "Two"]
        assert [one.name for _, one in world.desk.files] == ["a.pdf"]


async def test_a_case_that_was_over_stays_over(database: Database) -> None:
    async with opened(database) as world:
        await world.says("Thanks!", source="m1")
        await world.casework.resolve(C1, SUPPORT, KIM, "s0")
        await world.casework.spam.mark(C1, SUPPORT, KIM, True, "s1")
        await world.casework.spam.mark(C1, SUPPORT, KIM, False, "s2")
        assert (await case_of(world)).status == Status.RESOLVED


async def test_whoever_is_unblocked_is_no_spam(database: Database) -> None:
    async with opened(database) as world:
        await world.says("Buy now", source="m1")
        await world.casework.spam.mark(C1, SUPPORT, KIM, True, "s1")
        await world.casework.block(C1, KIM, False, "s2")
        shown = await world.casework.profile.show(C1, SUPPORT)
        assert not shown.spam and not shown.person.blocked


# Nothing is lost


STEP = st.one_of(
    st.tuples(st.just("machine"), st.integers(0, 2)),
    st.tuples(st.just("hand"), st.integers(0, 2)),
    st.tuples(st.just("let in"), st.integers(1, 3)),
    st.tuples(st.just("spam"), st.integers(1, 3)),
    st.tuples(st.just("not spam"), st.integers(1, 3)),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, min_size=1, max_size=14))
async def test_nothing_that_was_held_is_lost(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    """Whatever happens: every message is in the history, posted at most once, and posted in the end when all are let in."""
    folder = tmp_path_factory.mktemp("held")
    database = connect(f"sqlite:///{folder}/t.db")
    await database.open()
    await database.write(migrate)
    try:
        async with opened(database) as world:
            sent = await _play(world, steps)
            await world.quiet()
            before = said(world)
            assert len(before) == len(set(before)), "posted twice"
            for number in range(1, 4):
                await _end(world, number)
            await world.quiet()
            assert sorted(said(world)) == sorted(sent)
    finally:
        await database.close()


async def _play(world: World, steps: list[Any]) -> list[str]:
    sent: list[str] = []
    for at, (what, who) in enumerate(steps):
        if what in ("machine", "hand"):
            more = MACHINE if what == "machine" else {}
            sent.append(f"{what} {at}")
            await world.says(sent[-1], source=f"m{at}", who=f"p{who}@x.example", **more)
            continue
        try:
            if what == "let in":
                await world.casework.spam.let_in(CustomerId(who), SUPPORT, KIM, f"s{at}")
            else:
                await world.casework.spam.mark(CustomerId(who), SUPPORT, KIM, what == "spam", f"s{at}")
        except UserError:
            continue
    return sent


async def _end(world: World, number: int) -> None:
    """Nobody is hidden any more, and what was kept is shown."""
    customer = CustomerId(number)
    try:
        await world.casework.spam.mark(customer, SUPPORT, KIM, False, f"end{number}")
        await world.casework.spam.let_in(customer, SUPPORT, KIM, f"in{number}")
    except UserError:
        pass
    await world.casework.spam.show_kept(customer, SUPPORT, KIM, f"show{number}")


async def test_a_flood_of_strangers_is_counted_up_to_a_hundred(database: Database) -> None:
    async with opened(database) as world:
        for number in range(102):
            await world.says("Sale", source=f"n{number}", who=f"n{number}@letters.example", **MACHINE)
        await world.quiet()
        assert words(notices(world)[0]).startswith("100 or more senders wait in quarantine")
        renewed = world.desk.updates
        await world.says("Sale", source="more", who="more@letters.example", **MACHINE)
        await world.quiet()
        assert world.desk.updates == renewed, "what says the same is not shown anew"
