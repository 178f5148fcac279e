"""Messages that people write, change and delete in the team's Slack channel.

A message is acknowledged only after what it means is durable; whatever fails before that is delivered again by
Slack, and the source id
(channel and ``ts``) makes the second time change nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from bot.commands.help import SHORT_HELP, help_text
from bot.commands.nouns import HistoryItem, Person
from bot.commands.registry import OUTSIDER_SENTENCE
from bot.commands.types import Agent, Answer, Button, Call, Face, Form, Later, Result, Role
from bot.desk import State
from bot.errors import UserError
from bot.messages import Text
from bot.slack.files import given_file
from bot.slack.incoming import written
from bot.slack.policy import TeamPolicy, ThreadReplies
from bot.slack.tools import Tools, shown_now
from bot.slack.typed import Kind, Typed, read_typed

_WRITTEN = frozenset({None, "file_share", "thread_broadcast", "me_message"})
_SENT = frozenset({State.PENDING, State.SENDING, State.ACCEPTED, State.DELIVERED, State.SEEN})
_HINTED = 10_000
ALREADY_SENT = "It was already sent, so changing it here changes nothing for the customer."


class Threads:
    """Handles ``message`` events of the teams' channels."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._hinted: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def on_message(self, event: dict[str, Any]) -> None:
        """Any ``message`` event."""
        team = self._tools.policy.team_at(str(event.get("channel", "")))
        if team is None:
            return
        subtype = event.get("subtype")
        if subtype == "message_changed":
            await self._changed(event, team)
        elif subtype == "message_deleted":
            await self._deleted(event, team)
        elif subtype in _WRITTEN and event.get("user") and not _from_program(event):
            await self._written(event, team)

    async def _written(self, event: dict[str, Any], team: TeamPolicy) -> None:
        text = written(event)
        typed = read_typed(text, self._tools.identity.bot_user_id, self._tools.registry)
        thread_ts = event.get("thread_ts")
        person = None
        if thread_ts and thread_ts != event["ts"]:
            try:
                person = await self._tools.services.at_thread(str(event["channel"]), str(thread_ts))
            except UserError as error:  # whose thread it was has been erased
                if typed.kind is not Kind.PLAIN:
                    await self._whisper(event, Answer(Text(str(error)), error=True))
                return
        if person is None:
            await self._elsewhere(event, team, typed)
            return
        agent = await self._tools.people.agent(str(event["user"]), team.id)
        if agent.role is Role.OUTSIDER:
            if typed.kind is not Kind.PLAIN:
                await self._whisper(event, Answer(Text(OUTSIDER_SENTENCE), error=True))
            return
        await self._in_thread(event, team, agent, person, typed)

    async def _elsewhere(self, event: dict[str, Any], team: TeamPolicy, typed: Typed) -> None:
        """Outside customers' threads only a mention of the bot means anything."""
        if self._tools.identity.bot_user_id not in str(event.get("text", "")):
            return
        agent = await self._tools.people.agent(str(event["user"]), team.id)
        if typed.kind is Kind.COMMAND and typed.command is not None:
            call = await self._call(event, team, agent, typed.rest)
            await self._answer(
                event, await self._tools.registry.run(typed.command, self._tools.services, call)
            )
        elif typed.kind is Kind.MENTION:
            await self._whisper(event, Answer(help_text(self._tools.registry, False)))

    async def _in_thread(
        self, event: dict[str, Any], team: TeamPolicy, agent: Agent, person: Person, typed: Typed
    ) -> None:
        if typed.kind is Kind.COMMAND and typed.command is not None:
            call = await self._call(event, team, agent, typed.rest)
            result = await self._tools.registry.run(typed.command, self._tools.services, call)
            await self._answer(event, result)
            return
        if _sends(typed, team):
            await self._send_plain(event, team, agent, typed)
            return
        await self._note(event, agent, person, typed.rest)
        await self._hint(event, person, typed)

    async def _send_plain(self, event: dict[str, Any], team: TeamPolicy, agent: Agent, typed: Typed) -> None:
        """The team chose that plain messages go out."""
        reply = self._tools.registry.find("reply")
        if reply is not None:
            call = await self._call(event, team, agent, typed.rest)
            await self._answer(event, await self._tools.registry.run(reply, self._tools.services, call))

    async def _note(self, event: dict[str, Any], agent: Agent, person: Person, text: Text) -> None:
        """An internal message is a note of the customer's history."""
        if not text.plain.strip():
            return
        text = await self._tools.public_text(text)
        source = _source(event)
        try:
            await self._tools.services.note(
                person.customer_id, person.team, agent, text, source, str(event["ts"])
            )
        except UserError as error:
            await self._whisper(event, Answer(Text(str(error)), error=True))

    async def _hint(self, event: dict[str, Any], person: Person, typed: Typed) -> None:
        if typed.kind is Kind.UNKNOWN:
            await self._whisper(event, self._no_such(event, person, typed.word))
        elif typed.kind is Kind.MENTION:
            await self._whisper(event, Answer(Text(SHORT_HELP)))
        elif self._first(str(event["user"]), str(event["thread_ts"])):
            said = f"Stayed internal: {person.name} does not see it. To answer them, begin with “! ”."
            await self._whisper(event, Answer(Text(said), buttons=(_send_button(event, "Send to customer"),)))

    def _no_such(self, event: dict[str, Any], person: Person, word: str) -> Answer:
        close = self._tools.registry.suggest(word)
        meant = f" Did you mean !{close}?" if close else ""
        said = f"There is no command !{word}.{meant} {person.name} got nothing."
        return Answer(Text(said), buttons=(_send_button(event, "Send as reply"),))

    def _first(self, user: str, thread_ts: str) -> bool:
        """Whether this is the person's first plain message in the thread, as far as this process remembers."""
        key = (user, thread_ts)
        if key in self._hinted:
            return False
        self._hinted[key] = None
        while len(self._hinted) > _HINTED:
            self._hinted.popitem(last=False)
        return True

    async def _call(self, event: dict[str, Any], team: TeamPolicy, agent: Agent, rest: Text) -> Call:
        thread_ts = event.get("thread_ts")
        return Call(
            agent=agent,
            face=Face.THREAD,
            source=_source(event),
            channel=str(event["channel"]),
            args=rest.plain,
            text=await self._tools.public_text(rest),
            thread_ts=str(thread_ts) if thread_ts else None,
            message_ts=str(event["ts"]),
            team=team.id,
            files=tuple(given_file(raw) for raw in event.get("files") or ()),
            order=float(event["ts"]),
        )

    async def _answer(self, event: dict[str, Any], result: Result) -> None:
        if isinstance(result, Form):
            await self._whisper(
                event, Answer(Text("Open the form with Reply on the card above."), error=True)
            )
            return
        if isinstance(result, Answer | Later):
            first = shown_now(result)
            if not first.quiet:
                await self._whisper(event, first)
            if isinstance(result, Later):
                self._tools.hooks.spawn(self._afterwards(event, result))

    async def _afterwards(self, event: dict[str, Any], later: Later) -> None:
        await self._whisper(event, await later.work())

    async def _whisper(self, event: dict[str, Any], answer: Answer) -> None:
        await self._tools.whisper(str(event["channel"]), str(event["user"]), event.get("thread_ts"), answer)

    async def _changed(self, event: dict[str, Any], team: TeamPolicy) -> None:
        after, before = event.get("message") or {}, event.get("previous_message") or {}
        if after.get("subtype") == "tombstone":
            await self._gone({**before, "channel": event["channel"]})
            return
        new, old = written(after), written(before)
        if _from_program(after) or not after.get("user") or not after.get("thread_ts") or new == old:
            return
        kept = {**after, "channel": event["channel"]}
        typed = read_typed(new, self._tools.identity.bot_user_id, self._tools.registry)
        item = await self._tools.services.at_message(str(event["channel"]), str(after["ts"]))
        if item is not None and item.direction == "outbound":
            await self._revise(kept, team, item, typed)
        elif _sends(typed, team) or typed.kind is Kind.UNKNOWN:
            button = _send_button(kept, "Send as reply")
            said = "An edit sends nothing. To send this message to the customer, use the button."
            await self._whisper(kept, Answer(Text(said), buttons=(button,)))

    async def _revise(self, event: dict[str, Any], team: TeamPolicy, item: HistoryItem, typed: Typed) -> None:
        """An agent changed their own reply: a held one changes with it, or stays inside where it is no reply any more."""
        agent = await self._tools.people.agent(str(event["user"]), team.id)
        try:
            if _sends(typed, team) and typed.rest.plain.strip():
                text = await self._tools.public_text(typed.rest)
                await self._tools.services.revise(item.message_id, agent, text)
                return
            await self._tools.services.undo(item.message_id, agent)
            await self._whisper(event, Answer(Text("Taken back: the customer got nothing.")))
        except UserError as error:
            said = ALREADY_SENT if item.state in _SENT else str(error)
            await self._whisper(event, Answer(Text(said), error=True))

    async def _deleted(self, event: dict[str, Any], team: TeamPolicy) -> None:
        before = {**(event.get("previous_message") or {}), "channel": event["channel"]}
        before.setdefault("ts", event.get("deleted_ts"))
        if _from_program(before) or not before.get("user"):
            await self._gone(before)
            return
        item = await self._tools.services.at_message(str(before["channel"]), str(before["ts"]))
        if item is None or item.direction != "outbound":
            return
        agent = await self._tools.people.agent(str(before["user"]), team.id)
        try:
            await self._tools.services.undo(item.message_id, agent)
        except UserError as error:
            said = (
                "It was already sent: deleting it here takes nothing back."
                if item.state in _SENT
                else str(error)
            )
            await self._whisper(before, Answer(Text(said), error=True))

    async def _gone(self, before: dict[str, Any]) -> None:
        """A message of the bot's was deleted. Whether it was a card, the core knows."""
        ts = before.get("ts")
        if ts and before.get("thread_ts", ts) == ts:
            await self._tools.hooks.on_place_gone(str(before["channel"]), str(ts))


def _sends(typed: Typed, team: TeamPolicy) -> bool:
    """Whether a message goes to the customer."""
    if typed.kind is Kind.COMMAND and typed.command is not None:
        return typed.command.name == "reply"
    plain = typed.kind is Kind.PLAIN and not typed.rest.plain.startswith("!")
    return plain and team.thread_replies is ThreadReplies.SEND


def _from_program(event: dict[str, Any]) -> bool:
    return bool(event.get("bot_id")) or event.get("subtype") == "bot_message"


def _source(event: dict[str, Any]) -> str:
    return f"msg:{event['channel']}:{event['ts']}"


def _send_button(event: dict[str, Any], label: str) -> Button:
    value = message_value(str(event["channel"]), str(event.get("thread_ts") or event["ts"]), str(event["ts"]))
    return Button(label, "note.send", value)


def message_value(channel: str, thread_ts: str, message_ts: str) -> str:
    """The value of a button that is about a message of Slack's."""
    return f"{channel} {thread_ts} {message_ts}"
