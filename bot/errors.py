"""Everything that can go wrong, as one tree.

    RelayError
    ├── DeliveryError            one operation did not work
    │   ├── TemporaryFailure     certainly not done; may work later
    │   ├── PermanentFailure     certainly not done; will not work
    │   ├── UncertainFailure     nobody knows whether it was done
    │   └── PlaceGone            the Slack thread or channel is not there any more
    ├── AdapterError             a channel as a whole
    │   ├── AuthenticationFailed the channel refuses our credentials
    │   └── ConnectionLost       the channel cannot be reached
    ├── ConfigError              app.yaml or the environment is wrong
    ├── StorageError             the database did not commit
    └── UserError                an agent asked for something that cannot be done

An error says two things: is it final, and is it certain. Unknown errors of an attempt count as *uncertain*:
a customer never gets a duplicate because of our bug. Each message says what happened, where, and what to do next.
"""

from __future__ import annotations


class RelayError(Exception):
    """Something in Onethread went wrong."""


class DeliveryError(RelayError):
    """An operation did not work. ``reason`` is one sentence that can be shown to an agent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TemporaryFailure(DeliveryError):
    """It was certainly not done and may work later.

    ``retry_after`` in seconds is the platform's wish; ``freeze`` says that it counts for the whole bucket (a 429).
    """

    def __init__(self, reason: str, retry_after: float | None = None, *, freeze: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.freeze = freeze


class PermanentFailure(DeliveryError):
    """It was certainly not done and will not work by trying again."""


class UncertainFailure(DeliveryError):
    """It may have been done. Never tried again without asking the remote side, or a person."""


class PlaceGone(DeliveryError):
    """The Slack thread's root or the channel is gone. ``whole_channel``: archived, or the bot is not in it."""

    def __init__(self, reason: str, *, whole_channel: bool = False) -> None:
        super().__init__(reason)
        self.whole_channel = whole_channel


class AdapterError(RelayError):
    """A channel as a whole does not work."""


class AuthenticationFailed(AdapterError):
    """The channel refuses our credentials: the adapter pauses and the desk is told."""


class ConnectionLost(AdapterError):
    """The channel cannot be reached, or went away."""


class ConfigError(RelayError):
    """app.yaml or the environment is wrong. The message names file, line, key and cure."""


class StorageError(RelayError):
    """The database did not commit, so nothing was accepted and nobody may acknowledge."""


class UserError(RelayError):
    """An agent asked for something that cannot be done. The message is one sentence with the cure."""
