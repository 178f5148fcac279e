"""A local stand-in of Slack that speaks Slack's wire; see docs/sandbox-slack.md."""

from .model import Call, Channel, Person, SlackRefusal
from .standin import SlackStandIn, default_channels, default_people

__all__ = ["Call", "Channel", "Person", "SlackRefusal", "SlackStandIn", "default_channels", "default_people"]
