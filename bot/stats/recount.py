"""Counts everything anew and compares: the figures are right, or are put right. In chunks, which may be stopped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from bot.policy import CorePolicy
from bot.stats import fold
from bot.stats.cells import Cell, Key, difference
from bot.storage import stats
from bot.storage.database import Database

CASES = 200
CELLS = 2000


@dataclass(frozen=True, slots=True)
class Recounted:
    """What a recount came to: cases looked at, those whose part was wrong, cells that were wrong and are right now."""

    cases: int
    wrong_cases: int
    wrong_cells: int


async def recount(
    database: Database,
    policy: CorePolicy,
    *,
    repair: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Recounted:
    """Counts every case anew, and compares the cells with what all cases add. ``repair`` False: only tells.

    ``say`` hears how far it is, a line at a time.
    """
    while await database.write(partial(fold.fold, policy=policy)):
        pass  # what has changed is not wrong, only not counted yet
    whole: dict[Key, Cell] = defaultdict(Cell)
    after, cases, wrong = 0, 0, 0
    while True:
        ids = await database.read(partial(stats.ids_after, after=after, most=CASES))
        if not ids:
            break
        wrong += await _cases(database, policy, ids, whole, repair=repair)
        cases, after = cases + len(ids), ids[-1]
        if cases % (CASES * 50) == 0:
            say(f"{cases:,} cases")
    cells = await _cells(database, whole, repair=repair)
    return Recounted(cases, wrong, cells)


async def _cases(
    database: Database, policy: CorePolicy, ids: list[int], whole: dict[Key, Cell], *, repair: bool
) -> int:
    """Counts some cases anew and adds them up; how many were noted wrongly."""

    def unit(connection: Connection) -> tuple[dict[int, dict[Key, Cell]], dict[int, dict[Key, Cell]]]:
        return fold.count(connection, policy, ids), stats.counted(connection, ids)

    now, noted = await database.read(unit)
    for cells in now.values():
        for key, cell in cells.items():
            whole[key].add(cell)
    wrong = {one: cells for one, cells in now.items() if difference(noted.get(one, {}), cells)}
    if wrong and repair:
        await database.write(partial(stats.keep, cases=wrong))
    return len(wrong)


async def _cells(database: Database, whole: dict[Key, Cell], *, repair: bool) -> int:
    """Compares the cells with what they should be."""
    after: Key | None = None
    wrong: dict[Key, Cell] = {}
    left = {key: cell for key, cell in whole.items() if not cell.empty}
    while True:
        page = await database.read(partial(stats.page, after=after, most=CELLS))
        if not page:
            break
        for key, cell in page:
            right = left.pop(key, Cell())
            if right != cell:
                wrong[key] = right
        after = page[-1][0]
    wrong |= left
    if repair:
        keys = list(wrong)
        for start in range(0, len(keys), CELLS // 4):
            some = {key: wrong[key] for key in keys[start : start + CELLS // 4]}
            await database.write(partial(stats.set_cells, cells=some))
    return len(wrong)
