"""What all tables are made of: their metadata, and short words for columns that come again and again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Text, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite only numbers rows by itself where the type is exactly INTEGER."""


def key_column() -> Column[int]:
    """A number of its own for each row."""
    return Column("id", Id, primary_key=True, autoincrement=True)


def refers(name: str, target: str, **options: Any) -> Column[int]:
    """A number of another table's row."""
    return Column(name, Id, ForeignKey(target), **options)


def where(condition: str) -> dict[str, Any]:
    """The condition of a partial index, for both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class lines_of(GenericFunction[str]):
    """Texts of a group, a line each."""

    type = Text()
    inherit_cache = True


@compiles(lines_of, "sqlite")
def _lines_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **options)}, char(10))"


@compiles(lines_of, "postgresql")
def _lines_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"string_agg({compiler.process(element.clauses, **options)}, chr(10))"
