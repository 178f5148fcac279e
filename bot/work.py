"""What a claimed lane has to do, with everything that the attempt needs: loaded in the transaction of the claim."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection

from bot import views
from bot.desk import CardView, Entry, Mark, Place, Said, State
from bot.messages import (
    Attachment,
    Contact,
    ConversationId,
    InboxId,
    Quoted,
    RemoteId,
    Reply,
)
from bot.policy import CorePolicy
from bot.storage import cases, history, lanes, people
from bot.storage.lanes import Delivery, Lane

TALK = ("say", "echo", "note", "activity")
"""Operations that are posts in a thread; several that wait become one post."""
RUN_CHARS = 9_000
RUN_ENTRIES = 12


@dataclass(frozen=True, slots=True)
class OpenCard:
    """The thread has no card yet. ``since`` set: an earlier attempt may have posted it."""

    thread_id: int
    channel: str
    card: CardView
    key: str
    since: float | None


@dataclass(frozen=True, slots=True)
class Talk:
    """A run of deliveries that makes one post. ``since`` set: an earlier attempt may have posted it."""

    run: list[Delivery]
    place: Place
    entries: tuple[Entry, ...]
    key: str
    since: float | None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file for a thread; ``words`` set: the bytes are this text."""

    run: list[Delivery]
    place: Place
    attachment: Attachment
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Refresh:
    """A card to be rendered anew."""

    run: list[Delivery]
    place: Place
    card: CardView


@dataclass(frozen=True, slots=True)
class Remark:
    """Posts that show a message, to be rendered anew; and an agent's own posts, to be marked."""

    run: list[Delivery]
    posts: tuple[tuple[Place, str, tuple[Entry, ...]], ...]
    marks: tuple[tuple[Place, str, Mark], ...]


@dataclass(frozen=True, slots=True)
class Send:
    """A reply for a customer. ``done`` parts were accepted before; ``again``: an attempt was cut short."""

    run: list[Delivery]
    inbox: InboxId
    reply: Reply
    done: int
    again: bool
    unfetched: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to do any more (the message is gone, or is shown nowhere)."""

    run: list[Delivery]


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: something else has to happen first. ``seconds`` until it is looked at again."""

    seconds: float
    run: list[Delivery] = field(default_factory=list)


Work: TypeAlias = OpenCard | Talk | Upload | Refresh | Remark | Send | Nothing | Wait


def load(
    connection: Connection, policy: CorePolicy, lane: Lane, heads: list[Delivery], key: str, now: float
) -> Work:
    """What a claimed lane has to do; says *sending*, durably, for what cannot be repeated blindly."""
    if not heads:
        return Wait(1.0)
    if lane.kind == lanes.ROUTE:
        return _send(connection, policy, heads[:1])
    assert lane.customer_id is not None and lane.team is not None
    customer_id = people.final(connection, lane.customer_id) or lane.customer_id
    thread = cases.current_thread(connection, customer_id, lane.team)
    if thread is None:
        return Nothing(heads[:1])
    if lane.kind == lanes.CARD:
        return _refresh(connection, policy, thread, customer_id, lane.team, heads)
    if lane.kind == lanes.MARK:
        return _remark(connection, policy, heads)
    if thread.ts is None:
        return _open(connection, policy, thread, customer_id, lane.team, now)
    return _desk(connection, policy, Place(thread.channel, thread.ts), heads, key, now)


def _open(
    connection: Connection, policy: CorePolicy, thread: Any, customer_id: int, team: str, now: float
) -> Work:
    view = views.card(connection, policy, customer_id, team)
    if view is None:
        return Wait(60.0)
    since = thread.opening_since
    if since is None:
        cases.change_thread(connection, thread.id, opening_since=now)
    return OpenCard(thread.id, thread.channel, view, thread.card_key, since)


def _refresh(
    connection: Connection,
    policy: CorePolicy,
    thread: Any,
    customer_id: int,
    team: str,
    heads: list[Delivery],
) -> Work:
    if thread.ts is None:
        return Wait(2.0)
    view = views.card(connection, policy, customer_id, team)
    if view is None:
        return Nothing(heads)
    return Refresh(heads, Place(thread.channel, thread.ts), view)


def _desk(
    connection: Connection, policy: CorePolicy, place: Place, heads: list[Delivery], key: str, now: float
) -> Work:
    first = heads[0]
    if first.op in ("file", "rest"):
        return _upload(connection, place, first)
    if first.op not in TALK:
        return Nothing(heads[:1])
    again = first.state is State.SENDING
    if again:
        run = [one for one in heads if one.state is State.SENDING and one.key == first.key]
        shown = views.entries(connection, policy, run)
        return Talk(run, place, shown, first.key or key, first.attempted_at) if shown else Nothing(run)
    run, shown = _gather(connection, policy, heads)
    if not shown:
        return Nothing(run)
    lanes.mark_sending(connection, [one.id for one in run], key, now)
    return Talk(run, place, shown, key, None)


def _gather(
    connection: Connection, policy: CorePolicy, heads: list[Delivery]
) -> tuple[list[Delivery], tuple[Entry, ...]]:
    """The deliveries that go into one post, oldest first, within what a post can hold."""
    run: list[Delivery] = []
    made: list[Entry] = []
    size = 0
    for one in heads:
        if one.op not in TALK:
            break
        entry = views.entry(connection, policy, one.op, one.message_id, one.payload)
        if entry is None:
            if made:
                break
            run.append(one)
            return run, ()
        length = len(entry.text) + 200
        announces = isinstance(entry, Said) and entry.new_case
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


def _send(connection: Connection, policy: CorePolicy, heads: list[Delivery]) -> Work:
    one = heads[0]
    row = history.get(connection, one.message_id) if one.message_id is not None else None
    if row is None or row.state == State.CANCELLED:
        return Nothing(heads)
    reply = reply_of(connection, policy, row)
    if reply is None:
        return Nothing(heads)
    waiting = tuple((file.id, file.name, file.source) for file in history.unfetched(connection, row.id))
    done = len({post.part for post in history.posts_of(connection, row.id, "route")})
    return Send(heads, InboxId(row.inbox), reply, done, one.state is State.SENDING, waiting)


def reply_of(connection: Connection, policy: CorePolicy, row: Any) -> Reply | None:
    """The reply that a message row is, for its adapter. None where its address is gone (erased)."""
    way = people.route_by_id(connection, row.route_id)
    if way is None:
        return None
    meta: dict[str, Any] = json.loads(row.meta) if row.meta else {}
    files = tuple(file for _, file in history.attachments_of(connection, [row.id]).get(row.id, []))
    case = cases.case(connection, row.conversation_id)
    team = policy.teams.get(case.team) if case is not None else None
    answered = _answered(connection, row, meta)
    return Reply(
        row.key,
        ConversationId(row.conversation_id),
        Contact(way.channel, way.address, way.name, way.verified, way.evidence),
        row.author,
        history.unpack_text(row.text, row.spans),
        files,
        subject=row.subject or (answered.subject if answered is not None else None),
        reply_to=answered,
        thread_key=way.thread_key or None,
        cc=tuple(Contact(way.channel, address) for address in meta.get("cc", ())),
        team_name=team.name if team is not None else "",
    )


def _answered(connection: Connection, row: Any, meta: dict[str, Any]) -> Quoted | None:
    """The customer's message that a reply answers: the one the agent chose, else their newest by this route before it."""
    to = meta.get("reply_to")
    found = history.get(connection, to) if to is not None else None
    if found is None:
        found = history.newest_inbound(connection, row.customer_id, row.route_id, before=row.id)
    if found is None:
        return None
    about: dict[str, Any] = json.loads(found.meta) if found.meta else {}
    return Quoted(
        RemoteId(found.remote_id) if found.remote_id else None,
        history.unpack_text(found.text, found.spans),
        found.author,
        datetime.fromtimestamp(found.sent_at, UTC),
        found.subject,
        tuple(RemoteId(one) for one in about.get("references", ())),
    )


def with_files(work: Send, files: tuple[Attachment, ...]) -> Send:
    """The same work after its files have been fetched."""
    return replace(work, reply=replace(work.reply, attachments=files), unfetched=())
