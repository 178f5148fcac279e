"""Who may what, as a table: one row for each command and each action. ``test_permissions.py`` lives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from bot.commands.refs import ref_value
from bot.commands.types import Role
from bot.desk import Status
from bot.messages import CustomerId, TeamId


class Elsewhere(Enum):
    """What an agent of another team gets, who names a customer of this one.

    REFUSED: a sentence, and nothing is asked of the core. READS: the core decides what they may read (the team's policy).
    OWN: it is about no customer, or about what is theirs. NUMBER: a button of a post or answer that only this team sees.
    """

    REFUSED = "refused"
    READS = "reads"
    OWN = "own"
    NUMBER = "number"


REFUSED, READS, OWN, NUMBER = Elsewhere
AGENT, LEAD, ADMIN = Role.AGENT, Role.LEAD, Role.ADMIN


@dataclass(frozen=True)
class Typed:
    """A command: ``words`` behind it as a slash command, ``short`` in Dana's thread (None: it is not there).

    ``asks`` is what it asks of the core when it is allowed: the sign that it did what it is for.
    ``being``: what Dana is.
    """

    words: str
    short: str | None
    asks: str
    elsewhere: Elsewhere = REFUSED
    needs: Role = AGENT
    being: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pressed:
    """An action: the button's ``value`` (or the form's context) and the form's ``fields``. ``asks`` as above; "": nothing."""

    asks: str
    elsewhere: Elsewhere = REFUSED
    needs: Role = AGENT
    value: str = ref_value(CustomerId(42), TeamId("support"))
    fields: dict[str, str] = field(default_factory=dict)
    being: dict[str, Any] = field(default_factory=dict)


RESOLVED, BLOCKED, SPAM = {"status": Status.RESOLVED}, {"blocked": True}, {"spam": True}
DANA = ref_value(CustomerId(42), TeamId("support"))
OTHER = ref_value(CustomerId(51), TeamId("support"))
TYPED: dict[str, tuple[Typed, ...]] = {
    "reply": (Typed("C42 It ships today.", "It ships today.", "reply"), Typed("C42", None, "ways")),
    "rating": (Typed("C42", "", "ratings.of"), Typed("C42 skip testing", "skip testing", "ratings.skip")),
    "undo": (Typed("C42", "", "history"),),
    "note": (Typed("C42 She called", "She called", "note"),),
    "history": (Typed("C42", "", "finding.page", READS),),
    "find": (
        Typed("parcel", "parcel", "finding.find", READS),
        Typed("C42 parcel", None, "finding.find", READS),
    ),
    "recap": (Typed("C42", "", "finding.recap"),),
    "customer": (
        Typed("C42", "", "profile.show"),
        Typed("C42 set plan=pro", "set plan=pro", "profile.set"),
        Typed("C42 name Dana", "name Dana", "profile.rename"),
        Typed("C42 edit", None, "profile.values"),
        Typed("C42 export", "export", "privacy.export", needs=LEAD),
        Typed("C42 erase", None, "privacy.footprint", needs=ADMIN),
    ),
    "resolve": (Typed("C42", "", "resolve"),),
    "reopen": (Typed("C42", "", "reopen", being=RESOLVED),),
    "assign": (Typed("C42 me", "me", "assign"),),
    "take": (Typed("C42", "", "assign"),),
    "unassign": (Typed("C42", "", "assign"),),
    "pending": (Typed("C42", "", "desk.pending"),),
    "priority": (Typed("C42 high", "high", "desk.prioritise"),),
    "tag": (Typed("C42 refund", "refund", "desk.tag"), Typed("C42", "", "desk.tags")),
    "untag": (Typed("C42 refund", "refund", "desk.tag"),),
    "next": (Typed("", "", "desk.next_up", OWN),),
    "macro": (
        Typed("", None, "macros.visible", OWN),
        Typed("C42 refund", "refund", "macros.filled"),
    ),
    "audit": (Typed("C42", "", "desk.deeds"),),
    "whoami": (Typed("", "", "desk.teams_of", OWN),),
    "transfer": (Typed("C42 press Look", "press Look", "desk.transfer"),),
    "duty": (Typed("off", "off", "desk.duty", OWN),),
    "start": (
        Typed("ann@new.example Hello", None, "desk.begin", OWN),
        Typed("", None, "desk.openings", OWN),
    ),
    "stats": (Typed("last week", "last week", "stats.may_see", OWN, LEAD),),
    "sla": (
        Typed("", None, "sla.due", OWN),
        Typed("C42", "", "sla.promised"),
        Typed("why C42", "why", "sla.why"),
        Typed("pause C42 sick", "pause sick", "sla.pause", needs=LEAD),
        Typed("resume C42", "resume", "sla.resume", needs=LEAD),
    ),
    "snooze": (
        Typed("C42 tomorrow 9", "tomorrow 9", "snoozes.snooze"),
        Typed("C42 off", "off", "snoozes.wake"),
        Typed("C42", None, ""),
    ),
    "followup": (Typed("C42 tomorrow 10 ask", "tomorrow 10 ask", "follow_ups.add"),),
    "followups": (Typed("", "", "follow_ups.mine", OWN),),
    "block": (Typed("C42", "", "block"),),
    "unblock": (Typed("C42", "", "block", being=BLOCKED),),
    "spam": (Typed("C42", "", ""), Typed("C42 off", "off", "spam.mark", being=SPAM)),
    "quarantine": (Typed("", "", "spam.held", OWN),),
    "merge": (Typed("C42 C51", "C51", "merging.preview"), Typed("C42", None, "")),
    "unmerge": (Typed("C42", "", "merging.standing"),),
    "health": (Typed("", "", "health", OWN),),
    "switch": (Typed("C42", "", "ways"), Typed("C42 site", "site", "ways")),
    "help": (Typed("", "", "", OWN),),
    "onethread": (Typed("", None, "", OWN),),
}

FORM = {"customer": DANA, "text": "It ships today."}
PRESSED: dict[str, Pressed] = {
    "answer.close": Pressed("", OWN, value=""),
    "assign.submit": Pressed("assign", fields={"agent": "agent2"}),
    "audit.older": Pressed("desk.deeds"),
    "audit.open": Pressed("desk.deeds"),
    "case.assign": Pressed("person"),
    "case.block": Pressed("block"),
    "case.more": Pressed("person"),
    "case.pending": Pressed("desk.pending"),
    "case.reopen": Pressed("reopen", being=RESOLVED),
    "case.resolve": Pressed("resolve"),
    "case.snooze": Pressed("person"),
    "case.sort": Pressed("desk.priority_of"),
    "case.sorted": Pressed("desk.prioritise", fields={"priority": "high", "tags": "refund"}),
    "case.take": Pressed("assign"),
    "case.transfer": Pressed("desk.teams"),
    "case.unblock": Pressed("block", being=BLOCKED),
    "case.wake": Pressed("snoozes.wake"),
    "customer.edit": Pressed("profile.values"),
    "customer.show": Pressed("profile.show"),
    "customer.submit": Pressed("profile.rename", fields={"name": "Dana P."}),
    "duty.set": Pressed("desk.duty", OWN, value="off"),
    "find.filter": Pressed("person", READS),
    "find.filtered": Pressed("finding.find", READS, fields={"words": "parcel"}),
    "find.older": Pressed("finding.find", READS, value='{"q":"parcel"}'),
    "followup.cancel": Pressed("follow_ups.cancel", OWN, value="1"),
    "followup.done": Pressed("follow_ups.done", OWN, value="1"),
    "followup.tomorrow": Pressed("follow_ups.later", OWN, value="1"),
    "history.around": Pressed("finding.page", READS),
    "history.filter": Pressed("person", READS),
    "history.filtered": Pressed("finding.page", READS),
    "history.newer": Pressed("finding.page", READS),
    "history.older": Pressed("finding.page", READS),
    "history.open": Pressed("finding.page", READS),
    "macro.delete": Pressed("macros.visible", OWN, value="1"),
    "macro.deleted": Pressed("macros.visible", OWN, value="9"),
    "macro.edit": Pressed("macros.visible", OWN, value="1"),
    "macro.new": Pressed("", OWN, value=""),
    "macro.save": Pressed("macros.save", OWN, value="", fields={"name": "bye", "text": "Bye."}),
    "macro.show": Pressed("macros.visible", OWN, value="1"),
    "merge.do": Pressed("merging.merge", NUMBER, value='{"s":42,"m":51}'),
    "merge.open": Pressed("person"),
    "merge.part": Pressed("merging.unmerge", NUMBER, value="7"),
    "merge.submit": Pressed("merging.merge", fields={"other": OTHER, "survivor": "C42"}),
    "merge.submit.refresh": Pressed("merging.preview", fields={"other": OTHER}),
    "merge.undo": Pressed("merging.one_standing", NUMBER, value="7"),
    "next.skip": Pressed("desk.next_up", OWN, value="1"),
    "note.send": Pressed("", NUMBER, value="C0 1.0 1.0"),
    "pick.customer": Pressed("", OWN, value="token C42"),
    "privacy.erase": Pressed("privacy.erase", needs=ADMIN, fields={"typed": "C42"}),
    "privacy.open": Pressed("privacy.footprint", needs=ADMIN),
    "proposal.merge": Pressed("merging.proposal", NUMBER, value="1"),
    "proposal.refuse": Pressed("merging.not_the_same", NUMBER, value="1"),
    "quarantine.let_in": Pressed("spam.let_in"),
    "quarantine.look": Pressed("spam.held", OWN, value="support"),
    "quarantine.older": Pressed("spam.held"),
    "quarantine.spam": Pressed("spam.mark"),
    "rating.skip": Pressed("ratings.skip"),
    "rating.tomorrow": Pressed("follow_ups.add"),
    "recap.open": Pressed("finding.recap"),
    "remind.ack": Pressed("reminders.acknowledge", NUMBER, value="1"),
    "remind.later": Pressed("reminders.put_off", NUMBER, value="1"),
    "remind.take": Pressed("reminders.take", NUMBER, value="1"),
    "reply.again": Pressed("settle_by_hand", NUMBER, value="1"),
    "reply.another": Pressed("message", NUMBER, value="1"),
    "reply.arrived": Pressed("settle_by_hand", NUMBER, value="1"),
    "reply.check": Pressed("message", NUMBER, value="1"),
    "reply.confirm": Pressed("", OWN, value="token"),
    "reply.confirmed": Pressed("", OWN, value="token"),
    "reply.edit": Pressed("message", NUMBER, value="1"),
    "reply.open": Pressed("ways"),
    "reply.retry": Pressed("retry", NUMBER, value="1"),
    "reply.submit": Pressed("reply", fields=FORM),
    "reply.submit.refresh": Pressed("ways", fields=FORM),
    "reply.undo": Pressed("undo", NUMBER, value="2"),
    "sla.mine": Pressed("sla.due", OWN, value=""),
    "sla.pause": Pressed("person", needs=LEAD),
    "sla.pause.submit": Pressed("sla.pause", needs=LEAD, fields={"reason": "sick"}),
    "sla.resume": Pressed("sla.resume", needs=LEAD),
    "sla.team": Pressed("sla.due", OWN, value=""),
    "sla.why": Pressed("sla.why"),
    "snooze.again": Pressed("snoozes.snooze"),
    "snooze.submit": Pressed("snoozes.snooze", fields={"until": "tomorrow 9:00"}),
    "spam.mark": Pressed("spam.mark"),
    "spam.off": Pressed("spam.mark", being=SPAM),
    "spam.on": Pressed("person"),
    "spam.show": Pressed("spam.show_kept"),
    "start.confirm": Pressed("", OWN, value="token"),
    "start.open": Pressed("desk.openings", OWN, value=""),
    "start.submit": Pressed("desk.begin", value="support", fields={"address": "a@b.example", "text": "Hi"}),
    "stats.again": Pressed("stats.may_see", OWN, LEAD, value="last week"),
    "stats.meaning": Pressed("", OWN, LEAD, value="first"),
    "switch.cancel": Pressed("", OWN, value=""),
    "switch.link": Pressed("linking.invite", value=DANA[:-1] + ',"i":"shop"}'),
    "switch.open": Pressed("ways"),
    "switch.quiet": Pressed("linking.switch", value=DANA[:-1] + ',"r":2}'),
    "switch.send": Pressed("linking.switch", value=DANA[:-1] + ',"r":2}'),
    "switch.to": Pressed("linking.preview", value=DANA[:-1] + ',"r":2}'),
    "tail.show": Pressed("message", NUMBER, value="1"),
    "transfer.submit": Pressed("desk.transfer", fields={"to": "press", "text": "Look"}),
    "whole.show": Pressed("message", NUMBER, value="1"),
}
