"""What a merge and its end say in the threads: who was joined, their last words, and where it goes on. Units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from bot import conversations, replies
from bot.cases import prompts, views
from bot.desk import Line, Press, Prompt, Strong, ThreadLink, When
from bot.messages import TeamId
from bot.policy import CorePolicy
from bot.storage import asks, cases, clues, lanes, merges, people
from bot.storage.lanes import NewDelivery

RECAP = 3
"""Messages that a recap shows."""
RECAP_WORDS = 200


@dataclass(frozen=True, slots=True)
class Told:
    """A merge as threads tell of it. ``who`` is the public name of who decided it.

    ``family`` are the numbers of who was merged, ``after`` is the newest message when they were.
    """

    merge_id: int
    survivor_id: int
    merged_id: int
    merged_name: str
    who: str
    evidence: str | None = None
    family: tuple[int, ...] = ()
    after: int = 0

    @property
    def about(self) -> str:
        """What prompts about this merge are about."""
        return f"merge:{self.merge_id}"


def joined(
    connection: Connection, policy: CorePolicy, told: Told, threads: dict[str, Any], now: float
) -> set[str]:
    """Says in every thread of the two what became of it."""
    buckets: set[str] = set()
    survivor = merges.customer_row(connection, told.survivor_id)
    assert survivor is not None
    one, other = _called(survivor.id, survivor.name), _called(told.merged_id, told.merged_name)
    undo = Press("Unmerge", "merge.undo", str(told.merge_id))
    for thread_id in threads["handed"]:
        row = cases.thread_by_id(connection, thread_id)
        assert row is not None
        first: Line = (f"{told.who} merged {other} into {one}: this thread is theirs now.",)
        prompt = Prompt((first, *_why(told)), now, (undo,))
        buckets |= _in(connection, row, prompt, told.about, now)
        buckets |= replies.refresh_card(connection, policy, survivor.id, row.team, now)
    for team, (ended_id, goes_on_id) in threads["ended"].items():
        ended = cases.thread_by_id(connection, ended_id)
        goes_on = cases.thread_by_id(connection, goes_on_id)
        assert ended is not None and goes_on is not None
        first = (f"{told.who} merged {other} into {one}: from now on all of it comes here.",)
        recap = words_of(connection, policy, told.family, team, "Their last words:")
        link: Line = (
            ("What was said before is in ", *_link("their old thread", ended), ".") if ended.ts else ()
        )
        lines = tuple(line for line in (first, *_why(told), *recap, link) if line)
        buckets |= _in(connection, goes_on, Prompt(lines, now, (undo,)), told.about, now)
        last: Line = (f"{other} is {one} now. It goes on ", *_link("in that thread", goes_on), ".")
        buckets |= _in(connection, ended, Prompt((last,), now), told.about, now, ended=True)
        buckets |= card_of(connection, ended, now)
        buckets |= replies.refresh_card(connection, policy, survivor.id, team, now)
    return buckets


def parted(
    connection: Connection,
    policy: CorePolicy,
    told: Told,
    teams: frozenset[str],
    moved: int,
    key: str,
    now: float,
) -> set[str]:
    """Says that two are two again: in both threads of each of these teams, which are made where somebody needs one."""
    buckets = prompts.settle(connection, told.about, (f"{told.who} undid this merge.",), now)
    survivor = merges.customer_row(connection, told.survivor_id)
    assert survivor is not None
    one, other = _called(survivor.id, survivor.name), _called(told.merged_id, told.merged_name)
    for number, team in enumerate(sorted(teams)):
        ours = _thread(connection, policy, told.survivor_id, team, f"{key}{number}a", now)
        theirs = _thread(connection, policy, told.merged_id, team, f"{key}{number}b", now)
        if ours is not None:
            where: Line = (
                (" goes on ", *_link("in their own thread", theirs))
                if theirs is not None
                else (" is somebody else again",)
            )
            count = " What they said meanwhile, and what they were told, went with them." if moved else ""
            line: Line = (
                f"{told.who} undid the merge: {other}",
                *where,
                f".{count} What was posted here stays.",
            )
            buckets |= _in(connection, ours, Prompt((line,), now), told.about, now, settled=True)
            buckets |= replies.refresh_card(connection, policy, told.survivor_id, team, now)
        if theirs is not None:
            line = (f"{told.who} undid the merge: this is {other} again, and not {one}.",)
            recap = words_of(connection, policy, (told.merged_id,), team, "Said meanwhile:", told.after)
            meanwhile: Line = (
                ("What was posted meanwhile is in ", *_link(f"the thread of {one}", ours), ".")
                if ours is not None and ours.ts
                else ()
            )
            lines = tuple(one_line for one_line in (line, meanwhile, *recap) if one_line)
            buckets |= _in(connection, theirs, Prompt(lines, now), told.about, now, settled=True)
            buckets |= replies.refresh_card(connection, policy, told.merged_id, team, now)
    return buckets


def _thread(
    connection: Connection, policy: CorePolicy, customer_id: int, team: str, key: str, now: float
) -> Any | None:
    """The thread of somebody; made where they have none and somebody waits for a word there."""
    row = cases.current_thread(connection, customer_id, team)
    known = policy.teams.get(TeamId(team))
    if row is not None or known is None or cases.open_case(connection, customer_id, team) is None:
        return row
    conversations.ensure_desk(connection, customer_id, known, key, now)
    return cases.current_thread(connection, customer_id, team)


def words_of(
    connection: Connection,
    policy: CorePolicy,
    numbers: tuple[int, ...],
    team: str,
    title: str,
    after: int = 0,
) -> tuple[Line, ...]:
    """The last words with somebody after a message, one a line, oldest first."""
    lines: list[Line] = []
    for row in merges.last_words(connection, numbers, team, after, RECAP):
        sign = "←" if row.direction == "inbound" else "→"
        channel = views.via(policy, row.inbox)[0]
        words = conversations.excerpt(row.text[:RECAP_WORDS]) or "(no words)"
        lines.append((f"{sign} {row.author}, {channel}, ", When(row.created_at), f": “{words}”"))
    return ((title,), *lines) if lines else ()


def card_of(connection: Connection, thread: Any, now: float) -> set[str]:
    """Renders the card of one certain thread anew, whoever its customer is today."""
    if thread.ts is None:
        return set()
    item = NewDelivery("card", payload={lanes.CERTAIN: thread.id})
    return {lanes.append(connection, thread.card_lane, [item], now)}


def proposals_decided(
    connection: Connection, rows: list[Any], state: str, agent: str, words: str, now: float
) -> set[str]:
    """Proposals are decided: every post that asks says how."""
    buckets: set[str] = set()
    for row in rows:
        clues.decide(connection, row.id, state, agent, now)
        buckets |= prompts.settle(connection, f"proposal:{row.id}", (words,), now)
    return buckets


def _in(
    connection: Connection,
    thread: Any,
    prompt: Prompt,
    about: str,
    now: float,
    *,
    settled: bool = False,
    ended: bool = False,
) -> set[str]:
    """Posts in a thread; in exactly that one where it ``ended``. ``settled``: what comes of the matter does not change it."""
    payload = prompts.packed(prompt)
    if ended:
        payload[lanes.CERTAIN] = thread.id
    return {asks.add(connection, thread.desk_lane, payload, f"{about}:end" if settled else about, now)}


def _called(customer_id: int, name: str) -> str:
    return f"{people.handle(customer_id)} {name}"


def _why(told: Told) -> tuple[Line, ...]:
    return ((Strong("Why: "), told.evidence),) if told.evidence else ()


def _link(words: str, thread: Any) -> Line:
    return (ThreadLink(words, thread.channel, thread.ts),) if thread.ts else (words,)
