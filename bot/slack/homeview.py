"""The Home tab: what waits for an agent, as blocks. One row is one block, because a Home holds a hundred.

Names and words of customers are plain text; what we say ourselves (times, links to threads, who has how much) is ``mrkdwn``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.commands.home_services import Day, Home, HomeCase, HomeTrouble, LeadView, TeamHome, Usual
from bot.commands.next import KINDS
from bot.commands.refs import ref_value
from bot.commands.timing_services import FollowUp
from bot.commands.types import Answer
from bot.desk import State
from bot.slack.answers import answer_blocks
from bot.slack.blocks import Block, actions, button, context, date, mrkdwn, plain, told
from bot.slack.names import one_line, safe_name
from bot.slack.prompts import permalink

MAX_BLOCKS = 100
REFRESH = "home.refresh"
LINK = "home.link"
MAX_TEAMS = 6
"""Teams with a section of their own; of more than these only the numbers are said."""
AT_LEAST = 4
"""Rows that each list has before the first ones take what is left."""
NOTICE = 12
WORDS = 90
AGENTS = 30

OUTSIDER = (
    "Here the members of a support team see who waits for them. You are in none of the teams: ask one of their leads to "
    "add you."
)
UNREAD = "Your customers could not be read just now. Press Refresh in a moment; nothing is lost."


@dataclass(frozen=True, slots=True)
class _Part:
    """A list: blocks above it, its rows, and what is said where more are there (``total``) than are shown."""

    above: tuple[Block, ...]
    rows: tuple[Block, ...] = ()
    total: int = 0
    more: str = ""

    def blocks(self, shown: int) -> list[Block]:
        """With so many rows."""
        made = [*self.above, *self.rows[:shown]]
        left = self.total - min(shown, len(self.rows))
        return [*made, context(mrkdwn(self.more.format(left)))] if left > 0 and self.more else made


@dataclass(frozen=True, slots=True)
class Seen:
    """What a Home is drawn with: the time, the workspace's own address for links, how ``next`` is typed."""

    now: float
    url: str = ""
    next_command: str = "/next"


def home_view(home: Home, seen: Seen, notice: Answer | None = None) -> Block:
    """The Home of somebody who is in a team. ``notice``: what came of what they pressed."""
    if not home.teams:
        return plain_view(OUTSIDER)
    top = [mrkdwn_section(_headline(home, seen.now)), _bar()]
    if notice is not None:
        top += answer_blocks(notice)[:NOTICE]
        top += [{"type": "divider"}] if len(home.teams) == 1 else []
    parts = _parts(home, seen)
    fixed = len(top) + sum(len(part.above) + (1 if part.more and part.total else 0) for part in parts)
    shown = shares([len(part.rows) for part in parts], MAX_BLOCKS - fixed)
    blocks = [block for part, rows in zip(parts, shown, strict=True) for block in part.blocks(rows)]
    return _view([*top, *blocks])


def plain_view(words: str) -> Block:
    """A Home that only says something."""
    return _view([told(words), actions("home", button("Refresh", REFRESH))])


def _view(blocks: list[Block]) -> Block:
    return {"type": "home", "callback_id": "home", "blocks": blocks[:MAX_BLOCKS]}


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """How many rows each list gets: some each, in turn; then the first ones all of theirs, as far as there is room."""
    given = [0] * len(wanted)
    for limit in (*range(1, AT_LEAST + 1), max(wanted, default=0)):
        for at, wants in enumerate(wanted):
            more = min(max(0, min(wants, limit) - given[at]), max(0, room))
            given[at] += more
            room -= more
    return given


def mrkdwn_section(text: str) -> Block:
    """A paragraph of our own words."""
    return {"type": "section", "text": mrkdwn(text)}


def _headline(home: Home, now: float) -> str:
    free = sum(team.unassigned_count for team in home.teams)
    if not home.waiting:
        takes = "waits for somebody to take it" if free == 1 else "wait for somebody to take them"
        rest = f"{free} {takes}." if free else "Well done."
        return f"*Nobody waits for you.* {rest}"
    said = f"*{home.waiting} {'waits' if home.waiting == 1 else 'wait'} for you*"
    due = home.next_due
    if due is None:
        return said
    return f"{said} · {'the first was due' if due <= now else 'next due'} {date(due)}"


def _bar() -> Block:
    return actions("home", button("Refresh", REFRESH))


def _parts(home: Home, seen: Seen) -> list[_Part]:
    parts: list[_Part] = []
    for team in home.teams[:MAX_TEAMS]:
        parts += _of_team(team, seen, several=len(home.teams) > 1)
    if home.teams[MAX_TEAMS:]:
        parts.append(_Part((mrkdwn_section(_also(home.teams[MAX_TEAMS:])),)))
    if len(home.teams) > 1:  # what follows is of all teams, not of the last one
        parts.append(_Part(({"type": "divider"},)))
    parts += [_wrong(home, seen), _aside(home, seen), _follow_ups(home)]
    parts.append(_Part((context(mrkdwn(_day(home.day)), mrkdwn(f"· as of {date(seen.now)}")),)))
    return [part for part in parts if part.above]


def _also(teams: Sequence[TeamHome]) -> str:
    lines = [f"{one.mine_count} of yours wait, {one.unassigned_count} are nobody's" for one in teams]
    named = [f"{_ours(one.name)}: {line}" for one, line in zip(teams, lines, strict=True)]
    return "*Also* · " + " · ".join(named)


def _ours(name: str) -> str:
    """A name out of app.yaml, in ``mrkdwn``."""
    return one_line(name, 60).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _of_team(team: TeamHome, seen: Seen, *, several: bool) -> list[_Part]:
    heading: tuple[Block, ...] = ()
    if several:
        title = {"type": "plain_text", "text": one_line(team.name, 150), "emoji": True}
        heading = ({"type": "divider"}, {"type": "header", "text": title})
    more = f"… and {{}} more: {seen.next_command}"
    mine = tuple(_case(one, seen, "mine", ("Reply", "reply.open")) for one in team.mine)
    free = tuple(_case(one, seen, "free", ("Take it", "case.take")) for one in team.unassigned)
    parts = []
    if team.mine_count or team.others or several:
        parts.append(_Part((*heading, mrkdwn_section(_yours(team))), mine, team.mine_count, more))
    if team.unassigned_count:
        said = f"*Nobody has these* · {team.unassigned_count}"
        parts.append(_Part((mrkdwn_section(said),), free, team.unassigned_count, more))
    return parts + (_of_lead(team.lead, team, seen) if team.lead is not None else [])


def _yours(team: TeamHome) -> str:
    waits = (
        f"{team.mine_count} {'waits' if team.mine_count == 1 else 'wait'}"
        if team.mine_count
        else "nobody waits"
    )
    others = (
        f" · {team.others} more of yours {'is' if team.others == 1 else 'are'} open" if team.others else ""
    )
    return f"*Yours* · {waits}{others}"


def _of_lead(lead: LeadView, team: TeamHome, seen: Seen) -> list[_Part]:
    lines = [
        f"<@{one.agent}> · {one.open} open · {one.waiting} waiting"
        + (f" · *{one.late} late*" if one.late else "")
        for one in lead.loads[:AGENTS]
    ]
    if len(lead.loads) > AGENTS:
        lines.append(f"… and {len(lead.loads) - AGENTS} more")
    lines.append(f"nobody · {team.unassigned_count} waiting")
    parts = []
    if lead.loads or team.unassigned_count:
        parts.append(_Part((mrkdwn_section("*Who has how much*\n" + "\n".join(lines)),)))
    if any(one.today or one.usual for one in lead.today):
        parts.append(_Part((mrkdwn_section("*Today against the usual*\n" + _today(lead.today)),)))
    if lead.late_count:
        late = tuple(_case(one, seen, "late", ("Assign", "case.assign"), owner=True) for one in lead.late)
        parts.append(
            _Part(
                (mrkdwn_section(f"*Late now* · {lead.late_count}"),), late, lead.late_count, "… and {} more"
            )
        )
    return parts


TODAY = {
    "inbound": "messages",
    "opened": "opened",
    "resolved": "resolved",
    "first_missed": "first replies late",
}


def _today(shown: tuple[Usual, ...]) -> str:
    """``messages 34 (usually 28 by now) · opened 9 (7) …``."""
    told = []
    for number, one in enumerate(shown):
        usual = ""
        if one.usual is not None:
            usual = f" (usually {one.usual:.0f} by now)" if not number else f" ({one.usual:.0f})"
        told.append(f"{TODAY[one.what]} {one.today}{usual}")
    return " · ".join(told)


def _case(one: HomeCase, seen: Seen, part: str, press: tuple[str, str], *, owner: bool = False) -> Block:
    late = one.due_at is not None and one.due_at <= seen.now
    sign = "💤" if one.snoozed_until is not None else "⏰" if late else "🔴"
    urgent = f"  {one.priority}" if one.priority in ("urgent", "high") else ""
    facts = [plain(_quiet_facts(one)), mrkdwn(" · ".join(_times(one, seen, late=late, owner=owner)))]
    value = ref_value(one.customer_id, one.team)
    return _row(
        f"{part}.{one.team}.{one.customer_id}",
        f"{sign} {safe_name(one.name)}  {one.handle}{urgent}",
        one.excerpt,
        facts,
        button(*press, value),
    )


def _row(block_id: str, head: str, words: str, facts: list[Block], press: Block) -> Block:
    line = one_line(words, WORDS)
    return {
        "type": "section",
        "block_id": block_id[:255],
        "text": plain(f"{head}\n“{line}”" if line else head, 3000),
        "fields": facts,
        "accessory": press,
    }


def _quiet_facts(one: HomeCase) -> str:
    return one_line(one.via, 80) or "no address"


def _times(one: HomeCase, seen: Seen, *, late: bool, owner: bool) -> list[str]:
    said = []
    if one.snoozed_until is not None:
        said.append(f"back {date(one.snoozed_until)}")
    elif one.due_at is not None:
        what = KINDS.get(one.due_kind or "", "answer")
        said.append(f"*{what} was due {date(one.due_at)}*" if late else f"{what} due {date(one.due_at)}")
    elif one.waiting_since is not None:
        said.append(f"waits since {date(one.waiting_since)}")
    if owner:
        said.append(f"<@{one.owner}>" if one.owner else "nobody has it")
    return said + _thread(one.place, seen)


def _thread(place: tuple[str, str | None], seen: Seen) -> list[str]:
    channel, ts = place
    return [f"<{permalink(seen.url, channel, ts)}|thread>"] if seen.url and ts else []


def _wrong(home: Home, seen: Seen) -> _Part:
    if not home.troubles_count:
        return _Part(())
    rows = tuple(_trouble(one, seen) for one in home.troubles)
    title = mrkdwn_section(f"*Not delivered* · {home.troubles_count}")
    return _Part((title,), rows, home.troubles_count, "… and {} more")


def _trouble(one: HomeTrouble, seen: Seen) -> Block:
    sign = "❔" if one.state is State.UNCERTAIN else "❌"
    why = one_line(one.why, 150) or ("may have arrived" if one.state is State.UNCERTAIN else "not delivered")
    channel, ts = one.place
    press = button("History", "history.open", ref_value(one.customer_id, one.team))
    if seen.url and ts:
        press = button("Open", LINK) | {"url": permalink(seen.url, channel, ts)}
    head = f"{sign} {safe_name(one.name)}  {one.handle}"
    return _row(f"wrong.{one.message_id}", head, one.words, [plain(why), mrkdwn(date(one.at))], press)


def _aside(home: Home, seen: Seen) -> _Part:
    if not home.snoozed_count:
        return _Part(())
    rows = tuple(_case(one, seen, "aside", ("Wake up", "case.wake")) for one in home.snoozed)
    said = f"*Snoozed* · {len(rows) or 'none'} back today"
    return _Part((mrkdwn_section(said),), rows, home.snoozed_count, "… and {} later")


def _follow_ups(home: Home) -> _Part:
    if not home.follow_ups:
        return _Part(())
    rows = tuple(_follow_up(one) for one in home.follow_ups)
    title = mrkdwn_section(f"*Your follow-ups* · {len(rows)}")
    return _Part((title,), rows, len(rows), "… and {} more")


def _follow_up(one: FollowUp) -> Block:
    when = f"*was due {date(one.at)}*" if one.told else date(one.at)
    words = one_line(one.words, WORDS) or "look at it again"
    return {
        "type": "section",
        "block_id": f"follow.{one.id}",
        "text": plain(f"🔔 {safe_name(one.name)}  {one.handle}\n{words}", 3000),
        "fields": [mrkdwn(when)],
        "accessory": button("Done", "followup.done", str(one.id)),
    }


def _day(day: Day) -> str:
    customers = "customer" if day.replied == 1 else "customers"
    said = f"Today you replied to {day.replied} {customers} · resolved {day.resolved}"
    if day.kept is None or day.missed is None:
        return said
    return f"{said} · first replies: {day.kept} in time, {day.missed} late"
