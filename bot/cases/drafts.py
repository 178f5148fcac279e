"""From a draft to a reply: which way it goes, what the agent must be asked first, what is stored. Units."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection

from bot import replies
from bot.capabilities import Capabilities, fit
from bot.cases import guard, lookups, views
from bot.commands.nouns import Confirm, Draft, Person, Way
from bot.commands.types import GivenFile, Sent
from bot.errors import UserError
from bot.messages import Attachment, ConversationId, InboxId, MessageId, TeamId
from bot.policy import CorePolicy, TeamPolicy
from bot.storage import history, inboxes, lanes, people

Able = Mapping[InboxId, Capabilities]
"""What each inbox can carry."""


def team_of(policy: CorePolicy, team: TeamId) -> TeamPolicy:
    """A team. ``UserError`` where there is none."""
    found = policy.teams.get(team)
    if found is None:
        raise UserError("This channel belongs to no team.")
    return found


def accept(
    connection: Connection, policy: CorePolicy, able: Able, draft: Draft, key: str, card_key: str, now: float
) -> tuple[Sent | Confirm, set[str]]:
    """Stores a reply and holds it for the undo window, or says what the agent must confirm first."""
    team = team_of(policy, draft.team)
    before = history.known(connection, f"out:{draft.source}")
    if before is not None:
        return sent(connection, policy, before, duplicate=True), set()
    customer_id = people.final(connection, draft.customer_id) or draft.customer_id
    way = choose(lookups.ways_of(connection, policy, able, customer_id, draft.team), draft)
    person = lookups.person(connection, policy, customer_id, draft.team)
    _may_send(person, way, draft)
    if not draft.confirmed:
        question = _question(connection, policy, able, draft, person, way, now)
        if question is not None:
            return question, set()
    reply, lane_id = _new_reply(connection, draft, way, person, key, card_key)
    message_id, _, buckets = replies.accept(connection, policy, team, reply, lane_id, now)
    inboxes.write_audit(connection, draft.agent.id, "reply", customer_id, f"message {message_id}", now)
    return sent(connection, policy, message_id), buckets


def _new_reply(
    connection: Connection, draft: Draft, way: Way, person: Person, key: str, card_key: str
) -> tuple[replies.NewReply, int]:
    route = people.route_by_id(connection, way.route_id)
    assert route is not None
    place = (person.place[0], draft.message_ts) if draft.from_thread and draft.message_ts else None
    reply = replies.NewReply(
        person.customer_id,
        route.id,
        route.identity_id,
        route.inbox,
        draft.agent.id,
        draft.agent.name,
        draft.text,
        files(draft),
        tuple(_source(file) for file in draft.files),
        draft.source,
        key,
        card_key,
        draft.order,
        subject=draft.subject,
        reply_to=draft.reply_to,
        cc=draft.cc,
        from_thread=draft.from_thread,
        message_place=place,
        meta=_meta(draft),
    )
    return reply, route.lane_id


def _question(
    connection: Connection,
    policy: CorePolicy,
    able: Able,
    draft: Draft,
    person: Person,
    way: Way,
    now: float,
) -> Confirm | None:
    """Everything that the agent must know first, as one question."""
    asked: list[tuple[str, str]] = []
    losses = fit(draft.text, files(draft), able[way.inbox]).losses
    if losses:
        asked.append((" ".join(losses), "Send what fits"))
    others = guard.strangers(connection, draft, person)
    if others:
        names, have = ", ".join(others), "has" if len(others) == 1 else "have"
        asked.append(
            (f"{names} {have} never been part of this conversation and would read it.", "Send to them too")
        )
    same = history.same_words_since(connection, person.customer_id, draft.text.plain, now - policy.same_words)
    quicker = guard.collision(connection, draft, person, now)
    if same is not None and draft.text:
        ago = max(1, round(now - same.created_at))
        words = f"{person.name} was sent exactly these words {ago} s ago by {same.author}. Send them again?"
        asked.append((words, "Send again"))
    elif quicker is not None:
        asked.append((quicker, "Send mine too"))
    if not asked:
        return None
    return Confirm(
        " ".join(words for words, _ in asked), asked[0][1] if len(asked) == 1 else "Send all the same"
    )


def sent(connection: Connection, policy: CorePolicy, message_id: int, *, duplicate: bool = False) -> Sent:
    """A stored reply, for the agent who wrote it."""
    row = history.get(connection, message_id)
    assert row is not None
    person = lookups.person_of(connection, policy, message_id)
    route = people.route_by_id(connection, row.route_id)
    via = views.reach(route.channel, route.address) if route is not None else ""
    send_at = lanes.held_until(connection, message_id, "send") or row.created_at
    return Sent(
        MessageId(message_id),
        ConversationId(row.conversation_id),
        person.handle,
        person.name,
        via,
        send_at,
        duplicate,
    )


def files(draft: Draft) -> tuple[Attachment, ...]:
    """The files of a draft; their bytes are still in Slack."""
    return tuple(Attachment(file.name, file.media_type, file.size) for file in draft.files)


def _source(file: GivenFile) -> str:
    return json.dumps(
        {
            "id": file.slack_id,
            "name": file.name,
            "url": file.url,
            "size": file.size,
            "type": file.media_type,
        }
    )


def _meta(draft: Draft) -> str | None:
    values = {
        "image": draft.agent.image,
        "from_thread": draft.from_thread,
        "reply_to": draft.reply_to,
        "cc": draft.cc,
    }
    kept = {name: value for name, value in values.items() if value}
    return json.dumps(kept, separators=(",", ":")) if kept else None


def choose(ways: tuple[Way, ...], draft: Draft) -> Way:
    """The way the agent chose, else the one the customer used last that is open."""
    if draft.route_id is not None:
        chosen = next((way for way in ways if way.route_id == draft.route_id), None)
        if chosen is None:
            raise UserError("This customer cannot be reached that way any more. Choose another.")
        return chosen
    usable = next((way for way in ways if way.closed is None), None)
    if usable is None:
        why = f": {ways[0].closed}" if ways else ""
        raise UserError(f"There is no way to write to this customer now{why}.")
    return usable


def _may_send(person: Person, way: Way, draft: Draft) -> None:
    if person.blocked:
        raise UserError(f"{person.name} is blocked: unblock {person.handle} first.")
    if person.quarantine:
        raise UserError(
            f"{person.handle} {person.name} is in quarantine: let them in first, with the quarantine command."
        )
    if way.closed is not None:
        raise UserError(f"{way.channel}: {way.closed}. Choose another way.")
    if not draft.text and not draft.files:
        raise UserError("There is nothing to send: write some words or add a file.")
