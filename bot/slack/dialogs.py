"""Forms: opened as a skeleton at once, filled in the background, refreshed, searched in and sent."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from bot.commands.refs import values
from bot.commands.registry import Action, Command
from bot.commands.types import Agent, Answer, Call, Face, Form, Later, Problems, Result, Role
from bot.errors import DeliveryError, UserError
from bot.messages import TeamId, Text
from bot.slack import forms
from bot.slack.answering import Ack, Answering, Where, order_of, safely
from bot.slack.incoming import emoji_shown
from bot.slack.tools import Tools, shown_now

STILL = "This takes longer than usual. You will be told in the channel when it is done."
_log = logging.getLogger(__name__)


class Dialogs:
    """Modals of Slack."""

    def __init__(self, tools: Tools, answering: Answering) -> None:
        self._tools = tools
        self._answering = answering

    async def open(self, trigger: str, what: Command | Action, call: Call, where: Where) -> Result:
        """Opens a skeleton (a trigger lives for 3 seconds) and fills it in the background."""
        try:
            opened = await self._tools.desk.api.call("views.open", trigger_id=trigger, view=forms.skeleton())
        except DeliveryError as error:
            return Answer(Text(f"Slack did not open the form. Press it again. ({error.reason})"), error=True)
        self._tools.hooks.spawn(self._fill(opened["view"], what, call, where))
        return None

    async def _fill(self, view: dict[str, Any], what: Command | Action, call: Call, where: Where) -> None:
        result = await safely(lambda: self._tools.registry.run(what, self._tools.services, call))
        if isinstance(result, Form):
            shown = forms.modal(result, where.channel, where.thread_ts)
        elif isinstance(result, Answer | Later):
            shown = forms.told(shown_now(result))
        else:
            return
        await self._update_view(view, shown)
        instead = what.instead if isinstance(what, Action) else ""
        if instead and where.ephemeral and where.url is not None and isinstance(result, Form):
            await self._tools.respond(where.url, Answer(Text(instead)), replace=True)

    async def _update_view(self, view: dict[str, Any], shown: dict[str, Any]) -> None:
        try:
            await self._tools.desk.api.call(
                "views.update", view_id=view["id"], hash=view.get("hash"), view=shown
            )
        except DeliveryError as error:
            _log.warning("a form could not be shown: %s", error.reason)

    async def on_live_field(self, body: dict[str, Any], ack: Ack) -> None:
        """A live field changed: the form anew."""
        await ack()
        self._tools.hooks.spawn(self._refresh(body))

    async def _refresh(self, body: dict[str, Any]) -> None:
        view = body["view"]
        kept = forms.unpacked(str(view.get("private_metadata") or ""))
        action = self._tools.registry.action(f"{kept.submit}.refresh")
        if action is not None:
            result = await safely(lambda: self._run(action, body, kept, forms.filled(view)))
            if isinstance(result, Form):
                await self._update_view(view, forms.modal(result, kept.channel, kept.thread_ts))

    async def _run(
        self, action: Action, body: dict[str, Any], kept: forms.Kept, given: forms.Filled
    ) -> Result:
        call = await self._form_call(body, kept, given)
        return await self._tools.registry.run(action, self._tools.services, call)

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
            order=order_of(body),
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
        channel = kept.channel or self._team_channel(given.fields.get("customer", ""))
        where = Where(str(body["user"]["id"]), channel, kept.thread_ts, None)
        work = self._answering.start(lambda: self._run(action, body, kept, given))
        if await self._answering.in_time(work):
            await self._answer(work.result(), kept, given, where, ack)
        else:
            await ack(response_action="update", view=forms.told(Answer(Text(STILL))))
            self._tools.hooks.spawn(self._too_late(work, where))

    async def _answer(
        self, result: Result, kept: forms.Kept, given: forms.Filled, where: Where, ack: Ack
    ) -> None:
        if isinstance(result, Problems):
            await ack(response_action="errors", errors=_at_blocks(result, given))
        elif isinstance(result, Form):
            await ack(response_action="update", view=forms.modal(result, kept.channel, kept.thread_ts))
        elif isinstance(result, Answer) and result.error:
            await ack(response_action="update", view=forms.told(result))
        else:
            await ack()
            self._answering.soon(result, where)

    async def _too_late(self, work: asyncio.Task[Result], where: Where) -> None:
        """The form is gone, so what it would have shown is said in the channel."""
        result = await work
        if isinstance(result, Problems):
            result = Answer(Text("Nothing was sent. " + " ".join(result.by_field.values())), error=True)
        elif isinstance(result, Form):
            result = Answer(
                Text("Nothing was sent: there is a question first. Please open the form again."), error=True
            )
        await self._answering.show(result, where)

    def _team_channel(self, customer: str) -> str:
        """Where to answer somebody who opened the form from Slack's own menu: in the channel of the customer's team."""
        team = self._tools.policy.team(TeamId(str(values(customer).get("t")))) if customer else None
        return team.channel if team is not None else ""

    async def on_options(self, body: dict[str, Any], ack: Ack) -> None:
        """Somebody types into the search for a customer."""
        agent = await self._tools.people.agent(str(body["user"]["id"]), None)
        if agent.role is Role.OUTSIDER:
            await ack(options=[])
            return
        kept = forms.unpacked(str((body.get("view") or {}).get("private_metadata") or ""))
        await ack(options=await self._found(str(body.get("value") or "").strip(), agent, kept.channel))

    async def _found(self, words: str, agent: Agent, channel: str) -> list[dict[str, Any]]:
        services = self._tools.services
        team = await services.team_of(channel) if channel else None
        try:
            people = (
                await services.lookup(words, team, 25) if words else await services.open_for(agent.id, team)
            )
        except UserError:  # the handle of somebody who was erased
            return []
        return [forms.customer_option(person) for person in people[:100]]


def _at_blocks(problems: Problems, given: forms.Filled) -> dict[str, str]:
    """Each problem at the block of its field; at the first block where the field is not shown."""
    first = next(iter(given.block_ids.values()), "text")
    return {given.block_ids.get(name, first): words for name, words in problems.by_field.items()}
