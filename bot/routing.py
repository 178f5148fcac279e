"""Who gets what comes in: cases that nobody has go to somebody on duty, and owners hear of new words.

It runs beside the way in, woken by it, and looks at what is stored: so it costs the way in nothing, and what it did not do
before a crash it does after it. A case is given in one transaction with the line that says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from bot.cases import acts, prompts
from bot.cases.hands import Hands
from bot.desk import Press, Prompt
from bot.errors import RelayError
from bot.messages import AgentId, InboxId, TeamId
from bot.policy import CorePolicy, RoutingPolicy
from bot.privacy.keys import new_key
from bot.storage import agents, asks, cases, inboxes, jobs, people
from bot.timing import notices

log = structlog.get_logger(__name__)

EVERY = 20.0
"""Seconds between looks where nothing wakes it: somebody else's case may have ended, so that there is room."""
GATHER = 0.3
"""Seconds in which what comes in is gathered."""
AT_ONCE = 50
"""Cases, or messages, of one transaction."""
BOT = "bot"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody on duty who is an agent of the team."""

    id: AgentId
    name: str
    assigned_at: float


class Routing:
    """Gives cases to agents, and tells owners of new words."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something came in, or somebody has room again."""
        self._woken.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._woken.wait()
            self._woken.clear()
            await asyncio.sleep(GATHER)
            try:
                await self.once()
            except RelayError as error:
                log.warning("routing.failed", error=type(error).__name__)

    async def once(self) -> None:
        """Gives away what can be given, and tells what was said."""
        for team in self._hands.policy.teams.values():
            if team.routing.assign != "off":
                await self._give(team.id, team.routing)
        while await self._tell():
            pass

    async def _give(self, team: TeamId, rule: RoutingPolicy) -> None:
        rows = await self._hands.database.read(agents.on_duty)
        ready = []
        for row in rows:
            agent = AgentId(row.agent)
            if await self._hands.directory.is_agent(agent, team):
                name = await self._hands.directory.public_name(agent)
                ready.append(Candidate(agent, name, row.assigned_at))
        await self._changed(partial(give, policy=self._hands.policy, team=team, rule=rule, ready=ready))

    async def _tell(self) -> bool:
        """One portion of what was said; whether there may be more."""
        now = self._hands.clock()
        more, buckets = await self._hands.database.write(partial(tell, policy=self._hands.policy, now=now))
        if buckets:
            self._hands.queue.wake(buckets)
        return more

    async def _changed(self, unit: Any) -> None:
        buckets = await self._hands.database.write(partial(unit, key=new_key(), now=self._hands.clock()))
        if buckets:
            self._hands.queue.wake(buckets)


def live(policy: CorePolicy, inbox: str | None) -> bool:
    """Whether customers wait on the other side of an inbox just now (a chat)."""
    found = policy.inboxes.get(InboxId(inbox or ""))
    return found is not None and found.able.live


def give(
    connection: Connection,
    policy: CorePolicy,
    team: TeamId,
    rule: RoutingPolicy,
    ready: Sequence[Candidate],
    key: str,
    now: float,
) -> set[str]:
    """A unit: gives cases that nobody has to those who are ready and have room."""
    buckets = _take_back(connection, policy, team, key, now)
    waiting = agents.unowned(connection, team, AT_ONCE)
    if not waiting:
        return buckets
    has: Counter[tuple[str, bool]] = Counter()
    for row in agents.load(connection, [one.id for one in ready]):
        has[row.owner, live(policy, row.inbox)] += 1
    last = {one.id: one.assigned_at for one in ready}
    for number, case in enumerate(waiting):
        kind = live(policy, case.inbox)
        room = rule.live if kind else rule.others
        free = [one for one in ready if not room or has[one.id, kind] < room]
        if not free:
            continue
        chosen, why = _choose(connection, rule, free, case, team, has, last)
        has[chosen.id, kind] += 1
        last[chosen.id] = now + number * 1e-6  # in the order in which they were given
        agents.was_given(connection, chosen.id, last[chosen.id])
        cases.change(connection, case.id, owner=chosen.id)
        line = f"{chosen.name} has it now: {why}"
        inboxes.write_audit(connection, BOT, "assign", case.customer_id, line, now)
        buckets |= acts.say(connection, policy, case.customer_id, team, chosen.id, line, key, now)
        buckets |= _hand_over(connection, policy, case.id, now)
    return buckets


def _hand_over(connection: Connection, policy: CorePolicy, case_id: int, now: float) -> set[str]:
    """The new owner hears of what was said while nobody had the case; ``tell`` has gone over it, and tells what comes."""
    told = json.loads(_told(connection, now).progress)
    said: list[Any] = []
    for row in agents.said_in(connection, case_id, int(told), AT_ONCE):
        if row.direction == "outbound" and row.automated is None:
            said.clear()
        else:
            said.append(row)
    return _tell_of(connection, policy, said, now, anew=True) if said else set()


def _take_back(connection: Connection, policy: CorePolicy, team: TeamId, key: str, now: float) -> set[str]:
    """A customer came back to somebody who is off duty: the case belongs to the team again."""
    buckets: set[str] = set()
    for case in agents.left_behind(connection, team, AT_ONCE):
        cases.change(connection, case.id, owner=None)
        line = "Its owner is off duty: it belongs to the team again"
        inboxes.write_audit(connection, BOT, "unassign", case.customer_id, line, now)
        buckets |= acts.say(connection, policy, case.customer_id, team, case.owner, line, key, now)
    return buckets


def _choose(
    connection: Connection,
    rule: RoutingPolicy,
    free: list[Candidate],
    case: Any,
    team: TeamId,
    has: Counter[tuple[str, bool]],
    last: dict[AgentId, float],
) -> tuple[Candidate, str]:
    if rule.returning:
        family = people.family(connection, case.customer_id)
        before = agents.last_owner(connection, family, team, case.id)
        known = next((one for one in free if one.id == before), None)
        if known is not None:
            return known, "they had their last case"
    if rule.assign == "least_loaded":
        return min(free, key=lambda one: (_load(has, one), last[one.id], one.id)), "they have the fewest"
    return min(free, key=lambda one: (last[one.id], one.id)), "it was their turn"


def _load(has: Counter[tuple[str, bool]], one: Candidate) -> int:
    return has[one.id, True] + has[one.id, False]


def tell(connection: Connection, policy: CorePolicy, now: float) -> tuple[bool, set[str]]:
    """A unit: tells owners what their customers said since the last time; whether there may be more."""
    job = _told(connection, now)
    rows = agents.said_since(connection, int(json.loads(job.progress)), AT_ONCE)
    if not rows:
        return False, set()
    buckets: set[str] = set()
    heard: dict[int, list[Any]] = {}
    for row in rows:
        heard.setdefault(row.conversation_id, []).append(row)
    for said in heard.values():
        buckets |= _tell_of(connection, policy, said, now)
    jobs.progressed(connection, job.id, rows[-1].id, now)
    return len(rows) == AT_ONCE, buckets


def _told(connection: Connection, now: float) -> Any:
    """The job that holds up to which message owners were told; it begins with what is new."""
    job = jobs.find(connection, "tell-owners", "all")
    if job is None:
        jobs.add(connection, "tell-owners", "all", agents.newest_message(connection), now)
        job = jobs.find(connection, "tell-owners", "all")
    assert job is not None
    return job


def _tell_of(
    connection: Connection, policy: CorePolicy, said: list[Any], now: float, *, anew: bool = False
) -> set[str]:
    """Tells the owner of one case. ``anew``: this is all that waits, whatever they were told before."""
    case = said[-1]
    about = f"words:{case.conversation_id}"
    buckets: set[str] = set()
    if any(row.direction == "outbound" and row.automated is None for row in said):
        buckets |= prompts.withdraw(connection, about, (f"answered by {_last_author(said)}",), now)
    by_people = [row for row in said if row.automated is None]
    new = [row for row in by_people if row.direction == "inbound"]
    if not new or by_people[-1].direction == "outbound" or case.owner is None or case.waiting_since is None:
        return buckets
    team = policy.teams.get(TeamId(case.team))
    if team is None or not team.routing.notify:
        return buckets
    named = people.named(connection, [case.customer_id]).get(case.customer_id)
    if named is None or named.blocked:
        return buckets
    before = _unanswered(connection, about)
    known = before is not None and before.owner == case.owner and not anew
    count = len(new) + (before.count if before is not None and known else 0)
    prompt = _prompt(connection, case, named.name, new[-1].text, count, now)
    if before is not None and before.owner == case.owner:
        return buckets | prompts.renew(connection, about, prompt, now, settled=False)
    if before is not None:
        buckets |= prompts.withdraw(connection, about, ("somebody else has it now",), now)
    return buckets | prompts.to_person(connection, case.owner, prompt, about, now)


def _last_author(said: list[Any]) -> str:
    return next(str(row.author) for row in reversed(said) if row.direction == "outbound")


@dataclass(frozen=True, slots=True)
class _Before:
    """What an owner was told and has not answered: whom, and of how many messages."""

    owner: str
    count: int


def _unanswered(connection: Connection, about: str) -> _Before | None:
    for row in asks.about(connection, about):
        payload = json.loads(row.payload)
        if payload["done"] or not payload["buttons"]:
            continue
        target = asks.target_of(connection, row.lane_id)
        packed = json.loads(payload["buttons"][0][2])
        return _Before(target or "", int(packed.get("n", 1)))
    return None


def _prompt(connection: Connection, case: Any, name: str, words: str, count: int, now: float) -> Prompt:
    value = notices.value(case.customer_id, case.team, n=count)
    who = notices.customer(connection, case.customer_id, case.team, name)
    said = " wrote" if count == 1 else f" wrote {count} messages"
    lines = ((who, said), notices.quoted(words) or ("(a file)",))
    return Prompt(lines, now, (Press("Reply", "reply.open", value, "primary"),))
