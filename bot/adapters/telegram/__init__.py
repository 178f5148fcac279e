"""The Telegram channel, by python-telegram-bot's bare client."""

from bot.adapters.telegram.adapter import CHANNEL

__all__ = ["CHANNEL"]
