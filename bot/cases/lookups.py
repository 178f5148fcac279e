"""Questions that commands ask: who, which ways, what was said. Units that only read."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from bot.capabilities import Capabilities
from bot.cases import views
from bot.commands.nouns import HistoryItem, Person, Way
from bot.desk import State, Status
from bot.errors import UserError
from bot.messages import AgentId, ConversationId, CustomerId, InboxId, MessageId, RouteId, TeamId
from bot.policy import CorePolicy
from bot.storage import cases, erasing, history, pages, people


def persons(
    connection: Connection, policy: CorePolicy, ids: list[int], team: str | None
) -> tuple[Person, ...]:
    """Customers as a team sees them, in the given order. ``team`` None: the team of their newest case."""
    found: dict[int, Person] = {}
    addresses = cases.addresses(connection, ids)
    for known in [team] if team is not None else list(policy.teams):
        for row in cases.people(connection, ids, known).values():
            better = row.id not in found or (
                row.conversation_id is not None and (found[row.id].conversation_id or 0) < row.conversation_id
            )
            if better:
                found[row.id] = _person(policy, row, addresses.get(row.id, ""), known)
    return tuple(found[one] for one in ids if one in found)


def _person(policy: CorePolicy, row: Any, address: str, team: str) -> Person:
    channel = row.channel or policy.teams[TeamId(team)].slack_channel
    return Person(
        CustomerId(row.id),
        people.handle(row.id),
        row.name,
        address,
        TeamId(team),
        ConversationId(row.conversation_id) if row.conversation_id is not None else None,
        Status(row.status) if row.status else Status.RESOLVED,
        AgentId(row.owner) if row.owner else None,
        row.waiting_since,
        row.blocked,
        (channel, row.ts),
        row.excerpt or "",
        row.spam,
        row.quarantine,
    )


def person(connection: Connection, policy: CorePolicy, customer_id: int, team: str | None) -> Person:
    """One customer. ``UserError`` where there is none."""
    final = people.final(connection, customer_id)
    found = persons(connection, policy, [final], team) if final is not None else ()
    if not found:
        not_erased(connection, customer_id)
        raise UserError(f"{people.handle(customer_id)} is nobody.")
    return found[0]


def not_erased(connection: Connection, customer_id: int) -> None:
    """``UserError`` where somebody was erased, with when and by whom."""
    found = erasing.erased(connection, customer_id)
    if found is not None:
        at, by = found
        day = f"{datetime.fromtimestamp(at, UTC):%-d %B %Y}"
        raise UserError(f"{people.handle(customer_id)} was erased on {day}{f' by {by}' if by else ''}.")


def lookup(
    connection: Connection, policy: CorePolicy, words: str, team: str | None, limit: int
) -> tuple[Person, ...]:
    """Customers that a handle, an address or a name means."""
    words = words.strip()
    number = people.number(words)
    if number is not None:
        final = people.final(connection, number)
        if final is None:
            not_erased(connection, number)
        return persons(connection, policy, [final], team) if final is not None else ()
    exact = people.by_exact_address(connection, words.lower())
    ids = exact or people.search(connection, words, limit) if words else []
    finals = [people.final(connection, one) for one in ids]
    return persons(connection, policy, [one for one in dict.fromkeys(finals) if one is not None], team)


def open_for(
    connection: Connection, policy: CorePolicy, agent: AgentId, team: str | None, limit: int
) -> tuple[Person, ...]:
    """Customers with a case that is not resolved, the agent's own first."""
    teams = [team] if team is not None else list(policy.teams)
    today = [(people.final(connection, one), of) for one, of in cases.queue(connection, teams, agent, limit)]
    known = {
        (one.customer_id, of): one
        for of in teams
        for one in persons(connection, policy, [who for who, of_team in today if who and of_team == of], of)
    }
    found = (known.get((CustomerId(who), of)) for who, of in today if who is not None)
    return tuple(one for one in found if one is not None)


def nearest(connection: Connection, policy: CorePolicy, words: str, team: str | None) -> tuple[Person, ...]:
    """Whom a misspelt handle or name may mean."""
    known = people.some_names(connection)
    names: dict[str, int] = {}
    for customer_id, name in known:
        names.setdefault(name.casefold(), customer_id)
        names.setdefault(people.handle(customer_id).casefold(), customer_id)
        for part in name.casefold().split():
            names.setdefault(part, customer_id)
    close = difflib.get_close_matches(words.strip().casefold(), names, n=6, cutoff=0.6)
    ids = list(dict.fromkeys(names[one] for one in close))[:3]
    return persons(connection, policy, ids, team)


def at_thread(
    connection: Connection, policy: CorePolicy, channel: str, ts: str
) -> tuple[Person | None, bool]:
    """Whose thread it is; where it is nobody's, whether it may become somebody's: a card is being posted in the channel."""
    row = cases.thread_at(connection, channel, ts)
    if row is None:
        return None, cases.is_opening(connection, channel, ts)
    return person(connection, policy, row.customer_id, row.team), False


def ways_of(
    connection: Connection,
    policy: CorePolicy,
    capabilities: Mapping[InboxId, Capabilities],
    customer_id: int,
    team: str,
) -> tuple[Way, ...]:
    """How a customer can be reached by a team, the way they used last first."""
    rows = people.routes_of(connection, customer_id)
    ours = _different([row for row in rows if row.inbox in capabilities])
    mine = [row for row in ours if policy.inboxes[InboxId(row.inbox)].team == team]
    return tuple(_way(connection, policy, capabilities, row, customer_id) for row in mine or ours)


def _different(rows: list[Any]) -> list[Any]:
    """Without a second way to the same place: a browser whose thread is that of somebody signed in, an address twice."""
    found: dict[tuple[str, str], Any] = {}
    for row in rows:
        known = found.setdefault((row.inbox, row.thread_key or row.address), row)
        if row.verified and not known.verified:
            found[row.inbox, row.thread_key or row.address] = row
    return list(found.values())


def _way(
    connection: Connection,
    policy: CorePolicy,
    capabilities: Mapping[InboxId, Capabilities],
    row: Any,
    customer_id: int,
) -> Way:
    able = capabilities[InboxId(row.inbox)]
    inbox = policy.inboxes[InboxId(row.inbox)]
    subjects = history.subjects(connection, customer_id, row.id) if able.has_subject else ()
    return Way(
        RouteId(row.id),
        row.channel,
        inbox.id,
        row.address,
        f"{views.reach(row.channel, row.address)} (from {inbox.label})",
        carries(able),
        closed_window(able, row.last_in_at),
        subjects,
        able.has_copies,
        row.verified,
    )


def carries(able: Capabilities) -> str:
    """What a channel can carry, in a few words."""
    words = [f"up to {able.max_text:,} characters"] if able.max_text < 20_000 else ["text of any length"]
    if able.files is None:
        words.append("no files")
    else:
        words.append(f"files up to {able.files.max_bytes // 1_000_000} MB")
    return ", ".join(words)


def closed_window(able: Capabilities, last_in_at: float | None) -> str | None:
    """Why a channel does not let us write now, or None."""
    if able.reply_window is None:
        return None if last_in_at is not None or able.can_initiate else "they have to write first"
    if last_in_at is None:
        return "they have to write first"
    age = time.time() - last_in_at
    if age <= able.reply_window:
        return None
    return f"they wrote last {age / 3600:.0f} h ago: the window of {able.reply_window / 3600:.0f} h is closed"


def page(
    connection: Connection, policy: CorePolicy, customer_id: int, before: int | None, limit: int
) -> tuple[HistoryItem, ...]:
    """A customer's history, newest first."""
    rows = pages.page(connection, people.family(connection, customer_id), before=before, limit=limit)
    files = history.attachments_of(connection, [row.id for row in rows]) if rows else {}
    return tuple(item(policy, row, files.get(row.id, [])) for row in rows)


def item(policy: CorePolicy, row: Any, files: list[tuple[int, Any]]) -> HistoryItem:
    """A message as the history shows it."""
    return HistoryItem(
        MessageId(row.id),
        row.direction,
        row.author,
        views.via(policy, row.inbox)[1],
        history.unpack_text(row.text, row.spans),
        row.sent_at,
        tuple(file for _, file in files),
        State(row.state) if row.state else None,
        row.subject,
        history.unpack_packed(row.tail),
        views.automatic(row),
    )


def one_item(connection: Connection, policy: CorePolicy, message_id: int) -> HistoryItem:
    """One message. ``UserError`` where there is none."""
    row = history.get(connection, message_id)
    if row is None:
        raise UserError("This message is not known any more.")
    files = history.attachments_of(connection, [message_id]).get(message_id, [])
    return item(policy, row, files)


def at_message(connection: Connection, policy: CorePolicy, channel: str, ts: str) -> HistoryItem | None:
    """What an agent wrote as that Slack message."""
    for row in history.posts_at(connection, channel, ts):
        if row.delivery_id is None and row.message_id is not None:
            return one_item(connection, policy, row.message_id)
    return None


def person_of(connection: Connection, policy: CorePolicy, message_id: int) -> Person:
    """The customer that a message is from or to."""
    row = history.get(connection, message_id)
    case = cases.case(connection, row.conversation_id) if row is not None else None
    if row is None or case is None:
        raise UserError("This message is not known any more.")
    return person(connection, policy, row.customer_id, case.team)
