"""All tables together: whoever needs the whole schema takes ``metadata`` from here, and no table is missing."""

from __future__ import annotations

from bot.storage import schema, schema_clocks, schema_desk, schema_people, schema_reminders, schema_stats
from bot.storage.base import metadata

MODULES = (schema, schema_clocks, schema_desk, schema_people, schema_reminders, schema_stats)
"""Every module that defines tables."""

__all__ = ["MODULES", "metadata"]
