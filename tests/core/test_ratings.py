"""Asking: after a case, once, by the way they wrote; what they say is seen, counted, and no case of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from bot.commands.types import Agent, Role
from bot.desk import Activity, Prompt, State, Status
from bot.errors import UserError
from bot.messages import AgentId, CustomerId, Failure, InboxId, Rated, RemoteId, SourceId
from bot.policy import RatingPolicy, RatingsPolicy
from bot.storage import history
from bot.storage.database import Database
from bot.storage.schema import conversation, customer, message
from bot.storage.schema_stats import rating
from tests.core.canaries import in_tables
from tests.core.dana import erase
from tests.core.ends import SHORT, MemoryAdapter
from tests.core.skipping import Skipping
from tests.core.world import CHAT, KIM, MAIL, SUPPORT, World

DAY = 86_400.0
DANA = CustomerId(1)
RUTH = Agent(AgentId("URUTH"), "Ruth", Role.LEAD)
KEY = b"a-key-of-the-ratings-0123456789"


def world_of(
    database: Database,
    given: RatingPolicy | None = None,
    *,
    asks: bool = False,
    undo: float = 0.05,
    **more: Any,
) -> tuple[World, Skipping]:
    """A world that asks by mail and chat. ``asks``: the chat has buttons of its own. Ruth and a group are the leads."""
    clock = Skipping()
    chat = MemoryAdapter(replace(SHORT, max_text=1000, asks=asks))
    world = World(database, clock=clock.now, chat=chat, undo=undo)
    one = given or RatingPolicy()
    team = replace(world.policy.teams[SUPPORT], leads=(RUTH.id, "SLEADS"))
    ratings = RatingsPolicy({MAIL: one, CHAT: one}, **more)
    teams = {**world.policy.teams, SUPPORT: team}
    world.policy = replace(world.policy, teams=teams, ratings=ratings, link_keys=(KEY,))
    world.build()
    return world, clock


def lines(world: World) -> list[str]:
    return [one.text for one in world.desk.entries() if isinstance(one, Activity)]


def prompts(world: World, channel: str) -> list[Prompt]:
    posts = [post for post in world.desk.posts.values() if post.channel == channel]
    return [entry for post in posts for entry in post.entries if isinstance(entry, Prompt)]


def words(prompt: Prompt) -> str:
    return "".join(
        getattr(piece, "words", piece if isinstance(piece, str) else "") for piece in prompt.lines[0]
    )


async def stored(world: World) -> Sequence[Any]:
    return await world.database.read(
        lambda connection: connection.execute(select(rating).order_by(rating.c.id)).all()
    )


async def helped(world: World, number: int = 1, inbox: InboxId = MAIL, **more: Any) -> None:
    """A customer wrote, Kim answered, and resolved it."""
    where = {"inbox": inbox, "who": f"v{number}", "channel": "chat"} if inbox == CHAT else {}
    await world.says("Where is my parcel?", source=f"in-{number}", **{**where, **more})
    sent = await world.reply("C1", f"On its way {number}", f"s{number}")
    await world.reaches(sent.message_id, State.ACCEPTED)
    await world.casework.resolve(DANA, SUPPORT, KIM, f"r{number}")


async def later(world: World, clock: Skipping, seconds: float = 121.0) -> None:
    clock.skip(seconds)
    await world.timers.look()
    await world.quiet()


async def cases_of(world: World) -> Sequence[Any]:
    return await world.database.read(lambda connection: connection.execute(select(conversation)).all())


async def test_a_number_in_words_is_the_rating_and_no_case(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await helped(world, inbox=CHAT)
        await world.quiet()
        await later(world, clock, 60)
        assert len(world.chat.sent) == 1, "not before its time"
        await later(world, clock, 61)
        reply, part = world.chat.sent[1]
        assert reply.automated and reply.ask is None and reply.author == "Support"
        assert part.text.plain == (
            "How was our help? Please answer with a number from 1 (bad) to 5 (great); a few words are welcome, too."
        )
        assert lines(world)[-1] == "Asked for a rating"
        await world.says("4! very quick", source="in-9", inbox=CHAT, who="v1", channel="chat")
        await world.quiet()
        (row,) = await stored(world)
        assert (row.state, row.score, row.comment, row.agent) == ("answered", 4, "very quick", "UKIM")
        assert row.answered_at is not None and row.asked_at is not None
        (shown,) = prompts(world, "C1")
        assert words(shown) == "⭐ Dana Petrov rated ★★★★☆ 4 of 5: “very quick”"
        (case,) = await cases_of(world)
        assert case.status == Status.RESOLVED and prompts(world, "URUTH") == []
        await later(world, clock, 3600)
        assert len(world.chat.sent) == 3, "asked once, thanked once"


async def test_buttons_a_low_score_is_told_to_the_leads_and_may_be_changed(database: Database) -> None:
    world, clock = world_of(database, asks=True)
    async with world:
        await helped(world, inbox=CHAT)
        await later(world, clock)
        reply, part = world.chat.sent[1]
        assert part.text.plain == "How was our help?" and reply.ask is not None
        assert (reply.ask.bad, reply.ask.great, reply.ask.thanks) == ("bad", "great", "Thank you!")
        token = reply.ask.token
        await rate(world, token, 2, "a")
        await rate(world, token, 2, "a")
        await world.quiet()
        (direct,), (thread,) = prompts(world, "URUTH"), prompts(world, "C1")
        assert words(direct) == "⭐ Dana Petrov (C1) rated ★★☆☆☆ 2 of 5"
        assert [one.label for one in direct.buttons] == ["Reply", "Reopen", "Follow up tomorrow"]
        assert thread.lines[0][-1].id == "SLEADS"  # type: ignore[union-attr]
        await rate(world, token, None, "b", "Took a week.")
        await world.quiet()
        assert words(prompts(world, "URUTH")[0]).endswith("2 of 5: “Took a week.”")
        await rate(world, token, 5, "c")
        await world.quiet()
        assert words(prompts(world, "C1")[0]) == "⭐ Dana Petrov rated ★★★★★ 5 of 5: “Took a week.”"
        assert prompts(world, "URUTH")[0].done == ("They rated ★★★★★ 5 of 5: “Took a week.” now.",)
        clock.skip(DAY + 60)
        await rate(world, token, 1, "d")
        await rate(world, "somebody-elses-token", 1, "e")
        await rate(world, token, 1, "f", inbox=MAIL)
        (row,) = await stored(world)
        assert (row.score, row.comment) == (5, "Took a week.")


async def rate(
    world: World,
    token: str,
    score: int | None,
    source: str,
    comment: str | None = None,
    inbox: InboxId = CHAT,
) -> None:
    event = Rated(SourceId(source), token, datetime.now(UTC), score, comment)
    await world.relay.accept_customer(inbox, event)


async def test_who_resolves_while_their_answer_is_on_its_way_has_it_rated(database: Database) -> None:
    """Answer and resolve in one go is how agents work: the answer is held for its undo then."""
    world, clock = world_of(database, undo=300.0)
    async with world:
        await world.says("Where is my parcel?", source="in-1")
        sent = await world.reply("C1", "It ships today.", "s1")
        await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
        clock.skip(121)
        await world.timers.look()
        (row,) = await stored(world)
        assert (row.state, row.agent) == ("due", "UKIM"), "not before the answer is there"
        clock.skip(300)
        await world.reaches(sent.message_id, State.ACCEPTED)
        await later(world, clock, 601)
        (row,) = await stored(world)
        assert row.state == "asked" and len(world.mail.sent) == 2


async def test_an_answer_that_was_taken_back_is_not_rated(database: Database) -> None:
    world, clock = world_of(database, undo=300.0)
    async with world:
        await world.says("Where is my parcel?", source="in-1")
        sent = await world.reply("C1", "It ships today.", "s1")
        await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
        await world.casework.undo(sent.message_id, KIM)
        await later(world, clock)
        (row,) = await stored(world)
        assert (row.state, row.reason) == ("skipped", "no answer of ours arrived")
        assert world.mail.sent == []


async def test_reopened_in_time_nobody_is_asked(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await helped(world)
        await world.casework.reopen(DANA, SUPPORT, KIM, "o1")
        await later(world, clock)
        assert len(world.mail.sent) == 1
        (row,) = await stored(world)
        assert (row.state, row.reason, row.asked_at) == ("skipped", "it was reopened", None)
        await world.casework.resolve(DANA, SUPPORT, KIM, "r2")
        await later(world, clock)
        assert len(world.mail.sent) == 2, "resolved again, they are asked"


async def test_an_agent_may_say_no(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await helped(world)
        due = await world.casework.ratings.waiting(DANA, SUPPORT)
        assert due is not None and due - clock.now() > 100
        for _ in range(2):
            await world.casework.ratings.skip(DANA, SUPPORT, KIM, "only a test", "k1")
        await later(world, clock)
        assert len(world.mail.sent) == 1
        (shown,) = await world.casework.ratings.of(DANA, SUPPORT)
        assert (shown.state, shown.reason) == ("declined", "Kim: only a test")
        assert lines(world).count("Kim does not want a rating asked: only a test") == 1
        await world.casework.reopen(DANA, SUPPORT, KIM, "o1")
        await world.casework.resolve(DANA, SUPPORT, KIM, "r2")
        await later(world, clock)
        assert len(world.mail.sent) == 1, "no is no for this case"


async def test_no_before_it_was_resolved_and_none_after_it_was_asked(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await world.says("Hello", source="in-0")
        await world.casework.ratings.skip(DANA, SUPPORT, KIM, "", "k0")
        await helped(world)
        await later(world, clock)
        assert len(world.mail.sent) == 1
        await helped(world, 2)
        await later(world, clock)
        assert len(world.mail.sent) == 3
        with pytest.raises(UserError, match="asked for a rating already"):
            await world.casework.ratings.skip(DANA, SUPPORT, KIM, "", "k2")


async def test_not_twice_in_thirty_days_on_any_channel(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await helped(world)
        await later(world, clock)
        clock.skip(10 * DAY)
        await helped(world, 2)
        await later(world, clock)
        assert len(world.mail.sent) == 3, "two answers, one question"
        newest = (await world.casework.ratings.of(DANA, SUPPORT))[0]
        assert (newest.state, newest.reason) == ("skipped", "they were asked 10 days ago")
        clock.skip(21 * DAY)
        await helped(world, 3)
        await later(world, clock)
        assert len(world.mail.sent) == 5


async def test_the_cap_puts_off_and_loses_nobody(database: Database) -> None:
    world, clock = world_of(database, per_hour=2)
    async with world:
        for number in range(1, 5):
            who = f"p{number}@mail.example"
            await world.says("Hi", source=f"in-{number}", who=who, name=f"P {number}")
            sent = await world.reply(f"C{number}", f"Hello {number}", f"s{number}")
            await world.reaches(sent.message_id, State.ACCEPTED)
            await world.casework.resolve(CustomerId(number), SUPPORT, KIM, f"r{number}")
        await later(world, clock)
        assert len(world.mail.sent) == 4 + 2
        await later(world, clock, 1200)
        assert len(world.mail.sent) == 4 + 2
        await later(world, clock, 3600)
        assert len(world.mail.sent) == 4 + 4


@pytest.mark.parametrize("against", ["blocked", "spam", "unanswered", "wrote again", "share", "off"])
async def test_who_is_not_asked(database: Database, against: str) -> None:
    world, clock = world_of(database, RatingPolicy(share=0.0) if against == "share" else None)
    if against == "off":
        world.policy = replace(world.policy, ratings=RatingsPolicy({CHAT: RatingPolicy()}))
        world.build()
    async with world:
        await world.says("Hi", source="in-1")
        if against != "unanswered":
            sent = await world.reply("C1", "Hello", "s1")
            await world.reaches(sent.message_id, State.ACCEPTED)
        await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
        before = len(world.mail.sent)
        if against in ("blocked", "spam"):

            def mark(connection: Connection) -> None:
                connection.execute(update(customer).values({against: True}))

            await world.database.write(mark)
        if against == "wrote again":
            await world.says("One more thing", source="in-2")
        await later(world, clock)
        assert len(world.mail.sent) == before
        assert [one.asked_at for one in await stored(world)] in ([], [None])


async def test_a_machine_that_wrote_last_is_not_who_is_asked(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await world.says("Order 7 was shipped", source="in-1", automated="a machine's notice")
        sent = await world.reply("C1", "Thanks", "s1")
        await world.reaches(sent.message_id, State.ACCEPTED)
        await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
        await later(world, clock)
        assert len(world.mail.sent) == 1 and await stored(world) == []


async def test_a_question_that_bounces_is_not_counted(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await helped(world)
        await later(world, clock)
        reply, _ = world.mail.sent[1]
        asked = (await stored(world))[0]
        posts = await world.database.read(
            lambda connection: history.posts_of(connection, asked.message_id, "route")
        )
        assert reply.automated
        bounce = Failure(SourceId("b1"), RemoteId(posts[0].remote_id), "no such mailbox", datetime.now(UTC))
        await world.relay.accept_customer(MAIL, bounce)
        await world.quiet()
        (one,) = await stored(world)
        assert (one.state, one.asked_at, one.reason) == ("failed", None, "no such mailbox")
        assert lines(world)[-1] == "Asking for a rating did not work: no such mailbox"
        (case,) = await cases_of(world)
        assert case.status == Status.RESOLVED


async def test_a_restart_between_asking_and_sending_makes_one_copy(database: Database) -> None:
    world, clock = world_of(database, asks=True)
    async with world:
        await helped(world, inbox=CHAT)
        world.chat.faults.gate("send")
        clock.skip(121)
        await world.timers.look()
        await world.chat.faults.reached[("send", False)].wait()
        await world.restart()
        await later(world, clock)
        asked = [reply for reply, _ in world.chat.sent if reply.ask is not None]
        uncertain = [one for one in lines(world) if one.startswith("Asked for a rating, but it may not")]
        assert len(asked) + len(uncertain) == 1
        assert [one.state for one in await stored(world)] == ["asked"]


async def test_the_token_is_forgotten_once_it_was_sent(database: Database) -> None:
    world, clock = world_of(database, asks=True)
    async with world:
        await helped(world, inbox=CHAT)
        await later(world, clock)
        token = world.chat.sent[1][0].ask.token  # type: ignore[union-attr]

        def everything(connection: Connection) -> str:
            tables = (message, rating)
            return repr([list(connection.execute(select(table)).all()) for table in tables])

        assert token not in await world.database.read(everything)


async def test_who_is_erased_leaves_a_number_and_no_words(database: Database) -> None:
    world, clock = world_of(database, asks=True)
    async with world:
        await helped(world, inbox=CHAT)
        await later(world, clock)
        token = world.chat.sent[1][0].ask.token  # type: ignore[union-attr]
        await rate(world, token, 1, "a", "kestrelberry jam")
        await world.quiet()
        assert "kestrelberry" in words(prompts(world, "URUTH")[0])
        await erase(world)
        await world.quiet()
        assert await in_tables(world.database, "kestrelberry", "Dana Petrov") == []
        left = [post for post in world.desk.posts.values() if post.channel == "URUTH" and not post.deleted]
        assert left == []
        await rate(world, token, 5, "b", "kestrelberry again")
        (row,) = await stored(world)
        assert (row.score, row.comment, row.token) == (1, None, None)


async def test_what_was_due_is_asked_of_who_they_are_today(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await world.says("Hello", source="in-0", who="omar@mail.example", name="Omar")
        await world.says("Where is my parcel?", source="in-1")
        sent = await world.reply("C2", "On its way", "s1")
        await world.reaches(sent.message_id, State.ACCEPTED)
        await world.casework.resolve(CustomerId(2), SUPPORT, KIM, "r1")
        await world.casework.resolve(CustomerId(1), SUPPORT, KIM, "r2")
        await world.casework.merging.merge(CustomerId(1), CustomerId(2), RUTH, "m1")
        await later(world, clock)
        assert len(world.mail.sent) == 2
        await world.says("1 never came", source="in-9")
        await world.quiet()
        assert words(prompts(world, "URUTH")[0]) == "⭐ Omar (C1) rated ★☆☆☆☆ 1 of 5: “never came”"


@pytest.mark.parametrize("said", ["5pm works for me", "3?", "Hello", "4 " + "x" * 200, "5 ok?"])
async def test_what_is_no_rating_is_a_message(database: Database, said: str) -> None:
    world, clock = world_of(database)
    async with world:
        await helped(world)
        await later(world, clock)
        await world.says(said, source="in-9")
        await world.quiet()
        (row,) = await stored(world)
        assert row.score is None and len(await cases_of(world)) == 2


async def test_a_number_after_a_week_or_in_an_open_case_is_a_message(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await helped(world)
        await later(world, clock)
        await world.says("Another question", source="in-8")
        await world.says("5", source="in-9")
        (row,) = await stored(world)
        assert row.score is None
        await world.casework.resolve(DANA, SUPPORT, KIM, "r9")
        clock.skip(8 * DAY)
        await world.says("5", source="in-10")
        (row, *_) = await stored(world)
        assert row.score is None


async def test_the_same_words_twice_are_one_rating_and_one_more_number_changes_it(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await helped(world)
        await later(world, clock)
        for source in ("in-8", "in-8", "in-9"):
            await world.says("5" if source == "in-8" else "4", source=source)
        await world.quiet()
        (row,) = await stored(world)
        assert row.score == 4 and len(await cases_of(world)) == 1
        assert len(prompts(world, "C1")) == 1


async def test_in_their_language(database: Database) -> None:
    world, clock = world_of(database, RatingPolicy(language="de"))
    async with world:
        await helped(world)
        await later(world, clock)
        assert world.mail.words()[1].startswith(
            "Wie war unsere Hilfe? Bitte antworten Sie mit einer Zahl von 1"
        )
