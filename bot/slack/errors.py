"""Slack's refusals as our errors: is it final, and is it certain. One table, most specific first.

A read or an idempotent write (an update, a reaction) may always be tried again. A post may not: where the answer was lost
it may have been made, so it is *uncertain* and is looked for by its key.
"""

from __future__ import annotations

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.errors import DeliveryError, PermanentFailure, PlaceGone, TemporaryFailure, UncertainFailure

LONG = 300.0
"""Seconds to wait for a person to mend a token, a scope or a plan."""
SHORT = 5.0

_GONE_CHANNEL = {
    "is_archived": "The Slack channel is archived.",
    "channel_not_found": "The Slack channel does not exist, or the bot cannot see it.",
    "not_in_channel": "The bot is not in the Slack channel. Invite it.",
    "is_inactive": "The Slack channel is archived.",
    "channel_is_limited_access": "The bot may not read that Slack channel.",
}
_GONE_THREAD = {
    "thread_not_found": "The Slack thread is not there any more.",
    "message_not_found": "The Slack message is not there any more.",
    "cannot_reply_to_message": "Slack does not let anybody answer in that thread any more.",
}
_TOKEN = {
    "invalid_auth": "Slack refuses the bot's token. Put the right one into the environment and restart.",
    "not_authed": "Slack got no token from the bot. Set it in the environment and restart.",
    "token_revoked": "The bot's Slack token was revoked. Install the app again and use the new token.",
    "token_expired": "The bot's Slack token has expired. Install the app again and use the new token.",
    "account_inactive": "The bot's Slack account is switched off. Install the app again.",
    "missing_scope": "The Slack app lacks a permission. Update it with `onethread manifest` and install it again.",
    "no_permission": "The Slack app lacks a permission. Update it with `onethread manifest` and install it again.",
    "not_allowed_token_type": "That is not a bot token (xoxb-…). Use the bot token of the Slack app.",
    "access_denied": "Slack does not allow the bot to do this.",
    "restricted_action": "The workspace does not let the bot post in that channel.",
    "restricted_action_read_only_channel": "The Slack channel is read-only for the bot.",
    "team_access_not_granted": "The workspace has not approved the Slack app.",
}
_BUSY = frozenset(
    {
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "update_failed",
    }
)
_RATE = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})


def mapped(method: str, error: Exception, *, repeatable: bool) -> DeliveryError:
    """Our error for what went wrong in a call of ``method``. ``repeatable``: doing it twice is the same as once."""
    if isinstance(error, DeliveryError):
        return error
    if isinstance(error, SlackApiError):
        return _answered(method, error, repeatable)
    if isinstance(error, aiohttp.ClientConnectorError):
        return TemporaryFailure("Slack cannot be reached.", SHORT)
    if isinstance(error, (TimeoutError, aiohttp.ClientError, OSError)):
        return _lost("Slack did not answer.", repeatable)
    return _lost(f"The call of {method} went wrong ({type(error).__name__}).", repeatable)


def _lost(reason: str, repeatable: bool) -> DeliveryError:
    return TemporaryFailure(reason, SHORT) if repeatable else UncertainFailure(reason)


def _answered(method: str, error: SlackApiError, repeatable: bool) -> DeliveryError:
    status, code = status_of(error), code_of(error)
    if status == 429 or code in _RATE:
        return TemporaryFailure("Slack asks the bot to slow down.", retry_after(error), freeze=True)
    if status >= 500 or not code or code in _BUSY:
        return _lost(f"Slack has trouble of its own ({code or status}).", repeatable)
    if code in _GONE_CHANNEL:
        return PlaceGone(_GONE_CHANNEL[code], whole_channel=True)
    if code in _GONE_THREAD:
        return PlaceGone(_GONE_THREAD[code])
    if code in _TOKEN:
        return TemporaryFailure(_TOKEN[code] + _needed(error), LONG)
    return PermanentFailure(f"Slack refused it: {code} ({method}).")


def _needed(error: SlackApiError) -> str:
    needed = _data(error).get("needed")
    return f" Missing: {needed}." if needed else ""


def _data(error: SlackApiError) -> dict[str, object]:
    data = getattr(error.response, "data", None)
    return data if isinstance(data, dict) else {}


def code_of(error: SlackApiError) -> str:
    """Slack's own word for the error, or nothing."""
    return str(_data(error).get("error") or "")


def status_of(error: SlackApiError) -> int:
    """The HTTP status of the answer; 0 where there was none."""
    response = error.response
    return int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)


def retry_after(error: SlackApiError) -> float:
    """Seconds that Slack wants us to wait; 30 where it does not say."""
    headers = getattr(error.response, "headers", None) or {}
    value = headers.get("Retry-After") or headers.get("retry-after")
    try:
        return max(1.0, float(str(value)))
    except ValueError:
        return 30.0
