"""Which replies ask a visitor for a rating, and what the visitor answered.

Kept in one small value of the adapter's state for each visitor, beside the conversation, so that a tab that comes back, and
another device, show the question or its outcome. The token of an ask stays here: a client names the reply it answers, and can
only answer replies that its own visitor was given.
"""

import asyncio
import hashlib
import json
from typing import Any

from bot.contract import State
from bot.messages import Ask, SourceId

MOST = 5
"""Asks of a visitor that can still be answered: the newest."""
MOST_TURNS = 20
"""How often the answer to one ask may change."""


class Asks:
    """The asks of one site chat. Values of the state: ``asks:<visitor>``."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = asyncio.Lock()

    async def add(self, visitor_id: str, key: str, ask: Ask) -> None:
        """A reply asks. Durable when it returns; a second time changes nothing. Raises ``StorageError``."""
        async with self._lock:
            kept = await self._load(visitor_id)
            if key not in kept:
                words = {"bad": ask.bad, "great": ask.great, "invite": ask.invite, "thanks": ask.thanks}
                await self._save(visitor_id, kept | {key: {"token": ask.token, "turn": 0, **words}})

    async def all(self, visitor_id: str) -> dict[str, dict[str, Any]]:
        """What a client shows, by the reply's key. Raises ``StorageError``."""
        kept = await self._load(visitor_id)
        return {key: shown(one) for key, one in kept.items()}

    async def find(self, visitor_id: str, key: str) -> dict[str, Any] | None:
        """One ask as it is kept; None where there is none, or not any more. Raises ``StorageError``."""
        return (await self._load(visitor_id)).get(key)

    async def answered(self, visitor_id: str, key: str, score: int | None, comment: str | None) -> None:
        """Remembers an answer that the core has. Raises ``StorageError``."""
        async with self._lock:
            kept = await self._load(visitor_id)
            if (one := kept.get(key)) is None:
                return
            made = one | {"turn": one["turn"] + 1}
            made |= {} if score is None else {"score": score}
            made |= {} if comment is None else {"said": _digest(comment)}
            await self._save(visitor_id, kept | {key: made})

    async def move(self, old: str, new: str) -> None:
        """What one visitor was asked, another one is now: the site has said who they are. Raises ``StorageError``."""
        async with self._lock:
            if kept := await self._load(old):
                await self._save(new, await self._load(new) | kept)
                await self._state.set(f"asks:{old}", "{}")

    async def forget(self, visitor_id: str) -> None:
        """Nothing is kept of what a visitor was asked. Raises ``StorageError``."""
        async with self._lock:
            if await self._load(visitor_id):
                await self._state.set(f"asks:{visitor_id}", "{}")

    async def _load(self, visitor_id: str) -> dict[str, dict[str, Any]]:
        kept: dict[str, dict[str, Any]] = json.loads(await self._state.get(f"asks:{visitor_id}") or "{}")
        return kept

    async def _save(self, visitor_id: str, kept: dict[str, dict[str, Any]]) -> None:
        newest = dict(list(kept.items())[-MOST:])
        await self._state.set(f"asks:{visitor_id}", json.dumps(newest, separators=(",", ":")))


def shown(kept: dict[str, Any]) -> dict[str, Any]:
    """An ask as a client gets it: its words, the ``score`` given, and whether words were ``said``."""
    made = {name: kept[name] for name in ("bad", "great", "invite", "thanks", "score") if name in kept}
    return made | ({"said": True} if "said" in kept else {})


def fresh(kept: dict[str, Any], score: int | None, comment: str | None) -> bool:
    """Whether an answer says anything new; an answer that is repeated, or one too many, does not."""
    same_score = score is None or score == kept.get("score")
    same_words = comment is None or _digest(comment) == kept.get("said")
    return not (same_score and same_words) and kept["turn"] < MOST_TURNS


def source(kept: dict[str, Any], score: int | None, comment: str | None) -> SourceId:
    """The same for the same answer in the same turn, so that a repetition after a crash is recognised."""
    parts = (kept["token"], str(kept["turn"]), str(score), comment or "")
    return SourceId(f"rated:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}")


def _digest(comment: str) -> str:
    return hashlib.sha256(comment.encode()).hexdigest()[:16]
