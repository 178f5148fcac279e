"""What an agent is asked before words leave: another agent was quicker, or somebody would read them who never took part.

Units.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import Connection

from bot.commands.nouns import Draft, Person
from bot.storage import agents, people

JUST_NOW = 120.0
"""Seconds for which another agent's reply is worth a question."""
LOOKED_AT = 200
"""Newest messages in which people count as having taken part."""


def collision(connection: Connection, draft: Draft, person: Person, now: float) -> str | None:
    """Another agent has answered since the customer wrote last, just now. None: nobody has."""
    for row in agents.newest_of(connection, people.family(connection, person.customer_id), 10):
        if row.direction == "inbound" and not row.automated:
            return None
        if row.direction != "outbound" or row.state in ("cancelled", "failed") or row.automated:
            continue
        if row.agent == draft.agent.id or now - row.created_at > JUST_NOW:
            return None
        words = " ".join(row.text.split())
        shown = words if len(words) <= 120 else words[:119] + "…"
        return f"{row.author} answered {person.name} {max(1, round(now - row.created_at))} s ago: “{shown}”. Send yours too?"
    return None


def strangers(connection: Connection, draft: Draft, person: Person) -> tuple[str, ...]:
    """Those of the reply's CC who never took part in this customer's conversations, as they were written."""
    if not draft.cc:
        return ()
    known = set(_took_part(connection, person.customer_id))
    return tuple(one for one in draft.cc if one.strip().lower() not in known)


def _took_part(connection: Connection, customer_id: int) -> Iterator[str]:
    for route in people.routes_of(connection, customer_id):
        yield str(route.address).lower()
    for row in agents.newest_of(connection, people.family(connection, customer_id), LOOKED_AT):
        meta = json.loads(row.meta) if row.meta else {}
        for address in (*meta.get("copied", ()), *meta.get("cc", ())):
            yield str(address).strip().lower()
