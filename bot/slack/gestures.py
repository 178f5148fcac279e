"""Slash commands, buttons, menus and shortcuts.

Slack waits 3 seconds and delivers none of these twice. So: where a form will follow, a skeleton opens first;
what is quick is done before
the acknowledgement, and what takes longer goes on in the task group and answers through the response URL.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.commands.registry import Action, Command
from bot.commands.types import Answer, Call, Face, Later, Result, Role
from bot.errors import DeliveryError
from bot.messages import Text
from bot.slack.answering import Ack, Answering, Where, order_of
from bot.slack.answers import ephemeral
from bot.slack.dialogs import Dialogs
from bot.slack.files import given_file
from bot.slack.incoming import from_mrkdwn, written
from bot.slack.tools import Tools
from bot.slack.typed import meant_for_customer


class Gestures:
    """Turns what people type with a slash and press into calls, and results into what they see."""

    def __init__(self, tools: Tools, answering: Answering, dialogs: Dialogs) -> None:
        self._tools = tools
        self._answering = answering
        self._dialogs = dialogs

    # What people type with a slash

    async def on_command(self, body: dict[str, Any], ack: Ack) -> None:
        """A slash command: answered in the acknowledgement where that is in time, else through the response URL."""
        command = self._tools.registry.find_slash(str(body.get("command", "")))
        if command is None:
            known = f"/{self._tools.registry.prefix}onethread"
            await ack(ephemeral(Answer(Text(f"This command is not known here. {known} lists what is."))))
            return
        where = Where(str(body["user_id"]), str(body["channel_id"]), None, body.get("response_url"))
        work = self._answering.start(lambda: self._slash(command, body, where))
        if not await self._answering.in_time(work):
            await ack()
            self._answering.later(work, where)
            return
        result = work.result()
        if isinstance(result, Answer) and not result.quiet:
            await ack(ephemeral(result))
            return
        await ack()
        if isinstance(result, Later):
            self._answering.soon(result, where)

    async def _slash(self, command: Command, body: dict[str, Any], where: Where) -> Result:
        call = await self._slash_call(body, where)
        if command.opens(call) and call.agent.role is not Role.OUTSIDER:
            return await self._dialogs.open(str(body["trigger_id"]), command, call, where)
        return await self._tools.registry.run(command, self._tools.services, call)

    async def _slash_call(self, body: dict[str, Any], where: Where) -> Call:
        text = from_mrkdwn(str(body.get("text") or "").strip())
        team = await self._tools.services.team_of(where.channel)
        return Call(
            agent=await self._tools.people.agent(where.user, team),
            face=Face.SLASH,
            source=f"slash:{body['trigger_id']}",
            channel=where.channel,
            args=text.plain,
            text=await self._tools.public_text(text),
            team=team,
            order=order_of(body),
        )

    # What people press

    async def on_action(self, body: dict[str, Any], ack: Ack) -> None:
        """A button or a menu of a message, or a live field of a form."""
        if (body.get("container") or {}).get("type") == "view":
            await self._dialogs.on_live_field(body, ack)
            return
        name, value = _pressed((body.get("actions") or [{}])[0])
        await self._press(self._tools.registry.action(name), value, body, ack)

    async def on_shortcut(self, body: dict[str, Any], ack: Ack) -> None:
        """An entry of Slack's own menus: on a message, or global."""
        await self._press(self._tools.registry.action(str(body.get("callback_id", ""))), "", body, ack)

    async def _press(self, action: Action | None, value: str, body: dict[str, Any], ack: Ack) -> None:
        if action is not None:
            where = _where(body)
            work = self._answering.start(lambda: self._act(action, value, body, where))
            await self._answering.in_time(work)
            self._answering.later(work, where)
        await ack()

    async def _act(self, action: Action, value: str, body: dict[str, Any], where: Where) -> Result:
        call = await self._pressed_call(body, where, value)
        if action.reads_message:
            found = await self._with_message(call, value, body.get("message"))
            if isinstance(found, Answer):
                return found
            call = found
        if action.opens and call.agent.role is not Role.OUTSIDER:
            return await self._dialogs.open(str(body["trigger_id"]), action, call, where)
        return await self._tools.registry.run(action, self._tools.services, call)

    async def _pressed_call(self, body: dict[str, Any], where: Where, value: str) -> Call:
        team = await self._tools.services.team_of(where.channel) if where.channel else None
        on_message = body.get("type") in ("message_action", "shortcut")
        return Call(
            agent=await self._tools.people.agent(where.user, team),
            face=Face.SHORTCUT if on_message else Face.BUTTON,
            source=f"act:{body.get('trigger_id') or body.get('action_ts')}",
            channel=where.channel,
            args=value,
            text=Text(value),
            thread_ts=where.thread_ts,
            team=team,
            order=order_of(body),
        )

    async def _with_message(self, call: Call, value: str, message: dict[str, Any] | None) -> Call | Answer:
        """The call with the words and files of the Slack message that it is about."""
        channel, thread_ts, ts = call.channel, call.thread_ts, (message or {}).get("ts")
        if value:
            channel, thread_ts, ts = [*value.split(" "), "", "", ""][:3]
            message = await self._read_message(channel, str(thread_ts), str(ts))
        if message is None:
            return Answer(Text("That message is not there any more, so nothing was sent."), error=True)
        if message.get("bot_id") or not message.get("user"):
            return Answer(
                Text("Only what a person of the team wrote can be sent to the customer."), error=True
            )
        words = written(message)
        text = meant_for_customer(words, self._tools.identity.bot_user_id, self._tools.registry)
        return replace(
            call,
            source=f"send:{channel}:{ts}",
            channel=channel,
            thread_ts=str(message.get("thread_ts") or thread_ts or "") or None,
            message_ts=str(ts),
            args="",
            text=await self._tools.public_text(text),
            files=tuple(given_file(raw) for raw in message.get("files") or ()),
        )

    async def _read_message(self, channel: str, thread_ts: str, ts: str) -> dict[str, Any] | None:
        try:
            answer = await self._tools.desk.api.call(
                "conversations.replies",
                channel=channel,
                ts=thread_ts,
                oldest=ts,
                latest=ts,
                inclusive=True,
                limit=5,
            )
        except DeliveryError:
            return None
        return next((message for message in answer.get("messages", ()) if message.get("ts") == ts), None)


def _pressed(pressed: dict[str, Any]) -> tuple[str, str]:
    """The action's name and value; a menu's entry carries both."""
    name = str(pressed.get("action_id", "")).partition("#")[0]
    value = str(pressed.get("value") or "")
    chosen = pressed.get("selected_option")
    if name == "menu" and chosen:
        name, _, value = str(chosen.get("value", "")).partition(" ")
    return name, value


def _where(body: dict[str, Any]) -> Where:
    container, message = body.get("container") or {}, body.get("message") or {}
    channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
    hidden = bool(container.get("is_ephemeral"))
    own = None if hidden else message.get("ts") or container.get("message_ts")
    thread_ts = container.get("thread_ts") or message.get("thread_ts") or own
    return Where(
        str(body["user"]["id"]),
        channel,
        str(thread_ts) if thread_ts else None,
        body.get("response_url"),
        hidden,
        at_root=own is not None and str(thread_ts) == str(own),
    )
