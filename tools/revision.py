"""Writes a new migration from the difference between the schema and an empty or given SQLite database.

Usage: python -m tools.revision "what changes" — read what it wrote before you commit it.
"""

from __future__ import annotations

import sys

from alembic import command
from sqlalchemy import create_engine

from bot.storage.migrate import config

if __name__ == "__main__":
    with create_engine("sqlite://").connect() as connection:
        settings = config(connection)
        command.upgrade(settings, "head")
        command.revision(settings, message=sys.argv[1], autogenerate=True, rev_id=sys.argv[2])
