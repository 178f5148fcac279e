"""Somebody's right to see what is kept of them, and to have it erased: for commands.

Implements ``bot.commands.privacy_services.PrivacyServices``.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from bot.cases.hands import Hands
from bot.cases.lookups import not_erased
from bot.cases.views import reach
from bot.commands.privacy_services import Exported, Footprint
from bot.commands.types import Agent, Role
from bot.errors import DeliveryError, StorageError, UserError
from bot.merge.merging import UNMERGE
from bot.messages import CustomerId
from bot.privacy.erase import Erasing
from bot.privacy.erasework import Means
from bot.privacy.export import Export, Wanted
from bot.storage import erasing, footprint, inboxes, people


@dataclass(frozen=True, slots=True)
class Privacy:
    """Exports and erases."""

    hands: Hands
    means: Means
    erasing: Erasing

    async def footprint(self, customer_id: CustomerId) -> Footprint:
        """How much there is of somebody."""
        return await self.hands.database.read(partial(_footprint, customer_id=customer_id))

    async def erase(self, customer_id: CustomerId, agent: Agent) -> None:
        """Begins; durable when it returns."""
        ids = await self._ids(customer_id)
        if await self.hands.database.read(partial(footprint.being_divided, ids=ids, kind=UNMERGE)):
            raise UserError(f"{people.handle(ids[0])} is being unmerged just now. Try again in a minute.")
        try:
            await self.erasing.erase(ids, agent.id, agent.name)
        except StorageError as error:
            raise UserError(f"Nothing was erased: {error}") from error

    async def export(
        self, customer_id: CustomerId, agent: Agent, *, notes: bool = False, files: bool = True
    ) -> Exported:
        """Makes the archive and hands it to the agent."""
        ids = await self._ids(customer_id)
        await self._all_visible(ids, agent)
        now = self.hands.clock()
        work = Export(self.hands.database, self.hands.policy, self.means.blobs, Path(self.means.folder), now)
        made = await work.make(Wanted(ids, notes, files))
        try:
            size = (await asyncio.to_thread(made.path.stat)).st_size
            name = f"{people.handle(ids[0])}-{datetime.fromtimestamp(now, UTC):%Y-%m-%d}.zip"
            words = (
                f"Everything kept about {people.handle(ids[0])}. Delete it here when you have passed it on."
            )
            file_id = await self._hand(agent, str(made.path), name, words)
        finally:
            await made.remove()
        await self.hands.database.write(partial(_handed, ids=ids, agent=agent, file_id=file_id, now=now))
        return Exported(name, made.messages, made.files, size)

    async def _all_visible(self, ids: tuple[int, ...], agent: Agent) -> None:
        """An export is complete or it is none: ``UserError`` where some of it is not for this agent's teams to see."""
        if agent.role is Role.ADMIN:
            return
        policy, directory = self.hands.policy, self.hands.directory
        visible = policy.visible([one for one in policy.teams if await directory.is_agent(agent.id, one)])
        if visible is None:
            return
        theirs = await self.hands.database.read(partial(footprint.teams, ids=ids))
        hidden = sorted(theirs - visible)
        if hidden:
            raise UserError(
                f"Some of this belongs to {', '.join(hidden)}, which your team does not see. Ask an admin to export it."
            )

    async def _hand(self, agent: Agent, path: str, name: str, words: str) -> str:
        try:
            return await self.means.desk.hand(agent.id, path, name, words)
        except DeliveryError as error:
            raise UserError(
                f"The archive could not be handed over: {error.reason} Please try again."
            ) from error

    async def _ids(self, customer_id: CustomerId) -> tuple[int, ...]:
        def unit(connection: Connection) -> tuple[int, ...]:
            not_erased(connection, customer_id)
            return people.family(connection, customer_id)

        return await self.hands.database.read(unit)


async def clear_exports(folder: str) -> None:
    """Removes what an interrupted export left on the disk."""
    await asyncio.to_thread(shutil.rmtree, folder, True)


def _footprint(connection: Connection, customer_id: int) -> Footprint:
    not_erased(connection, customer_id)
    ids = people.family(connection, customer_id)
    counts = footprint.counts(connection, ids)
    known = erasing.addresses(connection, ids)
    threads = erasing.threads(connection, ids)
    return Footprint(
        tuple(people.handle(one) for one in ids),
        tuple(dict.fromkeys(reach(one.channel, one.address) for one in known)),
        counts.messages,
        counts.notes,
        counts.files,
        counts.cases,
        counts.posts,
        counts.own_posts,
        tuple(dict.fromkeys(row.channel for row in threads)),
        footprint.count_waiting(connection, erasing.lanes_of(connection, ids)),
        tuple(people.handle(one) for one in footprint.others_at(connection, ids)),
    )


def _handed(connection: Connection, ids: tuple[int, ...], agent: Agent, file_id: str, now: float) -> None:
    inboxes.write_audit(connection, agent.id, "export", ids[0], file_id, now)
