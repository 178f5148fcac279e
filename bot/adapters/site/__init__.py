"""The site channel: a chat on the shop's own pages, over a WebSocket."""

from bot.adapters.site.adapter import CHANNEL

__all__ = ["CHANNEL"]
