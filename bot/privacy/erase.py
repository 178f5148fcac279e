"""Erasing somebody for good: a job in chunks that any crash only interrupts, and that a restore of a backup begins again.

Promises
--------
* Before anything is taken away, the journal outside of the database holds keyed hashes of their addresses. At each start the
  lines of the journal that the database has not seen (it was restored from an older backup) are done again, before any
  inbox is read: who was erased after that backup is erased in it too.
* From the first transaction on nobody is known any more by name or address. A reply that is going out just then is let go;
  none begins.
* Each chunk takes a few milliseconds of the writer and stores how far the job is; what was begun goes on after a restart.
* What cannot be taken back is told to whoever asked for it: posts of people in Slack belong to them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from bot.cases import prompts
from bot.cases.hands import Hands
from bot.desk import Line, Prompt, ThreadLink
from bot.errors import DeliveryError, StorageError, TemporaryFailure
from bot.privacy import tombstones
from bot.privacy.erasework import KIND, Means, State, Steps, begin
from bot.privacy.journal import Entry
from bot.storage import erasing, inboxes, jobs, people, unshowing

log = structlog.get_logger(__name__)

AGAIN = 30.0
"""Seconds until a job that could not go on is tried again, where nobody says when."""
READ = "erased.jsonl"
"""Under this name the database keeps how much of the journal it has seen."""
SHOWN_LEFT = 25
"""Posts of people that the admin is shown one by one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt at all jobs came to: how many wait still, and the seconds until the next attempt."""

    waiting: int
    pause: float


class Erasing:
    """Erases customers. ``rest`` waits so many seconds."""

    def __init__(
        self, hands: Hands, means: Means, rest: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._hands = hands
        self._database = hands.database
        self._means = means
        self._keys = hands.policy.tombstone_keys
        self._steps = Steps(self._database, means, self._keys, hands.clock, rest)
        self._wanted = asyncio.Event()

    @property
    def longest(self) -> float:
        """Seconds that the longest chunk held the writer."""
        return self._steps.longest

    async def erase(self, ids: Sequence[int], agent: str, by: str) -> None:
        """Begins to erase somebody, all their numbers together. Durable when it returns; ``work_off`` does the rest."""
        now = self._hands.clock()
        found = await self._database.read(partial(erasing.addresses, ids=ids))
        hashes = [one for at in found for one in tombstones.address(self._keys, at.channel, at.address)[:1]]
        await self._means.journal.append(Entry(now, who=tuple(hashes), agent=agent, by=by))
        unit = partial(begin, ids=ids, agent=agent, by=by, hashes=hashes, now=now)
        await self._database.write(unit)
        log.info("erase.begun", customer=ids[0])
        self._wanted.set()

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            self._wanted.clear()
            outcome = await self.work_off()
            try:
                async with asyncio.timeout(outcome.pause if outcome.waiting else None):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def work_off(self) -> Outcome:
        """Does all jobs that wait, as far as they can be done now."""
        waiting, pause = 0, AGAIN
        try:
            rows = await self._database.read(partial(jobs.waiting, kind=KIND))
        except StorageError:
            return Outcome(1, AGAIN)
        for row in rows:
            try:
                await self._job(row)
            except TemporaryFailure as error:
                waiting += 1
                pause = min(pause, error.retry_after or AGAIN)
                log.warning("erase.waits", customer=row.subject, why=error.reason)
            except (DeliveryError, StorageError, OSError) as error:
                waiting += 1
                log.warning("erase.waits", customer=row.subject, error=type(error).__name__)
            except Exception:
                waiting += 1
                log.exception("erase.bug", customer=row.subject)
        return Outcome(waiting, pause)

    async def _job(self, row: Any) -> None:
        state: State = json.loads(row.progress)
        while state["step"] != "end":
            state = await self._steps.advance(row.id, state)
        await self._hands.change(partial(self._end, job=row, state=state))
        await self._steps.tidy()
        log.info("erase.done", customer=row.subject, **state["done"])

    def _end(self, connection: Connection, job: Any, state: State) -> tuple[None, set[str]]:
        now = self._hands.clock()
        jobs.progressed(connection, job.id, {"done": state["done"]}, now, state=jobs.DONE)
        if not job.agent:
            return None, set()
        told = Prompt(tuple(_report(int(job.subject), state)), now)
        return None, prompts.to_person(connection, job.agent, told, f"erase:{job.subject}", now)

    # After a restore

    async def replay(self) -> int:
        """Does again what the journal knows and the database does not; returns how many people are erased again.

        Before any inbox is read: nobody can write from an address in the meantime.
        """
        offset = int(await self._database.read(partial(inboxes.get_state, inbox="", key=READ)) or 0)
        people_gone: list[Entry] = []
        while True:
            entries, end = await self._means.journal.after(offset)
            if end == offset and not entries:
                break
            for entry in entries:
                unit = partial(erasing.add_tombstones, hashes=entry.who + entry.said, at=entry.at)
                await self._database.write(unit)
            people_gone += [one for one in entries if one.who]
            offset = end
        again = await self._again(people_gone) if people_gone else 0
        await self._database.write(partial(inboxes.set_state, inbox="", key=READ, value=str(offset)))
        return again

    async def _again(self, entries: Sequence[Entry]) -> int:
        """Erases whoever is in the database from before they were erased."""
        when = {one: entry for entry in entries for one in entry.who}
        found: dict[int, Entry] = {}
        after = 0
        while rows := await self._database.read(partial(unshowing.some_identities, after=after, most=1000)):
            for row in rows:
                for one in tombstones.address(self._keys, row.channel, row.address):
                    entry = when.get(one)
                    if entry is not None and row.created_at <= entry.at:
                        found[row.customer_id] = entry
            after = rows[-1].id
        done: set[int] = set()
        for customer_id, entry in found.items():
            ids = await self._database.read(partial(people.family, customer_id=customer_id))
            if ids[0] not in done:
                done.add(ids[0])
                hashes = entry.who
                unit = partial(
                    begin, ids=ids, agent=entry.agent, by=entry.by, hashes=hashes, now=self._hands.clock()
                )
                await self._database.write(unit)
                log.warning("erase.again_after_restore", customer=ids[0])
        return len(done)


def _report(customer_id: int, state: State) -> list[Line]:
    """What the admin is told at the end."""
    done = state["done"]
    lines: list[Line] = [
        (
            f"{people.handle(customer_id)} is erased: {_many(done['messages'], 'message')}, "
            f"{_many(done['files'], 'file')} and {_many(done['posts'], 'Slack post')} are gone.",
        )
    ]
    left = [(channel, ts) for channel, ts in state["left"]]
    if left:
        count = len(left) + state["more"]
        lines.append(
            (
                f"{_many(count, 'message')} of your team in their thread can only be deleted by hand, in Slack:",
            )
        )
        lines += [
            (ThreadLink(f"message {number}", channel, ts),)
            for number, (channel, ts) in enumerate(left[:SHOWN_LEFT], 1)
        ]
        if count > SHOWN_LEFT:
            lines.append((f"… and {count - SHOWN_LEFT} more in the same thread.",))
    return lines


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
