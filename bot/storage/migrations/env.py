"""Alembic's entry: runs on the connection that ``bot.storage.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from bot.storage.migrate import include_object
from bot.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=include_object,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
