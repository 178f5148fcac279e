"""What was noted about somebody beside their messages, and is forgotten with them. Units."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, delete, func, or_, select, update

from bot.storage.erasing import WITHDRAWN, WORDLESS, Address
from bot.storage.schema import act, adapter_state, audit, conversation, delivery
from bot.storage.schema_clocks import clock, clock_event
from bot.storage.schema_people import attribute, clue, customer_merge, link_code, merge_proposal
from bot.storage.schema_reminders import auto_answer, follow_up, reminder, reminder_step, snooze
from bot.storage.schema_stats import rating


def some_lines(
    connection: Connection, lane_ids: Sequence[int], after: tuple[int, int], most: int
) -> tuple[int, int] | None:
    """Takes the words of short lines and prompts in their threads, some at a time; None where that is done."""
    rows = connection.execute(
        select(delivery.c.lane_id, delivery.c.id)
        .where(
            delivery.c.lane_id.in_(lane_ids),
            delivery.c.message_id.is_(None),
            or_(delivery.c.lane_id > after[0], (delivery.c.lane_id == after[0]) & (delivery.c.id > after[1])),
        )
        .order_by(delivery.c.lane_id, delivery.c.id)
        .limit(most)
    ).all()
    if not rows:
        return None
    which = delivery.c.id.in_([row.id for row in rows])
    shown_nowhere = case((delivery.c.op == "ask", WITHDRAWN))
    connection.execute(update(delivery).where(which).values(**(WORDLESS | {"payload": shown_nowhere})))
    return rows[-1].lane_id, rows[-1].id


def forget_about(connection: Connection, ids: Collection[int]) -> list[str]:
    """Takes what was noted about somebody; returns what prompts were about (proposals to merge them)."""
    cases = select(conversation.c.id).where(conversation.c.customer_id.in_(ids))
    proposals = or_(merge_proposal.c.one_id.in_(ids), merge_proposal.c.other_id.in_(ids))
    asked = connection.execute(select(merge_proposal.c.id).where(proposals)).scalars()
    about = [f"proposal:{one}" for one in asked]
    rated = connection.execute(select(rating.c.id).where(rating.c.conversation_id.in_(cases))).scalars()
    about += [f"rating:{one}:lead" for one in rated]
    connection.execute(delete(merge_proposal).where(proposals))
    for table in (attribute, clue, link_code):
        connection.execute(delete(table).where(table.c.customer_id.in_(ids)))
    connection.execute(
        update(customer_merge)
        .where(or_(customer_merge.c.survivor_id.in_(ids), customer_merge.c.merged_id.in_(ids)))
        .values(
            evidence=None,
            before="{}",
            undone_at=func.coalesce(customer_merge.c.undone_at, customer_merge.c.at),
        )
    )
    connection.execute(
        update(conversation).where(conversation.c.customer_id.in_(ids)).values(subject=None, excerpt="")
    )
    connection.execute(
        update(audit)
        .where(audit.c.customer_id.in_(ids), audit.c.action.not_in(("erase", "export")))
        .values(detail=None)
    )
    forget_opinions(connection, cases)
    connection.execute(update(snooze).where(snooze.c.conversation_id.in_(cases)).values(reason=""))
    connection.execute(
        update(follow_up)
        .where(follow_up.c.customer_id.in_(ids))
        .values(words="", state=_ended(follow_up.c.state))
    )
    connection.execute(
        update(auto_answer).where(auto_answer.c.conversation_id.in_(cases)).values(identity_id=None)
    )
    return about


def forget_opinions(connection: Connection, cases: Any) -> None:
    """Takes what was said about their cases: comments on ratings, what leads wrote, what came of reminders."""
    open_still = rating.c.state.in_(("due", "asked"))
    connection.execute(
        update(rating)
        .where(rating.c.conversation_id.in_(cases))
        .values(
            comment=None,
            reason=None,
            token=None,
            identity_id=None,
            due_at=None,
            state=case((open_still, "skipped"), else_=rating.c.state),
        )
    )
    clocks = select(clock.c.id).where(clock.c.conversation_id.in_(cases))
    connection.execute(
        update(clock_event)
        .where(clock_event.c.clock_id.in_(clocks), clock_event.c.agent.is_not(None))
        .values(reason="")
    )
    over = {"state": "over", "outcome": None}
    connection.execute(update(reminder).where(reminder.c.clock_id.in_(clocks)).values(**over))
    connection.execute(update(reminder_step).where(reminder_step.c.clock_id.in_(clocks)).values(state="over"))


def _ended(state: Any) -> ColumnElement[str]:
    return case((state.in_(("waiting", "told")), "cancelled"), else_=state)


def forget_traces(connection: Connection, found: Sequence[Address]) -> None:
    """Takes their addresses from acts, and the values that adapters keep under them."""
    for one in found:
        for words in {one.address, *one.thread_keys}:
            if len(words) >= 4:  # a shorter one is part of too much else
                connection.execute(delete(act).where(act.c.source.contains(words, autoescape=True)))
            connection.execute(
                delete(adapter_state).where(
                    adapter_state.c.inbox.in_(one.inboxes),
                    adapter_state.c.key.endswith(f":{words}", autoescape=True),
                )
            )
