"""Envelopes to the app: events with redelivery, commands and interactions with an answer, over sockets or HTTP."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from .faults import Faults
from .httpmode import HttpMode, HttpOutcome
from .model import Json, SlackRefusal
from .sockets import SocketMode

EnvelopeType = Literal["events_api", "slash_commands", "interactive"]
REDELIVERY = (0.0, 60.0, 300.0)
"""Seconds before attempt 1, 2 and 3 of an event that was not acknowledged."""


_encode = json.JSONEncoder(check_circular=False).encode


@dataclass(slots=True)
class Delivery:
    """One thing the app must acknowledge, over all its attempts (kept as a record for tests)."""

    kind: EnvelopeType
    payload: Json
    attempt: int = 0
    reason: str = ""
    acked: bool = False
    acks: int = 0  # all acknowledgements, those of duplicates too
    failed: bool = False  # given up
    response: Json | None = None
    answer: asyncio.Future[Json | None] | None = None
    timer: asyncio.TimerHandle | None = None
    envelope_ids: list[str] = field(default_factory=list)

    @property
    def event(self) -> Json:
        """The event, or the whole payload of a command or interaction."""
        found: Json = self.payload["event"] if self.kind == "events_api" else self.payload
        return found


class Dispatcher:
    """Sends envelopes, keeps the ack timers and sends events again."""

    def __init__(self, app_id: str, faults: Faults, *, ack_timeout: float, clock_scale: float) -> None:
        """`ack_timeout` in seconds; redelivery delays are divided by `clock_scale`."""
        self.faults = faults
        self.sockets = SocketMode(app_id, faults, self._acked)
        self.http: HttpMode | None = None
        self.ack_timeout = ack_timeout
        self.clock_scale = clock_scale
        self.log: deque[Delivery] = deque(maxlen=20_000)
        self._pending: dict[str, Delivery] = {}
        self._held: list[tuple[Delivery, str]] = []
        self._flush: asyncio.TimerHandle | None = None
        self._due: deque[tuple[float, Delivery, int]] = deque()  # (deadline, what, attempt), in order
        self._alarm: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._random = random.Random(11)
        self._closed = False

    def event(self, payload: Json) -> None:
        """Send an `event_callback`; it is sent again when it is not acknowledged."""
        delivery = Delivery("events_api", payload)
        self.log.append(delivery)
        self._send(delivery)

    async def ask(self, kind: EnvelopeType, payload: Json) -> Json | None:
        """Send a command or an interaction once; the payload of the app's ack, or a refusal.

        Refusals: `dispatch_failed` (nobody is connected), `operation_timeout` (no ack in time).
        """
        delivery = Delivery(kind, payload, answer=asyncio.get_running_loop().create_future())
        self.log.append(delivery)
        if self.http is None and not self.sockets.connections:
            delivery.failed = True
            raise SlackRefusal("dispatch_failed")
        self._send(delivery)
        assert delivery.answer is not None
        return await delivery.answer

    def tell(self, kind: EnvelopeType, payload: Json) -> None:
        """Send an interaction whose ack nobody waits for (view_closed)."""
        delivery = Delivery(kind, payload)
        self.log.append(delivery)
        self._send(delivery)

    def _send(self, delivery: Delivery) -> None:
        self.sockets.on_change()
        if self._closed:
            return
        if self.http is not None:
            self._post(delivery)
            return
        self._watch(delivery)
        if not self.sockets.connections and not self.faults.reorder:
            return  # nobody there: the timer brings the next attempt
        self._envelope(delivery)
        if self.faults.duplicate:
            self._envelope(delivery)

    def _watch(self, delivery: Delivery) -> None:
        """Start the ack timer. All timers are equally long, so one handle serves the queue."""
        loop = asyncio.get_running_loop()
        self._due.append((loop.time() + self.ack_timeout, delivery, delivery.attempt))
        if self._alarm is None:
            self._alarm = loop.call_later(self.ack_timeout, self._overdue)

    def _overdue(self) -> None:
        loop = asyncio.get_running_loop()
        while self._due and (self._due[0][1].acked or self._due[0][0] <= loop.time()):
            _, delivery, attempt = self._due.popleft()
            if not delivery.acked and attempt == delivery.attempt:
                self._timed_out(delivery)
        self._alarm = loop.call_at(self._due[0][0], self._overdue) if self._due else None

    def _envelope(self, delivery: Delivery) -> None:
        envelope_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        delivery.envelope_ids.append(envelope_id)
        self._pending[envelope_id] = delivery
        rest: Json = {"type": delivery.kind, "accepts_response_payload": delivery.kind != "events_api"}
        if delivery.kind == "events_api":
            rest |= {"retry_attempt": delivery.attempt, "retry_reason": delivery.reason}
        tail = _encode(rest)[1:]
        text = f'{{"envelope_id": "{envelope_id}", "payload": {_encode(delivery.payload)}, {tail}'
        if self.faults.reorder > 1:
            self._hold(delivery, text)
        else:
            self.sockets.send(text)

    def _hold(self, delivery: Delivery, text: str) -> None:
        self._held.append((delivery, text))
        if len(self._held) >= self.faults.reorder:
            self.release()
        elif self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(0.2, self.release)

    def release(self) -> None:
        """Send the held envelopes, shuffled (two are swapped for certain)."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        held, self._held = self._held, []
        before = list(held)
        self._random.shuffle(held)
        if held == before:
            held.reverse()
        for _, text in held:
            self.sockets.send(text)

    def _acked(self, envelope_id: str, payload: Json | None) -> None:
        delivery = self._pending.pop(envelope_id, None)
        if delivery is None:
            return
        self._settle(delivery, payload)

    def _settle(self, delivery: Delivery, payload: Json | None) -> None:
        delivery.acks += 1
        if not delivery.acked:
            delivery.acked, delivery.response = True, payload
            if delivery.answer is not None and not delivery.answer.done():
                delivery.answer.set_result(payload)
        self.sockets.on_change()

    def _timed_out(self, delivery: Delivery, reason: str = "timeout", no_retry: bool = False) -> None:
        for envelope_id in delivery.envelope_ids:
            self._pending.pop(envelope_id, None)
        if delivery.acked:
            return
        if delivery.kind != "events_api" or no_retry or delivery.attempt >= len(REDELIVERY):
            delivery.failed = True
            if delivery.answer is not None and not delivery.answer.done():
                delivery.answer.set_exception(SlackRefusal("operation_timeout"))
            self.sockets.on_change()
            return
        delay = REDELIVERY[delivery.attempt] / self.clock_scale
        delivery.attempt += 1
        delivery.reason = reason
        delivery.timer = asyncio.get_running_loop().call_later(delay, self._send, delivery)

    # -- HTTP mode -----------------------------------------------------------------------------------

    def _post(self, delivery: Delivery) -> None:
        for _ in range(2 if self.faults.duplicate else 1):
            task = asyncio.create_task(self._post_once(delivery, delivery.attempt))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _post_once(self, delivery: Delivery, attempt: int) -> None:
        assert self.http is not None
        outcome: HttpOutcome = await self.http.post(
            delivery.kind, delivery.payload, attempt, delivery.reason, self.ack_timeout
        )
        if outcome.ok:
            self._settle(delivery, outcome.payload)
        elif attempt == delivery.attempt:  # a duplicate's failure counts once
            self._timed_out(delivery, outcome.reason, outcome.no_retry)

    def open(self) -> None:
        """Go on after `close`: events that were never acknowledged are sent again."""
        if self._closed:
            self._closed = False
            for delivery in list(self.log):
                if delivery.kind == "events_api" and not (delivery.acked or delivery.failed):
                    self._send(delivery)

    async def close(self) -> None:
        """Stop every timer and task and close the sockets."""
        self._closed = True
        for delivery in self.log:
            if delivery.timer is not None:
                delivery.timer.cancel()
            if delivery.answer is not None and not delivery.answer.done():
                delivery.answer.set_exception(SlackRefusal("operation_timeout"))
                delivery.answer.exception()  # nobody may be waiting any more
        for handle in (self._flush, self._alarm):
            if handle is not None:
                handle.cancel()
        self._flush = self._alarm = None
        self._due.clear()
        self._pending.clear()
        self._held.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sockets.close_all()
        if self.http is not None:
            await self.http.close()


def event_payload(
    event: Json, *, team_id: str, app_id: str, bot_user: str, token: str, event_id: str, shared: bool
) -> Json:
    """Wrap an event as the Events API does."""
    return {
        "token": token,
        "team_id": team_id,
        "context_team_id": team_id,
        "context_enterprise_id": None,
        "api_app_id": app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team_id,
                "user_id": bot_user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": shared,
        "event_context": f"4-{event_id}",
    }
