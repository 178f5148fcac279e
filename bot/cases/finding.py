"""What was said, for somebody who may read it: pages of a history, words anywhere, the last exchanges.

Implements ``bot.commands.finding_services.FindingServices``. A message belongs to the team of its conversation; which teams'
cases somebody may read is ``teams.<t>.sees`` in app.yaml, and it is a condition of each query: what may not be read is never
loaded.
"""

from __future__ import annotations

import contextlib
from typing import Any

from sqlalchemy import Connection

from bot.cases import lookups, recap, views
from bot.cases.hands import Hands
from bot.commands.finding_services import Found, HistoryPage, Hit, Narrowed, Overview, Place, Recap
from bot.commands.nouns import HistoryItem
from bot.commands.types import Agent
from bot.errors import StorageError, UserError
from bot.housekeeping import catch_up
from bot.messages import AgentId, CustomerId, MessageId, TeamId
from bot.policy import CorePolicy
from bot.storage import cases, history, pages, people, query, search
from bot.storage.pages import Filters

Visible = frozenset[TeamId] | None
"""The teams whose cases somebody may read; None: all."""


class Finding:
    """What was said."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def visible(self, agent: AgentId) -> Visible:
        """The teams whose cases an agent may read; None: all."""
        policy, directory = self._hands.policy, self._hands.directory
        return policy.visible([team for team in policy.teams if await directory.is_agent(agent, team)])

    async def places(self) -> tuple[Place, ...]:
        """Each channel, and each inbox."""
        inboxes = self._hands.policy.inboxes.values()
        channels = sorted({inbox.channel for inbox in inboxes})
        return (
            *(Place(channel, channel, (channel.casefold(),)) for channel in channels),
            *(
                Place(inbox.id, f"{inbox.channel} {inbox.label}", (inbox.id, inbox.label.casefold()))
                for inbox in inboxes
            ),
        )

    async def page(
        self,
        viewer: Agent,
        customer_id: CustomerId,
        narrowed: Narrowed,
        *,
        before: MessageId | None = None,
        after: MessageId | None = None,
        around: MessageId | None = None,
        limit: int = 10,
    ) -> HistoryPage:
        """A page of a customer's history."""
        teams = await self.visible(viewer.id)
        return await self._hands.read(page, customer_id, narrowed, teams, before, after, around, limit)

    async def find(
        self,
        viewer: Agent,
        words: str,
        narrowed: Narrowed,
        *,
        customer_id: CustomerId | None = None,
        before: MessageId | None = None,
        limit: int = 8,
    ) -> Found:
        """The newest messages with these words."""
        wanted = query.parse(words)
        if not wanted:
            return Found((), older=False, understood=False)
        filters = filters_of(self._hands.policy, narrowed, await self.visible(viewer.id))
        with contextlib.suppress(StorageError):  # a database that cannot be written to is searched as it is
            await catch_up(self._hands.database)
        return await self._hands.read(find, wanted, filters, customer_id, before, limit)

    async def recap(self, viewer: Agent, customer_id: CustomerId) -> Recap:
        """The last exchanges with a customer."""
        teams = await self.visible(viewer.id)

        def unit(connection: Connection, policy: CorePolicy) -> Recap:
            family = people.family(connection, customer_id)
            rows = recap.last_exchanges(connection, family, teams)
            said = pages.last_rating(connection, family, teams)
            return Recap(
                overview(connection, policy, customer_id, family, teams),
                _items(connection, policy, rows),
                *((said.score, said.comment, said.answered_at) if said is not None else ()),
            )

        return await self._hands.read(unit)

    async def is_new(self, viewer: Agent, customer_id: CustomerId) -> bool:
        """Whether others have answered a customer before, and the viewer never has."""
        teams = await self.visible(viewer.id)

        def unit(connection: Connection, policy: CorePolicy) -> bool:
            family = people.family(connection, customer_id)
            return recap.answered(connection, family, teams) and not pages.has_written(
                connection, family, viewer.id
            )

        return await self._hands.read(unit)


def filters_of(policy: CorePolicy, narrowed: Narrowed, teams: Visible) -> Filters:
    """The queries' conditions: channels become their inboxes, and what may be read is one of them."""
    inboxes = None
    if narrowed.places:
        inboxes = frozenset(
            inbox.id
            for inbox in policy.inboxes.values()
            if inbox.id in narrowed.places or inbox.channel in narrowed.places
        )
    return Filters(
        inboxes,
        narrowed.since,
        narrowed.until,
        narrowed.agent,
        narrowed.files,
        frozenset({narrowed.direction}) if narrowed.direction else None,
        teams,
    )


def page(
    connection: Connection,
    policy: CorePolicy,
    customer_id: int,
    narrowed: Narrowed,
    teams: Visible,
    before: int | None,
    after: int | None,
    around: int | None,
    limit: int,
) -> HistoryPage:
    """A page of a customer's history, and whether there is more on either side. A unit."""
    filters = filters_of(policy, narrowed, teams)
    family = people.family(connection, customer_id)
    newer, older = before is not None, after is not None  # there is what one has come from
    if around is not None:
        rows = pages.around(connection, family, around, filters, limit)
        if rows:
            newer = bool(pages.page(connection, family, filters, after=rows[0].id, limit=1))
            older = bool(pages.page(connection, family, filters, before=rows[-1].id, limit=1))
    elif after is not None:
        rows = pages.page(connection, family, filters, after=after, limit=limit + 1)
        newer, rows = len(rows) > limit, rows[-limit:]
    else:
        rows = pages.page(connection, family, filters, before=before, limit=limit + 1)
        older, rows = len(rows) > limit, rows[:limit]
    shown = overview(connection, policy, customer_id, family, teams)
    return HistoryPage(shown, _items(connection, policy, rows), newer, older)


def overview(
    connection: Connection, policy: CorePolicy, customer_id: int, family: tuple[int, ...], teams: Visible
) -> Overview:
    """A customer in one line, as somebody sees them who may read these teams' cases. ``UserError`` where there is nobody."""
    known = people.named(connection, [customer_id]).get(customer_id)
    if known is None:
        raise UserError(f"{people.handle(customer_id)} is nobody.")
    ways = [way for one in family for way in people.routes_of(connection, one)]
    channels = [
        views.via(policy, way.inbox)[0]
        for way in ways
        if (inbox := policy.inboxes.get(way.inbox)) is not None and (teams is None or inbox.team in teams)
    ]
    return Overview(
        CustomerId(known.id),
        people.handle(known.id),
        known.name,
        pages.open_since(connection, family, teams),
        tuple(dict.fromkeys(channels)),
        pages.count(connection, family, Filters(teams=teams)),
        teams is None,
    )


def find(
    connection: Connection,
    policy: CorePolicy,
    wanted: query.Query,
    filters: Filters,
    customer_id: int | None,
    before: int | None,
    limit: int,
) -> Found:
    """Messages with the words, each with whose it is. A unit."""
    family = None if customer_id is None else people.family(connection, customer_id)
    ids = search.search(connection, wanted, filters, customers=family, before=before, limit=limit + 1)
    shown = ids[:limit]
    rows = history.get_many(connection, shown) if shown else {}
    ordered = [rows[one] for one in shown if one in rows]
    named = people.named(connection, {row.customer_id for row in ordered})
    hits = tuple(
        _hit(connection, wanted, row, item, named)
        for row, item in zip(ordered, _items(connection, policy, ordered), strict=True)
    )
    return Found(hits, older=len(ids) > limit)


def _hit(
    connection: Connection, wanted: query.Query, row: Any, item: HistoryItem, named: dict[int, people.Named]
) -> Hit:
    case = cases.case(connection, row.conversation_id)
    whose = named.get(row.customer_id) or people.Named(row.customer_id, row.author, False)
    return Hit(
        CustomerId(whose.id),
        people.handle(whose.id),
        whose.name,
        TeamId(case.team if case is not None else ""),
        item,
        query.snippet(wanted, row.text),
    )


def _items(connection: Connection, policy: CorePolicy, rows: list[Any]) -> tuple[HistoryItem, ...]:
    files = history.attachments_of(connection, [row.id for row in rows]) if rows else {}
    return tuple(lookups.item(policy, row, files.get(row.id, [])) for row in rows)
