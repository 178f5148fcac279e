"""Statements that every message needs, compiled once.

SQLAlchemy finds a compiled statement in its cache at each execution and prepares its context anew; that costs more than SQLite
needs to run it. Here the SQL and the order of its parameters are kept, a dialect each. What it costs: no type of a column
changes a value on its way, so this is for numbers and text (a boolean comes back from SQLite as 0 or 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.sql.expression import Executable


class Hot:
    """A statement of the hot path. ``columns``: those that an insert sets, where the statement does not say."""

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None) -> None:
        self._statement: Any = statement
        self._columns = None if columns is None else list(columns)
        self._compiled: dict[str, tuple[str, list[str], dict[str, Any]]] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[*tuple[Any, ...]]:
        """Executes it once."""
        dialect = connection.dialect
        sql, order, constants = self._compiled.get(dialect.name) or self._compile(dialect)
        known = {**constants, **values}
        return connection.exec_driver_sql(sql, tuple([known[name] for name in order]))

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Executes it for each row."""
        if len(rows) == 1:
            self.run(connection, rows[0])
            return
        dialect = connection.dialect
        sql, order, constants = self._compiled.get(dialect.name) or self._compile(dialect)
        many = [tuple([{**constants, **row}[name] for name in order]) for row in rows]
        if many:
            connection.exec_driver_sql(sql, many)

    def _compile(self, dialect: Dialect) -> tuple[str, list[str], dict[str, Any]]:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        made = (str(compiled), list(compiled.positiontup or ()), constants)
        self._compiled[dialect.name] = made
        return made
