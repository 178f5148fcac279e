"""The worked examples of ``tests/sla/examples``: policy, events, expected ledger, played on the real core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sla.script import Example, Script, Times, promises_of, told
from tests.sla.stage import Stage, migrated, opened, opened_at

ON_BOTH = (
    "3-delivery: they had",
    "4-cases: opened",
    "4-cases: a snooze",
    "5-rules: app.yaml has",
    "6-people: answered",
    "7-merged-away: both",
    "8-parted: it comes back after a merge of a merge",
    "9-taken-back: a reply that was sent",
)
"""What is played on PostgreSQL as well: one of each kind of statement."""
FOLDER = Path(__file__).parent / "examples"


def examples() -> Iterator[Example]:
    """Every example of every file; ``given`` of the file holds for all of its examples."""
    for path in sorted(FOLDER.glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for one in content["examples"]:
            given: dict[str, Any] = {**content.get("given", {}), **one.pop("given", {})}
            yield Example(name=f"{path.stem}: {one.pop('name')}", given=given, **one)


EXAMPLES = list(examples())


@pytest.fixture(scope="module", autouse=True)
def _empty() -> None:
    migrated()


async def played(
    example: Example, folder: Path, monkeypatch: pytest.MonkeyPatch, url: str | None = None
) -> tuple[dict[str, list[str]], str]:
    """What an example comes to: the ledgers by customer and clock, and the words of ``/sla why``."""
    times = Times(example.zone)
    first, _ = Times(example.zone).read(example.events[0])
    database = await opened(folder) if url is None else await opened_at(url)
    stage = Stage(database, promises_of(example.given), first, example.undo)
    await stage.start(monkeypatch)
    try:
        script = Script(stage, example, times)
        await script.play()
        found: dict[str, list[str]] = {}
        for name in stage.customers:
            numbers: dict[int, int] = {}
            for case_id, one, events in await stage.ledger(name):
                case = numbers.setdefault(case_id, len(numbers) + 1)
                label = f"{name} {one.kind} {one.number}" + (f" (case {case})" if case > 1 else "")
                found[label] = told(one, events, times, steps=example.steps)
        words: list[str] = []
        for name in [*stage.customers][:1]:
            person = await stage.person(name)
            words += await stage.world.casework.sla.why(person.customer_id, person.team, example.zone)
        return found, "\n\n".join(words)
    finally:
        await stage.stop()
        await database.close()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
async def test_the_ledger_is_as_expected(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, words = await played(example, tmp_path, monkeypatch)
    assert found == example.expect
    for said in example.why or ():
        assert said in words


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.name.startswith(ON_BOTH)], ids=lambda one: one.name
)
async def test_it_is_the_same_on_postgresql(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    found, _ = await played(example, tmp_path, monkeypatch, postgres_url)
    assert found == example.expect


def test_there_are_enough_of_them() -> None:
    assert len(EXAMPLES) >= 40
    assert len({one.name for one in EXAMPLES}) == len(EXAMPLES)
