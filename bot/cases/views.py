"""From rows to what the desk shows: entries of a thread, the card. Units that only read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from bot.answering import answer_words
from bot.cases import prompts
from bot.desk import Activity, CardView, Entry, Noted, Replied, Said, State, Status
from bot.identity import attributes
from bot.messages import AgentId, Attachment, ConversationId, CustomerId, InboxId, MessageId, TeamId, Text
from bot.policy import CorePolicy
from bot.rating import rating_words
from bot.storage import asks, cases, history, people, tags
from bot.storage.lanes import Delivery

SHOWN = 9_500
"""Characters of one message that a post shows; the rest is put beside it as a file."""
_AUTOMATIC = {
    **dict.fromkeys(answer_words.KINDS, "automatic answer"),
    rating_words.KIND: "automatic question for a rating",
    rating_words.THANKS: "automatic thank-you for a rating",
    "recap": "automatic recap",
}


@dataclass(frozen=True, slots=True)
class Material:
    """What entries are made of, loaded for many at once: messages, their files, and who their customers are today."""

    messages: Mapping[int, Any]
    files: Mapping[int, list[tuple[int, Attachment]]]
    names: Mapping[int, people.Named]


def material(connection: Connection, message_ids: Iterable[int | None]) -> Material:
    """What the entries of these messages are made of."""
    wanted = {one for one in message_ids if one is not None}
    if not wanted:
        return Material({}, {}, {})
    rows = history.get_many(connection, list(wanted))
    files = history.attachments_of(connection, list(wanted))
    return Material(rows, files, people.named(connection, {row.customer_id for row in rows.values()}))


def entry(
    connection: Connection,
    policy: CorePolicy,
    of: Material,
    op: str,
    message_id: int | None,
    payload: dict[str, Any],
) -> Entry | None:
    """What one delivery to the desk shows; None where its message is gone."""
    if op == "activity":
        actor = payload.get("actor")
        return Activity(
            payload["text"],
            payload["at"],
            AgentId(actor) if actor else None,
            bool(payload.get("broadcast")),
        )
    if op == asks.ASK:
        return prompts.unpacked(payload)
    row = of.messages.get(message_id) if message_id is not None else None
    if row is None:
        return None
    files = tuple(file for _, file in of.files.get(row.id, ()))
    meta: dict[str, Any] = json.loads(row.meta) if row.meta else {}
    if row.direction == "outbound":
        return _replied(connection, policy, of, row, meta, files)
    if row.direction == "note":
        return _noted(row, meta, files)
    edited = history.first_version(connection, row.id) if meta.get("edited") else None
    return _said(policy, of, row, meta, files, edited)


def entries(
    connection: Connection, policy: CorePolicy, of: Material, run: list[Delivery]
) -> tuple[Entry, ...]:
    """What a run of deliveries shows."""
    made = [entry(connection, policy, of, one.op, one.message_id, one.payload) for one in run]
    return tuple(one for one in made if one is not None)


def _customer(of: Material, customer_id: int) -> tuple[str, str]:
    one = of.names.get(customer_id)
    return (one.name, people.handle(one.id)) if one is not None else (people.handle(customer_id),) * 2


def via(policy: CorePolicy, inbox: str | None) -> tuple[str, str]:
    """The channel, and the inbox in words: ("email", "email support@shop.example")."""
    known = policy.inboxes.get(InboxId(inbox)) if inbox is not None else None
    return ("", inbox or "") if known is None else (known.channel, f"{known.channel} {known.label}")


def shown(text: Text) -> Text:
    """As much of a text as a post shows."""
    if len(text) <= SHOWN:
        return text
    return text.cut(0, SHOWN) + Text(" …")


def automatic(row: Any) -> str | None:
    """What a message is, in words, where no person wrote it; None for what people wrote.

    A customer's rating is their own words, though a message that is no case's: nobody's machine wrote it.
    """
    if row.automated is None or (row.direction == "inbound" and row.automated == rating_words.KIND):
        return None
    return (
        _AUTOMATIC.get(row.automated, "automatic message")
        if row.direction == "outbound"
        else "automatic message"
    )


def _said(
    policy: CorePolicy,
    of: Material,
    row: Any,
    meta: dict[str, Any],
    files: tuple[Attachment, ...],
    edited: str | None,
) -> Said:
    channel, words = via(policy, row.inbox)
    problems = list(meta.get("problems", ()))
    if len(row.text) > SHOWN:
        problems.append("This message is long: the whole of it is in the file message.txt below.")
    name, handle = _customer(of, row.customer_id)
    return Said(
        MessageId(row.id),
        name,
        channel,
        words,
        shown(history.unpack_text(row.text, row.spans)),
        row.sent_at,
        handle=handle,
        subject=meta.get("show_subject"),
        attachments=files,
        has_tail=row.tail is not None,
        warning=meta.get("warning"),
        automated=row.automated,
        problems=tuple(problems),
        other_sender=meta.get("other_sender"),
        copied=tuple(meta.get("copied", ())),
        edited_from=edited,
        deleted=bool(meta.get("deleted")),
        new_case=bool(meta.get("new_case")),
        reaction=meta.get("reaction"),
    )


def reach(channel: str, address: str) -> str:
    """Where words go, in words: an address that people know is named, a number of the channel's own is not."""
    return f"{channel} {address}" if "@" in address else channel


def _replied(
    connection: Connection,
    policy: CorePolicy,
    of: Material,
    row: Any,
    meta: dict[str, Any],
    files: tuple[Attachment, ...],
) -> Replied:
    channel, words = via(policy, row.inbox)
    way = people.route_by_id(connection, row.route_id)
    if way is not None:
        words = reach(way.channel, way.address)
    name, handle = _customer(of, row.customer_id)
    return Replied(
        MessageId(row.id),
        AgentId(row.agent or ""),
        row.author,
        meta.get("image"),
        name,
        channel,
        words,
        shown(history.unpack_text(row.text, row.spans)),
        row.created_at,
        State(row.state),
        row.state_at,
        row.detail,
        attachments=files,
        subject=row.subject,
        from_thread=bool(meta.get("from_thread")),
        refused=tuple((a, b) for a, b in meta.get("refused", ())),
        handle=handle,
        others=_others(connection, policy, row) if row.state == State.FAILED else (),
    )


def _others(connection: Connection, policy: CorePolicy, row: Any) -> tuple[str, ...]:
    """The other ways to a customer, where a reply failed."""
    customer_id = people.final(connection, row.customer_id) or row.customer_id
    ways = people.routes_of(connection, customer_id)
    gone = next((way for way in ways if way.id == row.route_id), None)
    found = [via(policy, way.inbox)[1] for way in ways if gone is None or way.inbox != gone.inbox]
    return tuple(dict.fromkeys(found))


def _noted(row: Any, meta: dict[str, Any], files: tuple[Attachment, ...]) -> Noted:
    return Noted(
        MessageId(row.id),
        AgentId(row.agent or ""),
        row.author,
        meta.get("image"),
        history.unpack_text(row.text, row.spans),
        row.created_at,
        files,
    )


def card(connection: Connection, policy: CorePolicy, customer_id: int, team: str) -> CardView | None:
    """A customer's card as it should look now."""
    person = people.named(connection, [customer_id]).get(customer_id)
    if person is None:
        return None
    case = cases.newest_case(connection, customer_id, team)
    ways = people.routes_of(connection, customer_id)
    status = Status(case.status) if case is not None else Status.RESOLVED
    unproven = next((way for way in ways if not way.verified), None)
    warning = None
    if ways and unproven is not None and not any(way.verified for way in ways):
        warning = f"Sender not verified ({unproven.evidence or 'no proof'})"
    badges, noted = attributes.on_card(policy, attributes.of(connection, customer_id))
    return CardView(
        people.handle(customer_id),
        CustomerId(customer_id),
        person.name,
        TeamId(team),
        status,
        ConversationId(case.id) if case is not None else None,
        case.excerpt if case is not None else "",
        tuple(dict.fromkeys(via(policy, way.inbox)[1] for way in ways)),
        owner=AgentId(case.owner) if case is not None and case.owner else None,
        waiting_since=case.waiting_since if case is not None and status is not Status.RESOLVED else None,
        due_at=case.due_at if case is not None else None,
        due_kind=case.due_kind if case is not None else None,
        snoozed_until=case.snoozed_until if case is not None else None,
        blocked=person.blocked,
        verified=warning is None,
        warning=warning,
        cases=cases.count_cases(connection, customer_id, team),
        failed=history.count_failed(connection, case.id) if case is not None else 0,
        badges=badges,
        noted=noted,
        spam=person.spam,
        quarantine=person.quarantine,
        priority=case.priority if case is not None else "normal",
        tags=tags.tags_of(connection, case.id) if case is not None else (),
    )


def card_in(connection: Connection, policy: CorePolicy, thread: Any) -> CardView | None:
    """The card of one thread: its customer's, or, where it ended with a merge, who they are now."""
    today = people.final(connection, thread.customer_id)
    if today is None or today == thread.customer_id:
        shown = card(connection, policy, thread.customer_id, thread.team)
        return shown if thread.current or shown is None else replace(shown, ended=True)
    return CardView(
        people.handle(thread.customer_id),
        CustomerId(thread.customer_id),
        people.own_name(connection, thread.customer_id),
        TeamId(thread.team),
        Status.RESOLVED,
        None,
        "",
        (),
        merged_into=people.handle(today),
    )


def digest(shown: CardView) -> str:
    """A short digest of how a card looks: a card that would look the same is not rendered anew."""
    return hashlib.blake2s(repr(shown).encode(errors="replace"), digest_size=8).hexdigest()


def post_entries(
    connection: Connection, policy: CorePolicy, place: str, remote_id: str
) -> tuple[tuple[Entry, ...], bool]:
    """Everything that one Slack post shows, as it should look now; and whether the bot made that post."""
    made: list[Entry | None] = []
    ours = False
    rows = history.posts_at(connection, place, remote_id)
    of = material(connection, [row.message_id for row in rows])
    for row in rows:
        ours = ours or row.delivery_id is not None
        payload = json.loads(row.payload) if row.payload else {}
        made.append(entry(connection, policy, of, row.op or "say", row.message_id, payload))
    return tuple(one for one in made if one is not None), ours
