"""Statements that every message needs, compiled once and given to the driver as they are.

SQLAlchemy finds a compiled statement in its cache at each execution, prepares its context and describes its result anew;
that costs more than SQLite needs to run it. Here the SQL, the order of its parameters and the names of its columns are kept,
a dialect each. What it costs: no type of a column changes a value on its way, so this is for numbers and text (a boolean
comes back from SQLite as 0 or 1). Errors are SQLAlchemy's all the same.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound
from sqlalchemy.sql.expression import Executable


class Rows:
    """What a statement gave: rows with a name for each column."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def one_or_none(self) -> Any | None:
        """The only row; None where there is none."""
        if len(self._rows) > 1:
            raise MultipleResultsFound("one row was expected, there are several")
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        """The only row."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("a row was expected, there is none")
        return row

    def scalar(self) -> Any | None:
        """The first column of the first row; None where there is none."""
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        """The first column of the only row."""
        return self.one()[0]


@dataclass(slots=True)
class _Compiled:
    """A statement as one dialect's driver takes it. ``row`` makes a row of its columns, known after the first result."""

    sql: str
    order: list[str]
    constants: dict[str, Any]
    row: Callable[[Sequence[Any]], Any] | None = None


class Hot:
    """A statement of the hot path. ``columns``: those that an insert sets, where the statement does not say."""

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None) -> None:
        self._statement: Any = statement
        self._columns = None if columns is None else list(columns)
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Rows:
        """Executes it once."""
        of = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        known = {**of.constants, **values}
        parameters = tuple([known[name] for name in of.order])
        cursor = connection.connection.cursor()
        try:
            cursor.execute(of.sql, parameters)
            if not cursor.description:
                return Rows(())
            if of.row is None:
                names = [column[0] for column in cursor.description]
                row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
                of.row = row._make
            return Rows([of.row(row) for row in cursor.fetchall()])
        except Exception as error:
            raise self._explained(connection, of.sql, error) from error
        finally:
            cursor.close()

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Executes it for each row."""
        if not rows:
            return
        if len(rows) == 1:
            self.run(connection, rows[0])
            return
        of = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        many = [tuple([{**of.constants, **row}[name] for name in of.order]) for row in rows]
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(of.sql, many)
        except Exception as error:
            raise self._explained(connection, of.sql, error) from error
        finally:
            cursor.close()

    def _explained(self, connection: Connection, sql: str, error: Exception) -> BaseException:
        """The driver's error as SQLAlchemy's, so that whoever judges it knows whether the connection is lost."""
        dialect = connection.dialect
        driver = dialect.loaded_dbapi
        if not isinstance(error, driver.Error):
            return error
        lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
        return DBAPIError.instance(
            sql, None, error, driver.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
        )

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        made = _Compiled(str(compiled), list(compiled.positiontup or ()), constants)
        self._compiled[dialect.name] = made
        return made
