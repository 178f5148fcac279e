"""What a command is given and what it gives back: data, which ``bot/slack`` renders.

A command is one function with several faces: slash, in-thread ``!``, button or shortcut. It never touches Slack.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from bot.messages import AgentId, ConversationId, MessageId, TeamId, Text


class Role(StrEnum):
    """What a Slack user may do. OUTSIDER: guests, other workspaces, bots, and members of no team."""

    OUTSIDER = "outsider"
    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"


class Face(StrEnum):
    """Where a command was called."""

    SLASH = "slash"
    THREAD = "thread"
    BUTTON = "button"
    SHORTCUT = "shortcut"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Agent:
    """Who calls. ``name`` and ``image`` are public: what a customer may see. ``zone`` is their IANA time zone."""

    id: AgentId
    name: str
    role: Role
    image: str | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that an agent put beside a reply: downloaded only when it is sent."""

    slack_id: str
    name: str
    media_type: str
    size: int
    url: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command.

    ``source`` is unique for the act that made it (an event id, a trigger id, a view id): a second call with it
    changes nothing.
    ``channel`` is the Slack channel; ``thread_ts`` the thread's root where it came from a thread;
    ``message_ts`` the agent's own
    message (in-thread faces) or the one a shortcut was used on. ``args`` is what follows the command's name,
    ``text`` the same
    with spans, both decoded from Slack's escapes; in ``args`` a person stays ``<@U…>``, in ``text`` it is
    their public name.
    ``fields`` are a form's values, and ``args`` is then the form's context. ``order`` sorts calls of one thread.
    """

    agent: Agent
    face: Face
    source: str
    channel: str
    args: str = ""
    text: Text = field(default_factory=Text)
    thread_ts: str | None = None
    message_ts: str | None = None
    team: TeamId | None = None
    files: tuple[GivenFile, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)
    order: float = 0.0


@dataclass(frozen=True, slots=True)
class Button:
    """A button below an answer. ``action`` is a registered action's name, ``value`` what it gets."""

    label: str
    action: str
    value: str = ""
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list: a line of text, a quiet line under it, a button, and others beside it (together at most five)."""

    text: Text
    under: str = ""
    button: Button | None = None
    others: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Something only the caller sees, or, with ``public``, the thread. ``rows`` follow the text; then the buttons.

    ``quiet``: nothing is shown where the face has another sign of success (a mark on the agent's own message).
    ``replace``: take the place of the message whose button was pressed.
    """

    text: Text
    rows: tuple[Row, ...] = ()
    buttons: tuple[Button, ...] = ()
    error: bool = False
    quiet: bool = False
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a select: ``value`` ≤ 150 characters, ``label`` ≤ 75."""

    label: str
    value: str
    under: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a form. ``kind``: text, lines (several lines), select, customer (searched as one types), agent
    (a person of the workspace), files, check, info (words, no input). When a ``live`` form is
    shown anew, fields with the same ``name`` and ``stamp`` keep their value, another ``stamp`` makes Slack
    take ``value`` instead."""

    name: str
    kind: str
    label: str
    value: str = ""
    choices: tuple[Choice, ...] = ()
    hint: str = ""
    optional: bool = False
    live: bool = False
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A modal. Submitting it calls the command ``submit`` with ``fields``; ``context`` is kept by the form, ≤
    3,000 characters.

    The handler gets ``context`` as ``args``. A ``live`` field that changes calls ``submit + ".refresh"`` if
    registered, which returns the form anew.
    """

    title: str
    submit: str
    button: str
    fields: tuple[Field, ...]
    context: str = ""


@dataclass(frozen=True, slots=True)
class Problems:
    """A submitted form is wrong: field name → what to mend. The form stays open."""

    by_field: dict[str, str]


@dataclass(frozen=True, slots=True)
class Later:
    """It takes longer than Slack waits: ``first`` is shown at once, ``work`` goes on and its result takes that place."""

    first: Answer
    work: Callable[[], Awaitable[Answer]]


Result: TypeAlias = Answer | Form | Problems | Later | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A reply that was accepted for sending, as ``relay.accept_agent`` reports it."""

    message_id: MessageId
    conversation_id: ConversationId
    handle: str
    customer_name: str
    via: str
    send_at: float
    duplicate: bool = False
    losses: tuple[str, ...] = ()
