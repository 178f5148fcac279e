"""The steps of erasing somebody, each in chunks that a crash may cut off anywhere: what is done is stored with the work itself.

    begin    nobody knows them any more: who writes from their addresses from now on is somebody new
    settle   what is being sent or posted just now ends; nothing new begins
    words    every message without its words; tombstones first, files after
    about    notes, attributes, cases' subjects, what adapters keep
    log      the search index and the database's own log hold no old words
    posts    what messages are shown as at the desk is taken away there
    threads  whatever else stands in their threads, and the cards
    notices  what people were told of them elsewhere, and exports that they were given
    end      the log once more; the admin is told

Until ``about`` is done, the job's row still holds the addresses, for adapters and old notes.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import Connection

from bot import sla
from bot.contract import Adapter, BlobStore, SupportsForget
from bot.desk import Desk, Place
from bot.messages import BlobId, InboxId
from bot.policy import Rate
from bot.privacy import tombstones
from bot.privacy.journal import Entry, Journal
from bot.storage import erasing, forgetting, jobs, people, unshowing, wiping
from bot.storage.database import Database
from bot.storage.erasing import Address

log = structlog.get_logger(__name__)

T = TypeVar("T")
State = dict[str, Any]
"""How far a job is, as JSON."""

KIND = "erase"
QUICK, SLOW = 0.005, 0.015
"""Seconds: a chunk that took less makes the next one larger, one that took more makes it smaller."""
FEWEST, MOST = 5, 200
"""Rows of a chunk."""
PATIENCE = 600.0
"""Seconds that a send or a post that is under way may take to end."""
LEFT = 200
"""The most posts of people that are told, one by one, to be deleted by hand."""


class Blobs(BlobStore, Protocol):
    """What is asked of the blob store here."""

    async def delete(self, blob: BlobId) -> None: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What it takes to erase and to export. ``folder`` is for exports that are being made; ``rate`` paces calls to the desk."""

    desk: Desk
    blobs: Blobs
    adapters: Mapping[InboxId, Adapter]
    journal: Journal
    folder: str
    rate: Rate


def begin(
    connection: Connection, ids: Sequence[int], agent: str, by: str, hashes: Collection[str], now: float
) -> int:
    """A unit: from now on nobody knows them. Returns the job. A second call changes nothing."""
    subject = str(ids[0])
    known = jobs.find(connection, KIND, subject)
    if known is not None and known.state == jobs.WAITING:
        return int(known.id)
    found = erasing.addresses(connection, ids)
    lane_ids = erasing.lanes_of(connection, ids)
    state: State = {
        "step": "settle",
        "ids": list(ids),
        "lanes": lane_ids,
        "known": [asdict(one) for one in found],
        "named": sorted(erasing.names(connection, ids)),
        "done": {"messages": 0, "files": 0, "posts": 0},
        "left": [],
    }
    for one in ids:
        sla.erased(connection, one, now)
        erasing.write_down(connection, one, agent, by, now)
    erasing.add_tombstones(connection, hashes, now)
    erasing.stop_sending(connection, lane_ids, now)
    erasing.forget_who(connection, ids, now)
    if known is None:
        return jobs.add(connection, KIND, subject, state, now, agent or None)
    jobs.progressed(connection, known.id, state, now)
    return int(known.id)


class Steps:
    """Does the steps of one job after another. ``rest`` waits so many seconds."""

    def __init__(
        self,
        database: Database,
        means: Means,
        keys: tuple[bytes, ...],
        clock: Callable[[], float],
        rest: Callable[[float], Awaitable[None]],
    ) -> None:
        self._database = database
        self._means = means
        self._keys = keys
        self._clock = clock
        self._rest = rest
        self._chunk = 20
        self._steps: dict[str, Callable[[int, State], Awaitable[State]]] = {
            "settle": self._settle,
            "words": self._words,
            "about": self._about,
            "log": self._log,
            "posts": self._posts,
            "threads": self._threads,
            "notices": self._notices,
        }
        self.longest = 0.0
        """Seconds that the longest chunk took."""

    async def advance(self, job_id: int, state: State) -> State:
        """Does the next chunk and stores how far the job is."""
        return await self._steps[state["step"]](job_id, state)

    async def _save(
        self, job_id: int, state: State, unit: Callable[[Connection], object] | None = None
    ) -> None:
        """Stores how far the job is together with the work; learns from how long that took."""

        def work(connection: Connection) -> None:
            if unit is not None:
                unit(connection)
            jobs.progressed(connection, job_id, state, self._clock())

        took = await self._timed(work)
        if took[1] > SLOW:
            self._chunk = max(FEWEST, self._chunk // 2)
        elif took[1] < QUICK:
            self._chunk = min(MOST, self._chunk * 2)

    async def _timed(self, unit: Callable[[Connection], T]) -> tuple[T, float]:
        """Runs a unit that writes; how long it held the writer."""

        def work(connection: Connection) -> tuple[T, float]:
            began = time.perf_counter()
            result = unit(connection)
            return result, time.perf_counter() - began

        result, took = await self._database.write(work)
        self.longest = max(self.longest, took)
        return result, took

    async def _settle(self, job_id: int, state: State) -> State:
        until = self._clock() + PATIENCE
        unit = partial(erasing.empty_lanes, lane_ids=state["lanes"], now=self._clock())
        while await self._database.write(unit) and self._clock() < until:
            await self._rest(0.2)
        after = state | {"step": "words", "after": 0}
        await self._save(job_id, after)
        return after

    # Words

    async def _words(self, job_id: int, state: State) -> State:
        if state.get("blobs"):
            await drop_unnamed(self._database, self._means.blobs, state["blobs"])
        ids = await self._database.read(
            partial(erasing.some_messages, ids=state["ids"], after=state["after"], most=self._chunk)
        )
        if not ids:
            after = state | {"step": "about", "line": [0, 0], "blobs": []}
            await self._save(job_id, after)
            return after
        keys = await self._database.read(partial(erasing.event_keys, message_ids=ids))
        hashes = [tombstones.event(self._keys, one)[0] for one in keys] if self._keys else []
        at = self._clock()
        if hashes:
            await self._means.journal.append(Entry(at, said=tuple(hashes)))
        blobs = sorted(await self._database.read(partial(erasing.blobs_of, ids=ids)))
        done = state["done"] | {
            "messages": state["done"]["messages"] + len(ids),
            "files": state["done"]["files"]
            + await self._database.read(partial(erasing.count_files, ids=ids)),
        }
        after = state | {"after": ids[-1], "blobs": blobs, "done": done}

        def unit(connection: Connection) -> None:
            erasing.add_tombstones(connection, hashes, at)
            erasing.blank(connection, ids)

        await self._save(job_id, after, unit)
        return after

    async def _about(self, job_id: int, state: State) -> State:
        known = [Address(**{name: _tuple(value) for name, value in one.items()}) for one in state["known"]]
        if state.get("line") is not None:
            return await self._lines(job_id, state)
        for one in known:
            for inbox in one.inboxes:
                adapter: object = self._means.adapters.get(InboxId(inbox))
                if isinstance(adapter, SupportsForget):
                    await adapter.forget(one.address)
        shown = await self._database.read(partial(erasing.threads, ids=state["ids"]))
        places = [[row.channel, row.ts] for row in shown if row.ts is not None]
        words = [people.handle(one) for one in state["ids"]] + [ts for _, ts in places] + state["named"]
        notices = await self._notices_about(words)
        after = state | {"step": "log", "known": [], "named": [], "places": places, "prompts": notices}

        def unit(connection: Connection) -> None:
            about = forgetting.forget_about(connection, state["ids"])
            forgetting.forget_traces(connection, known)
            after["prompts"] = sorted({*notices, *unshowing.prompts_about(connection, about)})

        await self._save(job_id, after, unit)
        return after

    async def _notices_about(self, words: Collection[str]) -> list[int]:
        """Notices to people that name somebody."""
        found: list[int] = []
        after: int | None = 0
        while after is not None:
            unit = partial(unshowing.some_notices, words=words, after=after, most=500)
            named, after = await self._database.read(unit)
            found += named
        return found

    async def _lines(self, job_id: int, state: State) -> State:
        after = dict(state)

        def unit(connection: Connection) -> None:
            line = (state["line"][0], state["line"][1])
            after["line"] = forgetting.some_lines(connection, state["lanes"], line, self._chunk)

        await self._save(job_id, after, unit)
        return after

    async def _log(self, job_id: int, state: State) -> State:
        first = True
        while not (await self._timed(partial(wiping.wipe, first=first)))[0]:
            first = False
        await self.tidy()
        after = state | {"step": "posts", "after": 0}
        await self._save(job_id, after)
        return after

    async def tidy(self) -> None:
        """Empties the database's log as soon as nobody reads from it."""
        for _ in range(100):
            if await self._database.tidy():
                return
            await self._rest(0.1)
        log.warning("erase.log_not_emptied")

    # At the desk

    async def _paced(self, work: Awaitable[T]) -> T:
        await self._rest(1.0 / self._means.rate.per_second)
        return await work

    async def _take(self, state: State, channel: str, ts: str) -> None:
        if await self._paced(self._means.desk.remove(channel, ts)):
            state["done"]["posts"] += 1
        elif [channel, ts] not in state["left"]:
            state["left"] = [*state["left"], [channel, ts]]

    async def _posts(self, job_id: int, state: State) -> State:
        unit = partial(erasing.some_messages, ids=state["ids"], after=state["after"], most=MOST)
        ids = await self._database.read(unit)
        if not ids:
            after = state | {"step": "threads", "thread": 0, "cursor": None}
            await self._save(job_id, after)
            return after
        for row in await self._database.read(partial(unshowing.some_posts, message_ids=ids)):
            now = state | {"done": dict(state["done"])}
            if row.target == erasing.FILE:
                await self._paced(self._means.desk.remove_file(row.remote_id))
            else:
                await self._take(now, row.place, row.remote_id)
            await self._save(job_id, now, partial(unshowing.posts_gone, post_ids=[row.id]))
            state = now
        after = state | {"after": ids[-1]}
        await self._save(job_id, after)
        return after

    async def _threads(self, job_id: int, state: State) -> State:
        """What stands in one of their threads, page by page; from its beginning again while something was taken away."""
        if state["thread"] >= len(state["places"]):
            after = state | {"step": "notices"}
            await self._save(job_id, after)
            return after
        channel, root = state["places"][state["thread"]]
        found, cursor = await self._paced(self._means.desk.standing(Place(channel, root), state["cursor"]))
        after = state | {"done": dict(state["done"])}
        taken = 0
        for one in found:
            for file_id in one.files if one.ours else ():
                await self._paced(self._means.desk.remove_file(file_id))
            before = after["done"]["posts"]
            if one.ours and one.ts != root:
                await self._take(after, channel, one.ts)
            elif not one.ours and [channel, one.ts] not in after["left"]:
                after["left"] = [*after["left"], [channel, one.ts]]
            taken += after["done"]["posts"] - before
        if cursor is None and not taken:
            await self._take(after, channel, root)
            after |= {"thread": state["thread"] + 1}
        after["cursor"] = None if taken else cursor
        await self._save(job_id, after)
        return after

    async def _notices(self, job_id: int, state: State) -> State:
        prompts = state["prompts"]
        await self._save(job_id, state, partial(unshowing.take_prompts, delivery_ids=prompts))
        for row in await self._database.read(partial(unshowing.lines_to_posts, delivery_ids=prompts)):
            state = state | {"done": dict(state["done"])}
            await self._take(state, row.place, row.remote_id)
            await self._save(job_id, state, partial(unshowing.posts_gone, post_ids=[row.id]))
        for audit_id, file_id in await self._database.read(partial(unshowing.exports, ids=state["ids"])):
            await self._paced(self._means.desk.remove_file(file_id))
            await self._save(job_id, state, partial(unshowing.export_gone, audit_id=audit_id))
        after = state | {
            "step": "end",
            "left": state["left"][:LEFT],
            "more": max(0, len(state["left"]) - LEFT),
        }
        await self._save(job_id, after)
        return after


async def drop_unnamed(database: Database, blobs: Blobs, ids: Collection[str]) -> None:
    """Deletes those of the bytes that no message names any more."""
    for one in sorted(await database.read(partial(erasing.unreferred, blobs=ids))):
        await blobs.delete(BlobId(one))


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
