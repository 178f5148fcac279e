"""The Home tab of each person: drawn when it is opened, after what they press in it, and while they look, when it changes.

Slack takes about 100 ``views.publish`` a minute. So nobody's Home is drawn by itself more often than every ``EVERY`` seconds,
only for people who opened it lately, only where it would look otherwise, and all share a bucket in which some is always
kept for those who open theirs or press something. What finds the bucket empty is dropped, not queued: the Home is marked and
drawn at the next round.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

from bot.commands.home_services import Home
from bot.commands.refs import values
from bot.commands.registry import Action
from bot.commands.types import Answer, Call, Face, Later, Result, Role
from bot.errors import DeliveryError, TemporaryFailure, UserError
from bot.messages import TeamId, Text
from bot.pace import Pace
from bot.policy import Rate
from bot.slack.answering import HOME, Ack, Answering, Where, order_of
from bot.slack.blocks import Block
from bot.slack.dialogs import Dialogs
from bot.slack.homeview import REFRESH, UNREAD, Seen, home_view, plain_view
from bot.slack.tools import Tools

LOOKING = 300.0
"""Seconds for which somebody who opened Home, or pressed something there, counts as looking at it."""
EVERY = 10.0
"""Seconds between two looks whether anything has changed, and between two drawings by itself of one Home."""
TOLD = 60.0
"""Seconds for which an answer stays at the top."""
PUBLISH = Rate(80 / 60, 20.0)
KEPT = 8
"""Tokens that only people's own acts may use."""
_BUCKET = "views.publish"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Viewer:
    """Somebody who looks at their Home. Times on the steady clock; ``turns_at`` in epoch seconds: it looks otherwise then."""

    user: str
    until: float = 0.0
    drawn_at: float = -1e9
    pulse: str = ""
    home: Home | None = None
    notice: Answer | None = None
    notice_until: float = 0.0
    told: Answer | None = None  # as it was drawn
    turns_at: float | None = None
    stale: bool = False
    busy: bool = False
    again: bool = False


class HomeTab:
    """Everybody's Home."""

    def __init__(self, tools: Tools, answering: Answering, dialogs: Dialogs) -> None:
        self._tools = tools
        self._answering = answering
        self._dialogs = dialogs
        self._viewers: dict[str, _Viewer] = {}
        self._watching = False
        self._pace = Pace()
        self._pace.limit(_BUCKET, PUBLISH, time.monotonic())
        answering.at_home = self.tell
        found = tools.registry.find("next")
        self._next = tools.registry.slash(found) if found is not None else "/next"

    # What people do

    def on_opened(self, event: dict[str, Any]) -> None:
        """Somebody opened the tab. Slack is answered at once; the drawing goes on behind."""
        if event.get("tab", "home") == "home" and event.get("user"):
            self._tools.hooks.spawn(self._show(self._looking(str(event["user"]))))

    async def on_action(self, body: dict[str, Any], ack: Ack) -> None:
        """Somebody pressed something in their Home."""
        pressed = (body.get("actions") or [{}])[0]
        name = str(pressed.get("action_id", "")).partition("#")[0]
        action = self._tools.registry.action(name)
        user = str(body["user"]["id"])
        if name == REFRESH:
            self._tools.hooks.spawn(self.tell(user, None))
        elif action is not None:
            where = Where(user, HOME, None, None)
            work = self._answering.start(lambda: self._act(action, str(pressed.get("value") or ""), body))
            await self._answering.in_time(work)
            self._tools.hooks.spawn(self._finish(work, where))
        await ack()

    async def _act(self, action: Action, value: str, body: dict[str, Any]) -> Result:
        team = self._team(value)
        call = Call(
            agent=await self._tools.people.agent(str(body["user"]["id"]), team),
            face=Face.BUTTON,
            source=f"act:{body.get('trigger_id')}",
            channel=HOME,
            args=value,
            text=Text(value),
            team=team,
            order=order_of(body),
        )
        if action.opens and call.agent.role is not Role.OUTSIDER:
            where = Where(str(call.agent.id), HOME, None, None)
            return await self._dialogs.open(str(body["trigger_id"]), action, call, where)
        return await self._tools.registry.run(action, self._tools.services, call)

    def _team(self, value: str) -> TeamId | None:
        """The team that a button's value names."""
        try:
            team = self._tools.policy.team(TeamId(str(values(value).get("t"))))
        except UserError:
            return None
        return team.id if team is not None else None

    async def _finish(self, work: asyncio.Task[Result], where: Where) -> None:
        result = await work
        if isinstance(result, Answer | Later):
            await self._answering.show(result, where)

    async def tell(self, user: str, answer: Answer | None) -> None:
        """Draws somebody's Home anew, with what came of what they did at its top."""
        viewer = self._looking(user)
        viewer.notice, viewer.notice_until = answer, time.monotonic() + TOLD
        await self._show(viewer)

    # Who looks

    def _looking(self, user: str) -> _Viewer:
        viewer = self._viewers.setdefault(user, _Viewer(user))
        viewer.until = time.monotonic() + LOOKING
        if not self._watching:
            self._watching = True
            self._tools.hooks.spawn(self._watch())
        return viewer

    async def _watch(self) -> None:
        """While anybody looks: draws anew what has changed."""
        try:
            while self._viewers:
                await asyncio.sleep(EVERY)
                now = time.monotonic()
                self._viewers = {key: one for key, one in self._viewers.items() if one.until > now}
                if self._viewers:
                    await self._round()
        finally:
            self._watching = False

    async def _round(self) -> None:
        try:
            pulse = await self._tools.services.home.pulse()
        except Exception as error:
            _log.warning("whether anything changed could not be read: %s", type(error).__name__)
            return
        for viewer in list(self._viewers.values()):
            if self._due(viewer, pulse):
                await self._show(viewer, by_itself=True)

    def _due(self, viewer: _Viewer, pulse: str) -> bool:
        now = time.monotonic()
        if viewer.busy or now - viewer.drawn_at < EVERY:
            return False
        ended = viewer.notice is not None and viewer.notice_until <= now
        turned = viewer.turns_at is not None and viewer.turns_at <= time.time()
        return viewer.stale or ended or turned or viewer.pulse != pulse

    # Drawing

    async def _show(self, viewer: _Viewer, *, by_itself: bool = False) -> None:
        """Draws one Home; what comes meanwhile is drawn once more, not in parallel."""
        if viewer.busy:
            viewer.again = True
            return
        viewer.busy = True
        try:
            await self._draw(viewer, by_itself=by_itself)
            while viewer.again:
                viewer.again = False
                await self._draw(viewer, by_itself=False)
        finally:
            viewer.busy = False

    async def _draw(self, viewer: _Viewer, *, by_itself: bool) -> None:
        now = time.monotonic()
        if self._pace.available(_BUCKET, now) <= (KEPT if by_itself else 0):
            viewer.stale = True
            return
        if viewer.notice_until <= now:
            viewer.notice = None
        pulse, home, view = await self._view(viewer)
        turned = viewer.turns_at is not None and viewer.turns_at <= time.time()
        same = home is not None and home == viewer.home and viewer.notice is viewer.told and not turned
        if by_itself and same and not viewer.stale:
            viewer.pulse = pulse
            return
        self._pace.take(_BUCKET, now)
        try:
            await self._tools.desk.api.call("views.publish", user_id=viewer.user, view=view)
        except DeliveryError as error:
            self._refused(viewer, error)
            return
        viewer.pulse, viewer.home, viewer.drawn_at = pulse, home, time.monotonic()
        viewer.told, viewer.turns_at = viewer.notice, _turns_at(home, time.time())
        viewer.stale = home is None

    def _refused(self, viewer: _Viewer, error: DeliveryError) -> None:
        viewer.stale = True
        if isinstance(error, TemporaryFailure) and error.freeze:
            self._pace.freeze(_BUCKET, time.monotonic(), error.retry_after or EVERY)
        _log.warning("a Home could not be shown: %s", error.reason)

    async def _view(self, viewer: _Viewer) -> tuple[str, Home | None, Block]:
        """What changes with everything, the Home, and how it looks; None where it could not be read."""
        try:
            pulse = await self._tools.services.home.pulse()
            home = await self._home(viewer.user)
        except Exception:
            _log.exception("a Home could not be read")
            return "", None, plain_view(UNREAD)
        seen = Seen(time.time(), self._tools.desk.url, self._next)
        return pulse, home, home_view(home, seen, viewer.notice)

    async def _home(self, user: str) -> Home:
        people = self._tools.people
        teams: dict[TeamId, bool] = {}
        for team in self._tools.policy.teams:
            role = (await people.agent(user, team.id)).role
            if role is not Role.OUTSIDER:
                teams[team.id] = role is not Role.AGENT
        agent = await people.agent(user, None)
        return await self._tools.services.home.home(agent, teams) if teams else Home(())


def _turns_at(home: Home | None, now: float) -> float | None:
    """When the next promise that is shown comes due, so that its row changes by itself."""
    if home is None:
        return None
    rows = [case for team in home.teams for case in (*team.mine, *team.unassigned)]
    return min((case.due_at for case in rows if case.due_at is not None and case.due_at > now), default=None)
