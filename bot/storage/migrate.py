"""Brings a database to the newest schema. A unit: one transaction, so a migration that is killed midway leaves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bot.errors import StorageError

MIGRATIONS = Path(__file__).parent / "migrations"


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings, without a file."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.set_main_option("path_separator", "os")
    if connection is not None:
        made.attributes["connection"] = connection
    return made


def migrate(connection: Connection) -> None:
    """Brings the database up to date. ``StorageError`` where a newer Onethread has used it."""
    settings = config(connection)
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()}
    if current is not None and current not in known:
        raise StorageError(
            f"The database has the schema {current}, which this version does not know: it was used by a newer onethread. "
            "Install that version, or restore a backup from before."
        )
    command.upgrade(settings, "head")


def include_object(thing: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Leaves out what belongs to one engine's full-text index and not to us: everything that is called ``fts_…``.

    The index is tables, triggers and functions of each engine's own making: migration 0003 alone says what they are.
    """
    return not (reflected and name is not None and name.startswith("fts_"))
