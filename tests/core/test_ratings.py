"""Asking: after a case, once, by the way they wrote; what they say is seen, counted, and no case of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from bot.commands.types import Agent, Role
from bot.desk import Activity, Prompt, State, Status
from bot.messages import CustomerId, InboxId, Rated, SourceId
from bot.policy import RatingPolicy, RatingsPolicy
from bot.storage.database import Database
from bot.storage.schema import conversation
from bot.storage.schema_stats import rating
from tests.core.ends import SHORT, MemoryAdapter
from tests.core.skipping import Skipping
from tests.core.world import CHAT, KIM, MAIL, SUPPORT, World

DAY = 86_400.0
DANA = CustomerId(1)
RUTH = Agent("URUTH", "Ruth", Role.LEAD)  # type: ignore[arg-type]
KEY = b"a-key-of-the-ratings-0123456789"


def world_of(
    database: Database, given: RatingPolicy | None = None, *, asks: bool = False, **more: Any
) -> tuple[World, Skipping]:
    """A world that asks by mail and chat. ``asks``: the chat has buttons of its own. Ruth and a group are the leads."""
    clock = Skipping()
    chat = MemoryAdapter(replace(SHORT, max_text=1000, asks=asks))
    world = World(database, clock=clock.now, chat=chat)
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
        assert len(world.chat.sent) == 2, "asked once"


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
