"""Customers and agents in any order, replies that come back or are taken back, restarts: clocks are as the naive model says."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

import bot.outbox
from bot.clockwork.book import BY_HAND
from bot.clockwork.promises import Promises, usual
from bot.commands.types import Agent
from bot.messages import MessageId
from bot.settings.sections_sla import HoursSection
from bot.storage.clocks import Clock
from tests.sla.naive import START, WEEK, Case, Minutes, Naive, Promise
from tests.sla.stage import AMIR, KIM, Stage, migrated, opened

T = TypeVar("T")
WHO = st.sampled_from(["dana", "erik"])
PASSES = st.sampled_from([1, 7, 29, 30, 31, 59, 60, 61, 240, 900, 2_000])


@cache
def minutes() -> Minutes:
    """Counted once."""
    return Minutes()


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        migrated()
        self.folder = Path(tempfile.mkdtemp(prefix="onethread-sla-"))
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(bot.outbox, "SWEEP", 1e9)
        self.runner = asyncio.Runner()
        hours = HoursSection(zone="Europe/Berlin", week=WEEK).hours()
        promises = Promises(usual({"email": 3600.0}), {"office": hours}, {"support": "office"})
        self.database = self.run(opened(self.folder))
        self.stage = Stage(self.database, promises, START)
        self.run(self.stage.start())
        self.naive = Naive(minutes())
        self.minute = 0
        self.sent: list[MessageId] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @override
    def teardown(self) -> None:
        async def end() -> None:
            await self.stage.stop()
            await self.database.close()

        self.run(end())
        self.runner.close()
        self.patch.undo()
        shutil.rmtree(self.folder, ignore_errors=True)

    def known(self) -> bool:
        return bool(self.naive.cases)

    def someone(self, who: str) -> str:
        """That customer, or the other where that one never wrote."""
        return who if who in self.naive.cases else next(iter(self.naive.cases))

    def case(self, who: str) -> Case:
        case = self.naive.case(who)
        assert case is not None
        return case

    def after(self) -> None:
        self.run(self.stage.settle())

    @rule(passes=PASSES)
    def time_passes(self, passes: int) -> None:
        self.minute += passes
        self.run(self.stage.until(START + self.minute * 60))
        self.naive.look(self.minute)

    @rule(who=WHO)
    def writes(self, who: str) -> None:
        self.run(self.stage.writes(who))
        self.naive.writes(who, self.minute)
        self.after()

    @precondition(known)
    @rule(who=WHO)
    def automated(self, who: str) -> None:
        who = self.someone(who)
        if self.case(who).status != "resolved":
            self.run(self.stage.writes(who, automated="out of office"))
            self.after()

    @precondition(known)
    @rule(who=WHO)
    def machine_answers(self, who: str) -> None:
        self.run(self.stage.answered_by_machine(self.someone(who)))
        self.after()

    @precondition(known)
    @rule(who=WHO)
    def replies(self, who: str) -> None:
        who = self.someone(who)
        self.sent.append(self.run(self.stage.replies_to(who)))
        self.after()
        self.naive.replies(who, len(self.sent) - 1, self.minute)

    @precondition(lambda self: any(n not in self.naive.returned for n in range(len(self.sent))))
    @rule(which=st.integers(0, 50))
    def comes_back(self, which: int) -> None:
        there = [n for n in range(len(self.sent)) if n not in self.naive.returned]
        number = there[which % len(there)]
        self.run(self.stage.bounces(self.sent[number]))
        self.after()
        self.naive.returns(number, self.minute)

    @precondition(lambda self: any(n not in self.naive.returned for n in range(len(self.sent))))
    @rule(which=st.integers(0, 50))
    def is_taken_back(self, which: int) -> None:
        there = [n for n in range(len(self.sent)) if n not in self.naive.returned]
        number = there[which % len(there)]
        self.run(self.stage.unsends(self.sent[number]))
        self.after()
        self.naive.returns(number, self.minute)

    @precondition(lambda self: any(n not in self.naive.returned for n in range(len(self.sent))))
    @rule(which=st.integers(0, 50))
    def is_changed(self, which: int) -> None:
        there = [n for n in range(len(self.sent)) if n not in self.naive.returned]
        self.run(self.stage.edits(self.sent[there[which % len(there)]]))
        self.after()

    def act(self, who: str, verb: str, agent: Agent = KIM) -> None:
        async def work() -> None:
            person = await self.stage.person(who)
            given = (person.customer_id, person.team, agent)
            casework, source = self.stage.world.casework, self.stage.source(verb)
            if verb == "snooze":
                await casework.snoozes.snooze(*given, self.stage.at + 400 * 86_400, "", source)
            elif verb == "wake":
                await casework.snoozes.wake(*given, source)
            elif verb == "pending":
                await casework.desk.pending(*given, source)
            elif verb == "resolve":
                await casework.resolve(*given, source)
            elif verb == "reopen":
                await casework.reopen(*given, source)
            elif verb == "pause":
                await casework.sla.pause(*given, "a reason", source)
            else:
                await casework.sla.resume(*given, source)

        self.run(work())
        self.after()

    @precondition(known)
    @rule(who=WHO, verb=st.sampled_from(["resolve", "reopen", "pending", "snooze", "wake"]))
    def status_changes(self, who: str, verb: str) -> None:
        who = self.someone(who)
        status = self.case(who).status
        allowed = {
            "resolve": status != "resolved",
            "reopen": status == "resolved",
            "pending": status in ("open", "snoozed"),
            "snooze": status in ("open", "pending"),
            "wake": status == "snoozed",
        }
        if allowed[verb]:
            self.act(who, verb)
            becomes = {"resolve": "resolved", "reopen": "open", "snooze": "snoozed", "wake": "open"}
            self.naive.becomes(who, becomes.get(verb, verb), self.minute)

    @precondition(known)
    @rule(who=WHO)
    def a_lead_pauses(self, who: str) -> None:
        who = self.someone(who)
        if any(one.why != "hand" for one in self.case(who).of("first", "next", "resolution")):
            self.act(who, "pause", AMIR)
            self.naive.held(who, self.minute)

    @precondition(known)
    @rule(who=WHO)
    def a_lead_resumes(self, who: str) -> None:
        who = self.someone(who)
        if any(one.why == "hand" for one in self.case(who).of("first", "next", "resolution")):
            self.act(who, "resume", AMIR)
            self.naive.goes_on(who, self.minute)

    @precondition(known)
    @rule(who=WHO, on=st.booleans())
    def vip(self, who: str, on: bool) -> None:
        who = self.someone(who)

        async def work() -> None:
            person = await self.stage.person(who)
            profile = self.stage.world.casework.profile
            given = {"vip": "yes" if on else None}
            await profile.set(person.customer_id, person.team, KIM, given, self.stage.source("vip"))

        self.run(work())
        self.naive.is_vip(who, on, self.minute)
        self.after()

    @rule()
    def restarts(self) -> None:
        self.run(self.stage.restart())

    @invariant()
    def the_clocks_are_as_counted_naively(self) -> None:
        for who, many in self.naive.cases.items():
            ledger = self.run(self.stage.ledger(who))
            ids = sorted({case_id for case_id, _, _ in ledger})
            for number, case in enumerate(many):
                found = sorted(_seen(one) for case_id, one, _ in ledger if case_id == ids[number])
                assert found == sorted(self._wanted(case)), f"case {number + 1} of {who}"

    def _wanted(self, case: Case) -> list[tuple[Any, ...]]:
        numbers: dict[str, int] = {}
        wanted = []
        for one in case.promises:
            numbers[one.kind] = numbers.get(one.kind, 0) + 1
            due = self._due(one) if one.stopped is None and one.why is None else -1
            state = one.ended if one.stopped is not None else one.why or "runs"
            stopped = -1 if one.stopped is None else one.stopped
            wanted.append((one.kind, numbers[one.kind], one.start, state, due, stopped, one.late))
        return wanted

    def _due(self, one: Promise) -> int:
        if one.late:
            return -2  # when that was is told by the examples
        due = minutes().due(one.periods, one.target)
        assert due is not None
        return due


def _seen(one: Clock) -> tuple[Any, ...]:
    state = one.cause if one.state != "running" else "runs"
    due = -1
    if one.state == "running" and one.due_at is not None:
        due = -2 if one.breached_at is not None else _minute(one.due_at)
    stopped = -1 if one.stopped_at is None else _minute(one.stopped_at)
    named = "hand" if state == BY_HAND else state
    return one.kind, one.number, _minute(one.started_at), named, due, stopped, one.breached_at is not None


def _minute(at: float) -> int:
    return round((at - START) / 60)


Machine.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestMachine = Machine.TestCase
