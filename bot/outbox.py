"""What must reach somebody, reaches them: claim → attempt → settle, for every lane.

Promises
--------
* A delivery that was stored is attempted until it is accepted, has failed for good, or is uncertain; a person is told of the
  last two. It survives any crash, because it is a row that only ``settle`` moves on.
* Deliveries of one lane leave in their order; nothing overtakes. A head that failed or is uncertain lets the next one go.
* Nothing is sent twice by us: what may have happened is looked up (Slack posts carry our key) or marked *uncertain* and shown
  to an agent (SMTP after DATA). A reply is never repeated on our own account when it may have arrived.
* A 429 freezes only its own bucket. Posts wait for the tokens of their Slack channel and of the workspace; replies to customers
  have buckets of their own and never wait behind posts.

What a crash leaves, step by step
---------------------------------
1. Before the claim commits: nothing happened; the lane is free.
2. After the claim, before the attempt: the lane has an owner that is gone; ``free_abandoned`` gives it back at start. A post
   says *sending* already, so it is looked up before it is posted. A reply does not yet, so it is sent.
3. During the attempt: the delivery says *sending*. A post is looked up by its key (``desk.find``) and posted only if it is not
   there. A reply: asked of the channel where it can tell, repeated where the channel drops duplicates, else *uncertain*.
4. After the attempt, before ``settle`` commits: as 3. Parts of a long reply are stored one by one: one part is in doubt.
5. After ``settle``: done; the lane is free and the next head is due.

The wake-up is an event in the process; timers serve what is due later; a sweep every few seconds stands behind both.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import structlog
from sqlalchemy import Connection

from bot import settle, work
from bot.capabilities import fit
from bot.contract import Adapter, BlobStore, SupportsFind
from bot.conversations import CARD_BUCKET, MARK_BUCKET
from bot.desk import Desk, Place
from bot.errors import PermanentFailure, PlaceGone, StorageError, UncertainFailure
from bot.messages import Attachment, InboxId, Part, Receipt, TeamId
from bot.pace import Pace
from bot.policy import CorePolicy, PacePolicy, Rate
from bot.retry import RetryPolicy, Verdict, decide
from bot.storage import lanes
from bot.storage.database import Database
from bot.storage.lanes import Lane
from bot.work import Nothing, OpenCard, Refresh, Remark, Send, Talk, Upload, Work

log = structlog.get_logger(__name__)

SWEEP = 3.0
"""Seconds between looks at the whole queue, behind the events."""
CONCURRENT = 32
"""The most lanes of one bucket that are worked on at the same time."""
DOUBT = 3.0
"""Seconds before a post that may have been made is looked up: Slack may still be busy with it."""
DOUBTS = 8
"""After so many unclear attempts a post to the desk is given up, and people are told."""
WORKSPACE = "workspace"

Fetch = Callable[[str], Awaitable[bytes]]
"""Fetches the bytes of a file that an agent put into Slack, from the stored description of where it is."""
Trouble = Callable[[str, str], Awaitable[None]]
"""Tells people something that concerns no one customer: (what it is about, the sentence)."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed lane and what it has to do."""

    lane: Lane
    work: Work
    age: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What one round of claims found out."""

    claimed: list[Claimed]
    due: dict[str, float | None]
    next_hold: float | None
    woken: set[str]


class Outbox:
    """Works the lanes. One per process. ``clock`` gives epoch seconds."""

    def __init__(
        self,
        database: Database,
        policy: CorePolicy,
        pace: PacePolicy,
        desk: Desk,
        adapters: Mapping[InboxId, Adapter],
        blobs: BlobStore,
        fetch: Fetch,
        trouble: Trouble,
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._policy = policy
        self._rates = pace
        self._desk = desk
        self._adapters = adapters
        self._blobs = blobs
        self._fetch = fetch
        self._trouble = trouble
        self._retry = retry or RetryPolicy()
        self._clock = clock
        self._worker = secrets.token_hex(8)
        self._pace = Pace()
        self._pace.limit(WORKSPACE, pace.workspace, clock())
        self._due: dict[str, float] = {}
        self._hold_due: float | None = 0.0
        self._woken = asyncio.Event()
        self._active: dict[int, str] = {}
        self._running: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.last_error: tuple[str, float] | None = None

    def wake(self, buckets: set[str]) -> None:
        """There is new work in these buckets."""
        now = self._clock()
        for bucket in buckets:
            self._due[bucket] = min(now, self._due.get(bucket, now))
        self._woken.set()

    def hold_until(self, when: float) -> None:
        """A delivery is held until then."""
        if self._hold_due is None or when < self._hold_due:
            self._hold_due = when
            self._woken.set()

    async def run(self) -> None:
        """Works until cancelled; attempts that are under way are given a few seconds to settle."""
        await self._database.write(partial(lanes.free_abandoned, active=set()))
        next_sweep = 0.0
        try:
            while True:
                self._woken.clear()
                now = self._clock()
                if now >= next_sweep or next_sweep - now > SWEEP:
                    await self._sweep(now)
                    next_sweep = now + SWEEP
                pause = min(await self._round(now), max(0.0, next_sweep - self._clock()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
        finally:
            await self._finish()

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=5.0)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _sweep(self, now: float) -> None:
        """Finds what no event told of: work from before a restart, lanes that nobody works on."""
        try:
            freed = await self._database.write(partial(lanes.free_abandoned, active=set(self._active)))
            ready = await self._database.read(lanes.ready_buckets)
        except StorageError as error:
            log.warning("outbox.sweep_failed", error=str(error))
            return
        for bucket in freed:
            self._due[bucket] = now
        for bucket, due in ready.items():
            self._due[bucket] = min(due, self._due.get(bucket, due))

    async def _round(self, now: float) -> float:
        """Claims what may be done now and starts it. Returns how long there is nothing to do, in seconds."""
        wanted = {bucket: self._room(bucket, now) for bucket, due in self._due.items() if due <= now}
        wanted = {bucket: room for bucket, room in wanted.items() if room > 0}
        holds = self._hold_due is not None and self._hold_due <= now
        if wanted or holds:
            try:
                await self._claim(wanted, now)
            except StorageError as error:
                log.warning("outbox.claim_failed", error=str(error))
                return 1.0
        return self._pause()

    async def _claim(self, wanted: dict[str, int], now: float) -> None:
        for bucket, room in wanted.items():
            self._spend(bucket, now, room)
            del self._due[bucket]  # an event that comes while we claim puts it back
        self._hold_due = None
        key = secrets.token_hex(10)
        unit = partial(claim_round, policy=self._policy, wanted=wanted, worker=self._worker, key=key, now=now)
        try:
            claims = await self._database.write(unit)
        except BaseException:
            for bucket, room in wanted.items():
                self._give_back(bucket, now, room)
                self._due[bucket] = now + 1.0
            self._hold_due = now + 1.0
            raise
        if claims.next_hold is not None:
            self.hold_until(claims.next_hold)
        for bucket, due in claims.due.items():
            if due is not None:
                self._due[bucket] = min(due, self._due.get(bucket, due))
        for bucket in claims.woken:
            self._due[bucket] = now
        for one in claims.claimed:
            wanted[one.lane.bucket] -= 1
            self._start(one)
        for bucket, unused in wanted.items():
            self._give_back(bucket, now, unused)

    def _room(self, bucket: str, now: float) -> int:
        """How many lanes of a bucket may be worked on now."""
        self._know(bucket, now)
        room = min(self._pace.available(bucket, now), CONCURRENT - self._running.get(bucket, 0))
        if bucket.startswith("desk:"):
            room = min(room, self._pace.available(WORKSPACE, now))
        return room

    def _know(self, bucket: str, now: float) -> None:
        if self._pace.known(bucket):
            return
        rate: Rate
        if bucket.startswith("desk:"):
            rate = self._rates.desk_channel
        elif bucket == CARD_BUCKET:
            rate = self._rates.cards
        elif bucket == MARK_BUCKET:
            rate = self._rates.marks
        else:
            inbox = InboxId(bucket.partition(":")[2])
            rate = self._rates.inboxes.get(inbox, self._rates.inbox)
        self._pace.limit(bucket, rate, now)

    def _spend(self, bucket: str, now: float, count: int) -> None:
        self._pace.take(bucket, now, count)
        if bucket.startswith("desk:"):
            self._pace.take(WORKSPACE, now, count)

    def _give_back(self, bucket: str, now: float, count: int) -> None:
        if count > 0:
            self._pace.give_back(bucket, now, count)
            if bucket.startswith("desk:"):
                self._pace.give_back(WORKSPACE, now, count)

    def _pause(self) -> float:
        now = self._clock()
        pause = SWEEP
        for bucket, due in self._due.items():
            self._know(bucket, now)
            if self._running.get(bucket, 0) >= CONCURRENT:
                continue  # the end of an attempt wakes us
            wait = max(due - now, self._pace.wait(bucket, now))
            if bucket.startswith("desk:"):
                wait = max(wait, self._pace.wait(WORKSPACE, now))
            pause = min(pause, wait)
        if self._hold_due is not None:
            pause = min(pause, self._hold_due - now)
        return max(pause, 0.0)

    def _start(self, one: Claimed) -> None:
        self._active[one.lane.id] = one.lane.bucket
        self._running[one.lane.bucket] = self._running.get(one.lane.bucket, 0) + 1
        task = asyncio.create_task(self._work(one), name=f"lane-{one.lane.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, one: Claimed) -> None:
        bucket = one.lane.bucket
        try:
            await self._attempt(one)
        except StorageError as error:
            # What was attempted is not settled: the sweep gives the lane back, and the next claim finds out what happened.
            log.error("outbox.settle_failed", lane=one.lane.id, error=str(error))
        except Exception as error:
            log.exception("outbox.bug", lane=one.lane.id, kind=one.lane.kind)
            self.last_error = (f"unexpected {type(error).__name__} while working a lane", self._clock())
        finally:
            self._active.pop(one.lane.id, None)
            self._running[bucket] -= 1
            self.wake({bucket})

    async def _attempt(self, one: Claimed) -> None:
        try:
            settled = await self._do(one)
        except StorageError:
            raise
        except Exception as error:
            settled = self._failed(one, error)
        woken = await self._database.write(settled)
        if woken:
            self.wake(woken)

    async def _do(self, one: Claimed) -> settle.Settle:
        """Makes the attempt. Returns the unit that settles it."""
        todo, lane = one.work, one.lane
        now = partial(settle.Settlement, self._policy, lane, self._worker, self._clock)
        if isinstance(todo, OpenCard):
            ts = await self._open_card(todo)
            return now().card_opened(todo, ts)
        if isinstance(todo, Talk):
            ts = await self._talk(todo)
            return now().talked(todo, ts)
        if isinstance(todo, Upload):
            await self._upload(todo)
            return now().done(todo.run)
        if isinstance(todo, Refresh):
            await self._desk.update_card(todo.place, todo.card)
            return now().done(todo.run)
        if isinstance(todo, Remark):
            await self._remark(todo)
            return now().done(todo.run)
        if isinstance(todo, Send):
            receipt = await self._send(todo)
            return now().sent(todo, receipt)
        if isinstance(todo, Nothing):
            return now().done(todo.run)
        return now().wait(todo)

    async def _open_card(self, todo: OpenCard) -> str:
        if todo.since is not None:
            found = await self._desk.find(Place(todo.channel), todo.key, todo.since)
            if found is not None:
                return found
        return await self._desk.open_card(todo.channel, todo.card, todo.key)

    async def _talk(self, todo: Talk) -> str:
        if todo.since is not None:
            found = await self._desk.find(todo.place, todo.key, todo.since)
            if found is not None:
                return found
        return await self._desk.post(todo.place, todo.entries, todo.key)

    async def _upload(self, todo: Upload) -> None:
        attachment = todo.attachment
        if todo.words is not None:
            blob = await self._blobs.put(todo.words.encode())
            attachment = replace(attachment, blob=blob)
        one = todo.run[0]

        async def save(progress: str) -> None:
            await self._database.write(partial(lanes.save_progress, delivery_id=one.id, progress=progress))

        await self._desk.upload(todo.place, attachment, one.progress, save)

    async def _remark(self, todo: Remark) -> None:
        """A mark that cannot be put (the agent deleted their message) keeps no other from being put."""
        for place, ts, mark in todo.marks:
            with contextlib.suppress(PermanentFailure, PlaceGone):
                await self._desk.mark(place, ts, mark)
        for place, ts, entries in todo.posts:
            with contextlib.suppress(PermanentFailure, PlaceGone):
                await self._desk.update(place, ts, entries)

    async def _send(self, todo: Send) -> Receipt:
        """Sends the parts of a reply that were not accepted before; each is durable before the next goes out."""
        adapter = self._adapters.get(todo.inbox)
        if adapter is None:
            raise PermanentFailure(f"the inbox {todo.inbox} is not configured any more")
        if todo.unfetched:
            todo = await self._fetch_files(todo)
        fitted = fit(todo.reply.text, todo.reply.attachments, adapter.capabilities)
        if not fitted.parts:
            raise PermanentFailure("nothing of it can travel on this channel")
        one = todo.run[0]
        receipt: Receipt | None = None
        again = todo.again
        for part in fitted.parts[todo.done :]:
            if not again:
                mark = partial(lanes.mark_sending, ids=[one.id], key=todo.reply.key, now=self._clock())
                await self._database.write(mark)
            receipt = await self._send_part(adapter, todo, part, again=again)
            again = False
            if part.number < part.of - 1:
                await self._database.write(
                    partial(settle.save_part, todo=todo, part=part.number, receipt=receipt)
                )
        return receipt or Receipt((), settle.moment(self._clock()))

    async def _send_part(self, adapter: Adapter, todo: Send, part: Part, *, again: bool) -> Receipt:
        if again:
            if isinstance(adapter, SupportsFind):
                found = await adapter.find(todo.reply, part)
                if found is not None:
                    return found
            elif not adapter.capabilities.idempotent_send:
                raise UncertainFailure("the bot was stopped while it was being sent")
        return await adapter.send(todo.reply, part)

    async def _fetch_files(self, todo: Send) -> Send:
        """Brings an agent's files from Slack into the blob store, before anything is sent."""
        for attachment_id, _, source in todo.unfetched:
            data = await self._fetch(source)
            blob = await self._blobs.put(data)
            await self._database.write(
                partial(settle.file_fetched, attachment_id=attachment_id, blob=blob, size=len(data))
            )
        message_id = todo.run[0].message_id or 0
        files: tuple[Attachment, ...] = await self._database.read(
            partial(settle.files_of, message_id=message_id)
        )
        return work.with_files(todo, files)

    def _failed(self, one: Claimed, error: Exception) -> settle.Settle:
        """What becomes of a lane whose attempt raised. Returns the unit that settles it."""
        now = self._clock()
        verdict = decide(error, one.attempts, one.age, self._retry)
        log.warning(
            "outbox.attempt_failed",
            lane=one.lane.id,
            kind=one.lane.kind,
            work=type(one.work).__name__,
            attempt=one.attempts,
            verdict=verdict.verdict.value,
            error=type(error).__name__,
            reason=verdict.reason,
        )
        self.last_error = (verdict.reason, now)
        if verdict.freeze:
            self._pace.freeze(one.lane.bucket, now, verdict.freeze)
        settlement = settle.Settlement(self._policy, one.lane, self._worker, self._clock)
        if isinstance(one.work, Send):
            return settlement.send_failed(one.work, verdict)
        if isinstance(error, PlaceGone):
            return self._place_gone(one, error, settlement)
        unclear = verdict.verdict is Verdict.UNCERTAIN
        if unclear and one.attempts < DOUBTS:
            return settlement.postponed(one.work, verdict.reason, DOUBT * one.attempts, certain=False)
        if verdict.verdict is Verdict.RETRY:
            return settlement.postponed(one.work, verdict.reason, verdict.delay, certain=True)
        return settlement.desk_failed(one.work, verdict.reason)

    def _place_gone(self, one: Claimed, error: PlaceGone, settlement: settle.Settlement) -> settle.Settle:
        """The thread or the channel is gone: a thread is made anew; a channel needs a person, who is told once."""
        team = self._policy.teams.get(TeamId(one.lane.team or ""))
        key = secrets.token_hex(13)
        if not error.whole_channel:
            return settlement.replaced(one.work, key, error.reason, None)
        place = one.work.place.channel if isinstance(one.work, Talk | Upload | Refresh) else ""
        place = one.work.channel if isinstance(one.work, OpenCard) else place
        tell = self._trouble(
            f"channel:{place}",
            f"The Slack channel <#{place}> cannot be used: {error.reason}. Customers' messages wait and nothing is lost. "
            "Un-archive it or invite the bot, or set teams.….fallback_channel in app.yaml.",
        )
        task = asyncio.create_task(self._quietly(tell))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if team is not None and team.fallback_channel and team.fallback_channel != place:
            return settlement.replaced(one.work, key, error.reason, team.fallback_channel)
        self._pace.freeze(one.lane.bucket, self._clock(), 30.0)
        return settlement.postponed(one.work, error.reason, 30.0, certain=True)

    async def _quietly(self, tell: Awaitable[None]) -> None:
        try:
            await tell
        except Exception as error:
            log.error("outbox.trouble_not_told", error=type(error).__name__)


def claim_round(
    connection: Connection, *, policy: CorePolicy, wanted: dict[str, int], worker: str, key: str, now: float
) -> Claims:
    """One transaction: releases held deliveries that are due, claims lanes, loads what they have to do."""
    woken, messages = lanes.release_due(connection, now)
    settle.released(connection, messages, now)
    claimed: list[Claimed] = []
    due: dict[str, float | None] = {}
    for bucket, room in wanted.items():
        rows = lanes.claim(connection, bucket, worker, now, room)
        for number, (lane, heads) in enumerate(rows):
            todo = work.load(connection, policy, lane, heads, f"{key}{len(claimed):02x}{number:02x}", now)
            first = heads[0] if heads else None
            age = now - first.created_at if first is not None else 0.0
            claimed.append(Claimed(lane, todo, age, (first.attempts if first is not None else 0) + 1))
        due[bucket] = now if len(rows) == room else lanes.next_due(connection, bucket)
    return Claims(claimed, due, lanes.next_hold(connection), woken)
