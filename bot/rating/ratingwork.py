"""Ratings for commands. Implements ``bot.commands.rating_services.RatingServices``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from bot.cases.hands import Hands
from bot.commands.rating_services import Rating
from bot.commands.types import Agent
from bot.errors import UserError
from bot.messages import AgentId, CustomerId, TeamId
from bot.policy import CorePolicy
from bot.storage import cases, people
from bot.storage import ratings as rows


class RatingWork:
    """What was asked, and what is not to be."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def of(self, customer_id: CustomerId, team: TeamId, limit: int = 5) -> tuple[Rating, ...]:
        """What a customer was asked after their cases."""

        def unit(connection: Connection, _: CorePolicy) -> tuple[Rating, ...]:
            final = people.final(connection, customer_id) or customer_id
            found = rows.of_customers(connection, people.family(connection, final), team, limit)
            return tuple(_shown(row) for row in found)

        return await self._hands.read(unit)

    async def waiting(self, customer_id: CustomerId, team: TeamId) -> float | None:
        """When the customer is to be asked."""

        def unit(connection: Connection, _: CorePolicy) -> float | None:
            final = people.final(connection, customer_id) or customer_id
            case = cases.newest_case(connection, final, team)
            found = rows.of_case(connection, case.id) if case is not None else ()
            return next((float(row.due_at) for row in found if row.state == rows.DUE), None)

        return await self._hands.read(unit)

    async def skip(
        self, customer_id: CustomerId, team: TeamId, agent: Agent, reason: str, source: str
    ) -> None:
        """The customer is not asked about their newest case."""
        if not self._hands.policy.ratings.of:
            raise UserError("No customer is asked for a rating here: app.yaml names no inbox that asks.")
        why = f"{agent.name}: {reason}" if reason else agent.name

        def act(connection: Connection, case: Any, now: float) -> str | None:
            before = rows.of_case(connection, case.id)
            if any(row.state in (rows.ASKED, rows.ANSWERED) for row in before):
                raise UserError("They were asked for a rating already, so there is nothing to skip.")
            if any(row.state == rows.DECLINED for row in before):
                return None
            due = next((row for row in before if row.state == rows.DUE), None)
            if due is not None:
                rows.change(connection, due.id, state=rows.DECLINED, reason=why, due_at=None)
            else:
                way = rows.last_way(connection, case.id)
                rows.add(
                    connection,
                    conversation_id=case.id,
                    customer_id=case.customer_id,
                    inbox=way.inbox if way is not None else "",
                    agent=case.owner or "",
                    state=rows.DECLINED,
                    reason=why,
                    created_at=now,
                )
            return f"{agent.name} does not want a rating asked{f': {reason}' if reason else ''}"

        await self._hands.act(customer_id, team, agent, source, "skip rating", act)


def _shown(row: Any) -> Rating:
    at = row.due_at or row.answered_at or row.asked_at or row.created_at
    agent = AgentId(row.agent) if row.agent else None
    return Rating(row.state, at, agent, row.score, row.comment or "", row.reason or "")
