"""Loads what claimed lanes have to do, in the transaction of the claim. Units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from bot.cases import views
from bot.delivery import sending
from bot.delivery.work import Nothing, OpenCard, Refresh, Remark, Talk, Upload, Wait, Work
from bot.desk import Entry, Mark, Place, Prompt, Said, State
from bot.messages import Attachment
from bot.policy import CorePolicy
from bot.storage import asks, cases, deliveries, history, lanes, people
from bot.storage.lanes import Delivery, Lane

TALK = ("say", "echo", "note", "activity", asks.ASK)
"""Operations that are posts in a thread; several that wait become one post."""
RUN_CHARS = 9_000
RUN_ENTRIES = 12


class Loader:
    """Loads what claimed lanes have to do, a few queries for all of them together.

    ``key`` is where the idempotency keys of this round come from. ``finish`` says *sending*, durably, for what cannot be
    repeated blindly.
    """

    def __init__(
        self,
        connection: Connection,
        policy: CorePolicy,
        claimed: Sequence[tuple[Lane, list[Delivery]]],
        key: str,
        now: float,
    ) -> None:
        self._connection = connection
        self._policy = policy
        self._key = key
        self._now = now
        self._sending: list[tuple[int, str]] = []
        customers = {lane.customer_id for lane, _ in claimed if lane.customer_id is not None}
        self._customers = people.named(connection, customers)
        threads = cases.current_threads(connection, {one.id for one in self._customers.values()})
        self._threads: Mapping[tuple[int, str], Any] = threads
        shown = {one.message_id for lane, heads in claimed if lane.kind == lanes.DESK for one in heads}
        self._material = views.material(connection, shown)

    def load(self, lane: Lane, heads: list[Delivery]) -> Work:
        """What a claimed lane has to do."""
        if not heads:
            return Wait(60.0)
        if lane.kind == lanes.ROUTE:
            return sending.load(self._connection, self._policy, heads)
        if heads[0].op == asks.AGAIN:
            return _prompt_again(self._connection, self._policy, heads[:1])
        if lane.kind == lanes.NOTICE:
            return self._desk(Place(lane.target or ""), lane, heads)
        certain = heads[0].payload.get(lanes.CERTAIN)
        if certain is not None:
            return self._certain(cases.thread_by_id(self._connection, int(certain)), lane, heads[:1])
        customer = self._customers.get(lane.customer_id or 0)
        thread = self._threads.get((customer.id, lane.team or "")) if customer is not None else None
        if customer is None or thread is None:
            return Nothing(heads[:1])
        if lane.kind == lanes.CARD:
            later = (number for number, one in enumerate(heads) if lanes.CERTAIN in one.payload)
            heads = heads[: next(later, len(heads))]
            return self._refresh(thread, heads)
        if lane.kind == lanes.MARK:
            return _remark(self._connection, self._policy, heads)
        if thread.ts is None:
            return self._open(thread, heads[0])
        return self._desk(Place(thread.channel, thread.ts), lane, heads)

    def _certain(self, thread: Any | None, lane: Lane, heads: list[Delivery]) -> Work:
        """What is for one certain thread: the last word in one that ended, say. One that is not shown needs none."""
        if thread is None or thread.gone is not None:
            return Nothing(heads)
        if thread.ts is None:
            return Nothing(heads) if thread.opening_since is None else self._open(thread, heads[0])
        if lane.kind == lanes.CARD:
            return self._refresh(thread, heads)
        return self._desk(Place(thread.channel, thread.ts), lane, heads)

    def finish(self) -> None:
        """Stores which posts are about to be attempted."""
        lanes.mark_sending(self._connection, self._sending, self._now)

    def _open(self, thread: Any, waiting: Delivery) -> Work:
        view = views.card_in(self._connection, self._policy, thread)
        if view is None:
            return Wait(60.0)
        if thread.opening_since is None:
            cases.set_opening(self._connection, thread.id, self._now)
        return OpenCard(waiting, thread.id, thread.channel, view, thread.card_key, thread.opening_since)

    def _refresh(self, thread: Any, heads: list[Delivery]) -> Work:
        if thread.ts is None:
            # A card that is not there yet will be rendered as things are then; one that is just being posted may not.
            return Nothing(heads) if thread.opening_since is None else Wait(0.3)
        view = views.card_in(self._connection, self._policy, thread)
        if view is None or views.digest(view) == thread.shown:
            return Nothing(heads)
        return Refresh(heads, thread.id, Place(thread.channel, thread.ts), view)

    def _desk(self, place: Place, lane: Lane, heads: list[Delivery]) -> Work:
        first = heads[0]
        if first.op in ("file", "rest"):
            return _upload(self._connection, place, first)
        if first.op not in TALK:
            return Nothing(heads[:1])
        if first.state is State.SENDING and first.key is not None:
            run = [one for one in heads if one.state is State.SENDING and one.key == first.key]
            shown = views.entries(self._connection, self._policy, self._material, run)
            return Talk(run, place, shown, first.key, first.attempted_at) if shown else Nothing(run)
        run, shown = self._gather(heads)
        if not shown:
            return Nothing(run)
        key = f"{self._key}{lane.id:x}"
        self._sending.extend((one.id, key) for one in run)
        return Talk(run, place, shown, key, None)

    def _gather(self, heads: list[Delivery]) -> tuple[list[Delivery], tuple[Entry, ...]]:
        """The deliveries that go into one post, oldest first, within what a post can hold."""
        run: list[Delivery] = []
        made: list[Entry] = []
        size = 0
        for one in heads:
            if one.op not in TALK or (made and lanes.ALONE in (one.progress, run[0].progress)):
                break
            entry = views.entry(
                self._connection, self._policy, self._material, one.op, one.message_id, one.payload
            )
            if entry is None:
                return (run, tuple(made)) if made else ([one], ())
            length = 0 if isinstance(entry, Prompt) else len(entry.text) + 200
            announces = isinstance(entry, Prompt) or (isinstance(entry, Said) and entry.new_case)
            announces = announces or (bool(made) and isinstance(made[0], Prompt))
            if made and (size + length > RUN_CHARS or len(made) >= RUN_ENTRIES or announces):
                break
            run.append(one)
            made.append(entry)
            size += length
        return run, tuple(made)


def _upload(connection: Connection, place: Place, one: Delivery) -> Work:
    if one.op == "rest":
        row = history.get(connection, one.message_id) if one.message_id is not None else None
        if row is None:
            return Nothing([one])
        file = Attachment("message.txt", "text/plain", len(row.text.encode()))
        return Upload([one], place, file, row.text)
    found = history.attachment_by_id(connection, one.attachment_id) if one.attachment_id is not None else None
    if found is None or found.blob is None:
        return Nothing([one])
    return Upload([one], place, found)


_MARKS = {
    State.HELD: Mark.HELD,
    State.PENDING: Mark.HELD,
    State.SENDING: Mark.HELD,
    State.FAILED: Mark.FAILED,
    State.UNCERTAIN: Mark.UNCERTAIN,
    State.CANCELLED: Mark.CANCELLED,
}


def _prompt_again(connection: Connection, policy: CorePolicy, run: list[Delivery]) -> Work:
    """A prompt that is shown already, to be rendered anew: everything its post shows."""
    posts = []
    for shown in asks.posted(connection, int(run[0].payload["delivery"])):
        again, _ = views.post_entries(connection, policy, shown.place, shown.remote_id)
        posts.append((Place(shown.place, shown.remote_id), str(shown.remote_id), again))
    return Remark(run, tuple(posts), ()) if posts else Nothing(run)


def _remark(connection: Connection, policy: CorePolicy, heads: list[Delivery]) -> Work:
    """All marks of one message that wait are one: what counts is how it is now."""
    message_id = heads[0].message_id
    run = [heads[0]]
    for one in heads[1:]:
        if one.message_id != message_id:
            break
        run.append(one)
    row = history.get(connection, message_id) if message_id is not None else None
    if row is None:
        return Nothing(run)
    if deliveries.being_shown(connection, row.id):
        return Wait(0.5)  # the post that shows it was rendered before: it is rendered anew when it is there
    posts: list[tuple[Place, str, tuple[Entry, ...]]] = []
    marks: list[tuple[Place, str, Mark]] = []
    for shown in history.posts_of(connection, row.id, "desk"):
        place = Place(shown.place, shown.remote_id)
        if shown.delivery_id is None:
            state = State(row.state) if row.state else State.ACCEPTED
            marks.append((place, shown.remote_id, _MARKS.get(state, Mark.ACCEPTED)))
        else:
            again, _ = views.post_entries(connection, policy, shown.place, shown.remote_id)
            posts.append((place, shown.remote_id, again))
    if not posts and not marks:
        return Nothing(run)
    return Remark(run, tuple(posts), tuple(marks))
