"""response_url: the app's later answers to an interaction."""

from __future__ import annotations

import time

from . import interactions, posting
from . import text as texts
from .blocks import check_message, with_ids
from .core import Core
from .model import Channel, Json, Person, ResponseUrl, SlackRefusal


def respond(core: Core, token: str, payload: Json) -> None:
    """Use a response_url once: say, replace or delete.

    Errors: `invalid_url`, `expired_url`, `used_url`, and those of blocks.
    """
    url = core.workspace.response_urls.get(token)
    if url is None:
        raise SlackRefusal("invalid_url")
    if time.monotonic() > url.expires:
        raise SlackRefusal("expired_url")
    if url.uses_left <= 0:
        raise SlackRefusal("used_url")
    url.uses_left -= 1
    person, channel = core.workspace.person(url.user_id), core.workspace.by_id[url.channel_id]
    if payload.get("delete_original"):
        _delete(core, url, person, channel)
    elif payload.get("replace_original") and url.message_ts:
        _replace(core, url, person, channel, payload)
    else:
        if not payload.get("text") and not payload.get("blocks"):
            raise SlackRefusal("no_text")
        thread_ts = (url.thread_ts or "") if payload.get("thread_ts") is None else ""
        said = interactions.say_response(core, person, channel, payload, thread_ts=thread_ts)
        if url.message_ts is None and said is not None:  # of a command: later uses may replace this answer
            url.message_ts, url.ephemeral = said["ts"], bool(said.get("is_ephemeral"))


def _delete(core: Core, url: ResponseUrl, person: Person, channel: Channel) -> None:
    ts = url.message_ts or ""
    ephemeral = posting.find_ephemeral(person, channel.id, ts)
    if ephemeral is not None:
        person.ephemerals.remove(ephemeral)
        core.workspace.record("ephemeral_deleted", {"channel": channel.id, "ts": ts}, user_id=person.id)
    elif ts in channel.messages:
        posting.remove_message(core, channel, ts)
    else:
        raise SlackRefusal("message_not_found")


def _replace(core: Core, url: ResponseUrl, person: Person, channel: Channel, payload: Json) -> None:
    ts = url.message_ts or ""
    blocks = payload.get("blocks")
    if blocks:
        if core.settings.validate:
            check_message(blocks)
        blocks = with_ids(blocks, posting.block_ids)
    changes: Json = {"text": texts.normalise(str(payload.get("text") or "")), "blocks": blocks or []}
    ephemeral = posting.find_ephemeral(person, channel.id, ts)
    if ephemeral is not None:
        ephemeral.update(changes)
        body: Json = {"channel": channel.id, "message": ephemeral}
        core.workspace.record("ephemeral_changed", body, user_id=person.id)
    elif ts in channel.messages:
        posting.change_message(core, channel, ts, changes, core.workspace.bot.id)
    else:
        raise SlackRefusal("message_not_found")
