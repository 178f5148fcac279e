"""Whose words wait apart until somebody has looked: newcomers that look like machines, spam or a flood. Units.

Only somebody of whom nothing is known can come into quarantine; a message that answers our token never does. What waits is
kept, shown in no thread, has no card, waits for nobody's answer and is answered by nothing. The team's channel says once a day
that something waits. Whoever writes again by hand is let in by that, and everything is then posted as if it had just come.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from bot import conversations, replies, sla
from bot.cases import prompts, views
from bot.customers import Whose
from bot.desk import Press, Prompt, Status
from bot.identity import attributes
from bot.messages import InboxId, Message, SpanKind, SuspicionKind, TeamId
from bot.policy import CorePolicy, QuarantinePolicy, TeamPolicy
from bot.storage import asks, cases, history, lanes
from bot.storage import quarantine as rows
from bot.storage.lanes import NewDelivery

FRESH = 3600.0
"""Seconds after their first message in which somebody is new, so that a flood of theirs is looked for."""
DAY = 86_400.0
"""Seconds between posts in the team's channel."""
POSTED = 300
"""The most messages that are posted when somebody is let in; earlier ones are in their history."""
_WORD = re.compile(r"\S+")
_LINK = re.compile(r"(?:https?://|www\.)\S", re.IGNORECASE)
AUTOMATIC = 3
"""Answers of ours that no person wrote, which may stand between: they stop no flood."""
FEWEST_LINKS = 3
"""A person may well write nothing but a link or two."""


def concerns(whose: Whose, now: float) -> bool:
    """Whether a sender has to be looked at: everybody else costs nothing."""
    return not whose.known or whose.quarantine is not None or now - whose.since < FRESH


def judge(
    connection: Connection, policy: CorePolicy, event: Message, whose: Whose, now: float, key: str
) -> tuple[str | None, set[str]]:
    """Why a message waits apart, or None; and what to wake, where its sender is let in by it. ``key``: for a new card."""
    if whose.blocked or whose.identity_id is None:
        return None, set()
    if event.answers is None:
        why = _why(connection, policy.quarantine, event, whose, now)
        if why is not None or (whose.quarantine is not None and event.automated is not None):
            return whose.quarantine or why, set()
    if whose.quarantine is None:
        return None, set()
    return None, let_in(connection, policy, whose.customer_id, now, key)


def _why(
    connection: Connection, rules: QuarantinePolicy, event: Message, whose: Whose, now: float
) -> str | None:
    if not whose.known or whose.quarantine is not None:
        found = unwanted(rules, event)
        if found is not None:
            return found
    return _flood(connection, rules, whose, now) if whose.known else None


def unwanted(rules: QuarantinePolicy, event: Message) -> str | None:
    """Why a stranger's message waits apart, from what it is alone; None where it looks like a person's."""
    return _suspected(rules, event) or _listed(rules, event) or _links(event)


def _suspected(rules: QuarantinePolicy, event: Message) -> str | None:
    """What its channel says that the message looks like."""
    seen = event.suspicion
    if seen is None:
        return None
    if seen.kind is SuspicionKind.PROOF:
        return "may be an account verification: do not use it as proof of who somebody is"
    return None if seen.kind is SuspicionKind.MASS and not rules.automatic else seen.why


def _listed(rules: QuarantinePolicy, event: Message) -> str | None:
    """Whether app.yaml names the sender, or words of the message."""
    address = event.sender.address.casefold()
    domain = address.rpartition("@")[2]
    for pattern in rules.senders:
        wanted = pattern.casefold()
        listed = fnmatch.fnmatchcase(address, wanted)
        if "@" not in wanted:
            listed = listed or domain == wanted or domain.endswith(f".{wanted}")
        if listed:
            return f"the sender is on the list ({pattern})"
    if rules.words:
        said = f"{event.subject or ''}\n{event.text.plain}".casefold()
        for words in rules.words:
            if re.search(rf"(?<!\w){re.escape(words.casefold())}(?!\w)", said):
                return f"it says “{words}”"
    return None


def _links(event: Message) -> str | None:
    """Whether more than half of the words are links."""
    linked = [span for span in event.text.spans if span.kind is SpanKind.LINK]
    count = total = 0
    for word in _WORD.finditer(event.text.plain):
        total += 1
        inside = any(span.start < word.end() and word.start() < span.end for span in linked)
        count += inside or _LINK.match(word.group()) is not None
    return "more than half of its words are links" if count >= FEWEST_LINKS and count * 2 > total else None


def _flood(connection: Connection, rules: QuarantinePolicy, whose: Whose, now: float) -> str | None:
    """Whether somebody writes on and on before anybody has said a word."""
    if not rules.flood:
        return None
    newest = rows.last(connection, whose.customer_id, rules.flood + AUTOMATIC)
    if any(direction != "inbound" and automated is None for direction, _, automated in newest):
        return None
    theirs = [at for direction, at, _ in newest if direction == "inbound"]
    if len(theirs) < rules.flood or theirs[rules.flood - 1] <= now - rules.flood_window:
        return None
    return f"more than {rules.flood} messages in {rules.flood_window / 60:.0f} min"


def keep(
    connection: Connection, policy: CorePolicy, customer_id: int, team: TeamPolicy, why: str, now: float
) -> set[str]:
    """A message was stored that waits apart. With a sender's first one the channel tells that somebody waits."""
    if not rows.hold(connection, customer_id, why):
        return set()
    sla.kept_apart(connection, customer_id, True, now, "quarantine")
    buckets = replies.refresh_card(connection, policy, customer_id, team.id, now)
    return buckets | tell(connection, policy, team.id, now)


# The post in the team's channel


def _about(team: str) -> str:
    return f"quarantine:{team}"


def tell(connection: Connection, policy: CorePolicy, team: str, now: float, *, new: bool = True) -> set[str]:
    """One quiet post a day in the team's channel; until the next day it is shown anew where the number changes."""
    of = policy.teams.get(TeamId(team))
    if of is None:
        return set()
    count = rows.waiting(connection, team)
    about = _about(team)
    last = rows.newest_notice(connection, about)
    prompt = _notice(team, count, now)
    if last is not None and (not new or now - last.created_at < DAY):
        return _again(connection, last, prompt, now)
    if not new or not count:
        return set()
    rows.leave_notices(connection, about)
    return prompts.to_person(connection, of.slack_channel, prompt, about, now)


def how_many(count: int) -> str:
    """A count in words: it ends somewhere."""
    return f"{count}" if count < rows.MANY else f"{rows.MANY} or more"


def _notice(team: str, count: int, now: float) -> Prompt:
    if not count:
        return Prompt((("Nothing waits in quarantine any more.",),), now)
    many = "1 sender waits" if count == 1 else f"{how_many(count)} senders wait"
    return Prompt(
        (((f"{many} in quarantine."),),),
        now,
        (Press("Look", "quarantine.look", team),),
    )


def _again(connection: Connection, last: Any, prompt: Prompt, now: float) -> set[str]:
    before, after = json.loads(last.payload), prompts.packed(prompt)
    if before["lines"] == after["lines"]:
        return set()
    asks.change(connection, last.id, after)
    if rows.renewal_waits(connection, last.lane_id, asks.AGAIN):
        return set()
    return {
        lanes.append(connection, last.lane_id, [NewDelivery(asks.AGAIN, payload={"delivery": last.id})], now)
    }


# Letting in


def let_in(connection: Connection, policy: CorePolicy, customer_id: int, now: float, key: str) -> set[str]:
    """Out of quarantine: what waited is posted, and the customer waits for us since now. Once; ``key``: for a new card."""
    if not rows.free(connection, customer_id):
        return set()
    sla.kept_apart(connection, customer_id, False, now, "let in from quarantine")
    kept = rows.unseen(connection, customer_id)
    buckets: set[str] = attributes.refresh_cards(connection, policy, customer_id, now)
    for team in dict.fromkeys(row.team for row in kept):
        theirs = [row for row in kept if row.team == team]
        if TeamId(team) in policy.teams:
            _hear(connection, policy, customer_id, team, theirs[-1], now)
            buckets |= post(connection, policy, customer_id, team, theirs, now, key)
            buckets |= tell(connection, policy, team, now, new=False)
            key = replies.next_key(key)
    return buckets


def _hear(
    connection: Connection, policy: CorePolicy, customer_id: int, team: str, newest: Any, now: float
) -> None:
    """The case opens as if the newest message had just come: it waits, and clocks run, since now."""
    case = cases.newest_case(connection, customer_id, team)
    if case is not None and case.status == Status.RESOLVED:
        cases.change(
            connection, case.id, status=Status.OPEN, opened_at=now, resolved_at=None, waiting_since=None
        )
    words = conversations.excerpt(newest.text) or conversations.excerpt(newest.subject or "")
    row = cases.heard(connection, customer_id, team, words, now)
    inbox = policy.inboxes.get(InboxId(newest.inbox or ""))
    if row is not None and inbox is not None:
        sla.said(connection, policy, inbox, row, row.id, newest.id, now)


def post(
    connection: Connection,
    policy: CorePolicy,
    customer_id: int,
    team: str,
    kept: Sequence[Any],
    now: float,
    key: str,
) -> set[str]:
    """Posts messages that nobody has seen in the customer's thread, oldest first."""
    desk = conversations.ensure_desk(connection, customer_id, policy.teams[TeamId(team)], key, now)
    items: list[NewDelivery] = []
    shown = kept[-POSTED:]
    if len(kept) > len(shown):
        line = f"{len(kept) - len(shown)} earlier messages are not repeated here: they are in the history."
        items.append(NewDelivery("activity", payload={"text": line, "at": now}))
    files = history.attachments_of(connection, [row.id for row in shown])
    for row in shown:
        items.append(NewDelivery("say", row.id))
        items += [
            NewDelivery("file", row.id, number)
            for number, file in files.get(row.id, ())
            if file.blob is not None
        ]
        if len(row.text) > views.SHOWN:
            items.append(NewDelivery("rest", row.id))
    buckets = {lanes.append(connection, desk.desk_lane, items, now)} if items else set()
    return buckets | replies.refresh_card(connection, policy, customer_id, team, now)
