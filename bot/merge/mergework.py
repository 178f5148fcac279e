"""Merging for commands: previews, merges, their ends, and what was proposed. Implements ``MergingServices``."""

from __future__ import annotations

import json
from functools import partial

from sqlalchemy import Connection

from bot.cases import lookups
from bot.cases.hands import Hands
from bot.commands.merging_services import Merged, Preview, Proposed, Standing
from bot.commands.types import Agent
from bot.errors import UserError
from bot.merge import mergetold, mergeview, merging, unmerging
from bot.messages import AgentId, CustomerId
from bot.policy import CorePolicy
from bot.privacy.keys import new_key
from bot.storage import clues, inboxes, jobs, merges, people

_DECIDED = {
    clues.MERGED: "They were merged already.",
    clues.REFUSED: "They are not the same: that was decided.",
}


class MergeWork:
    """One customer out of two, and two again."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def preview(self, survivor: CustomerId, merged: CustomerId) -> Preview:
        """What a merge would do."""
        return await self._hands.read(mergeview.preview, survivor, merged)

    async def merge(
        self, survivor: CustomerId, merged: CustomerId, agent: Agent, source: str, why: str | None = None
    ) -> Merged:
        """Makes ``merged`` part of ``survivor``."""

        def unit(connection: Connection) -> tuple[Merged, set[str]]:
            now = self._hands.clock()
            buckets: set[str] = set()
            if inboxes.first_time(connection, source, now):
                buckets = merging.join(
                    connection,
                    self._hands.policy,
                    survivor,
                    merged,
                    agent=agent.id,
                    evidence=why,
                    now=now,
                    name=agent.name,
                )
            newest = merges.standing(connection, people.family(connection, survivor))[0]
            person = lookups.person(connection, self._hands.policy, survivor, None)
            return Merged(newest.id, person, people.handle(newest.merged_id)), buckets

        return await self._hands.change(unit)

    async def standing(self, number: int) -> tuple[Standing, ...]:
        """The merges that the customer of a handle has a part in."""
        found = await self._hands.read(lambda connection, policy: unmerging.candidates(connection, number))
        made = [await self.one_standing(merge.id) for merge in found]
        return tuple(sorted(made, key=lambda one: one.why_not is not None))

    async def one_standing(self, merge_id: int) -> Standing:
        """One merge. ``UserError`` where it is not known."""
        merge = await self._hands.read(lambda connection, policy: merges.get(connection, merge_id))
        if merge is None:
            raise UserError("This merge is not known.")
        names = {}
        if not merge.agent.startswith("bot"):
            names[merge.agent] = await self._hands.directory.public_name(AgentId(merge.agent))
        return await self._hands.read(mergeview.standing, merge, names)

    async def unmerge(self, merge_id: int, agent: Agent, source: str) -> Standing:
        """Undoes a merge; returns when all messages are divided."""
        key = new_key()
        standing = await self.one_standing(merge_id)

        def unit(connection: Connection) -> tuple[bool, set[str]]:
            now = self._hands.clock()
            if not inboxes.first_time(connection, source, now):
                return False, set()
            parted = unmerging.part(
                connection, self._hands.policy, merge_id, agent=agent.id, name=agent.name, key=key, now=now
            )
            return parted.unfinished, parted.buckets

        if await self._hands.change(unit):
            await self.go_on()
        return standing

    async def go_on(self) -> None:
        """Divides messages of unmerges that are not finished (again at every start), a chunk in a transaction."""
        waiting = await self._hands.read(
            lambda connection, policy: [
                (row.id, int(row.subject)) for row in jobs.waiting(connection, merging.UNMERGE)
            ]
        )
        for job_id, merge_id in waiting:
            step = partial(unmerging.advance, job_id=job_id, merge_id=merge_id, now=self._hands.clock())
            while await self._hands.database.write(step):
                pass

    async def proposal(self, proposal_id: int) -> Proposed:
        """Two customers that may be one."""

        def unit(connection: Connection, policy: CorePolicy) -> Proposed:
            row = clues.proposal(connection, proposal_id)
            if row is None:
                raise UserError("This proposal is not known any more. Use /merge with the two handles.")
            return Proposed(
                CustomerId(row.one_id),
                CustomerId(row.other_id),
                tuple(json.loads(row.evidence)),
                _DECIDED.get(row.state),
            )

        return await self._hands.read(unit)

    async def not_the_same(self, proposal_id: int, agent: Agent, source: str) -> None:
        """Two customers are not one: nobody is asked about them again."""

        def unit(connection: Connection) -> tuple[None, set[str]]:
            now = self._hands.clock()
            row = clues.proposal(connection, proposal_id)
            if row is None or not inboxes.first_time(connection, source, now):
                return None, set()
            if row.state != clues.PROPOSED:
                raise UserError(_DECIDED[row.state])
            line = f"{people.handle(row.one_id)} is not {people.handle(row.other_id)}"
            inboxes.write_audit(connection, agent.id, "not the same", row.one_id, line, now)
            words = f"{agent.name}: they are not the same."
            return None, mergetold.proposals_decided(connection, [row], clues.REFUSED, agent.id, words, now)

        return await self._hands.change(unit)
