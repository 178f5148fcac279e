"""The X channel: direct messages of one X account."""

from bot.adapters.x.adapter import CHANNEL

__all__ = ["CHANNEL"]
