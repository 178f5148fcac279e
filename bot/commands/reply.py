"""``reply``: words to a customer, from a slash command, a thread or the form; and what follows: yes, undo, edit, retry.

Nothing here sends. ``services.reply`` accepts a reply durably, held for the undo window; what became of it is
shown in the thread.
"""

from __future__ import annotations

import time
from dataclasses import replace

from bot.commands import refs
from bot.commands.nouns import Confirm, Draft, Person
from bot.commands.pending import Pending
from bot.commands.registry import Action, Command
from bot.commands.reply_form import form_for, read_form, refresh
from bot.commands.services import Services
from bot.commands.types import Answer, Button, Call, Face, Field, Form, Result, Sent
from bot.desk import State
from bot.errors import UserError
from bot.messages import MessageId, Text

_NOT_SENT = frozenset({State.CANCELLED, State.FAILED})
_waiting: Pending[Draft] = Pending()


async def reply(services: Services, call: Call) -> Result:
    """``/reply C42 text`` sends; without text it opens the form."""
    if not call.args.strip() and not call.files and call.face is Face.SLASH:
        return await form_for(services, call, await refs.thread_person(services, call))
    meant = await refs.first(services, call)
    text = call.text.cut(meant.rest).strip()
    if text or call.files:
        return await accept(services, call, draft(call, meant.person, text))
    if call.face is Face.THREAD:
        raise UserError("There is nothing to send: write the words after it, or add a file.")
    return await form_for(services, call, meant.person)


def opens_form(call: Call) -> bool:
    """A slash command with no words after the customer opens the form."""
    return call.face is Face.SLASH and not call.files and len(call.args.split()) <= 1


def draft(call: Call, person: Person, text: Text) -> Draft:
    """A reply as a call describes it, the way they used last."""
    return Draft(
        customer_id=person.customer_id,
        team=person.team,
        agent=call.agent,
        text=text,
        source=call.source,
        files=call.files,
        from_thread=call.message_ts is not None and call.face is not Face.FORM,
        message_ts=call.message_ts,
        order=call.order,
    )


async def accept(services: Services, call: Call, words: Draft) -> Result:
    """Accepts a reply, or asks first where the core wants a yes."""
    outcome = await services.reply(words)
    if isinstance(outcome, Confirm):
        return _question(call, words, outcome)
    others = await services.desk.writing(words.customer_id, call.agent, begins=False)
    answer = sent_answer(outcome, quiet=words.from_thread, replace=call.face is Face.BUTTON)
    if not others:
        return answer
    names = f"{' and '.join(others)} {'is' if len(others) == 1 else 'are'}"
    line = Text(f"\n⚠ {names} writing to {outcome.customer_name} just now.")
    return replace(answer, text=answer.text + line, quiet=False)


def _question(call: Call, words: Draft, asked: Confirm) -> Result:
    token = _waiting.keep(words)
    if call.face is Face.FORM:
        info = Field("question", "info", "", asked.question)
        return Form("Before it goes out", "reply.confirmed", _short(asked.yes), (info,), context=token)
    buttons = (
        Button(asked.yes, "reply.confirm", token, "primary"),
        Button("Do not send", "answer.close"),
    )
    return Answer(Text(asked.question), buttons=buttons)


def _short(label: str) -> str:
    return label if len(label) <= 24 else "Send"


def sent_answer(sent: Sent, *, quiet: bool = False, replace: bool = False) -> Answer:
    """*→ Dana Petrov, email dana@… · sending in 5 s*, with Undo and Edit while there is time."""
    if sent.duplicate:
        return Answer(
            Text(f"That is already on its way to {sent.customer_name}; nothing was sent twice."), quiet=quiet
        )
    left = round(sent.send_at - time.time())
    when = f"sending in {left} s" if left > 0 else "sending now"
    line = f"→ {sent.customer_name}, {sent.via} · {when}"
    if sent.losses:
        line = "\n".join((line, *sent.losses))
        quiet = False
    value = str(sent.message_id)
    buttons = (Button("Undo", "reply.undo", value), Button("Edit", "reply.edit", value)) if left > 0 else ()
    return Answer(Text(line), buttons=buttons, quiet=quiet, replace=replace)


async def confirm(services: Services, call: Call) -> Result:
    """The agent was asked and said yes."""
    words = replace(_own(call, _waiting.get(call.args)), confirmed=True)
    outcome = await services.reply(words)
    if isinstance(outcome, Confirm):
        return _question(call, words, outcome)
    return sent_answer(outcome, replace=call.face is Face.BUTTON)


def _own(call: Call, words: Draft) -> Draft:
    if words.agent.id != call.agent.id:
        raise UserError("Only the person who wrote this can send it.")
    return words


async def submit(services: Services, call: Call) -> Result:
    """Send was pressed in the form."""
    given = await read_form(services, call)
    if not isinstance(given, Draft):
        return given
    return await accept(services, call, given)


async def open_form(services: Services, call: Call) -> Result:
    """The Reply button of a card, and the global shortcut."""
    person = await refs.pressed(services, call) if call.args else await refs.thread_person(services, call)
    return await form_for(services, call, person)


async def send_note(services: Services, call: Call) -> Result:
    """*Send to customer* on a message in a customer's thread: that message goes out as it stands."""
    person = await refs.thread_person(services, call)
    if person is None:
        raise UserError("That message is not in a customer's thread, so there is nobody to send it to.")
    if not call.text.strip() and not call.files:
        raise UserError("There is nothing in that message that could be sent.")
    if call.message_ts is not None:
        item = await services.at_message(call.channel, call.message_ts)
        if item is not None and item.direction == "outbound" and item.state not in _NOT_SENT:
            raise UserError(f"That message already went to {person.name}, or is on its way.")
    return await accept(services, call, draft(call, person, call.text.strip()))


async def undo_pressed(services: Services, call: Call) -> Result:
    """Undo below *sending in 5 s*."""
    text = await services.undo(_message(call), call.agent)
    return Answer(
        Text("Taken back, nothing was sent. Your words:\n") + text,
        buttons=(Button("Edit", "reply.edit", call.args),),
        replace=True,
    )


async def edit(services: Services, call: Call) -> Result:
    """Edit takes a held reply back first, so that it cannot leave while it is being changed; then the form
    opens with its words."""
    item = await services.message(_message(call))
    if item.state is not State.CANCELLED:
        await services.undo(item.message_id, call.agent)
    person = await services.person_of(item.message_id)
    return await form_for(services, call, person, text=item.text.plain, subject=item.subject)


async def undo(services: Services, call: Call) -> Result:
    """``!undo`` / ``/undo C42``: the newest reply of mine to this customer that is still held."""
    person = await refs.whole(services, call)
    for item in await services.history(person.customer_id, limit=10):
        if item.direction == "outbound" and item.state is State.HELD:
            text = await services.undo(item.message_id, call.agent)
            return Answer(
                Text(f"Taken back, {person.name} got nothing. Your words:\n") + text,
                buttons=(Button("Edit", "reply.edit", str(item.message_id)),),
            )
    raise UserError(f"Nothing to {person.name} is waiting to be sent, so there is nothing to take back.")


async def retry(services: Services, call: Call) -> Result:
    """Retry on a failed reply: the same words, at the end of the queue."""
    return sent_answer(await services.retry(_message(call), call.agent, call.source))


async def another_way(services: Services, call: Call) -> Result:
    """*Send another way*: the form with the same words, another way already chosen."""
    item = await services.message(_message(call))
    person = await services.person_of(item.message_id)
    failed = await services.linking.way_of(item.message_id)
    words = item.text.plain
    return await form_for(services, call, person, text=words, subject=item.subject, failed=failed)


async def arrived(services: Services, call: Call) -> Result:
    """*It arrived*: the agent checked an uncertain reply."""
    await services.settle_by_hand(_message(call), call.agent, True)
    return Answer(Text("Noted as sent."), quiet=True, replace=True)


async def check(services: Services, call: Call) -> Result:
    """*Check, then send again*: asks whether somebody has looked, because the customer may have it already."""
    item = await services.message(_message(call))
    person = await services.person_of(item.message_id)
    question = (
        f"Nobody knows whether {person.name} has this. Look in the sent mail, or ask them. "
        f"If they have it, press “It arrived”; if not, it can go out again."
    )
    buttons = (
        Button("It did not arrive: send again", "reply.again", call.args, "danger"),
        Button("It arrived", "reply.arrived", call.args),
    )
    return Answer(Text(question), buttons=buttons)


async def again(services: Services, call: Call) -> Result:
    """The agent checked: it did not arrive."""
    message_id = _message(call)
    await services.settle_by_hand(message_id, call.agent, False)
    return sent_answer(await services.retry(message_id, call.agent, call.source), replace=True)


async def close(services: Services, call: Call) -> Result:
    """An answer that is not needed any more."""
    return Answer(Text("Nothing was sent."), replace=True)


def _message(call: Call) -> MessageId:
    try:
        return MessageId(int(call.args.strip()))
    except ValueError:
        raise UserError("This button is too old to be understood. Use the command instead.") from None


COMMANDS = (
    Command(
        "reply",
        "send words to a customer",
        reply,
        usage="C42 text",
        in_thread="text",
        opens=opens_form,
        examples=(
            "/reply C42 It ships today.",
            "/reply dana@mail.example It ships today.",
            "! It ships today.",
        ),
        also="Reply on the card; ⚡ Reply to a customer; ⋮ Send to customer on a message",
    ),
    Command(
        "undo",
        "take back what has not left yet",
        undo,
        usage="C42",
        examples=("/undo C42", "!undo"),
        also="Undo below your reply",
    ),
)
ACTIONS = (
    Action("reply.open", open_form, opens=True),
    Action("reply.submit", submit),
    Action("reply.submit.refresh", refresh),
    Action("reply.confirm", confirm),
    Action("reply.confirmed", confirm),
    Action("reply.undo", undo_pressed),
    Action("reply.edit", edit, opens=True, instead="Taken back to be edited. Nothing was sent."),
    Action("reply.retry", retry),
    Action("reply.another", another_way, opens=True),
    Action("reply.arrived", arrived),
    Action("reply.check", check),
    Action("reply.again", again),
    Action("note.send", send_note, reads_message=True),
    Action("answer.close", close),
)
