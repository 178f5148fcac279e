"""What agents do with a case beside talking, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, update

from bot.commands.desk_services import NextUp, Priority
from bot.desk import Activity, State, Status
from bot.errors import UserError
from bot.messages import CustomerId
from bot.storage.database import Database
from bot.storage.schema import message
from tests.core.world import KIM, PRESS, PRESS_MAIL, SUPPORT, World

DANA = CustomerId(1)


def lines(world: World) -> list[str]:
    return [entry.text for entry in world.desk.entries() if isinstance(entry, Activity)]


async def test_pending_priority_and_tags_are_told_once_in_the_thread(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is it?", source="1")
        desk = world.casework.desk
        for _ in range(2):
            await desk.prioritise(DANA, SUPPORT, KIM, Priority.HIGH, "s1")
            assert await desk.tag(DANA, SUPPORT, KIM, ("refund", "late"), (), "s2") == ("late", "refund")
            after = await desk.pending(DANA, SUPPORT, KIM, "s3")
            assert (after.status, after.waiting_since) == (Status.PENDING, None)
        assert await desk.tag(DANA, SUPPORT, KIM, ("refund",), ("late", "never"), "s4") == ("refund",)
        assert await desk.priority_of(DANA, SUPPORT) is Priority.HIGH
        assert await desk.known_tags() == ("refund",)
        await world.quiet()
        assert lines(world) == [
            "Kim set the priority to high",
            "Kim added late, refund",
            "Kim set it to wait for the customer",
            "Kim took off late",
        ]
        await world.says("Hello?", source="2")
        person = await world.casework.person(DANA, SUPPORT)
        assert person.status is Status.OPEN, "their words make it open again"


async def test_a_resolved_case_is_not_pending(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is it?", source="1")
        await world.casework.resolve(DANA, SUPPORT, KIM, "s1")
        with pytest.raises(UserError, match="Reopen it first"):
            await world.casework.desk.pending(DANA, SUPPORT, KIM, "s2")


async def test_a_case_has_at_most_twenty_tags(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is it?", source="1")
        many = tuple(f"t{number}" for number in range(21))
        with pytest.raises(UserError, match="20 tags"):
            await world.casework.desk.tag(DANA, SUPPORT, KIM, many, (), "s1")
        assert await world.casework.desk.tags(DANA, SUPPORT) == ()


async def test_next_is_mine_first_then_the_urgent_then_who_waits_longest(database: Database) -> None:
    async with World(database) as world:
        for number in range(1, 7):
            inbox = {"inbox": PRESS_MAIL} if number == 6 else {}
            await world.says("hello", source=f"{number}", who=f"p{number}@mail.example", **inbox)
        desk = world.casework.desk
        await desk.prioritise(CustomerId(3), SUPPORT, KIM, Priority.URGENT, "a")
        await world.casework.assign(CustomerId(4), SUPPORT, KIM, KIM.id, "b")
        await desk.pending(CustomerId(2), SUPPORT, KIM, "c")
        await world.casework.block(CustomerId(5), KIM, True, "d")

        async def at(skip: int, team: object = SUPPORT) -> NextUp | None:
            return await desk.next_up(KIM, team, skip)  # type: ignore[arg-type]

        found = [await at(skip) for skip in range(3)]
        assert [one.person.handle for one in found if one] == ["C4", "C3", "C1"]
        assert [(one.own, one.behind) for one in found if one] == [(True, 2), (False, 1), (False, 0)]
        assert await at(3) is None
        everywhere = [await at(skip, None) for skip in range(4)]
        assert [one.person.team for one in everywhere if one] == [SUPPORT, SUPPORT, SUPPORT, PRESS]


async def test_whom_an_answer_is_on_its_way_to_needs_no_other_one(database: Database) -> None:
    """Unless it fails, or they write again before they can have read it."""
    async with World(database, undo=60.0) as world:
        for number in (1, 2):
            await world.says("hello", source=f"{number}", who=f"p{number}@mail.example")
            await world.casework.assign(CustomerId(number), SUPPORT, KIM, KIM.id, f"a{number}")
        desk, home = world.casework.desk, world.casework.home

        async def given() -> str | None:
            found = await desk.next_up(KIM, SUPPORT)
            return found.person.handle if found is not None else None

        sent = await world.reply("C1", "It ships today.")
        assert await world.state(sent.message_id) is State.HELD
        assert await given() == "C2"
        (team,) = (await home.home(KIM, {SUPPORT: False})).teams
        assert ([one.handle for one in team.mine], team.mine_count, team.others) == (["C2"], 1, 1)
        for state, next_one in ((State.SENDING, "C2"), (State.FAILED, "C1"), (State.PENDING, "C2")):

            def put(connection: Connection, state: State = state) -> None:
                now_is = update(message).where(message.c.id == sent.message_id).values(state=state)
                connection.execute(now_is)

            await database.write(put)
            assert await given() == next_one, state
        await world.says("And the invoice?", source="3", who="p1@mail.example")
        assert await given() == "C1", "nobody has answered that yet"


async def test_who_did_what_is_written_down(database: Database) -> None:
    async with World(database) as world:
        await world.says("Where is it?", source="1")
        await world.casework.desk.prioritise(DANA, SUPPORT, KIM, Priority.LOW, "s1")
        await world.casework.assign(DANA, SUPPORT, KIM, KIM.id, "s2")
        deeds = await world.casework.desk.deeds(DANA, None, None, 10)
        assert [(deed.agent, deed.action) for deed in deeds] == [("UKIM", "assign"), ("UKIM", "priority")]
        assert await world.casework.desk.deeds(None, "UNOBODY", None, 10) == ()
        await world.reply("C1", "It ships today.", "s3")
        (newest,) = await world.casework.desk.deeds(DANA, None, None, 1)
        assert (newest.action, newest.detail) == ("reply", "“It ships today.”")
