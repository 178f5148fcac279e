"""Everything at once, in any order: a state machine that accepts, answers, undoes, breaks and crashes, and what always holds.

When it is quiet again: every accepted message is visible exactly once, in its own customer's thread, in order; every reply
reached its customer once where it says so, at most once unless an agent sent it again, never where it was taken back; notes
never left; nobody got somebody else's words.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from bot.desk import Replied, Said, State
from bot.errors import PermanentFailure, TemporaryFailure, UncertainFailure, UserError
from bot.messages import Failure, MessageId, RemoteId, SourceId, Text
from bot.storage.database import connect
from bot.storage.migrate import migrate
from tests.core.world import KIM, MAIL, SUPPORT, World, message

T = TypeVar("T")
CUSTOMERS = st.integers(0, 2)
ANY = st.integers(0, 1_000)


@dataclass
class Answer:
    """A reply of the machine, and what was done to it."""

    who: int
    words: str
    message_id: MessageId
    undone: bool = False
    retries: int = 0
    bounces: int = 0


@dataclass
class Model:
    said: dict[int, list[str]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    events: list[tuple[int, str, str]] = field(default_factory=list)


@cache
def migrated() -> Path:
    """An empty database, made once."""
    path = Path(tempfile.mkdtemp(prefix="onethread-machine-")) / "empty.db"

    async def make() -> None:
        database = connect(f"sqlite:///{path}")
        await database.open()
        await database.write(migrate)
        await database.close()

    with asyncio.Runner() as runner:
        runner.run(make())
    return path


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="onethread-machine-"))
        shutil.copy(migrated(), self.folder / "t.db")
        self.runner = asyncio.Runner()
        self.model = Model()
        self.number = 0
        self.run(self.begin())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def begin(self) -> None:
        self.database = connect(f"sqlite:///{self.folder}/t.db")
        await self.database.open()
        self.world = World(self.database, undo=0.01, echo_delay=0.01)
        self.world.start()

    def fresh(self) -> int:
        self.number += 1
        return self.number

    def names(self, who: int) -> str:
        return f"c{who}@mail.example"

    async def handle(self, who: int) -> str:
        (person,) = await self.world.casework.lookup(self.names(who), SUPPORT)
        return person.handle

    @rule(who=CUSTOMERS)
    def accept(self, who: int) -> None:
        number = self.fresh()
        words, source = f"said {number} by {who}", f"in-{number}"
        self.run(self.world.says(words, source=source, who=self.names(who)))
        self.model.said.setdefault(who, []).append(words)
        self.model.events.append((who, words, source))

    @precondition(lambda self: self.model.events)
    @rule(which=ANY)
    def duplicate(self, which: int) -> None:
        who, words, source = self.model.events[which % len(self.model.events)]
        event = message(words, source=source, who=self.names(who))
        assert self.run(self.world.relay.accept_customer(MAIL, event)).duplicate

    @precondition(lambda self: self.model.said)
    @rule(which=ANY, in_thread=st.booleans())
    def reply(self, which: int, in_thread: bool) -> None:
        who = sorted(self.model.said)[which % len(self.model.said)]
        number = self.fresh()
        words = f"answer {number} to {who}"

        async def work() -> MessageId:
            more: dict[str, Any] = {}
            if in_thread:
                more = {"from_thread": True, "message_ts": f"1699999999.{number:06}"}
            sent = await self.world.reply(
                await self.handle(who), words, source=f"out-{number}", order=float(number), **more
            )
            return sent.message_id

        self.model.answers.append(Answer(who, words, self.run(work())))

    @precondition(lambda self: self.model.answers)
    @rule()
    def undo(self) -> None:
        newest = self.model.answers[-1]
        try:
            self.run(self.world.casework.undo(newest.message_id, KIM))
        except UserError:
            return
        newest.undone = True

    @precondition(lambda self: self.model.answers)
    @rule(which=ANY)
    def retry(self, which: int) -> None:
        answer = self.model.answers[which % len(self.model.answers)]
        try:
            self.run(self.world.casework.retry(answer.message_id, KIM, f"retry-{self.fresh()}"))
        except UserError:
            return
        answer.retries += 1

    @precondition(lambda self: self.model.answers)
    @rule(which=ANY)
    def bounce(self, which: int) -> None:
        answer = self.model.answers[which % len(self.model.answers)]
        keys = [one.key for one, part in self.world.mail.sent if part.text.plain == answer.words]
        if keys and self.run(self.world.state(answer.message_id)) is State.ACCEPTED:
            remote = RemoteId(f"{keys[-1]}-0")
            failure = Failure(SourceId(f"b-{self.fresh()}"), remote, "550 gone", datetime.now(UTC))
            self.run(self.world.relay.accept_customer(MAIL, failure))
            answer.bounces += 1

    @precondition(lambda self: self.model.said)
    @rule(which=ANY, again=st.booleans())
    def resolve(self, which: int, again: bool) -> None:
        who = sorted(self.model.said)[which % len(self.model.said)]

        async def work() -> None:
            (person,) = await self.world.casework.lookup(self.names(who), SUPPORT)
            act = self.world.casework.reopen if again else self.world.casework.resolve
            with contextlib.suppress(UserError):  # it is so already
                await act(person.customer_id, SUPPORT, KIM, f"act-{self.fresh()}")

        self.run(work())

    @precondition(lambda self: self.model.said)
    @rule(which=ANY)
    def note(self, which: int) -> None:
        who = sorted(self.model.said)[which % len(self.model.said)]
        words = f"secret {self.fresh()}"

        async def work() -> None:
            (person,) = await self.world.casework.lookup(self.names(who), SUPPORT)
            await self.world.casework.note(person.customer_id, SUPPORT, KIM, Text(words), words)

        self.run(work())
        self.model.notes.append(words)

    @rule(
        op=st.sampled_from(["open_card", "post", "update_card", "find", "mark", "update"]),
        kind=st.sampled_from([TemporaryFailure, UncertainFailure, RuntimeError]),
        after=st.booleans(),
    )
    def break_desk(self, op: str, kind: type[Exception], after: bool) -> None:
        # An honest desk does not call certain what is not: Temporary means that it was not done.
        after = after and op in ("open_card", "post") and kind is not TemporaryFailure
        self.world.desk.faults.fail(op, kind("broken"), after=after)

    @rule(
        kind=st.sampled_from([TemporaryFailure, PermanentFailure, UncertainFailure, RuntimeError]),
        after=st.booleans(),
    )
    def break_channel(self, kind: type[Exception], after: bool) -> None:
        after = after and kind in (
            UncertainFailure,
            RuntimeError,
        )  # an honest adapter does not call it certain
        self.world.mail.faults.fail("send", kind("broken"), after=after)

    @rule(seconds=st.sampled_from([0.0, 0.002, 0.02]))
    def crash(self, seconds: float) -> None:
        async def work() -> None:
            await asyncio.sleep(seconds)
            await self.world.restart()

        self.run(work())

    @rule(seconds=st.sampled_from([0.005, 0.03]))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def teardown(self) -> None:
        try:
            self.run(self.settle())
            self.check()
        finally:
            self.run(self.end())
            self.runner.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    async def settle(self) -> None:
        self.world.desk.faults.heal()
        self.world.mail.faults.heal()
        await self.world.quiet(20.0)
        self.states = {one.message_id: await self.world.state(one.message_id) for one in self.model.answers}

    async def end(self) -> None:
        await self.world.stop()
        await self.database.close()

    def check(self) -> None:
        cards = [post.card.handle for post in self.world.desk.cards() if post.card is not None]
        assert len(cards) == len(set(cards)) == len(self.model.said)
        for who, words in self.model.said.items():
            (thread,) = {
                post.thread_ts
                for post in self.world.desk.posts.values()
                for entry in post.entries
                if isinstance(entry, Said) and entry.text.plain == words[0]
            }
            shown = [e.text.plain for e in self.world.desk.entries(thread) if isinstance(e, Said)]
            assert shown == words
            repeated = [e.text.plain for e in self.world.desk.entries(thread) if isinstance(e, Replied)]
            assert set(repeated) <= {one.words for one in self.model.answers if one.who == who}
            assert len(repeated) == len(set(repeated))
        got = Counter(part.text.plain for _, part in self.world.mail.sent)
        for reply, part in self.world.mail.sent:
            assert reply.to.address == self.names(int(part.text.plain.rpartition(" ")[2]))
        for one in self.model.answers:
            state, count = self.states[one.message_id], got.pop(one.words, 0)
            if one.undone:
                assert (state, count) == (State.CANCELLED, 0)
                continue
            assert state in (State.ACCEPTED, State.FAILED, State.UNCERTAIN)
            assert count <= 1 + one.retries
            if state is State.ACCEPTED:
                assert count >= 1 + (1 if one.bounces and one.retries else 0)
        assert not got, "something reached a customer that no agent sent"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.outbox.DOUBT", 0.005)
    monkeypatch.setattr("bot.outbox.SWEEP", 0.1)


def test_whatever_happens(quick: None) -> None:
    examples = int(os.environ.get("ONETHREAD_MACHINE", "25"))
    run = Machine.TestCase
    run.settings = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run().runTest()
