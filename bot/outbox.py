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
   there; while it cannot be looked up, it waits. A reply: asked of the channel where it can tell, repeated where the channel
   drops duplicates, else *uncertain*.
4. After the attempt, before ``settle`` commits: as 3. Parts of a long reply are stored one by one: one part is in doubt.
5. After ``settle``: done; the lane is free and the next head is due.

The wake-up is an event in the process; timers serve what is due later; a sweep every few seconds stands behind both. A bug in
loading or settling one lane's work stops that lane's work (it fails, or is *uncertain*, and people see it), and no other's.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

import structlog
from sqlalchemy import Connection

from bot import replies
from bot.contract import Adapter, BlobStore
from bot.conversations import CARD_BUCKET, MARK_BUCKET
from bot.delivery import settle
from bot.delivery.attempt import Attempts, Fetch, Unanswered
from bot.delivery.claim import Claimed, Claims, claim_round
from bot.delivery.work import OpenCard, Refresh, Talk, Upload, Work
from bot.desk import Desk
from bot.errors import PlaceGone, StorageError
from bot.messages import InboxId, TeamId
from bot.pace import Pace
from bot.policy import CorePolicy, PacePolicy, Rate
from bot.retry import Decision, RetryPolicy, Verdict, decide
from bot.storage import lanes
from bot.storage.database import Database
from bot.storage.lanes import Delivery

log = structlog.get_logger(__name__)

SWEEP = 3.0
"""Seconds between looks at the whole queue, behind the events."""
CONCURRENT = 32
"""The most lanes of one bucket that are worked on at the same time."""
DOUBT = 3.0
"""Seconds before a post that may have been made is looked up: Slack may still be busy with it."""
DOUBTS = 8
"""After so many unclear attempts a post to the desk is given up, and people are told."""
GONE = 30.0
"""Seconds between attempts at a Slack channel that cannot be used."""
SOON = 10.0
"""A reply that waits longer than so many seconds for its channel's limit says so, and says it anew as often."""
WORKSPACE = "workspace"

Trouble = Callable[[str, str], Awaitable[None]]
"""Tells people something that concerns no one customer: (what it is about, the sentence)."""


async def rest(woken: asyncio.Event, seconds: float) -> None:
    """Waits until there is new work, at most so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()


Rest = Callable[[asyncio.Event, float], Awaitable[None]]
"""How the outbox waits; a test with a clock of its own gives another."""


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
        rest: Rest = rest,
    ) -> None:
        self._database = database
        self._policy = policy
        self._rates = pace
        self._attempts = Attempts(database, desk, adapters, blobs, fetch, clock)
        self._trouble = trouble
        self._retry = retry or RetryPolicy()
        self._clock = clock
        self._rest = rest
        self._worker = secrets.token_hex(8)
        self._pace = Pace()
        self._due: dict[str, float] = {}
        self._hold_due: float | None = 0.0
        self._woken = asyncio.Event()
        self._active: set[int] = set()
        self._unusable: set[str] = set()
        self._running: dict[str, int] = {}
        self._said_when: dict[str, float] = {}
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

    @property
    def busy(self) -> bool:
        """Whether attempts are under way."""
        return bool(self._active)

    async def run(self) -> None:
        """Works until cancelled; attempts that are under way are given a few seconds to settle."""
        next_sweep = 0.0
        try:
            while True:
                self._woken.clear()
                now = self._clock()
                if now >= next_sweep or next_sweep - now > SWEEP:
                    await self._sweep(now)
                    next_sweep = now + SWEEP
                pause = min(await self._round(now), max(0.0, next_sweep - self._clock()))
                await self._rest(self._woken, pause)
        finally:
            await self._finish()

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=5.0)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _sweep(self, now: float) -> None:
        """Finds what no event told of: work from before a restart, lanes that nobody works on. Forgets idle buckets."""
        try:
            freed = await self._database.write(partial(lanes.free_abandoned, active=set(self._active)))
            ready = await self._database.read(lanes.ready_buckets)
        except Exception as error:
            log.warning("outbox.sweep_failed", error=f"{type(error).__name__}: {error}"[:200])
            return
        for bucket in freed:
            self._due[bucket] = now
        for bucket, due in ready.items():
            self._due[bucket] = min(due, self._due.get(bucket, due))
        self._pace.forget_full(now)

    async def _round(self, now: float) -> float:
        """Claims what may be done now and starts it. Returns how long there is nothing to do, in seconds."""
        wanted: dict[str, int] = {}
        for bucket in sorted(
            self._due, key=self._due.__getitem__
        ):  # who waits longest comes first to shared tokens
            room = self._room(bucket, now) if self._due[bucket] <= now else 0
            if room <= 0 and self._due[bucket] <= now and bucket.startswith("route:"):
                self._say_when(bucket, now)
            if room > 0:
                self._spend(bucket, now, room)
                wanted[bucket] = room
        if wanted or (self._hold_due is not None and self._hold_due <= now):
            try:
                await self._claim(wanted, now)
            except Exception as error:
                log.error("outbox.claim_failed", error=f"{type(error).__name__}: {error}"[:200])
                self.last_error = ("the queue cannot be read", now)
                return 1.0
        return self._pause()

    def _say_when(self, bucket: str, now: float) -> None:
        """Agents whose replies wait for a channel's limit are told when they go out."""
        wait = self._pace.wait(bucket, now)
        if wait < SOON or now - self._said_when.get(bucket, 0.0) < SOON:
            return
        self._said_when[bucket] = now
        each = 1.0 / self._pace.rate(bucket).per_second
        unit = partial(replies.queued, bucket=bucket, wait=wait, each=each, now=now)
        task = asyncio.create_task(self._quietly(self._tell_when(bucket, unit)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell_when(self, bucket: str, unit: Callable[[Connection], set[str]]) -> None:
        told = await self._database.write(unit)
        if not told:  # nobody waited yet: look again soon
            self._said_when[bucket] -= SOON - 1.0
        self.wake(told)

    async def _claim(self, wanted: dict[str, int], now: float) -> None:
        """Claims and starts. The tokens in ``wanted`` are spent already; those that are not used are given back."""
        for bucket in wanted:
            del self._due[bucket]  # an event that comes while we claim puts it back
        self._hold_due = None
        unused = dict(wanted)
        try:
            claims = await self._claim_carefully(wanted, now)
        except BaseException:
            for bucket in wanted:
                self._due[bucket] = now + 1.0
            self.hold_until(now + 1.0)
            raise
        else:
            for one in claims.claimed:
                unused[one.lane.bucket] -= 1
                self._start(one)
        finally:
            for bucket, count in unused.items():
                self._give_back(bucket, now, count)
        if claims.next_hold is not None:
            self.hold_until(claims.next_hold)
        for bucket, due in claims.due.items():
            self._due[bucket] = min(due, self._due.get(bucket, due))

    async def _claim_carefully(self, wanted: dict[str, int], now: float) -> Claims:
        """One lane that cannot be loaded (a bug) must not stop the others: then each is loaded under a savepoint."""
        unit = partial(
            claim_round,
            policy=self._policy,
            wanted=wanted,
            worker=self._worker,
            key=secrets.token_hex(10),
            now=now,
        )
        try:
            return await self._database.write(partial(unit, carefully=False))
        except StorageError:
            raise
        except Exception as error:
            log.exception("outbox.bug", error=type(error).__name__, where="claim")
            return await self._database.write(partial(unit, carefully=True))

    def _room(self, bucket: str, now: float) -> int:
        """How many lanes of a bucket may be worked on now."""
        if self._running.get(bucket, 0) >= CONCURRENT:
            return 0
        self._know(bucket, now)
        room = min(self._pace.available(bucket, now), CONCURRENT - self._running.get(bucket, 0))
        if bucket.startswith("desk:"):
            room = min(room, self._pace.available(WORKSPACE, now))
        return room

    def _know(self, bucket: str, now: float) -> None:
        if bucket.startswith("desk:") and not self._pace.known(WORKSPACE):
            self._pace.limit(WORKSPACE, self._rates.workspace, now)
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
        self._active.add(one.lane.id)
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
            self._active.discard(one.lane.id)
            self._running[bucket] -= 1
            if not self._running[bucket]:
                del self._running[bucket]
            self._woken.set()  # there is room again

    async def _attempt(self, one: Claimed) -> None:
        done = settle.Settlement(self._policy, one.lane, self._worker, self._clock)
        try:
            settled = await self._attempts.make(one.work, done)
            if self._unusable:
                self._unusable.discard(_channel(one.work))
        except StorageError:
            raise
        except Exception as error:
            settled = self._failed(one, error, done)
        try:
            woken = await self._database.write(settled)
        except StorageError:
            raise
        except Exception as error:
            log.exception("outbox.bug", lane=one.lane.id, kind=one.lane.kind, where="settle")
            reason = f"what became of it could not be stored ({type(error).__name__})"
            self.last_error = (reason, self._clock())
            woken = await self._database.write(done.stuck(one.work, reason))
        if woken:
            self.wake(woken)

    def _failed(self, one: Claimed, error: Exception, done: settle.Settlement) -> settle.Settle:
        """What becomes of a lane whose attempt raised. Returns the unit that settles it."""
        now = self._clock()
        unanswered = isinstance(error, Unanswered)
        cause = error.cause if isinstance(error, Unanswered) else error
        verdict = decide(cause, one.attempts, one.age, self._retry)
        log.warning(
            "outbox.attempt_failed",
            lane=one.lane.id,
            kind=one.lane.kind,
            work=type(one.work).__name__,
            attempt=one.attempts,
            verdict=verdict.verdict.value,
            error=type(cause).__name__,
            reason=verdict.reason,
        )
        self.last_error = (verdict.reason, now)
        if verdict.freeze:
            self._know(one.lane.bucket, now)
            self._pace.freeze(one.lane.bucket, now, verdict.freeze)
        if one.lane.kind == lanes.ROUTE:
            run = list(getattr(one.work, "run", []))
            if run and run[0].op in settle.CHANGES:
                return self._change_failed(one, run, verdict, done)
            if unanswered and verdict.verdict is not Verdict.RETRY:
                verdict = replace(verdict, verdict=Verdict.UNCERTAIN)
            return done.send_failed(run, verdict, certain=not unanswered)
        if isinstance(cause, PlaceGone):
            return self._place_gone(one, cause, done)
        if verdict.verdict is Verdict.RETRY:
            return done.postponed(one.work, verdict.reason, verdict.delay, certain=not unanswered)
        if (unanswered or verdict.verdict is Verdict.UNCERTAIN) and one.attempts < DOUBTS:
            return done.postponed(one.work, verdict.reason, DOUBT * one.attempts, certain=False)
        if isinstance(one.work, Talk) and len(one.work.run) > 1 and verdict.verdict is Verdict.FAILED:
            return done.apart(one.work.run)
        return done.desk_failed(one.work, verdict.reason)

    def _change_failed(
        self, one: Claimed, run: list[Delivery], verdict: Decision, done: settle.Settlement
    ) -> settle.Settle:
        """Changing what was sent may be repeated: doing it twice is doing it once."""
        if verdict.verdict is Verdict.RETRY:
            return done.postponed(one.work, verdict.reason, verdict.delay, certain=True)
        if verdict.verdict is Verdict.UNCERTAIN and one.attempts < DOUBTS:
            return done.postponed(one.work, verdict.reason, DOUBT * one.attempts, certain=True)
        return done.change_failed(run, verdict.reason)

    def _place_gone(self, one: Claimed, error: PlaceGone, done: settle.Settlement) -> settle.Settle:
        """The thread or the channel is gone: a thread is made anew; a channel needs a person, who is told once."""
        channel = _channel(one.work)
        if not error.whole_channel and not isinstance(one.work, OpenCard):
            return done.replaced(one.work, secrets.token_hex(13), error.reason, None)
        if channel not in self._unusable:
            self._unusable.add(channel)
            self._tell(
                f"channel:{channel}",
                f"The Slack channel <#{channel}> cannot be used: {error.reason} Customers' messages wait and nothing is "
                "lost. Un-archive it or invite the bot, or set teams.….fallback_channel in app.yaml.",
            )
        team = self._policy.teams.get(TeamId(one.lane.team or ""))
        if team is not None and team.fallback_channel and team.fallback_channel != channel:
            return done.replaced(one.work, secrets.token_hex(13), error.reason, team.fallback_channel)
        delay = GONE
        if one.lane.kind == lanes.DESK:
            self._know(one.lane.bucket, self._clock())
            self._pace.freeze(one.lane.bucket, self._clock(), GONE)
        else:  # its bucket serves other channels too
            delay = min(GONE * one.attempts, 10 * GONE)
        unposted = not isinstance(one.work, Talk | OpenCard) or one.work.since is None
        return done.postponed(one.work, error.reason, delay, certain=unposted)

    def _tell(self, about: str, text: str) -> None:
        task = asyncio.create_task(self._quietly(self._trouble(about, text)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, tell: Awaitable[None]) -> None:
        try:
            await tell
        except Exception as error:
            log.error("outbox.trouble_not_told", error=type(error).__name__)


def _channel(todo: Work) -> str:
    """The Slack channel that work is for, "" where it has none."""
    if isinstance(todo, OpenCard):
        return todo.channel
    return todo.place.channel if isinstance(todo, Talk | Upload | Refresh) else ""
