"""Breaking things on request: the same knobs for tests (Python) and for a page (POST /_control)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from . import posting
from .core import Core
from .faults import describe
from .methods.conversations import add_member, remove_member, set_archived
from .model import Channel, Json, SlackRefusal


def _channel(core: Core, order: Json) -> Channel:
    channel = core.workspace.find_channel(str(order["channel"]))
    if channel is None:
        raise SlackRefusal("channel_not_found")
    return channel


def _times(order: Json) -> int:
    return int(order.get("times", 1))


async def _fail(core: Core, order: Json) -> None:
    status = int(order.get("status", 500))
    core.faults.fail(order.get("method", "*"), _times(order), status, bool(order.get("processed", False)))


async def _hang(core: Core, order: Json) -> None:
    seconds = float(order.get("seconds", 30))
    core.faults.hang(order.get("method", "*"), seconds, _times(order), bool(order.get("processed", True)))


async def _drop(core: Core, order: Json) -> None:
    core.faults.drop(order.get("method", "*"), _times(order), bool(order.get("processed", True)))


async def _limit(core: Core, order: Json) -> None:
    channel = _channel(core, order).id if order.get("channel") else ""
    core.faults.limit(order.get("method", "*"), channel, int(order.get("retry_after", 1)), _times(order))


async def _deaf(core: Core, order: Json) -> None:
    on = bool(order.get("on", True))
    if "connection" in order:
        core.dispatch.sockets.connections[int(order["connection"])].deaf = on
    else:
        core.faults.deaf = on


async def _duplicate(core: Core, order: Json) -> None:
    core.faults.duplicate = bool(order.get("on", True))


async def _reorder(core: Core, order: Json) -> None:
    core.faults.reorder = int(order.get("window", 0))
    if not core.faults.reorder:
        core.dispatch.release()


async def _close(core: Core, order: Json) -> None:
    await core.dispatch.sockets.close_all()


async def _refresh(core: Core, order: Json) -> None:
    await core.dispatch.sockets.refresh(float(order.get("warn_seconds", 0)))


async def _archive(core: Core, order: Json) -> None:
    set_archived(core, _channel(core, order), bool(order.get("on", True)), "USLACKBOT")


async def _remove_bot(core: Core, order: Json) -> None:
    remove_member(core, _channel(core, order), core.workspace.bot.id)


async def _add_bot(core: Core, order: Json) -> None:
    add_member(core, _channel(core, order), core.workspace.bot.id)


async def _delete(core: Core, order: Json) -> None:
    channel = _channel(core, order)
    if order["ts"] not in channel.messages:
        raise SlackRefusal("message_not_found")
    posting.remove_message(core, channel, order["ts"])


async def _revoke(core: Core, order: Json) -> None:
    core.settings.bot_scopes = [scope for scope in core.scopes if scope != order["scope"]]


async def _grant(core: Core, order: Json) -> None:
    core.settings.bot_scopes = sorted({*core.scopes, order["scope"]})


async def _revoke_tokens(core: Core, order: Json) -> None:
    core.workspace.revoked = bool(order.get("on", True))


async def _rates(core: Core, order: Json) -> None:
    core.rates.enabled = bool(order.get("on", True))


async def _paid(core: Core, order: Json) -> None:
    core.settings.paid_plan = bool(order.get("on", True))


async def _clear(core: Core, order: Json) -> None:
    core.faults.clear()
    core.dispatch.release()


ORDERS: dict[str, Callable[[Core, Json], Awaitable[None]]] = {
    "fail": _fail,
    "hang": _hang,
    "drop": _drop,
    "limit": _limit,
    "deaf": _deaf,
    "duplicate": _duplicate,
    "reorder": _reorder,
    "close_sockets": _close,
    "refresh_sockets": _refresh,
    "archive": _archive,
    "remove_bot": _remove_bot,
    "add_bot": _add_bot,
    "delete_message": _delete,
    "revoke_scope": _revoke,
    "grant_scope": _grant,
    "revoke_tokens": _revoke_tokens,
    "rates": _rates,
    "paid_plan": _paid,
    "clear": _clear,
}
"""What POST /_control {"do": name, …} can do; docs/sandbox-slack.md lists the arguments."""


async def control(core: Core, order: Json) -> None:
    """Carry one order out; KeyError when it is unknown or lacks an argument."""
    await ORDERS[order["do"]](core, order)
    core.workspace.changed()


def state(core: Core) -> Json:
    """What is set now."""
    return {
        "rules": describe(core.faults.rules),
        "deaf": core.faults.deaf,
        "duplicate": core.faults.duplicate,
        "reorder": core.faults.reorder,
        "rates": core.rates.enabled,
        "paid_plan": core.settings.paid_plan,
        "scopes": list(core.scopes),
        "connections": len(core.dispatch.sockets.connections),
        "orders": sorted(ORDERS),
    }
