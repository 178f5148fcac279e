"""What an attempt came to, written down: the units behind ``Outbox``'s settle step.

Each checks that the lane is still ours (fencing), moves the head or gives the lane back, and stores what the message became,
all in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection

from bot import conversations, replies
from bot.cases import views
from bot.delivery.work import Change, OpenCard, Refresh, Send, Talk, Work
from bot.desk import State
from bot.messages import Attachment, Level, Receipt, TeamId
from bot.policy import CorePolicy
from bot.retry import Decision, Verdict
from bot.storage import cases, deliveries, history, inboxes, lanes, people
from bot.storage.lanes import Delivery, Lane, NewDelivery
from bot.storage.words import indexed

CHANGES = ("edit", "unsend")
"""Operations on a reply that was sent already."""

Settle: TypeAlias = Callable[[Connection], set[str]]
"""A unit that settles an attempt and returns the buckets that have new work."""


def moment(at: float) -> datetime:
    """Epoch seconds as an aware time."""
    return datetime.fromtimestamp(at, UTC)


@dataclass(frozen=True, slots=True)
class Settlement:
    """Settles attempts at one claimed lane. ``clock`` gives epoch seconds."""

    policy: CorePolicy
    lane: Lane
    worker: str
    clock: Callable[[], float]

    def done(self, run: list[Delivery]) -> Settle:
        """It was done."""

        def unit(connection: Connection) -> set[str]:
            moved = lanes.advance(
                connection, self.lane.id, self.worker, run, State.ACCEPTED, None, self.clock()
            )
            return moved.woken if moved is not None else set()

        return unit

    def refreshed(self, todo: Refresh) -> Settle:
        """A card was rendered anew."""

        def unit(connection: Connection) -> set[str]:
            cases.set_shown(connection, todo.thread_id, views.digest(todo.card))
            return self.done(todo.run)(connection)

        return unit

    def card_opened(self, todo: OpenCard, ts: str) -> Settle:
        """The card was posted: the thread exists now; what waits in the lane can go."""

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            lanes.postpone(connection, self.lane.id, self.worker, [], None, now, certain=True)
            cases.change_thread(connection, todo.thread_id, ts=ts, shown=views.digest(todo.card))
            return {self.lane.bucket}

        return unit

    def talked(self, todo: Talk, ts: str) -> Settle:
        """A run was posted."""

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            moved = lanes.advance(connection, self.lane.id, self.worker, todo.run, State.ACCEPTED, None, now)
            if moved is None:
                return set()
            rows = [
                {
                    "message_id": one.message_id,
                    "delivery_id": one.id,
                    "part": 0,
                    "target": "desk",
                    "place": todo.place.channel,
                    "remote_id": ts,
                }
                for one in todo.run
            ]
            history.add_posts(connection, rows)
            return moved.woken

        return unit

    def sent(self, todo: Send, receipt: Receipt) -> Settle:
        """All parts of a reply were accepted by the channel."""

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            moved = lanes.advance(connection, self.lane.id, self.worker, todo.run, State.ACCEPTED, None, now)
            if moved is None:
                return set()
            if todo.interval and moved.more:
                lanes.not_before(connection, self.lane.id, now + todo.interval)
            woken = set(moved.woken)
            early = inboxes.early_level(connection, todo.inbox, receipt.remote_ids)
            level = Level(early) if early is not None else receipt.level
            for one in todo.run:
                assert one.message_id is not None
                save_part(connection, todo, -1, receipt, one)
                woken |= replies.sent(connection, self.policy, one.message_id, level, receipt.detail, now)
            return woken

        return unit

    def send_failed(self, run: list[Delivery], verdict: Decision, *, certain: bool) -> Settle:
        """An attempt at a reply did not work. Not ``certain``: an earlier one may have, and nobody could be asked yet."""
        messages = [one.message_id for one in run if one.message_id is not None]
        if verdict.verdict is Verdict.RETRY:

            def again(connection: Connection) -> set[str]:
                now = self.clock()
                due = now + verdict.delay
                lanes.postpone(
                    connection, self.lane.id, self.worker, run, verdict.reason, due, certain=certain
                )
                woken = {self.lane.bucket}
                for message_id in messages:
                    woken |= replies.waits(connection, message_id, verdict.reason, now)
                return woken

            return again
        uncertain = verdict.verdict is Verdict.UNCERTAIN
        state = State.UNCERTAIN if uncertain else State.FAILED

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            moved = lanes.advance(connection, self.lane.id, self.worker, run, state, verdict.reason, now)
            if moved is None:
                return set()
            woken = set(moved.woken)
            for message_id in messages:
                woken |= replies.not_sent(connection, self.policy, message_id, state, verdict.reason, now)
            return woken

        return unit

    def changed(self, todo: Change) -> Settle:
        """A reply that had been sent was changed or taken back where the customer sees it."""
        one = todo.run[0]

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            moved = lanes.advance(connection, self.lane.id, self.worker, todo.run, State.ACCEPTED, None, now)
            if moved is None:
                return set()
            return moved.woken | replies.was_changed(connection, self.policy, one, todo.reply.text, now)

        return unit

    def change_failed(self, run: list[Delivery], why: str) -> Settle:
        """A reply that had been sent could not be changed: what the customer sees is as it was, and the thread says so."""
        one = run[0]

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            moved = lanes.advance(connection, self.lane.id, self.worker, run, State.FAILED, why, now)
            if moved is None:
                return set()
            return moved.woken | replies.not_changed(connection, one, why, now)

        return unit

    def postponed(self, todo: Work, why: str, delay: float, *, certain: bool) -> Settle:
        """It will be tried again. Not ``certain``: looked up first, because it may have been done."""
        run = _run(todo)

        def unit(connection: Connection) -> set[str]:
            due = self.clock() + delay
            if not lanes.postpone(connection, self.lane.id, self.worker, run, why, due, certain=certain):
                return set()
            if isinstance(todo, OpenCard):
                deliveries.count_attempt(connection, todo.waiting.id)
                if certain:
                    cases.set_opening(connection, todo.thread_id, None)
            return {self.lane.bucket}

        return unit

    def apart(self, run: list[Delivery]) -> Settle:
        """Several that were refused together are tried one by one: only one of them may be to blame."""

        def unit(connection: Connection) -> set[str]:
            if lanes.postpone(connection, self.lane.id, self.worker, run, None, self.clock(), certain=True):
                deliveries.alone(connection, run)
            return {self.lane.bucket}

        return unit

    def _end(
        self, connection: Connection, run: list[Delivery], state: State, why: str, now: float
    ) -> lanes.Advanced | None:
        """Moves the head behind what is given up; where nothing was loaded, the lane is looked at again in a minute."""
        if run:
            return lanes.advance(connection, self.lane.id, self.worker, run, state, why, now)
        lanes.postpone(connection, self.lane.id, self.worker, [], why, now + 60.0, certain=True)
        return None

    def stuck(self, todo: Work, why: str) -> Settle:
        """What an attempt came to cannot be written down (a bug): the lane goes on, and nothing is repeated blindly."""
        run = _run(todo)

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            moved = self._end(connection, run, State.UNCERTAIN, why, now)
            if moved is None:
                return set()
            for one in run:
                if one.op == "send" and one.message_id is not None:
                    history.change(
                        connection, one.message_id, state=State.UNCERTAIN, state_at=now, detail=why
                    )
            return moved.woken

        return unit

    def desk_failed(self, todo: Work, why: str) -> Settle:
        """Something cannot be shown. The head advances, and the thread says that something is missing."""
        run = _run(todo)

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            moved = self._end(connection, run, State.FAILED, why, now)
            if moved is None:
                return set()
            if self.lane.kind == lanes.DESK and all(one.op != "activity" for one in run):
                text = f"Something could not be shown here ({why}). It is kept: use the history command to read it."
                lanes.append(
                    connection,
                    self.lane.id,
                    [NewDelivery("activity", payload={"text": text, "at": now})],
                    now,
                )
                return {moved.bucket}
            return moved.woken

        return unit

    def replaced(self, todo: Work, key: str, why: str, channel: str | None) -> Settle:
        """The thread's root is gone: the same lanes go on in a new thread, which says so once."""
        run = _run(todo)

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            team = self.policy.teams.get(TeamId(self.lane.team or ""))
            customer_id = self.lane.customer_id
            if team is None or customer_id is None:
                return self.desk_failed(todo, why)(connection)
            if any(lanes.CERTAIN in one.payload for one in run):
                moved_on = self._end(connection, run, State.FAILED, why, now)
                return moved_on.woken if moved_on is not None else set()
            if not lanes.postpone(connection, self.lane.id, self.worker, run, why, now, certain=True):
                return set()
            customer_id = people.final(connection, customer_id) or customer_id
            thread = cases.current_thread(connection, customer_id, team.id)
            place = getattr(todo, "place", None)
            moved = thread is not None and place is not None and thread.ts != place.ts
            if thread is None or moved or (thread.ts is None and channel is None):
                return {self.lane.bucket}  # somebody else has noticed it before
            conversations.recreate_thread(connection, customer_id, team, key, why, now, channel=channel)
            if thread.ts is None:
                return {self.lane.bucket, *conversations.buckets_of(channel or team.slack_channel)}
            text = "This thread was started anew: the earlier one is gone. Nothing was lost; the history command shows all."
            bucket = lanes.append(
                connection,
                thread.desk_lane,
                [NewDelivery("activity", payload={"text": text, "at": now})],
                now,
            )
            return {self.lane.bucket, bucket}

        return unit


def _run(todo: Work) -> list[Delivery]:
    return list(getattr(todo, "run", []))


def save_part(
    connection: Connection, todo: Send, part: int, receipt: Receipt, one: Delivery | None = None
) -> None:
    """Stores what a part of a reply became. ``part`` -1: the last one, after which nothing is left to attempt.

    ``one``: of several replies that were joined, the one it is stored for.
    """
    one = one or todo.run[0]
    assert one.message_id is not None
    done = {row.part for row in history.posts_of(connection, one.message_id, "route")}
    number = part if part >= 0 else max(done, default=-1) + 1
    if number in done:
        return
    common = {
        "message_id": one.message_id,
        "delivery_id": one.id,
        "part": number,
        "target": "route",
        "place": todo.inbox,
    }
    # A channel that gives no id: the part is known to be done all the same.
    names = receipt.remote_ids or ("",)
    history.add_posts(connection, [common | {"remote_id": indexed(name)} for name in names])
    if receipt.refused:
        _refused(connection, one.message_id, receipt.refused)
    if part >= 0:
        deliveries.between_parts(connection, one.id)


def _refused(connection: Connection, message_id: int, refused: tuple[tuple[str, str], ...]) -> None:
    """Keeps who was not reached, each once."""
    row = history.get(connection, message_id)
    if row is not None:
        meta: dict[str, Any] = json.loads(row.meta) if row.meta else {}
        meta["refused"] = list((dict(meta.get("refused", ())) | dict(refused)).items())
        history.change(connection, message_id, meta=json.dumps(meta, separators=(",", ":")))


def file_fetched(connection: Connection, attachment_id: int, blob: str, size: int) -> None:
    """The bytes of an agent's file are in the blob store."""
    history.fetched(connection, attachment_id, blob, size)


def files_of(connection: Connection, message_id: int) -> tuple[Attachment, ...]:
    """The files of a message."""
    return tuple(file for _, file in history.attachments_of(connection, [message_id]).get(message_id, []))
