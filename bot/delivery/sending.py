"""What a claimed route has to do: a reply to be sent, several joined into one, or one that was sent to be changed. Units."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from bot.delivery.work import Broken, Change, Nothing, Send, Work
from bot.desk import State
from bot.messages import Attachment, Contact, ConversationId, InboxId, Quoted, RemoteId, Reply, Text
from bot.policy import CorePolicy
from bot.rating import rating_words
from bot.storage import cases, history, people
from bot.storage.lanes import Delivery

GONE = "the address that this reply is for is not known any more"


def load(connection: Connection, policy: CorePolicy, heads: list[Delivery]) -> Work:
    """What the head of a route's lane has to do."""
    one = heads[0]
    row = history.get(connection, one.message_id) if one.message_id is not None else None
    if row is None:
        return Nothing(heads[:1])
    if one.op in ("edit", "unsend"):
        return _change(connection, policy, one, row)
    if row.state == State.CANCELLED:
        return Nothing(heads[:1])
    reply = reply_of(connection, policy, row)
    if reply is None:
        return Broken(heads[:1], GONE)
    waiting = tuple((file.id, file.name, file.source) for file in history.unfetched(connection, row.id))
    done = len({post.part for post in history.posts_of(connection, row.id, "route")})
    inbox = policy.inboxes.get(InboxId(row.inbox))
    interval = inbox.able.thread_interval if inbox is not None else 0.0
    work = Send(heads[:1], InboxId(row.inbox), reply, done, one.state is State.SENDING, waiting, interval)
    if (
        inbox is not None
        and inbox.able.joins
        and not waiting
        and not done
        and not reply.attachments
        and reply.ask is None
    ):
        return _join(connection, policy, work, heads, inbox.able.max_text)
    return work


def _join(connection: Connection, policy: CorePolicy, first: Send, heads: list[Delivery], limit: int) -> Send:
    """Replies of the same agent that wait behind one another become one message, with an empty line between them.

    After a crash those that were attempted together are attempted together again: they share the attempt's key.
    """
    run, text = [heads[0]], first.reply.text
    for one in heads[1:]:
        together = one.state is State.SENDING and one.key == heads[0].key
        if one.op != "send" or one.message_id is None or (first.again and not together):
            break
        row = history.get(connection, one.message_id)
        if row is None or row.author != first.reply.author or row.state == State.CANCELLED or row.automated:
            break
        if history.attachments_of(connection, [row.id]) or history.posts_of(connection, row.id, "route"):
            break
        longer = text + Text("\n\n") + history.unpack_text(row.text, row.spans)
        if len(longer) > limit:
            break
        run.append(one)
        text = longer
    return replace(first, run=run, reply=replace(first.reply, text=text))


def _change(connection: Connection, policy: CorePolicy, one: Delivery, row: Any) -> Work:
    reply = reply_of(connection, policy, row)
    if reply is None:
        return Broken([one], GONE)
    ids = tuple(
        RemoteId(post.remote_id) for post in history.posts_of(connection, row.id, "route") if post.remote_id
    )
    if not ids:
        return Broken([one], "the channel gave it no name by which it could be changed")
    if one.op == "edit":
        reply = replace(reply, text=history.unpack_text(one.payload["text"], one.payload["spans"]))
    return Change([one], InboxId(row.inbox), reply, ids, taken_back=one.op == "unsend")


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
        automated=row.automated is not None,
        team_name=team.name if team is not None else "",
        ask=rating_words.unpack(meta),
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
