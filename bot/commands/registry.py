"""One registry gives every command its faces: slash command, in-thread ``!``, button, shortcut and form.

A *command* is something an agent types (``/reply``, ``!note``). An *action* is something an agent presses: a
button, a menu entry or a form's
Send. Both are one function ``(Services, Call) -> Result``; the registry checks the role, and turns a
``UserError`` into its sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bot.commands import pick
from bot.commands.services import Handler, Services
from bot.commands.types import Answer, Call, Face, Problems, Result, Role
from bot.errors import UserError
from bot.messages import Text

_RANK = {Role.OUTSIDER: 0, Role.AGENT: 1, Role.LEAD: 2, Role.ADMIN: 3}
_TYPED = frozenset({Face.SLASH, Face.THREAD})
OUTSIDER_SENTENCE = (
    "Only members of this team can do that. "
    "Ask the person who runs Onethread to add you to the team in app.yaml."
)


def _never(call: Call) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Command:
    """Something that is typed.

    ``usage`` is what follows the name in a slash command (``C42 text``), ``in_thread`` the same in a
    customer's thread, where the customer
    is implied. ``opens`` tells, before the handler runs, that the answer will be a form: Slack wants it open
    within 3 seconds. ``examples`` are typed as they stand (``/reply C42 …`` in a slash command, ``!reply …`` or
    ``! …`` in a thread); ``also`` names the buttons and menus that do the same.
    """

    name: str
    summary: str
    handler: Handler
    usage: str = ""
    in_thread: str = ""
    faces: frozenset[Face] = _TYPED
    aliases: tuple[str, ...] = ()
    role: Role = Role.AGENT
    opens: Callable[[Call], bool] = _never
    examples: tuple[str, ...] = ()
    also: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is pressed. ``opens``: the answer is a form, and ``instead`` takes the place of the
    answer it was pressed in.
    ``reads_message``: the desk gives the text and files of the Slack message
    that ``value`` names."""

    name: str
    handler: Handler
    role: Role = Role.AGENT
    opens: bool = False
    instead: str = ""
    reads_message: bool = False


@dataclass(frozen=True, slots=True)
class Shortcut:
    """An entry of Slack's own menus: on a message, or global. ``action`` is what it does. ``label`` ≤ 24 characters."""

    label: str
    action: str
    on_message: bool
    about: str


class Registry:
    """All commands, actions and shortcuts. ``prefix`` is put before slash commands only (``ot-`` makes ``/ot-reply``)."""

    def __init__(
        self,
        commands: Iterable[Command],
        actions: Iterable[Action],
        shortcuts: Iterable[Shortcut] = (),
        prefix: str = "",
    ) -> None:
        self.prefix = prefix
        self.commands = tuple(commands)
        self.shortcuts = tuple(shortcuts)
        self._actions = {action.name: action for action in actions}
        self._actions[pick.ACTION] = Action(pick.ACTION, self.pick_up)
        self._by_name: dict[str, Command] = {}
        for command in self.commands:
            for name in (command.name, *command.aliases):
                if name in self._by_name:
                    raise ValueError(f"two commands are called {name}")
                self._by_name[name] = command

    def find(self, name: str) -> Command | None:
        """The command of that name or alias, upper or lower case."""
        return self._by_name.get(name.casefold())

    def find_slash(self, slash: str) -> Command | None:
        """The command behind ``/ot-reply``; None where the prefix is not ours."""
        name = slash.removeprefix("/")
        if not name.startswith(self.prefix):
            return None
        command = self.find(name.removeprefix(self.prefix))
        return command if command is not None and Face.SLASH in command.faces else None

    def slash(self, command: Command) -> str:
        """How a command is typed as a slash command, e.g. ``/ot-reply``."""
        return f"/{self.prefix}{command.name}"

    def action(self, name: str) -> Action | None:
        """The action of that name."""
        return self._actions.get(name)

    @property
    def action_names(self) -> frozenset[str]:
        """The names of all actions."""
        return frozenset(self._actions)

    def suggest(self, word: str) -> str | None:
        """The command that a mistyped word probably meant, or None."""
        close = difflib.get_close_matches(word.casefold(), list(self._by_name), n=1, cutoff=0.72)
        return self._by_name[close[0]].name if close else None

    async def run(self, what: Command | Action, services: Services, call: Call) -> Result:
        """Runs a command or action. What an agent got wrong comes back as an ``Answer`` with ``error``."""
        if _RANK[call.agent.role] < _RANK[what.role]:
            return refusal(call.agent.role, what.role)
        try:
            return await what.handler(services, call)
        except pick.Ambiguous as asked:
            if call.face is not Face.FORM:
                return pick.picker(what.name, call, asked)
            return Problems({next(iter(call.fields), "customer"): str(asked)})
        except UserError as error:
            sentence = str(error)
            if call.face is Face.FORM and call.fields:
                return Problems({next(iter(call.fields)): sentence})
            return Answer(Text(sentence), error=True)

    async def pick_up(self, services: Services, call: Call) -> Result:
        """The agent has said whom they mean: the command that asked goes on."""
        name, again = pick.picked(call)
        what = self.find(name) or self.action(name)
        if what is None:
            raise UserError("This question is too old, and nothing was done. Please write it again.")
        result = await self.run(what, services, again)
        return replace(result, replace=True, quiet=False) if isinstance(result, Answer) else result


def refusal(has: Role, needs: Role) -> Answer:
    """What somebody is told who may not do this."""
    if has is Role.OUTSIDER:
        return Answer(Text(OUTSIDER_SENTENCE), error=True)
    who = f"an {needs.value}" if needs.value[0] in "aeiou" else f"a {needs.value}"
    return Answer(Text(f"Only {who} can do that. Ask one of yours."), error=True)
