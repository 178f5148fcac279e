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
from bot.desk import State
from bot.messages import Attachment, Receipt, TeamId
from bot.policy import CorePolicy
from bot.retry import Decision, Verdict
from bot.storage import cases, history, lanes
from bot.storage.lanes import Delivery, Lane, NewDelivery
from bot.work import OpenCard, Send, Talk, Wait, Work

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
            lanes.advance(connection, self.lane.id, self.worker, run, State.ACCEPTED, None, self.clock())
            return {self.lane.bucket}

        return unit

    def card_opened(self, todo: OpenCard, ts: str) -> Settle:
        """The card was posted: the thread exists now; what waits in the lane can go."""

        def unit(connection: Connection) -> set[str]:
            cases.change_thread(connection, todo.thread_id, ts=ts)
            lanes.postpone(connection, self.lane.id, self.worker, [], None, self.clock(), certain=True)
            return {self.lane.bucket}

        return unit

    def talked(self, todo: Talk, ts: str) -> Settle:
        """A run was posted."""

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            if not lanes.advance(connection, self.lane.id, self.worker, todo.run, State.ACCEPTED, None, now):
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
            return {self.lane.bucket} | self._changed_meanwhile(connection, todo, now)

        return unit

    def _changed_meanwhile(self, connection: Connection, todo: Talk, now: float) -> set[str]:
        """A reply whose state changed while its echo was being posted is shown anew."""
        buckets: set[str] = set()
        for one, entry in zip(todo.run, todo.entries, strict=False):
            if one.op != "echo" or one.message_id is None:
                continue
            row = history.get(connection, one.message_id)
            if row is not None and row.state != getattr(entry, "state", row.state):
                buckets |= replies.show_again(connection, row, now)
        return buckets

    def wait(self, todo: Wait) -> Settle:
        """Something else has to happen first."""

        def unit(connection: Connection) -> set[str]:
            due = self.clock() + todo.seconds
            lanes.postpone(connection, self.lane.id, self.worker, [], None, due, certain=True)
            return set()

        return unit

    def sent(self, todo: Send, receipt: Receipt) -> Settle:
        """All parts of a reply were accepted by the channel."""

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            one = todo.run[0]
            if not lanes.advance(connection, self.lane.id, self.worker, todo.run, State.ACCEPTED, None, now):
                return set()
            assert one.message_id is not None
            save_part(connection, todo, -1, receipt)
            if receipt.refused:
                _note(connection, one.message_id, refused=receipt.refused)
            return {self.lane.bucket} | replies.sent(
                connection, self.policy, one.message_id, receipt.level, receipt.detail, now
            )

        return unit

    def send_failed(self, todo: Send, verdict: Decision) -> Settle:
        """An attempt at a reply did not work."""
        one = todo.run[0]
        assert one.message_id is not None
        message_id = one.message_id
        if verdict.verdict is Verdict.RETRY:

            def again(connection: Connection) -> set[str]:
                now = self.clock()
                due = now + verdict.delay
                lanes.postpone(
                    connection, self.lane.id, self.worker, todo.run, verdict.reason, due, certain=True
                )
                return replies.waits(connection, message_id, verdict.reason, now)

            return again
        uncertain = verdict.verdict is Verdict.UNCERTAIN
        state = State.UNCERTAIN if uncertain else State.FAILED

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            if not lanes.advance(connection, self.lane.id, self.worker, todo.run, state, verdict.reason, now):
                return set()
            return {self.lane.bucket} | replies.not_sent(
                connection, self.policy, message_id, state, verdict.reason, now
            )

        return unit

    def postponed(self, todo: Work, why: str, delay: float, *, certain: bool) -> Settle:
        """It will be tried again. Not ``certain``: looked up first, because it may have been done."""
        run = _run(todo)

        def unit(connection: Connection) -> set[str]:
            lanes.postpone(
                connection, self.lane.id, self.worker, run, why, self.clock() + delay, certain=certain
            )
            return set()

        return unit

    def desk_failed(self, todo: Work, why: str) -> Settle:
        """Something cannot be shown. The head advances, and the thread says that something is missing."""
        run = _run(todo)

        def unit(connection: Connection) -> set[str]:
            now = self.clock()
            if not run:
                lanes.postpone(connection, self.lane.id, self.worker, [], why, now + 60.0, certain=True)
                return set()
            if not lanes.advance(connection, self.lane.id, self.worker, run, State.FAILED, why, now):
                return set()
            if self.lane.kind == lanes.DESK and all(one.op != "activity" for one in run):
                text = f"Something could not be shown here ({why}). It is kept: use the history command to read it."
                lanes.append(
                    connection,
                    self.lane.id,
                    [NewDelivery("activity", payload={"text": text, "at": now})],
                    now,
                )
            return {self.lane.bucket}

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
            lanes.postpone(connection, self.lane.id, self.worker, run, why, now, certain=True)
            thread = cases.current_thread(connection, customer_id, team.id)
            place = getattr(todo, "place", None)
            moved = thread is not None and place is not None and thread.ts != place.ts
            if thread is None or moved or (thread.ts is None and channel is None):
                return {self.lane.bucket}  # somebody else has noticed it before
            conversations.recreate_thread(connection, customer_id, team, key, why, now, channel=channel)
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


def _note(connection: Connection, message_id: int, **values: Any) -> None:
    row = history.get(connection, message_id)
    if row is not None:
        meta = (json.loads(row.meta) if row.meta else {}) | values
        history.change(connection, message_id, meta=json.dumps(meta, separators=(",", ":")))


def save_part(connection: Connection, todo: Send, part: int, receipt: Receipt) -> None:
    """Stores what a part of a reply became. ``part`` -1: the last one."""
    one = todo.run[0]
    done = {row.part for row in history.posts_of(connection, one.message_id or 0, "route")}
    number = part if part >= 0 else (max(done) + 1 if done else 0)
    if number in done:
        return
    rows = [
        {
            "message_id": one.message_id,
            "delivery_id": one.id,
            "part": number,
            "target": "route",
            "place": todo.inbox,
            "remote_id": remote_id,
        }
        for remote_id in receipt.remote_ids
    ]
    history.add_posts(connection, rows)


def file_fetched(connection: Connection, attachment_id: int, blob: str, size: int) -> None:
    """The bytes of an agent's file are in the blob store."""
    history.fetched(connection, attachment_id, blob, size)


def files_of(connection: Connection, message_id: int) -> tuple[Attachment, ...]:
    """The files of a message."""
    return tuple(file for _, file in history.attachments_of(connection, [message_id]).get(message_id, []))


def released(connection: Connection, message_ids: list[int], now: float) -> None:
    """Held replies have got their place in the lane."""
    replies.released(connection, message_ids, now)
