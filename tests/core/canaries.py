"""Looking for somebody everywhere: in every table, in the database's files, in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Text, select

from bot.storage.database import Database
from bot.storage.tables import metadata


async def in_tables(database: Database, *canaries: str) -> list[str]:
    """Where one of the canaries is: ``table.column: value``."""

    def unit(connection: Connection) -> list[str]:
        found = []
        for table in metadata.tables.values():
            for row in connection.execute(select(table)).mappings():
                found += [
                    f"{table.name}.{column.name}: {row[column.name]}"
                    for column in table.columns
                    if isinstance(column.type, Text) and _has(row[column.name], canaries)
                ]
        return found

    return await database.read(unit)


def _has(value: Any, canaries: tuple[str, ...]) -> bool:
    return isinstance(value, str) and any(one.casefold() in value.casefold() for one in canaries)


def in_files(folder: Path, *canaries: str) -> list[str]:
    """Files of a folder, and all below, that hold one of the canaries (as text or as JSON writes it) or are called so."""
    needles = {form.encode() for one in canaries for form in (one, one.lower(), json.dumps(one)[1:-1])}
    found = []
    for path in sorted(folder.rglob("*")):
        if any(one in path.name for one in canaries):
            found.append(f"{path.name} (its name)")
        if path.is_file():
            data = path.read_bytes()
            found += [f"{path.name}: {one.decode()}" for one in sorted(needles) if one in data]
    return found
