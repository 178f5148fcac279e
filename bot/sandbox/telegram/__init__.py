"""A stand-in for Telegram: the Bot API on loopback, and the customers on their phones."""

from .model import Call, Person
from .standin import TelegramStandIn

__all__ = ["Call", "Person", "TelegramStandIn"]
