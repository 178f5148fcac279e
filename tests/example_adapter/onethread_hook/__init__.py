"""A channel for Onethread: your own system posts customers' messages to us as JSON, and gets answers as JSON."""

from .adapter import CHANNEL

__all__ = ["CHANNEL"]
