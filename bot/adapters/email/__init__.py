"""The email channel: IMAP in, SMTP out."""

from bot.adapters.email.adapter import CHANNEL

__all__ = ["CHANNEL"]
