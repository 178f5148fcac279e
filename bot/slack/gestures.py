"""Slash commands, buttons, menus, shortcuts and forms.

Slack waits 3 seconds and delivers none of these twice. So: where a form will follow, a skeleton opens first;
what is quick is done before
the acknowledgement, and what takes longer goes on in the task group and answers through the response URL.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from bot.commands.refs import values
from bot.commands.registry import Action, Command
from bot.commands.types import Agent, Answer, Call, Face, Form, Later, Problems, Result, Role
from bot.errors import DeliveryError, StorageError
from bot.messages import TeamId, Text
from bot.slack import forms
from bot.slack.answers import ephemeral
from bot.slack.files import given_file
from bot.slack.incoming import emoji_shown, from_mrkdwn, written
from bot.slack.tools import Tools, shown_now
from bot.slack.typed import meant_for_customer

QUICK_SECONDS = 2.0
TRY_AGAIN = "The database did not take it, so nothing was done. Please try again."
UNSURE = "Something went wrong here. Look in the thread before you try again."
_log = logging.getLogger(__name__)

Ack = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Where:
    """Where somebody pressed something, and how to answer them there."""

    user: str
    channel: str
    thread_ts: str | None
    url: str | None
    ephemeral: bool = False


class Gestures:
    """Turns what people press and submit into calls, and results into what they see."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    # What people type with a slash

    async def on_command(self, body: dict[str, Any], ack: Ack) -> None:
        """A slash command."""
        command = self._tools.registry.find_slash(str(body.get("command", "")))
        if command is None:
            known = f"/{self._tools.registry.prefix}onethread"
            await ack(ephemeral(Answer(Text(f"This command is not known here. {known} lists what is."))))
            return
        where = Where(str(body["user_id"]), str(body["channel_id"]), None, body.get("response_url"))
        call = await self._slash_call(body, where)
        if command.opens(call) and call.agent.role is not Role.OUTSIDER:
            await self._open(str(body["trigger_id"]), command, call, where)
            await ack()
            return
        await self._quickly(command, call, where, ack)

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
            order=_order(body),
        )

    async def _quickly(self, command: Command, call: Call, where: Where, ack: Ack) -> None:
        """Answers in the acknowledgement where that is in time, else through the response URL."""
        work = asyncio.create_task(self._safely(command, call))
        done, _ = await asyncio.wait({work}, timeout=QUICK_SECONDS)
        if not done:
            await ack()
            self._tools.hooks.spawn(self._finish(work, where))
            return
        result = work.result()
        if isinstance(result, Answer) and not result.quiet:
            await ack(ephemeral(result))
            return
        await ack()
        if isinstance(result, Later):
            self._tools.hooks.spawn(self._show(result, where))

    async def _finish(self, work: asyncio.Task[Result], where: Where) -> None:
        await self._show(await work, where)

    async def _afterwards(self, later: Later, where: Where) -> None:
        answer = await later.work()
        if where.url is not None:
            await self._tools.respond(where.url, answer, replace=True, thread_ts=where.thread_ts)

    async def _safely(self, what: Command | Action, call: Call) -> Result:
        """Runs a command; a failure of ours becomes a sentence that does not promise too much."""
        try:
            return await self._tools.registry.run(what, self._tools.services, call)
        except StorageError:
            _log.exception("a command was not stored")
            return Answer(Text(TRY_AGAIN), error=True)
        except Exception:
            _log.exception("a command failed")
            return Answer(Text(UNSURE), error=True)

    # What people press

    async def on_action(self, body: dict[str, Any], ack: Ack) -> None:
        """A button or a menu of a message, or a live field of a form."""
        pressed = (body.get("actions") or [{}])[0]
        if "view" in body and "message" not in body and (body.get("container") or {}).get("type") == "view":
            await ack()
            self._tools.hooks.spawn(self._refresh(body))
            return
        name, value = _pressed(pressed)
        action = self._tools.registry.action(name)
        if action is None:
            await ack()
            return
        await self._act(action, value, body, ack)

    async def on_shortcut(self, body: dict[str, Any], ack: Ack) -> None:
        """An entry of Slack's own menus: on a message, or global."""
        action = self._tools.registry.action(str(body.get("callback_id", "")))
        if action is None:
            await ack()
            return
        await self._act(action, "", body, ack)

    async def _act(self, action: Action, value: str, body: dict[str, Any], ack: Ack) -> None:
        where = _where(body)
        call = await self._pressed_call(body, where, value)
        if action.reads_message:
            found = await self._with_message(call, value, body.get("message"))
            if isinstance(found, Answer):
                await ack()
                self._tools.hooks.spawn(self._show(found, where))
                return
            call = found
        if action.opens and call.agent.role is not Role.OUTSIDER:
            await self._open(str(body["trigger_id"]), action, call, where)
            await ack()
            return
        result = await self._safely(action, call)
        await ack()
        self._tools.hooks.spawn(self._show(result, where))

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
            order=_order(body),
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

    async def _show(self, result: Result, where: Where) -> None:
        """Shows a result to the person, where they are."""
        if not isinstance(result, Answer | Later):
            return
        first = shown_now(result)
        replaces = first.replace and where.ephemeral and where.url is not None
        if first.quiet and not replaces:
            return
        if where.url is not None:
            await self._tools.respond(where.url, first, replace=replaces, thread_ts=where.thread_ts)
        elif where.channel:
            await self._tools.whisper(where.channel, where.user, where.thread_ts, first)
        if isinstance(result, Later):
            await self._afterwards(result, where)

    # Forms

    async def _open(self, trigger: str, what: Command | Action, call: Call, where: Where) -> None:
        """Opens a skeleton at once and fills it in the background."""
        try:
            opened = await self._tools.desk.api.call("views.open", trigger_id=trigger, view=forms.skeleton())
        except DeliveryError as error:
            said = Answer(Text(f"Slack did not open the form. Press it again. ({error.reason})"), error=True)
            self._tools.hooks.spawn(self._show(said, where))
            return
        self._tools.hooks.spawn(self._fill(opened["view"], what, call, where))

    async def _fill(self, view: dict[str, Any], what: Command | Action, call: Call, where: Where) -> None:
        result = await self._safely(what, call)
        if isinstance(result, Form):
            shown = forms.modal(result, where.channel, where.thread_ts)
        elif isinstance(result, Answer | Later):
            shown = forms.told(shown_now(result))
        else:
            return
        await self._update_view(view, shown)
        if where.ephemeral and where.url is not None and isinstance(result, Form):
            await self._tools.respond(
                where.url, Answer(Text("Taken back to be edited. Nothing was sent.")), replace=True
            )

    async def _update_view(self, view: dict[str, Any], shown: dict[str, Any]) -> None:
        try:
            await self._tools.desk.api.call(
                "views.update", view_id=view["id"], hash=view.get("hash"), view=shown
            )
        except DeliveryError as error:
            _log.warning("a form could not be shown: %s", error.reason)

    async def _refresh(self, body: dict[str, Any]) -> None:
        """A live field changed: the form anew."""
        view = body["view"]
        kept = forms.unpacked(str(view.get("private_metadata") or ""))
        action = self._tools.registry.action(f"{kept.submit}.refresh")
        if action is None:
            return
        call = await self._form_call(body, kept, forms.filled(view))
        result = await self._safely(action, call)
        if isinstance(result, Form):
            await self._update_view(view, forms.modal(result, kept.channel, kept.thread_ts))

    async def _form_call(self, body: dict[str, Any], kept: forms.Kept, given: forms.Filled) -> Call:
        user = str(body["user"]["id"])
        team = await self._tools.services.team_of(kept.channel) if kept.channel else None
        return Call(
            agent=await self._tools.people.agent(user, team),
            face=Face.FORM,
            source=f"view:{body['view']['id']}:{kept.submit}",
            channel=kept.channel,
            args=kept.context,
            text=emoji_shown(Text(given.fields.get("text", ""))),
            thread_ts=kept.thread_ts,
            team=team,
            files=given.files,
            fields=given.fields,
            order=_order(body),
        )

    async def on_submit(self, body: dict[str, Any], ack: Ack) -> None:
        """Send was pressed in a form."""
        view = body["view"]
        kept = forms.unpacked(str(view.get("private_metadata") or ""))
        action = self._tools.registry.action(kept.submit)
        if action is None:
            await ack()
            return
        given = forms.filled(view)
        result = await self._safely(action, await self._form_call(body, kept, given))
        if isinstance(result, Problems):
            await ack(response_action="errors", errors=_at_blocks(result, given))
        elif isinstance(result, Form):
            await ack(response_action="update", view=forms.modal(result, kept.channel, kept.thread_ts))
        elif isinstance(result, Answer) and result.error:
            await ack(response_action="update", view=forms.told(result))
        else:
            await ack()
            channel = kept.channel or self._team_channel(given.fields.get("customer", ""))
            where = Where(str(body["user"]["id"]), channel, kept.thread_ts, None)
            self._tools.hooks.spawn(self._show(result, where))

    def _team_channel(self, customer: str) -> str:
        """Where to answer somebody who opened the form from Slack's own menu: in the channel of the customer's team."""
        team = self._tools.policy.team(TeamId(str(values(customer).get("t")))) if customer else None
        return team.channel if team is not None else ""

    async def on_options(self, body: dict[str, Any], ack: Ack) -> None:
        """Somebody types into the search for a customer."""
        agent = await self._searcher(body)
        if agent is None:
            await ack(options=[])
            return
        kept = forms.unpacked(str((body.get("view") or {}).get("private_metadata") or ""))
        found = await self._found(str(body.get("value") or "").strip(), agent, kept.channel)
        await ack(options=found)

    async def _searcher(self, body: dict[str, Any]) -> Agent | None:
        agent = await self._tools.people.agent(str(body["user"]["id"]), None)
        return None if agent.role is Role.OUTSIDER else agent

    async def _found(self, words: str, agent: Agent, channel: str) -> list[dict[str, Any]]:
        services = self._tools.services
        team = await services.team_of(channel) if channel else None
        people = await services.lookup(words, team, 25) if words else await services.open_for(agent.id, team)
        return [forms.customer_option(person) for person in people[:100]]


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
    )


def _order(body: dict[str, Any]) -> float:
    """When it was done, as Slack says; 0 where it does not, and the core then takes its own time."""
    stamp = body.get("action_ts") or (body.get("actions") or [{}])[0].get("action_ts")
    try:
        return float(stamp) if stamp else 0.0
    except ValueError:
        return 0.0


def _at_blocks(problems: Problems, given: forms.Filled) -> dict[str, str]:
    """Each problem at the block of its field; at the first block where the field is not shown."""
    first = next(iter(given.block_ids.values()), "text")
    return {given.block_ids.get(name, first): words for name, words in problems.by_field.items()}
