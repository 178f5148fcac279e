"""Goal 6: a page of one customer's history costs the same, however much there is of everybody's.

The same shop twice, small and large; a customer's history is as long in both. What is timed is the whole unit behind
``/history``: the page, whether there is more on either side, the line about the customer. Small and large are asked in turn,
random customers each time. ``ONETHREAD_BENCH_MESSAGES`` takes another size for the large one.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from functools import partial

from sqlalchemy import Connection

from benchmarks.histories import Shop, databases, policy
from bot.cases import finding
from bot.commands.finding_services import Narrowed
from bot.policy import CorePolicy
from bot.storage.database import Database

SMALL = 10_000
LARGE = int(os.environ.get("ONETHREAD_BENCH_MESSAGES") or 1_000_000)
PAGES = 400
"""Pages a round and size."""


def unit(connection: Connection, of: CorePolicy, customers: list[int]) -> list[tuple[float, float]]:
    """Milliseconds for each customer's newest page: by the clock, and of this thread's CPU (all of SQLite is in it)."""
    took = []
    for one in customers:
        began, cpu = time.perf_counter(), time.thread_time()
        page = finding.page(connection, of, one, Narrowed(), None, None, None, None, 10)
        took.append(((time.perf_counter() - began) * 1000, (time.thread_time() - cpu) * 1000))
        assert page.overview.messages == 0 or page.items
    return took


async def _round(database: Database, shop: Shop, chosen: random.Random) -> list[tuple[float, float]]:
    customers = [chosen.randint(1, shop.customers) for _ in range(PAGES)]
    return await database.read(partial(unit, of=policy(), customers=customers))


async def _compare(name: str, small: Database, large: Database, rounds: int) -> tuple[float, float]:
    chosen = random.Random(11)
    times: dict[int, list[tuple[float, float]]] = {SMALL: [], LARGE: []}
    for number in range(rounds + 1):
        for size, database in ((SMALL, small), (LARGE, large)):
            took = await _round(database, Shop(size), chosen)
            if number:  # the first round warms the caches
                times[size] += took
    middle = {size: statistics.median(wall for wall, _ in took) for size, took in times.items()}
    for size, took in times.items():
        cpu = statistics.quantiles([one for _, one in took], n=100)
        print(
            f"{name:10} {size:>10,} messages: p50 {middle[size]:.3f} ms, p99 {_late(took):.3f} ms; "
            f"CPU p50 {cpu[49]:.3f} ms, p99 {cpu[98]:.3f} ms"
        )
    return middle[LARGE] / middle[SMALL], _late(times[LARGE])


def _late(took: list[tuple[float, float]]) -> float:
    return statistics.quantiles([wall for wall, _ in took], n=100)[98]


async def main(rounds: int) -> None:
    """Prints a line a size, then the ratio of each database."""
    told = []
    async for name, large, _ in databases(Shop(LARGE, varied=False)):
        async for _, small, _ in databases(Shop(SMALL, varied=False), only=name):
            ratio, late = await _compare(name, small, large, rounds)
            told.append(f"{name} {ratio:.2f} (p99 {late:.1f} ms)")
    print(
        f"ratio 6, p50 of a history page at {LARGE:,} messages to that at {SMALL:,} (goal ≤ 1.3, p99 ≤ 10 ms): "
        + ", ".join(told)
    )
