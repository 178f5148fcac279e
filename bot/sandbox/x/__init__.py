"""A stand-in for X: its API of direct messages, its webhooks, and its customers, on loopback."""

from bot.sandbox.x.standin import XStandIn

__all__ = ["XStandIn"]
