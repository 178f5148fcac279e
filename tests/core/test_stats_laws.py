"""Figures against an obvious, slow count of the rows, on generated histories that change again and again."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, update

from bot.commands.stats_services import Asked, Report
from bot.messages import InboxId, TeamId
from bot.policy import CorePolicy, InboxPolicy, TeamPolicy
from bot.stats import fold
from bot.stats.figures import Figures
from bot.stats.recount import recount
from bot.stats.statswork import report
from bot.storage import people
from bot.storage.database import Database, connect
from bot.storage.migrate import migrate
from bot.storage.schema import conversation, message
from bot.storage.schema_clocks import clock
from bot.storage.schema_desk import case_tag
from bot.storage.schema_stats import rating
from bot.storage.stats import split

TEAMS = (TeamId("support"), TeamId("press"))
INBOXES = {
    InboxId("mail"): ("email", "support"),
    InboxId("chat"): ("site", "support"),
    InboxId("news"): ("email", "press"),
}
AGENTS = ("UKIM", "UAMIR", "URUTH")
FIRST = date(2026, 3, 1)
DAYS = 6
BEGIN = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
POLICY = CorePolicy(
    {one: TeamPolicy(one, one.title(), "C1") for one in TEAMS},
    {name: InboxPolicy(name, channel, TeamId(team), name) for name, (channel, team) in INBOXES.items()},
)


@dataclass
class History:
    """Makes and changes rows by a seed."""

    dice: random.Random
    cases: list[int] = field(default_factory=list)

    def moment(self) -> float:
        return BEGIN + self.dice.randrange((DAYS + 2) * 86_400) - 86_400

    def case(self, connection: Connection, customer: int) -> None:
        team = self.dice.choice(TEAMS)
        opened = self.moment()
        values = {
            "customer_id": customer,
            "team": team,
            "status": "resolved",
            "opened_at": opened,
            "resolved_at": opened + 10 if self.dice.random() < 0.5 else None,
            "owner": self.dice.choice((None, *AGENTS)),
            "priority": self.dice.choice(("normal", "high")),
            "excerpt": "",
        }
        case_id = int(
            connection.execute(
                insert(conversation).values(**values).returning(conversation.c.id)
            ).scalar_one()
        )
        self.cases.append(case_id)
        at = opened
        for number in range(self.dice.randrange(6)):
            self.message(connection, case_id, customer, at, number)
            at += self.dice.randrange(1, 90_000)
        for kind in ("first", "next", "resolution"):
            for number in range(1, self.dice.randrange(1, 4)):
                self.clock(connection, case_id, kind, number)
        for tag in self.dice.sample(("complaint", "late", "refund"), self.dice.randrange(3)):
            connection.execute(insert(case_tag).values(conversation_id=case_id, tag=tag))
        if self.dice.random() < 0.4:
            self.rating(connection, case_id, customer)

    def message(self, connection: Connection, case_id: int, customer: int, at: float, number: int) -> None:
        outbound = self.dice.random() < 0.5
        values: dict[str, Any] = {
            "conversation_id": case_id,
            "customer_id": customer,
            "inbox": self.dice.choice(list(INBOXES)),
            "direction": "outbound" if outbound else self.dice.choice(("inbound", "inbound", "note")),
            "dedup_key": f"{case_id}-{number}-{self.dice.random()}",
            "author": "x",
            "text": "x",
            "sent_at": at,
            "created_at": at,
            "agent": self.dice.choice(AGENTS) if outbound else None,
            "state": self.dice.choice(("accepted", "delivered", "failed", "held")) if outbound else None,
            "automated": "bulk" if self.dice.random() < 0.15 else None,
        }
        connection.execute(insert(message).values(**values))

    def clock(self, connection: Connection, case_id: int, kind: str, number: int) -> None:
        started = self.moment()
        took = self.dice.randrange(1, 200_000)
        cause = self.dice.choice(("answered", "resolved", "merged"))
        values = {
            "conversation_id": case_id,
            "kind": kind,
            "number": number,
            "state": "stopped",
            "cause": cause,
            "policy": "p",
            "target": 60.0,
            "hours": "{}",
            "steps": "[]",
            "inbox": self.dice.choice(list(INBOXES)),
            "started_at": started,
            "used": took / 3,
            "breached_at": started + took / 2 if self.dice.random() < 0.4 else None,
            "stopped_at": started + took,
        }
        connection.execute(insert(clock).values(**values))

    def rating(self, connection: Connection, case_id: int, customer: int) -> None:
        asked = self.moment()
        score = self.dice.choice((None, 1, 2, 4, 5))
        values = {
            "conversation_id": case_id,
            "customer_id": customer,
            "inbox": "mail",
            "agent": self.dice.choice(AGENTS),
            "state": "answered" if score else "asked",
            "asked_at": asked,
            "score": score,
            "answered_at": asked + 60 if score else None,
            "created_at": asked,
        }
        connection.execute(insert(rating).values(**values))

    def change(self, connection: Connection) -> None:
        """Something happens to a case that was counted before."""
        case_id = self.dice.choice(self.cases)
        here = conversation.c.id == case_id
        what = self.dice.randrange(8)
        if what == 0:
            connection.execute(update(conversation).where(here).values(owner=self.dice.choice(AGENTS)))
        elif what == 1:
            connection.execute(update(conversation).where(here).values(team=self.dice.choice(TEAMS)))
        elif what == 2:
            connection.execute(delete(case_tag).where(case_tag.c.conversation_id == case_id))
        elif what == 3:
            mine = message.c.conversation_id == case_id
            connection.execute(
                update(message).where(mine, message.c.state == "accepted").values(state="failed")
            )
        elif what == 4:
            other = self.dice.choice(self.cases)
            connection.execute(
                update(message).where(message.c.conversation_id == case_id).values(conversation_id=other)
            )
        elif what == 5:
            newest = (
                select(clock.c.id)
                .where(clock.c.conversation_id == case_id)
                .order_by(clock.c.id.desc())
                .limit(1)
                .scalar_subquery()
            )
            again = {"stopped_at": None, "cause": None, "state": "paused"}
            connection.execute(update(clock).where(clock.c.id == newest).values(**again))
        elif what == 6:
            connection.execute(delete(rating).where(rating.c.conversation_id == case_id))
        else:
            other = self.dice.choice(self.cases)
            connection.execute(update(conversation).where(here).values(joined_to=other))


@dataclass
class Naive:
    """The figures of some teams and days, counted from the rows, one after the other."""

    counts: dict[str, int] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)

    def one(self, metric: str, at: float | None, seconds: float | None = None) -> None:
        if at is None or not BEGIN <= at < BEGIN + DAYS * 86_400:
            return
        self.counts[metric] = self.counts.get(metric, 0) + 1
        if seconds is not None:
            self.times.setdefault(metric, []).append(round(seconds))


def naive(connection: Connection, team: str) -> Naive:
    found = Naive()
    for case in connection.execute(select(conversation).where(conversation.c.team == team)).all():
        rows = connection.execute(
            select(message).where(message.c.conversation_id == case.id).order_by(message.c.id)
        ).all()
        people_said = [
            row for row in rows if row.direction in ("inbound", "outbound") and row.automated is None
        ]
        replies = [
            row
            for row in people_said
            if row.direction == "outbound" and row.state in ("accepted", "delivered")
        ]
        _words(found, people_said, replies)
        clocks = connection.execute(select(clock).where(clock.c.conversation_id == case.id)).all()
        for one in clocks:
            _clock(found, one)
        _ends(found, case, [one for one in clocks if one.kind == "resolution"], people_said, replies)
        tags = set(
            connection.execute(select(case_tag.c.tag).where(case_tag.c.conversation_id == case.id)).scalars()
        )
        first = [one for one in clocks if one.kind == "resolution" and one.number == 1]
        promised = any(one.kind == "resolution" for one in clocks)
        if "complaint" in tags and first:
            found.one("complaint", first[0].started_at)
        elif "complaint" in tags and not promised and case.joined_to is None and people_said:
            found.one("complaint", case.opened_at)
        for row in connection.execute(select(rating).where(rating.c.conversation_id == case.id)).all():
            found.one("asked", row.asked_at)
            if row.score is not None:
                found.one("answered", row.asked_at)
                found.one("rating", row.answered_at)
                if row.score <= 2 and "complaint" not in tags:
                    found.one("complaint", row.answered_at)
    return found


def _words(found: Naive, said: list[Any], replies: list[Any]) -> None:
    channel = ""
    for row in said:
        if row.direction == "inbound":
            found.one("inbound", row.created_at)
            if channel and INBOXES[row.inbox][0] != channel:
                found.one("switch", row.created_at)
            channel = INBOXES[row.inbox][0]
    for row in replies:
        found.one("outbound", row.created_at)
    for day, agent in {(int((row.created_at - BEGIN) // 86_400), row.agent) for row in replies}:
        assert agent
        found.one("handled", BEGIN + day * 86_400)


def _clock(found: Naive, one: Any) -> None:
    end = {"resolution": "resolved"}.get(one.kind, "answered")
    if one.breached_at is not None:
        found.one(f"{one.kind}_missed", one.breached_at)
    if one.stopped_at is None or one.cause != end:
        return
    if one.breached_at is None:
        found.one(f"{one.kind}_kept", one.stopped_at)
    found.one(f"{one.kind}_wall", one.stopped_at, one.stopped_at - one.started_at)
    found.one(f"{one.kind}_work", one.stopped_at, one.used)


def _ends(found: Naive, case: Any, clocks: list[Any], said: list[Any], replies: list[Any]) -> None:
    ends: list[tuple[float, bool]] = []  # when, and whether for the first time
    if clocks:
        for one in clocks:
            if case.joined_to is None:
                found.one("opened" if one.number == 1 else "reopened", one.started_at)
            if one.stopped_at is not None and one.cause == "resolved":
                ends.append((one.stopped_at, one.number == 1))
    elif said and case.joined_to is None:
        found.one("opened", case.opened_at)
        if case.resolved_at is not None:
            ends.append((case.resolved_at, True))
            found.one("resolution_wall", case.resolved_at, case.resolved_at - case.opened_at)
    for at, first in ends:
        found.one("resolved", at)
        answers = sum(row.created_at <= at for row in replies)
        if first:
            found.one("messages", at)
        if (
            first
            and answers == 1
            and (not clocks or len({one.number for one in clocks if one.number > 1}) == 0)
        ):
            found.one("first_contact", at)


COUNTED = (
    *(
        "inbound",
        "outbound",
        "handled",
        "switch",
        "opened",
        "reopened",
        "resolved",
        "messages",
        "first_contact",
    ),
    *("asked", "answered", "rating", "complaint"),
    *(
        f"{kind}_{end}"
        for kind in ("first", "next", "resolution")
        for end in ("kept", "missed", "wall", "work")
    ),
)


def check(figures: Figures, right: Naive) -> None:
    assert {name: figures.count(name) for name in COUNTED} == {
        name: right.counts.get(name, 0) for name in COUNTED
    }
    for name, times in right.times.items():
        speed = figures.speed(name)
        ordered = sorted(times)
        assert speed.mean == pytest.approx(sum(times) / len(times))
        for share, shown in ((0.5, speed.median), (0.9, speed.p90)):
            exact = ordered[max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1)]
            assert shown == pytest.approx(exact, rel=0.021, abs=1.0), (name, share)


async def shown(database: Database, team: TeamId) -> Report:
    asked = Asked((team,), FIRST, FIRST + timedelta(days=DAYS - 1), "agent")
    return await database.read(partial(report, policy=POLICY, asked=asked, now=BEGIN))


async def run(folder: Path, seed: int, changes: int) -> None:
    database = connect(f"sqlite:///{folder}/{seed}-{changes}.db")
    await database.open()
    try:
        await database.write(migrate)
        history = History(random.Random(seed))

        def make(connection: Connection) -> None:
            for _ in range(history.dice.randrange(1, 5)):
                customer = people.add_customer(connection, "x", BEGIN)
                for _ in range(history.dice.randrange(1, 3)):
                    history.case(connection, customer)

        await database.write(make)
        for _ in range(changes + 1):
            await fold.catch_up(database, POLICY)
            for team in TEAMS:
                made = await shown(database, team)
                check(made.whole, await database.read(partial(naive, team=team)))
                parts = sum(group.figures.count("outbound") for group in made.groups)
                assert parts == made.whole.count("outbound"), "the parts make the whole"
            await database.write(history.change)
        found = await recount(database, POLICY)
        assert (found.wrong_cases, found.wrong_cells) == (0, 0)
    finally:
        await database.close()


@given(seed=st.integers(0, 2**32), changes=st.integers(0, 8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_figures_equal_an_obvious_count(
    tmp_path_factory: pytest.TempPathFactory, seed: int, changes: int
) -> None:
    asyncio.run(run(tmp_path_factory.mktemp("stats"), seed, changes))


SEEDS = tuple(range(5))


@pytest.mark.parametrize("seed", SEEDS)
def test_some_histories_in_any_case(tmp_path: Path, seed: int) -> None:
    asyncio.run(run(tmp_path, seed, 12))


@given(first=st.dates(date(2024, 1, 1), date(2027, 1, 1)), length=st.integers(0, 800))
def test_months_and_days_make_the_stretch_each_day_once(first: date, length: int) -> None:
    last = first + timedelta(days=length)
    months, days = split(first, last)
    found = [start + timedelta(days=n) for start, end in days for n in range((end - start).days + 1)]
    for month in months:
        day = date.fromisoformat(f"{month}-01")
        while day.isoformat().startswith(month):
            found.append(day)
            day += timedelta(days=1)
    assert sorted(found) == [first + timedelta(days=n) for n in range(length + 1)]
    assert len(days) <= 2 and (length < 62 or months)
