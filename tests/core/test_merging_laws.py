"""Laws of merging, on random histories: what was merged and parted again is as it was; nobody's words are lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from bot import relay, replies
from bot.cases import acts
from bot.errors import UserError
from bot.merge import dividing, merging, unmerging
from bot.messages import Contact, InboxId, Level, Text
from bot.policy import CorePolicy, InboxPolicy, TeamPolicy
from bot.storage import cases, jobs, merges, people
from bot.storage.database import Database, connect
from bot.storage.migrate import migrate
from bot.storage.tables import metadata
from tests.core.world import CHAT, KIM, MAIL, PRESS, PRESS_MAIL, SUPPORT, message

KEPT = ("customer", "identity", "route", "conversation", "message", "attribute", "thread", "attachment")
"""The tables that a merge and its end leave as they were."""
WAYS = ((MAIL, SUPPORT, "email"), (CHAT, SUPPORT, "chat"), (PRESS_MAIL, PRESS, "email"))
PEOPLE = 4
POLICY = CorePolicy(
    {
        SUPPORT: TeamPolicy(SUPPORT, "Support", "C1", 0.0),
        PRESS: TeamPolicy(PRESS, "Press", "C2", 0.0),
    },
    {inbox: InboxPolicy(inbox, channel, team, str(inbox)) for inbox, team, channel in WAYS},
)

who = st.integers(0, PEOPLE - 1)
way = st.integers(0, len(WAYS) - 1)
says = st.tuples(st.just("says"), who, way)
answers = st.tuples(st.just("answers"), who, way)
notes = st.tuples(st.just("notes"), who, way)
decides = st.tuples(st.sampled_from(["resolves", "takes", "snoozes", "knows"]), who, way)
anybody = st.integers(0, PEOPLE * len(WAYS) - 1)
joins = st.tuples(st.just("joins"), anybody, anybody)
parts = st.tuples(st.just("parts"), st.integers(0, 5), st.just(0))
Step = tuple[str, int, int]


@dataclass
class Story:
    """A history as it is played. ``number`` counts steps, each a second after the one before."""

    connection: Connection
    number: int = 0
    known: dict[int, int] = field(default_factory=dict)
    said: list[tuple[str, int]] = field(default_factory=list)

    @property
    def now(self) -> float:
        return 1_700_000_000.0 + self.number

    def play(self, steps: list[Step]) -> None:
        for name, one, other in steps:
            self.number += 1
            getattr(self, name)(one, other)

    def talk(self, steps: list[Step], pairs: list[tuple[int, int]], *, merging_too: bool) -> None:
        """Everybody writes; then the steps, with merges that are all undone at the end, or the same without any merge."""
        self.play([("says", one, at) for one in range(PEOPLE) for at in range(2)])
        for number, step in enumerate(steps):
            joining = [step] if step[0] == "joins" else []
            joining += [("joins", *pairs[number])] if number < len(pairs) else []
            self.play([step] if step[0] != "joins" else [])
            for one in joining:
                self.number += 1
                if merging_too:
                    self.joins(*one[1:])
        self.undo_all()

    def address(self, person: int, at: int) -> Contact:
        _, _, channel = WAYS[at]
        return Contact(channel, f"p{person}@{channel}.example", f"Person {person}", True, "proven")

    def says(self, person: int, at: int) -> None:
        inbox, _, channel = WAYS[at]
        source = f"m{self.number}"
        made = replace(message(f"words {self.number}", source=source), sender=self.address(person, at))
        relay.accept(
            self.connection,
            policy=POLICY,
            inbox=InboxId(inbox),
            event=made,
            cursor=None,
            now=self.now,
            key=f"key{self.number}",
        )
        found = people.identities_at(self.connection, channel, f"p{person}@{channel}.example")
        self.known.setdefault(person * len(WAYS) + at, found[0].customer_id)
        self.said.append((f"in:{inbox}:{source}", person * len(WAYS) + at))

    def _route(self, person: int, at: int) -> Any | None:
        inbox, _, channel = WAYS[at]
        address = f"p{person}@{channel}.example"
        found = people.identities_at(self.connection, channel, address)
        rows = people.routes_of(self.connection, found[0].customer_id) if found else []
        return next((row for row in rows if row.inbox == inbox and row.address == address), None)

    def answers(self, person: int, at: int) -> None:
        route = self._route(person, at)
        if route is None:
            return
        inbox, team, _ = WAYS[at]
        reply = replies.NewReply(
            route.customer_id, route.id, route.identity_id, inbox, "UKIM", "Kim", Text(f"answer {self.number}"), (), (),
            f"r{self.number}", f"k{self.number}", f"c{self.number}", float(self.number),
        )  # fmt: skip
        sent, _, _ = replies.accept(
            self.connection, POLICY, POLICY.teams[team], reply, route.lane_id, self.now
        )
        replies.sent(self.connection, POLICY, sent, Level.ACCEPTED, None, self.now)
        self.said.append((f"out:r{self.number}", person * len(WAYS) + at))

    def _case(self, person: int, at: int) -> Any | None:
        route = self._route(person, at)
        return None if route is None else cases.newest_case(self.connection, route.customer_id, WAYS[at][1])

    def notes(self, person: int, at: int) -> None:
        route = self._route(person, at)
        if route is not None:
            given = acts.Note(route.customer_id, WAYS[at][1], KIM, Text("note"), f"n{self.number}")
            acts.note(self.connection, POLICY, given, f"nk{self.number}", self.now)

    def resolves(self, person: int, at: int) -> None:
        case = self._case(person, at)
        if case is not None:
            values = {"status": "resolved", "resolved_at": self.now, "waiting_since": None}
            cases.change(self.connection, case.id, **values, snoozed_until=None)

    def takes(self, person: int, at: int) -> None:
        case = self._case(person, at)
        if case is not None:
            cases.change(self.connection, case.id, owner=f"U{self.number}")

    def snoozes(self, person: int, at: int) -> None:
        case = self._case(person, at)
        if case is not None and case.status != "resolved":
            cases.change(self.connection, case.id, status="snoozed", snoozed_until=self.now + 500)

    def knows(self, person: int, at: int) -> None:
        number = self.known.get(person * len(WAYS) + at)
        if number is None:
            return
        values = {"customer_id": people.final(self.connection, number), "name": f"a{person}"}
        table = metadata.tables["attribute"]
        there = select(table.c.name).where(
            table.c.customer_id == values["customer_id"], table.c.name == values["name"]
        )
        if self.connection.execute(there).first() is None:
            more = {"value": f'"{self.number}"', "source": "UKIM", "at": self.now}
            self.connection.execute(table.insert(), values | more)

    def joins(self, one: int, other: int) -> None:
        if {one, other} <= self.known.keys():
            numbers = self.known[one], self.known[other]
            today = [people.final(self.connection, number) for number in numbers]
            if today[0] == today[1]:
                with pytest.raises(UserError):
                    merging.join(self.connection, POLICY, *numbers, agent="UKIM", evidence=None, now=self.now)
                return
            merging.join(self.connection, POLICY, *numbers, agent="UKIM", evidence=None, now=self.now)

    def standing(self) -> list[Any]:
        return list(merges.standing(self.connection, list(self.known.values())))

    def parts(self, which: int, _: int = 0) -> None:
        standing = self.standing()
        if not standing:
            return
        merge = standing[which % len(standing)]
        refused = unmerging.why_not(self.connection, merge)
        if refused is None:
            self.undo(merge)
        else:
            assert "first" in refused

    def undo(self, merge: Any) -> None:
        unmerging.part(
            self.connection, POLICY, merge.id, agent="UKIM", name="Kim", key=f"u{self.number}", now=self.now
        )
        for job in jobs.waiting(self.connection, merging.UNMERGE):
            while True:
                with self.connection.begin_nested() as cut_off:
                    unmerging.advance(self.connection, job.id, int(job.subject), self.now)
                    cut_off.rollback()  # the process died before the commit
                if not unmerging.advance(self.connection, job.id, int(job.subject), self.now):
                    break
            assert not unmerging.advance(self.connection, job.id, int(job.subject), self.now)

    def undo_all(self) -> None:
        """Newest first: that can always be done."""
        while standing := self.standing():
            self.number += 1
            assert unmerging.why_not(self.connection, standing[0]) is None
            self.undo(standing[0])

    def tables(self) -> dict[str, list[Any]]:
        found = {}
        for name in KEPT:
            table = metadata.tables[name]
            rows = self.connection.execute(select(table).order_by(*table.primary_key.columns))
            found[name] = [tuple(row) for row in rows]
        lane = metadata.tables["lane"]
        found["lane"] = [
            tuple(row)
            for row in self.connection.execute(select(lane.c.id, lane.c.customer_id).order_by(lane.c.id))
        ]
        return found

    def cases(self) -> list[Any]:
        """The cases with what says who waits; customers counted from the first, whatever number they were given."""
        case = metadata.tables["conversation"]
        names = ("customer_id", "team", "status", "waiting_since", "excerpt", "last_in_at", "last_out_at")
        columns = [case.c[name] for name in (*names, "first_out_at")]
        wanted = select(*columns).order_by(case.c.customer_id, case.c.team)
        first = min(self.known.values())
        return [(row[0] - first, *row[1:]) for row in self.connection.execute(wanted)]

    # What always holds

    def check(self) -> None:
        message, conversation = metadata.tables["message"], metadata.tables["conversation"]
        identity = metadata.tables["identity"]
        final = {
            row.id: people.final(self.connection, row.id)
            for row in self.connection.execute(select(metadata.tables["customer"]))
        }
        rows = self.connection.execute(
            select(
                message.c.dedup_key,
                message.c.customer_id,
                conversation.c.customer_id.label("case_of"),
                identity.c.customer_id.label("identity_of"),
            )
            .join(conversation, conversation.c.id == message.c.conversation_id)
            .outerjoin(identity, identity.c.id == message.c.identity_id)
        ).all()
        assert sorted(row.dedup_key for row in rows if not row.dedup_key.startswith("note:")) == sorted(
            key for key, _ in self.said
        )
        for row in rows:
            assert final[row.customer_id] == row.case_of == final[row.case_of]
            if row.identity_of is not None:
                assert final[row.customer_id] == row.identity_of == final[row.identity_of]
        for count in self.connection.execute(
            select(func.count())
            .where(conversation.c.status != "resolved")
            .group_by(conversation.c.customer_id, conversation.c.team)
        ):
            assert count[0] == 1
        for number, today in final.items():
            assert people.family(self.connection, number) == (
                today,
                *(one for one in sorted(final) if final[one] == today and one != today),
            )


@dataclass(frozen=True)
class Stage:
    """Where plays are played: a database that is empty before each, and how many of them it bears."""

    perform: Callable[[Callable[[Story], None]], None]
    settings: settings


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Runs a play on an empty database, which is empty again after it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('laws')}/t.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").fresh()
    runner = asyncio.Runner()
    database: Database = connect(url)

    async def begin() -> None:
        await database.open()
        await database.write(migrate)

    def perform(play: Callable[[Story], None]) -> None:
        def unit(connection: Connection) -> None:
            with connection.begin_nested() as everything:
                play(Story(connection))
                everything.rollback()

        runner.run(database.write(unit))

    runner.run(begin())
    chunk, dividing.CHUNK = dividing.CHUNK, 2
    yield Stage(perform, settings(max_examples=60 if request.param == "sqlite" else 12))
    dividing.CHUNK = chunk
    runner.run(database.close())
    runner.close()


HISTORY = st.lists(st.one_of(says, says, says, answers, notes, decides, joins), max_size=25)
ANYTHING = st.lists(st.one_of(says, says, says, answers, answers, notes, decides, joins, parts), max_size=40)
TALK = st.lists(st.one_of(says, says, answers, joins), max_size=30)
PAIRS = st.lists(st.tuples(anybody, anybody), min_size=1, max_size=4)


def test_merged_and_parted_again_is_as_it_was(stage: Stage) -> None:
    @stage.settings
    @example(
        history=[("answers", 1, 1), ("snoozes", 0, 0)], pairs=[(4, 0)]
    )  # one waits for us no more, one sleeps
    @given(history=HISTORY, pairs=PAIRS)
    def law(history: list[Step], pairs: list[tuple[int, int]]) -> None:
        def play(story: Story) -> None:
            story.play([("says", one, at) for one in range(PEOPLE) for at in range(2)])
            story.play(history)
            before, standing = story.tables(), len(story.standing())
            for one, other in pairs:
                story.number += 1
                story.joins(one, other)
                story.check()
            while len(story.standing()) > standing:
                story.undo(story.standing()[0])
            assert story.tables() == before

        stage.perform(play)

    law()


def test_nothing_is_lost_and_everything_is_somebodys(stage: Stage) -> None:
    @stage.settings
    @given(history=ANYTHING)
    def law(history: list[Step]) -> None:
        def play(story: Story) -> None:
            story.play(history)
            story.check()
            story.undo_all()
            story.check()
            message = metadata.tables["message"]
            rows = story.connection.execute(select(message.c.dedup_key, message.c.customer_id))
            owners = {row.dedup_key: row.customer_id for row in rows}
            assert all(owners[key] == story.known[address] for key, address in story.said)

        stage.perform(play)

    law()


def test_cases_are_as_if_they_had_never_been_one(stage: Stage) -> None:
    """Where people only talk, parted customers have the cases that they would have without any merge."""

    @stage.settings
    @given(history=TALK, pairs=PAIRS)
    def law(history: list[Step], pairs: list[tuple[int, int]]) -> None:
        ends: list[list[Any]] = []

        def play(story: Story, *, merging_too: bool) -> None:
            story.talk(history, pairs, merging_too=merging_too)
            ends.append(story.cases())

        stage.perform(lambda story: play(story, merging_too=False))
        stage.perform(lambda story: play(story, merging_too=True))
        assert ends[0] == ends[1]

    law()
