"""Worked examples as people write them: lines of what happens at which time, and the ledger that has to come of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.clockwork.promises import Promises, usual
from bot.commands.desk_services import Priority
from bot.commands.types import Agent
from bot.messages import AgentId
from bot.settings.policies import rule_of
from bot.settings.sections_sla import HoursSection, Sla
from bot.storage.clocks import STOPPED, Clock, Happened
from tests.sla.stage import AMIR, KIM, TEAMS, Stage

_LINE = re.compile(
    r"(?:(?P<day>[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2}(?: \d{4})?) )?(?P<time>\d\d:\d\d(?::\d\d)?b?) (?P<what>.+)"
)
_YEAR = 2026
AGENTS = {"kim": KIM, "amir": AMIR}


class Times:
    """Moments as an example writes them: the day may be left out where it is the last one's; ``b``: the second 02:30."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self._day = ""

    def read(self, line: str) -> tuple[float, str]:
        """The moment at the start of a line, and what follows."""
        found = _LINE.fullmatch(line)
        assert found is not None, f"not a time and what happens: {line!r}"
        self._day = found["day"] or self._day
        return self.moment(self._day, found["time"]), found["what"]

    def moment(self, day: str, time: str) -> float:
        """A moment from its two halves; the weekday has to fit."""
        parts = day.split()
        year = parts[3] if len(parts) > 3 else str(_YEAR)
        second, time = time.endswith("b"), time.removesuffix("b")
        form = "%d %b %Y %H:%M:%S" if time.count(":") == 2 else "%d %b %Y %H:%M"
        words = f"{parts[1]} {parts[2]} {year} {time}"
        at = datetime.strptime(words, form).replace(tzinfo=self.zone, fold=int(second))
        assert at.strftime("%a") == parts[0], f"{day} is a {at:%a}"
        return at.timestamp()

    def say(self, at: float) -> str:
        """``Mon 23 Nov 09:50``, with seconds where there are some, and the year where it is another."""
        shown = datetime.fromtimestamp(round(at, 3), self.zone)
        year = "" if shown.year == _YEAR else f" {shown.year}"
        seconds = f":{shown.second:02d}" if shown.second else ""
        second = "b" if shown.fold else ""
        return f"{shown:%a} {shown.day} {shown:%b}{year} {shown:%H:%M}{seconds}{second}"


@dataclass(frozen=True)
class Example:
    """One worked example."""

    name: str
    events: list[str]
    expect: dict[str, list[str]]
    given: dict[str, Any]
    zone: str = "Europe/Berlin"
    undo: float = 0.0
    steps: bool = False
    why: list[str] | None = None


def promises_of(given: dict[str, Any]) -> Promises:
    """What an example promises, written as in app.yaml."""
    rules = tuple(rule_of(Sla.model_validate(one)) for one in given.get("sla", ()))
    usually = given.get("usual", {"email": 3600.0, "chat": 300.0})
    return Promises(
        (*rules, *usual(usually)),
        {name: HoursSection.model_validate(one).hours() for name, one in given.get("hours", {}).items()},
        given.get("teams", {"support": "office"}),
        given.get("zone", "UTC"),
    )


class Script:
    """Plays an example on a stage."""

    def __init__(self, stage: Stage, example: Example, times: Times) -> None:
        self.stage = stage
        self.example = example
        self.times = times
        self.merges: dict[str, int] = {}

    async def play(self) -> None:
        """Everything, each at its time."""
        for line in self.example.events:
            at, what = self.times.read(line)
            await self.stage.until(at)
            assert self.stage.at == at, f"{line}: it is later already"
            await self.act(what)
            await self.stage.settle()

    async def act(self, what: str) -> None:
        """One thing that happens."""
        for pattern, done in _VERBS:
            found = re.fullmatch(pattern, what)
            if found is not None:
                await done(self, **found.groupdict())
                return
        raise AssertionError(f"nobody knows how to do this: {what!r}")

    async def writes(self, who: str, way: str | None, how: str | None) -> None:
        automated = "out of office" if how == "automatically" else None
        await self.stage.writes(who, way or "mail", automated=automated, verified=how != "unproven")

    async def replies(self, agent: str, who: str, way: str | None) -> None:
        await self.stage.replies_to(who, AGENTS[agent], way)

    async def undoes(self) -> None:
        await self.stage.undoes()

    async def bounces(self, number: str | None) -> None:
        replies = self.stage.replies
        await self.stage.bounces(replies[int(number) - 1] if number else None)

    async def unsends(self, number: str | None) -> None:
        replies = self.stage.replies
        await self.stage.unsends(replies[int(number) - 1] if number else None)

    async def edits(self) -> None:
        await self.stage.edits()

    async def refuses(self, way: str) -> None:
        self.stage.fails(way)

    async def again(self) -> None:
        await self.stage.world.casework.retry(self.stage.replies[-1], KIM, self.stage.source("retry"))

    async def machine(self, who: str) -> None:
        await self.stage.answered_by_machine(who)

    async def notes(self, agent: str, who: str) -> None:
        person = await self.stage.person(who)
        from bot.messages import Text

        await self.stage.world.casework.note(
            person.customer_id, person.team, AGENTS[agent], Text("a note"), self.stage.source("note")
        )

    async def changes(self, agent: str, verb: str, who: str) -> None:
        person = await self.stage.person(who)
        work, source = self.stage.world.casework, self.stage.source(verb)
        given = (person.customer_id, person.team, AGENTS[agent], source)
        if verb == "resolves":
            await work.resolve(*given)
        elif verb == "reopens":
            await work.reopen(*given)
        elif verb == "wakes":
            await work.snoozes.wake(*given)
        elif verb == "takes":
            await work.assign(
                person.customer_id, person.team, AGENTS[agent], AgentId(AGENTS[agent].id), source
            )
        elif verb == "blocks":
            await work.block(person.customer_id, AGENTS[agent], True, source)
        elif verb == "unblocks":
            await work.block(person.customer_id, AGENTS[agent], False, source)
        elif verb == "resumes":
            await work.sla.resume(*given)
        else:
            assert verb == "awaits", verb
            await work.desk.pending(*given)

    async def pauses(self, agent: str, who: str, reason: str) -> None:
        person = await self.stage.person(who)
        await self.stage.world.casework.sla.pause(
            person.customer_id, person.team, AGENTS[agent], reason, self.stage.source("pause")
        )

    async def snoozes(self, agent: str, who: str, until: str) -> None:
        at, _ = Times(self.example.zone).read(f"{until} x")
        person = await self.stage.person(who)
        await self.stage.world.casework.snoozes.snooze(
            person.customer_id, person.team, AGENTS[agent], at, "", self.stage.source("snooze")
        )

    async def prioritises(self, agent: str, who: str, priority: str) -> None:
        person = await self.stage.person(who)
        await self.stage.world.casework.desk.prioritise(
            person.customer_id,
            person.team,
            AGENTS[agent],
            Priority(priority),
            self.stage.source("priority"),
        )

    async def tags(self, agent: str, who: str, tag: str) -> None:
        person = await self.stage.person(who)
        await self.stage.world.casework.desk.tag(
            person.customer_id, person.team, AGENTS[agent], (tag,), (), self.stage.source("tag")
        )

    async def sets(self, agent: str, who: str, name: str, value: str) -> None:
        person = await self.stage.person(who)
        await self.stage.world.casework.profile.set(
            person.customer_id, person.team, AGENTS[agent], {name: value}, self.stage.source("set")
        )

    async def moves(self, agent: str, who: str, team: str) -> None:
        person = await self.stage.person(who)
        await self.stage.world.casework.desk.transfer(
            person.customer_id, person.team, AGENTS[agent], TEAMS[team], "", self.stage.source("transfer")
        )

    async def merge(self, agent: str, who: str, into: str) -> None:
        made = await self.stage.world.casework.merging.merge(
            self.stage.customers[into],  # type: ignore[arg-type]
            self.stage.customers[who],  # type: ignore[arg-type]
            AGENTS[agent],
            self.stage.source("merge"),
        )
        self.merges[who] = made.merge_id

    async def part(self, agent: str, who: str) -> None:
        await self.stage.world.casework.merging.unmerge(
            self.merges[who], AGENTS[agent], self.stage.source("unmerge")
        )

    async def restarts(self, name: str | None) -> None:
        given = self.example.given
        changed = given.get("later", {}).get(name) if name else None
        await self.stage.restart(promises_of({**given, **changed}) if changed else None)

    async def nothing(self) -> None:
        return


Act = Callable[..., Awaitable[None]]
_WHO = r"(?P<who>[a-z]+)"
_AGENT = r"(?P<agent>kim|amir)"
_VERBS: tuple[tuple[str, Act], ...] = (
    (rf"{_WHO} writes(?: by (?P<way>mail|chat|press))?(?: (?P<how>automatically|unproven))?", Script.writes),
    (rf"{_AGENT} replies to {_WHO}(?: by (?P<way>mail|chat|press))?", Script.replies),
    (r"kim takes the reply back", Script.undoes),
    (r"the reply comes back|reply (?P<number>\d) comes back", Script.bounces),
    (r"kim unsends the reply|kim unsends reply (?P<number>\d)", Script.unsends),
    (r"kim changes the reply", Script.edits),
    (r"the (?P<way>mail|chat|press) refuses the next reply", Script.refuses),
    (r"kim sends it again", Script.again),
    (rf"an automatic answer goes to {_WHO}", Script.machine),
    (rf"{_AGENT} notes something on {_WHO}", Script.notes),
    (
        rf"{_AGENT} (?P<verb>resolves|reopens|wakes|takes|blocks|unblocks|resumes|awaits) {_WHO}",
        Script.changes,
    ),
    (rf"{_AGENT} pauses {_WHO} because (?P<reason>.+)", Script.pauses),
    (rf"{_AGENT} snoozes {_WHO} until (?P<until>.+)", Script.snoozes),
    (rf"{_AGENT} makes {_WHO} (?P<priority>low|normal|high|urgent)", Script.prioritises),
    (rf"{_AGENT} tags {_WHO} (?P<tag>\w+)", Script.tags),
    (rf"{_AGENT} sets (?P<name>\w+) of {_WHO} to (?P<value>\w+)", Script.sets),
    (rf"{_AGENT} gives {_WHO} to (?P<team>\w+)", Script.moves),
    (rf"{_AGENT} merges {_WHO} into (?P<into>\w+)", Script.merge),
    (rf"{_AGENT} unmerges {_WHO}", Script.part),
    (r"the bot restarts(?: with (?P<name>.+))?", Script.restarts),
    (r"nothing happens", Script.nothing),
)


def told(one: Clock, events: list[Happened], times: Times, *, steps: bool = False) -> list[str]:
    """A clock's ledger as examples write it."""
    lines = [f"{times.say(one.started_at)} starts"]
    for event in events:
        if event.what == "step" and not steps:
            continue
        lines.append(f"{times.say(event.at)} {_event(event, times)}")
    due = f"due {times.say(one.due_at)}, " if one.due_at is not None else ""
    state = (
        one.cause if one.state == STOPPED else f"paused ({one.cause})" if one.state == "paused" else "runs"
    )
    kept = "late" if one.breached_at is not None else "in time"
    lines.append(f"{due}{state}, {kept}, by {one.policy}")
    return lines


def _event(event: Happened, times: Times) -> str:
    if event.what == "policy" and event.detail:
        before, after = event.detail["from"], event.detail["to"]
        hours = "" if before["hours"] == after["hours"] else ", other hours"
        return f"{event.reason}: {before['target'] / 60:g} min became {after['target'] / 60:g} min{hours}"
    if event.what in ("joined", "parted") and event.detail:
        return f"{event.what}: counts since {times.say(event.detail['to'])}"
    if event.what == "breach":
        return "late"
    return {"pause": "pauses", "resume": "goes on", "stop": "ends", "back": "is back"}.get(
        event.what, event.what
    ) + f" ({event.reason})"


__all__ = ["Agent", "Example", "Script", "Times", "promises_of", "replace", "told"]
