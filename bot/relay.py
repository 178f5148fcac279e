"""Customers' words come in here: one transaction each, and when it returns they are durable.

``accept_customer`` stores, in ONE transaction: that the event was seen (unique per inbox and source id), whose it is, the case,
the message, the deliveries to the desk's lane, a refresh of the card, and the source's cursor. A crash before the commit leaves
nothing, and the source brings the event again; a crash after it leaves everything, and the event is a duplicate then.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bot import conversations, customers, elsewhere, replies, sla
from bot.answering import autoanswer
from bot.cases import filing, rollover, views
from bot.contract import Accepted
from bot.identity import identified, linking, quarantine
from bot.messages import (
    AddressChanged,
    AddressGiven,
    BlobId,
    Contact,
    Delete,
    Edit,
    Event,
    Failure,
    Identified,
    InboxId,
    Message,
    Rated,
    Reaction,
    Receipt,
    Text,
    Typing,
    Unreadable,
    Unseen,
)
from bot.policy import CorePolicy, InboxPolicy, TeamPolicy
from bot.privacy.keys import new_key as new_key
from bot.rating import ratingelsewhere, ratings
from bot.storage import cases, history, inboxes, lanes, people
from bot.storage.database import Database
from bot.storage.lanes import NewDelivery
from bot.storage.words import indexed, storable

Wake = Callable[[set[str]], None]
"""Tells the outbox which buckets have new work."""


@dataclass(slots=True)
class Woken:
    """What a unit found out for its caller: what to wake, whether the event was a duplicate, what came of its link code."""

    buckets: set[str]
    duplicate: bool = False
    joined: bool | None = None
    erased: bool = False


class Relay:
    """The way in. ``clock`` gives epoch seconds. ``unwanted`` is told of the blobs of an event that was erased before."""

    def __init__(
        self,
        database: Database,
        policy: CorePolicy,
        wake: Wake,
        clock: Callable[[], float] = time.time,
        typing: Callable[[InboxId, Typing], None] | None = None,
        unwanted: Callable[[frozenset[BlobId]], None] | None = None,
    ) -> None:
        self._database = database
        self._policy = policy
        self._wake = wake
        self._clock = clock
        self._typing = typing
        self._unwanted = unwanted
        self.last_event: dict[InboxId, float] = {}

    async def accept_customer(self, inbox: InboxId, event: Event, cursor: str | None = None) -> Accepted:
        """Stores an event of a customer's channel. Raises ``StorageError`` when nothing was stored."""
        if isinstance(event, Typing):
            if self._typing is not None:
                self._typing(inbox, event)
            return Accepted()
        now = self._clock()
        unit = partial(
            accept, policy=self._policy, inbox=inbox, event=event, cursor=cursor, now=now, key=new_key()
        )
        woken = await self._database.write(unit)
        self.last_event[inbox] = now
        if woken.buckets:
            self._wake(woken.buckets)
        if woken.erased and self._unwanted is not None:
            self._unwanted(_blobs(event))
        return Accepted(woken.duplicate, woken.joined)


def _blobs(event: Event) -> frozenset[BlobId]:
    files = event.attachments if isinstance(event, Message) else ()
    named = [getattr(event, "raw", None), *(file.blob for file in files)]
    return frozenset(one for one in named if one is not None)


def accept(
    connection: Connection,
    *,
    policy: CorePolicy,
    inbox: InboxId,
    event: Event,
    cursor: str | None,
    now: float,
    key: str,
) -> Woken:
    """The transaction behind ``accept_customer``."""
    of = policy.inboxes[inbox]
    try:
        woken = _dispatch(connection, policy, of, event, now, key)
    except customers.Erased:
        woken = Woken(set(), duplicate=True, erased=True)
    if cursor is not None:
        inboxes.set_cursor(connection, inbox, cursor)
    return woken


def _dispatch(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, event: Event, now: float, key: str
) -> Woken:
    if isinstance(event, Message):
        return _message(connection, policy, inbox, event, now, key)
    if isinstance(event, Unreadable):
        return _message(connection, policy, inbox, _unreadable(inbox, event), now, key)
    if isinstance(event, Failure):
        return _failure(connection, policy, inbox, event, now, key)
    if isinstance(event, Edit | Delete | Reaction):
        return _changed(connection, policy, inbox, event, now)
    if isinstance(event, Receipt):
        return _receipt(connection, policy, inbox, event, now)
    if isinstance(event, AddressChanged):
        return Woken(elsewhere.address_changed(connection, inbox, event, now))
    if isinstance(event, AddressGiven):
        return Woken(elsewhere.address_given(connection, policy, inbox, event, now))
    if isinstance(event, Identified):
        return Woken(identified.identified(connection, policy, inbox, event, now))
    if isinstance(event, Rated):
        return Woken(*ratings.rated(connection, policy, inbox, event, now))
    if isinstance(event, Unseen):
        gone = elsewhere.unseen(connection, policy, inbox, event, now)
        return Woken(gone | ratingelsewhere.unseen(connection, policy, inbox, event, now))
    return Woken(set())


def _unreadable(inbox: InboxPolicy, event: Unreadable) -> Message:
    sender = event.sender or Contact(inbox.channel, f"unreadable@{inbox.id}", "Unreadable messages")
    return Message(
        event.source_id,
        sender,
        event.at,
        Text(),
        problems=(f"This message could not be read: {event.reason}. The original is kept.",),
        automated=None if event.sender else "unreadable",
        raw=event.raw,
    )


def _message(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, event: Message, now: float, key: str
) -> Woken:
    dedup_key = f"in:{inbox.id}:{event.source_id}"
    if history.known(connection, dedup_key) is not None:
        return Woken(set(), duplicate=True)
    event = _storable(event)
    came = linking.redeem(connection, policy, inbox, event, now) if event.link is not None else None
    whose = came.whose if came is not None else None
    stones = customers.Stones(policy.tombstone_keys, dedup_key)
    whose = whose or customers.resolve(connection, event.sender, event.answers, now, stones)
    apart, let_in = None, set[str]()
    if quarantine.concerns(whose, now):
        apart, let_in = quarantine.judge(connection, policy, event, whose, now, key)
    hidden = whose.blocked or apart is not None
    if not hidden and (answer := ratings.by_words(connection, policy, inbox, whose, event, now)) is not None:
        return Woken(let_in | answer)
    waits = event.automated is None and not hidden
    words = conversations.excerpt(event.text.plain) or conversations.excerpt(_file_words(event))
    filed = filing.file(connection, policy, whose, inbox, event, words, now, waits=waits, hidden=hidden)
    case_id, team = filed.case_id, filed.team
    route_id = None
    if whose.identity_id is not None:
        route_id = conversations.ensure_route(
            connection, whose.identity_id, inbox.id, event.thread_key or "", now, inbound=True
        )
    message_id = history.add(
        connection,
        conversation_id=case_id,
        customer_id=whose.customer_id,
        identity_id=whose.identity_id,
        route_id=route_id,
        inbox=inbox.id,
        direction="inbound",
        dedup_key=dedup_key,
        remote_id=event.remote_id,
        author=customers.display_name(event.sender),
        text=event.text.plain,
        spans=history.pack_spans(event.text.spans),
        subject=event.subject,
        tail=history.pack_text(event.tail),
        sent_at=event.sent_at.timestamp(),
        created_at=now,
        automated=event.automated,
        raw=event.raw,
        meta=_meta(event, whose, subject=filed.subject, new_case=filed.new_case),
    )
    sla.said(connection, policy, inbox, filed.promised, case_id, message_id, now)
    if inbox.able.backlog:
        shown = {"message_id": message_id, "target": "route", "place": inbox.id}
        history.add_posts(connection, [shown | {"remote_id": event.remote_id or event.source_id}])
    files = history.add_attachments(connection, message_id, event.attachments) if event.attachments else []
    if apart is not None:
        return Woken(quarantine.keep(connection, policy, whose.customer_id, team, apart, now))
    if whose.blocked or _flood(connection, policy, whose, event, now):
        return Woken(set())
    if not waits:
        cases.heard_quietly(connection, case_id, words, now)
    if filed.new_case:
        let_in = let_in | rollover.old(connection, policy, whose.customer_id, team.id, key, now)
    buckets = let_in | _show(connection, policy, whose.customer_id, team, message_id, event, files, now, key)
    if policy.answers.of:
        asked = autoanswer.Asked(inbox, whose, case_id, route_id, event)
        buckets |= autoanswer.consider(connection, policy, asked, now, key)
    return Woken(buckets) if came is None else Woken(buckets | came.buckets, joined=came.joined)


def _storable(event: Message) -> Message:
    """The same message with a sender and a subject that a database can hold; the text is looked after where it is stored."""
    sender = event.sender
    name = storable(sender.name) if sender.name else sender.name
    address = indexed(sender.address)
    subject = storable(event.subject) if event.subject else event.subject
    if (name, address, subject) == (sender.name, sender.address, event.subject):
        return event
    return replace(event, sender=replace(sender, name=name, address=address), subject=subject)


def _meta(event: Message, whose: customers.Whose, *, subject: str | None, new_case: bool) -> str | None:
    values: dict[str, Any] = {
        "warning": whose.warning,
        "other_sender": whose.other_sender,
        "show_subject": subject,
        "new_case": new_case,
        "problems": event.problems,
        "references": event.references,
        "copied": [one.address for one in event.participants],
    }
    kept = {name: value for name, value in values.items() if value}
    return json.dumps(kept, separators=(",", ":")) if kept else None


def _file_words(event: Message) -> str:
    return ", ".join(one.name for one in event.attachments) or (event.subject or "")


def _flood(
    connection: Connection, policy: CorePolicy, whose: customers.Whose, event: Message, now: float
) -> bool:
    """Whether a machine writes so much that its messages are kept and not posted: it ends loops between two machines."""
    if event.automated is None or whose.identity_id is None:
        return False
    count = history.automated_since(connection, whose.identity_id, now - 3600)
    return count > policy.automatic_per_hour


def _show(
    connection: Connection,
    policy: CorePolicy,
    customer_id: int,
    team: TeamPolicy,
    message_id: int,
    event: Message,
    files: list[int],
    now: float,
    key: str,
) -> set[str]:
    desk = conversations.ensure_desk(connection, customer_id, team, key, now)
    items = [NewDelivery("say", message_id)]
    for attachment_id, file in zip(files, event.attachments, strict=True):
        if file.blob is not None:
            items.append(NewDelivery("file", message_id, attachment_id))
    if len(event.text) > views.SHOWN:
        items.append(NewDelivery("rest", message_id))
    buckets = {lanes.append(connection, desk.desk_lane, items, now)}
    if desk.card_waits:
        return buckets
    card = lanes.append_once(connection, desk.card_lane, NewDelivery("card"), now, delay=policy.card_delay)
    return buckets | {card} if card else buckets


def _failure(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, event: Failure, now: float, key: str
) -> Woken:
    dedup_key = f"in:{inbox.id}:{event.source_id}"
    if history.known(connection, dedup_key) is not None:
        return Woken(set(), duplicate=True)
    row = history.by_remote(connection, inbox.id, event.remote_id) if event.remote_id else None
    if row is None and event.answers is not None:
        row = history.newest_reply(connection, event.answers)
        if row is not None and people.final(connection, row.customer_id) is None:
            raise customers.Erased
    if row is None and customers.Stones(policy.tombstone_keys, dedup_key).stands(connection):
        raise customers.Erased
    if row is None or row.direction != "outbound":
        shown = Contact(inbox.channel, f"bounces@{inbox.id}", "Mail system")
        message = Message(
            event.source_id,
            shown,
            event.at,
            Text(event.reason),
            automated="bounce of a message that is not ours, or is not known any more",
            raw=event.raw,
        )
        return _message(connection, policy, inbox, message, now, key)
    history.add(
        connection,
        conversation_id=row.conversation_id,
        customer_id=row.customer_id,
        inbox=inbox.id,
        direction="system",
        dedup_key=dedup_key,
        author="Mail system",
        text=event.reason,
        sent_at=event.at.timestamp(),
        created_at=now,
        automated="bounce",
        raw=event.raw,
    )
    if not event.final:
        return Woken(replies.remark(connection, policy, row, event.reason, now))
    return Woken(replies.came_back(connection, policy, row, event.reason, now))


def _changed(
    connection: Connection,
    policy: CorePolicy,
    inbox: InboxPolicy,
    event: Edit | Delete | Reaction,
    now: float,
) -> Woken:
    row = history.by_remote(connection, inbox.id, event.remote_id)
    dedup_key = f"edit:{inbox.id}:{event.source_id}"
    if row is None or row.direction == "outbound":
        if row is None and customers.Stones(policy.tombstone_keys, dedup_key).stands(connection):
            raise customers.Erased
        if not inboxes.first_time(connection, dedup_key, now):
            return Woken(set(), duplicate=True)
        return Woken(elsewhere.remark(connection, policy, inbox, event, row, now))
    if history.version_known(connection, dedup_key):
        return Woken(set(), duplicate=True)
    history.add_version(connection, row, dedup_key, now)
    meta = json.loads(row.meta) if row.meta else {}
    if isinstance(event, Edit):
        history.change(
            connection, row.id, text=storable(event.text.plain), spans=history.pack_spans(event.text.spans)
        )
        meta["edited"] = True
    elif isinstance(event, Delete):
        meta["deleted"] = True
    else:
        meta["reaction"] = event.emoji
    history.change(connection, row.id, meta=json.dumps(meta, separators=(",", ":")))
    return Woken(replies.show_again(connection, row, now))


def _receipt(
    connection: Connection, policy: CorePolicy, inbox: InboxPolicy, event: Receipt, now: float
) -> Woken:
    buckets: set[str] = set()
    for remote_id in event.remote_ids:
        row = history.by_remote(connection, inbox.id, remote_id)
        if row is None:
            inboxes.keep_early(connection, inbox.id, remote_id, event.level, now)
        elif row.direction == "outbound":
            buckets |= replies.progressed(connection, policy, row, event.level, now)
    return Woken(buckets)
