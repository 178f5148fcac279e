"""Reminders of promises, as the people who get them see them. The office is open on weekdays, 9 to 17 in UTC."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.clockwork.promises import CALENDAR, Promises, Rule, Target
from bot.commands.types import Agent, Role
from bot.desk import Group, Line, Prompt, State, Strong, ThreadLink, When
from bot.errors import UserError
from bot.messages import AgentId, CustomerId
from bot.policy import RemindersPolicy
from bot.storage import agents
from bot.storage.database import Database
from tests.core.skipping import Skipping
from tests.core.world import KIM, SUPPORT, World

MINUTE, HOUR = 60.0, 3600.0
AMIR = Agent(AgentId("UAMIR"), "Amir", Role.AGENT)
DANA = CustomerId(1)
HOURLY = Rule("hourly", first=Target(HOUR), next=Target(HOUR))


def world_of(
    database: Database, rule: Rule = HOURLY, reminders: RemindersPolicy | None = None
) -> tuple[World, Skipping]:
    """Ruth is on call, and the leads are a user group. The clock begins on a Wednesday at 09:00."""
    clock = Skipping()
    world = World(database, clock=clock.now)
    support = replace(world.policy.teams[SUPPORT], on_call=("URUTH",), leads=("S1LEADS",))
    world.policy = replace(
        world.policy,
        teams={**world.policy.teams, SUPPORT: support},
        promises=Promises((rule,)),
        reminders=reminders or RemindersPolicy(),
    )
    world.build()
    return world, clock


async def pass_by(world: World, clock: Skipping, seconds: float) -> None:
    clock.skip(seconds)
    await world.timers.look()
    await world.quiet()


async def wrote(world: World, *, owner: Agent | None = KIM, number: int = 1) -> None:
    """A customer writes, and somebody takes the case."""
    who = "dana@mail.example" if number == 1 else f"person{number}@mail.example"
    name = "Dana Petrov" if number == 1 else f"Person {number}"
    await world.says("Where is my parcel?", source=f"in-{number}", who=who, name=name)
    if owner is not None:
        await world.casework.assign(CustomerId(number), SUPPORT, KIM, owner.id, f"a{number}")
    await world.quiet()


def shown(world: World, channel: str) -> list[Prompt]:
    """The prompts in a Slack channel or to a person, oldest first."""
    return [
        entry
        for post in world.desk.posts.values()
        if post.channel == channel
        for entry in post.entries
        if isinstance(entry, Prompt)
    ]


def words(line: Line) -> str:
    """A line as it is read; a moment as its time in UTC."""
    read = []
    for piece in line:
        if isinstance(piece, When):
            minutes = int(piece.at // 60) % 1440
            read.append(f"{minutes // 60:02}:{minutes % 60:02}")
        elif isinstance(piece, Strong | ThreadLink):
            read.append(piece.words)
        elif isinstance(piece, Group):
            read.append(f"@{piece.id}")
        else:
            read.append(str(piece))
    return "".join(read)


def about(prompt: Prompt) -> str:
    """What the buttons of a reminder are about."""
    return next(one.value for one in prompt.buttons if one.action.startswith("remind."))


async def test_the_owner_hears_before_then_the_thread_then_who_is_on_call_then_the_leads(
    database: Database,
) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        await pass_by(world, clock, 29 * MINUTE)
        assert shown(world, "UKIM") == []
        await pass_by(world, clock, 2 * MINUTE)
        (first,) = shown(world, "UKIM")
        assert words(first.lines[0]) == (
            "⏰ Dana Petrov (C1) has waited 31 min. First reply due 10:00 (in 29 min)."
        )
        assert isinstance(first.lines[0][1], ThreadLink) and words(first.lines[1]) == "“Where is my parcel?”"
        assert [one.label for one in first.buttons] == ["Reply", "I'm on it", "Snooze 15 min"]
        await pass_by(world, clock, 18 * MINUTE)
        before, second = shown(world, "UKIM")
        assert (words(before.done), before.buttons) == ("✓ reminded again below", ())
        assert "has waited 49 min. First reply due 10:00 (in 11 min)." in words(second.lines[0])
        assert shown(world, "C1") == [] and shown(world, "URUTH") == []

        await pass_by(world, clock, 12 * MINUTE)
        late = shown(world, "UKIM")[-1]
        assert words(late.lines[0]).endswith("First reply was due 10:00 (1 min ago).")
        (thread,) = shown(world, "C1")
        assert isinstance(thread.lines[0][1], Strong) and not thread.broadcast
        assert shown(world, "URUTH") == []
        await pass_by(world, clock, 15 * MINUTE)
        assert len(shown(world, "URUTH")) == 1 and len(shown(world, "UKIM")) == 3
        await pass_by(world, clock, 15 * MINUTE)
        _, leads = shown(world, "C1")
        assert words(leads.lines[0]).startswith("@S1LEADS ⏰ Dana Petrov (C1)") and leads.broadcast
        await pass_by(world, clock, 3 * HOUR)
        assert [len(shown(world, one)) for one in ("UKIM", "URUTH", "C1")] == [3, 1, 2], "and that is all"


async def test_what_nobody_has_goes_straight_to_the_team(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world, owner=None)
        await pass_by(world, clock, 31 * MINUTE)
        (asked,) = shown(world, "C1")
        assert asked.broadcast and [one.label for one in asked.buttons] == ["Reply", "Take", "Snooze 15 min"]
        said = await world.casework.reminders.take(about(asked), KIM, "t1")
        assert said == "You have Dana Petrov (C1) now. Nobody else is reminded of this for 30 min."
        await world.quiet()
        person = (await world.casework.lookup("C1", SUPPORT))[0]
        assert person.owner == KIM.id
        assert words(shown(world, "C1")[0].done) == "✓ Kim is on it since 09:31"
        await pass_by(world, clock, 28 * MINUTE)
        assert shown(world, "UKIM") == [], "the step at 80 % is not told to somebody who is on it"
        await pass_by(world, clock, 4 * MINUTE)
        assert len(shown(world, "UKIM")) == 1, "half an hour later it is"


async def test_an_answer_settles_what_everybody_was_told(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        await pass_by(world, clock, 80 * MINUTE)
        await pass_by(world, clock, 1 * MINUTE)
        told = [*shown(world, "UKIM"), *shown(world, "URUTH"), *shown(world, "C1")]
        assert len(told) == 3 and all(one.buttons for one in told)
        sent = await world.reply("C1", "It ships today.")
        await world.reaches(sent.message_id, State.ACCEPTED)
        await world.quiet()
        told = [*shown(world, "UKIM"), *shown(world, "URUTH"), *shown(world, "C1")]
        assert {words(one.done) for one in told} == {"✓ answered 10:21 by Kim"}
        assert not any(one.buttons for one in told)
        await pass_by(world, clock, 10 * HOUR)
        assert len(shown(world, "URUTH")) == 1


@pytest.mark.parametrize("how", ["resolved", "snoozed", "waits for the customer now"])
async def test_so_does_everything_else_that_stops_the_clock(database: Database, how: str) -> None:
    rule = replace(HOURLY, first=None)
    world, clock = world_of(database, rule)
    async with world:
        await wrote(world)
        await pass_by(world, clock, 31 * MINUTE)
        if how == "resolved":
            await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
        elif how == "snoozed":
            await world.casework.snoozes.snooze(DANA, SUPPORT, KIM, clock.now() + HOUR, "", "z1")
        else:
            await world.casework.desk.pending(DANA, SUPPORT, KIM, "p1")
        await world.quiet()
        (told,) = shown(world, "UKIM")
        assert words(told.done).startswith(f"✓ {how}") and not told.buttons
        await pass_by(world, clock, 20 * MINUTE)
        assert len(shown(world, "UKIM")) == 1


async def test_one_that_is_answered_before_its_post_is_never_posted(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        await world.stop()
        clock.skip(31 * MINUTE)
        await world.timers.look()
        await world.casework.resolve(DANA, SUPPORT, KIM, "r1")
        world.start()
        await world.quiet()
        assert shown(world, "UKIM") == []


async def test_snooze_brings_the_reminder_back_to_who_pressed_it(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        await pass_by(world, clock, 31 * MINUTE)
        said = await world.casework.reminders.put_off(about(shown(world, "UKIM")[0]), KIM, 900, "l1")
        assert said == "You are reminded again at 09:46."
        await world.quiet()
        assert words(shown(world, "UKIM")[0].done) == "comes back 09:46"
        await pass_by(world, clock, 14 * MINUTE)
        assert len(shown(world, "UKIM")) == 1
        await pass_by(world, clock, 2 * MINUTE)
        assert len(shown(world, "UKIM")) == 2
        with pytest.raises(UserError, match="Nothing is left"):
            await world.casework.reminders.put_off("reminder:99:UKIM", KIM, 900, "l2")


async def test_many_at_once_are_one_list_that_says_what_came_of_each(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        for number in range(1, 6):
            await wrote(world, number=number)
        await pass_by(world, clock, 31 * MINUTE)
        (told,) = shown(world, "UKIM")
        assert words(told.lines[0]) == "⏰ 5 customers wait for an answer."
        assert words(told.lines[1]) == "• Dana Petrov (C1): first reply due 10:00"
        assert [one.label for one in told.buttons] == ["I'm on them", "Snooze 15 min"]
        sent = await world.reply("C2", "Here it is.")
        await world.reaches(sent.message_id, State.ACCEPTED)
        await world.quiet()
        (told,) = shown(world, "UKIM")
        assert words(told.lines[2]) == "✓ Person 2 (C2): answered 09:31 by Kim"
        await world.casework.reminders.acknowledge(about(told), KIM, "k1")
        await world.quiet()
        (told,) = shown(world, "UKIM")
        assert (words(told.done), told.buttons) == ("✓ Something came of all of them.", ())
        assert words(told.lines[1]) == "✓ Dana Petrov (C1): Kim is on it since 09:31"


async def test_those_that_follow_within_a_minute_join_them(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        for number in range(1, 7):
            await wrote(world, number=number)
            clock.skip(12)
        await pass_by(world, clock, 29 * MINUTE)
        for _ in range(8):
            await pass_by(world, clock, 12)
        told = shown(world, "UKIM")
        assert [bool(one.buttons) for one in told] == [False, False, False, True]
        assert {words(one.done) for one in told[:3]} == {"In the list below."}
        assert words(told[3].lines[0]) == "⏰ 6 customers wait for an answer."


async def test_many_that_nobody_has_are_one_list_in_the_teams_channel(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        for number in range(1, 6):
            await wrote(world, number=number, owner=None)
        await pass_by(world, clock, 31 * MINUTE)
        ((post, told),) = [
            (post, entry)
            for post in world.desk.posts.values()
            for entry in post.entries
            if isinstance(entry, Prompt)
        ]
        assert post.channel == "C1" and post.thread_ts is None
        assert [one.label for one in told.buttons] == ["Take them", "Snooze 15 min"]
        said = await world.casework.reminders.take(about(told), AMIR, "t1")
        assert said.startswith("You have Dana Petrov (C1), Person 2 (C2), Person 3 (C3)… now.")
        assert (await world.casework.lookup("C5", SUPPORT))[0].owner == AMIR.id


async def test_what_broke_at_night_is_told_in_the_morning_once_and_together(database: Database) -> None:
    world, clock = world_of(database, replace(HOURLY, hours=CALENDAR))
    async with world:
        clock.skip(9 * HOUR)  # 18:00
        for number in range(1, 4):
            await wrote(world, number=number)
        for _ in range(14):
            await pass_by(world, clock, HOUR)
        assert shown(world, "UKIM") == [], "at 08:00 nobody is there"
        await pass_by(world, clock, HOUR + MINUTE)
        (told,) = shown(world, "UKIM")
        assert words(told.lines[0]) == "🌅 Overnight: 3 promises were missed."
        assert words(told.lines[1]) == "• Dana Petrov (C1): first reply was due 19:00"
        assert len(shown(world, "URUTH")) == 1, "who is on call, once too"
        await pass_by(world, clock, 5 * HOUR)
        assert len(shown(world, "UKIM")) == 1


async def test_a_policy_that_says_so_reminds_at_night(database: Database) -> None:
    always = RemindersPolicy(at_night=frozenset({"hourly"}))
    world, clock = world_of(database, replace(HOURLY, hours=CALENDAR), always)
    async with world:
        clock.skip(13 * HOUR)  # 22:00
        await wrote(world)
        await pass_by(world, clock, 31 * MINUTE)
        assert len(shown(world, "UKIM")) == 1


async def test_somebody_elses_case_is_not_taken_from_them(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        await pass_by(world, clock, 61 * MINUTE)
        (thread,) = shown(world, "C1")
        with pytest.raises(UserError, match="Somebody else has this already"):
            await world.casework.reminders.take(about(thread), AMIR, "t1")
        await world.casework.reminders.acknowledge(about(thread), AMIR, "k1")
        await world.quiet()
        assert {words(one.done) for one in (*shown(world, "C1"), shown(world, "UKIM")[-1])} == {
            "✓ Amir is on it since 10:01"
        }


async def test_when_the_owner_is_off_duty_the_team_sees_it_as_well(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        await database.write(lambda connection: agents.set_duty(connection, "UKIM", False, clock.now()))
        await pass_by(world, clock, 31 * MINUTE)
        (thread,) = shown(world, "C1")
        assert thread.broadcast and [one.label for one in thread.buttons][1] == "I'm on it"
        assert len(shown(world, "UKIM")) == 1


async def test_who_gave_it_away_is_not_asked_any_more(database: Database) -> None:
    world, clock = world_of(database)
    async with world:
        await wrote(world)
        await pass_by(world, clock, 31 * MINUTE)
        await world.casework.assign(DANA, SUPPORT, KIM, AMIR.id, "g1")
        await world.quiet()
        (before,) = shown(world, "UKIM")
        assert (words(before.done), before.buttons) == ("✓ it is not yours any more", ())
        await pass_by(world, clock, 18 * MINUTE)
        assert len(shown(world, "UKIM")) == 1 and len(shown(world, "UAMIR")) == 1
