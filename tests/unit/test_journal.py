"""The journal of what was erased: durable lines, whatever a crash has left of the last one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.privacy import tombstones
from bot.privacy.journal import Entry, Journal


async def everything(journal: Journal, offset: int = 0) -> tuple[list[Entry], int]:
    found: list[Entry] = []
    while True:
        entries, end = await journal.after(offset)
        if end == offset and not entries:
            return found, offset
        found += entries
        offset = end


async def test_what_was_appended_is_read_in_order_from_where_one_left_off(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "data" / "erased.jsonl")
    assert await everything(journal) == ([], 0)
    first = Entry(1.5, who=("a", "b"), agent="U1", by="Ann")
    await journal.append(first)
    _, half = await everything(journal)
    second = Entry(2.5, said=tuple(f"h{number}" for number in range(20_000)))
    await journal.append(second)
    third = Entry(3.5, said=("x",))
    await journal.append(third)
    assert (await everything(journal))[0] == [first, second, third]
    assert (await everything(journal, half))[0] == [second, third]
    assert (tmp_path / "data" / "erased.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "torn", [b'{"at":2', b'{"at":2.0,"who":["b"]}', b"\xff\xfe", b"nonsense\n", b'{"who":["b"]}\n']
)
async def test_a_line_that_a_crash_cut_short_costs_no_other(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "erased.jsonl"
    journal = Journal(path)
    await journal.append(Entry(1.0, who=("a",)))
    with path.open("ab") as file:
        file.write(torn)
    await journal.append(Entry(3.0, who=("c",)))
    found, end = await everything(journal)
    assert [one.who for one in found if one.who != ("b",)] == [("a",), ("c",)]
    assert end == path.stat().st_size


async def test_an_offset_of_another_file_begins_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "erased.jsonl")
    await journal.append(Entry(1.0, who=("a",)))
    found, end = await everything(journal, 1_000_000)
    assert [one.who for one in found] == [("a",)] and end > 0


def test_tombstones_name_nobody_and_survive_a_new_key() -> None:
    old, new = tombstones.keys_of([b"old"]), tombstones.keys_of([b"new", b"old"])
    written = tombstones.address(old, "email", "dana@mail.example")[0]
    assert written in tombstones.address(new, "email", "dana@mail.example")
    assert written != tombstones.address(new, "email", "dana@mail.example")[0]
    assert len(written) == 22 and "dana" not in written
    others = {
        *tombstones.address(new, "email", "dana@mail.example "),
        *tombstones.address(new, "telegram", "dana@mail.example"),
        *tombstones.event(new, "dana@mail.example"),
        *tombstones.address(tombstones.keys_of([b"another"]), "email", "dana@mail.example"),
    }
    assert written not in others and len(others) == 7
    assert tombstones.event((), "in:mail:1") == ()
