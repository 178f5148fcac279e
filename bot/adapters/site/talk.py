"""One tab's conversation with the server, from its first frame to its last."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import WSMsgType, web

from bot.adapters.site import asks, protocol
from bot.adapters.site.asks import Asks
from bot.adapters.site.files import References
from bot.adapters.site.limits import Limits
from bot.adapters.site.settings import SiteSettings, in_languages
from bot.adapters.site.signin import SignIn, contact
from bot.adapters.site.socket import Socket
from bot.adapters.site.visitors import Visitor, Visitors
from bot.adapters.site.waiting import Waiting
from bot.capabilities import Capabilities, fit
from bot.contract import AdapterContext, BacklogItem, Offer
from bot.errors import StorageError
from bot.messages import (
    AddressGiven,
    Attachment,
    Contact,
    Level,
    Message,
    Rated,
    Receipt,
    RemoteId,
    SourceId,
    Text,
    Typing,
)

log = structlog.get_logger(__name__)

HELLO_SECONDS = 10.0
"""How long the first frame may take."""
TYPING_SECONDS = 3.0
"""How often "is writing" is passed on."""
_LATER = 5
"""Seconds after which a client tries again what could not be stored."""


@dataclass(frozen=True, slots=True)
class House:
    """What all tabs of one site chat share."""

    settings: SiteSettings
    context: AdapterContext
    capabilities: Capabilities
    visitors: Visitors
    waiting: Waiting
    limits: Limits
    references: References
    signin: SignIn
    asks: Asks
    clock: Callable[[], float]


def remote_id(visitor_id: str, client_id: str) -> RemoteId:
    """What makes a visitor's message unique."""
    return RemoteId(f"{visitor_id}.{client_id}")


def part_id(key: str, number: int) -> str:
    """How a visitor's client calls a part of a reply: the same at every attempt and in the backlog."""
    return key if number == 0 else f"{key}.{number}"


class Ended(Exception):
    """The conversation is over; close with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Talk:
    """Serves one WebSocket until it ends."""

    __slots__ = ("_before", "_house", "_rotated", "_socket", "_typed", "_visitor", "_ws")

    def __init__(self, house: House, ws: web.WebSocketResponse, socket: Socket) -> None:
        self._house = house
        self._ws = ws
        self._socket = socket
        self._visitor: Visitor
        self._typed = 0.0
        self._rotated: str | None = None
        self._before: Visitor | None = None

    async def run(self) -> None:
        """Hello, what was missed, then frame by frame. Never raises for anything that a client can do."""
        try:
            hello = await self._first()
            await self._arrive(hello)
        except Ended as end:
            await self._socket.close(end.code, end.reason)
            return
        except StorageError:
            await self._socket.close(1013, "try again later")
            return
        try:
            await self._listen()
        except Ended as end:
            await self._socket.close(end.code, end.reason)
        finally:
            self._house.visitors.part(self._visitor, self._socket)

    async def _first(self) -> protocol.Hello:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                frame = await self._next()
        except TimeoutError:
            raise Ended(protocol.NO_HELLO, "no hello") from None
        if not isinstance(frame, protocol.Hello):
            raise Ended(protocol.NO_HELLO, "hello comes first")
        return frame

    async def _next(self) -> protocol.Frame | None:
        """The next frame; None when the client has gone."""
        got = await self._ws.receive()
        if got.type is WSMsgType.TEXT:
            if self._socket.too_fast():
                raise Ended(protocol.TOO_FAST, "too many frames")
            try:
                return protocol.parse(got.data)
            except protocol.BadFrame as problem:
                raise Ended(protocol.BAD_FRAME, str(problem)) from None
        if got.type is WSMsgType.BINARY:
            raise Ended(protocol.BAD_FRAME, "binary")
        return None

    async def _arrive(self, hello: protocol.Hello) -> None:
        house = self._house
        token = problem = None
        visitor = await house.visitors.find(hello.token)
        known = visitor is not None
        if visitor is None:
            visitor, token = house.visitors.welcome()
        after = hello.after if known else 0
        if hello.identity is not None:
            entered = await house.signin.enter(visitor, hello)
            problem = entered.problem
            if entered.visitor is not visitor:
                self._before, visitor, known, after = visitor, entered.visitor, True, 0
                token = self._rotated = entered.token
                if self._before.subject is None and self._before.spoken:
                    await house.asks.move(self._before.id, visitor.id)
        self._socket.token = hello.token if known else None
        if len(visitor.sockets) >= house.settings.connections_per_visitor:
            raise Ended(protocol.TOO_MANY, "too many tabs")
        self._visitor = visitor
        visitor.language = hello.language or visitor.language
        # From here on nothing that is said is missed: first live, then what was before.
        house.visitors.join(visitor, self._socket)
        try:
            await self._socket.say(self._welcome(token, known=known))
            if problem is not None:
                await self._socket.say(protocol.frame("identity", problem=problem))
            await self._replay(after)
        except BaseException:
            house.visitors.part(visitor, self._socket)
            raise

    def _welcome(self, token: str | None, *, known: bool) -> str:
        settings = self._house.settings
        return protocol.frame(
            "welcome",
            v=protocol.VERSION,
            visitor=self._visitor.id,
            token=token,
            known=known,
            identified=self._visitor.subject is not None,
            ways=list(offers.labels()) if (offers := self._house.context.offers) is not None else [],
            now=int(self._house.clock() * 1000),
            team=self._house.context.team_name,
            greeting=in_languages(settings.greeting),
            replyTime=in_languages(settings.reply_time),
            askAddressAfter=settings.ask_address_after,
            addressGiven=self._visitor.address_given,
            maxText=protocol.MAX_TEXT,
            maxFile=settings.file_limit,
            maxFiles=settings.files_per_message,
        )

    async def _replay(self, after: int) -> None:
        visitor, backlog = self._visitor, self._house.context.backlog
        asked: dict[str, dict[str, Any]] | None = None
        while visitor.spoken and backlog is not None:
            items = await backlog(visitor.id, after)
            if not items:
                break
            after = items[-1].number
            self._socket.offered({i.key for i in items if i.direction == "outbound" and not i.seen})
            if asked is None and any(item.direction == "outbound" for item in items):
                asked = await self._house.asks.all(visitor.id)
            parts = (shown for item in items for shown in self._shown(item, (asked or {}).get(item.key)))
            for frame in protocol.batches(parts):
                await self._socket.say(frame)
        for frame in visitor.remembered(self._house.clock()):
            self._socket.push(frame)
        await self._socket.say(protocol.frame("ready", n=after))

    def _shown(self, item: BacklogItem, ask: dict[str, Any] | None) -> list[dict[str, Any]]:
        """A message of the backlog as the parts in which it was, or would have been, pushed."""
        mine = item.direction == "inbound"
        visitor = self._visitor.id
        key = item.key.partition(".")[2] if mine else item.key  # also what they said before anybody knew them
        parts = [item.part]
        if not mine:
            parts = list(fit(item.part.text, item.part.attachments, self._house.capabilities).parts) or parts
        return [
            protocol.shown(
                id=part_id(key, part.number),
                mine=mine,
                author=item.author,
                text=part.text,
                at=item.at,
                files=[self._house.references.shown(visitor, file) for file in part.attachments],
                number=item.number,
                seen=item.seen,
                ask=ask if part is parts[-1] and not mine else None,
            )
            for part in parts
        ]

    async def _listen(self) -> None:
        while (frame := await self._next()) is not None:
            if isinstance(frame, protocol.Say):
                await self._say(frame)
            elif isinstance(frame, protocol.Seen):
                await self._seen(frame)
            elif isinstance(frame, protocol.Address):
                await self._address(frame)
            elif isinstance(frame, protocol.Rate):
                await self._rate(frame)
            elif isinstance(frame, protocol.Signal):
                await self._signal(frame.kind)
            else:
                raise Ended(protocol.BAD_FRAME, "a second hello")

    async def _say(self, frame: protocol.Say) -> None:
        house, visitor = self._house, self._visitor
        if wait := house.limits.message(visitor.id, self._socket.address):
            return await self._later(frame.id, wait)
        files = self._files(frame)
        if files is None:
            return await self._socket.say(protocol.frame("refused", id=frame.id, why="file"))
        now = house.clock()
        key = remote_id(visitor.id, frame.id)
        refused = visitor.refused
        message = Message(
            SourceId(key),
            contact(visitor),
            datetime.fromtimestamp(now, UTC),
            Text(frame.text),
            attachments=files,
            remote_id=key,
            thread_key=visitor.id,
            problems=(f"{refused} Nobody has proved who this is.",) if refused else (),
            link=frame.link,
        )
        try:
            await house.visitors.spoke(visitor)
            await house.signin.report(visitor)
            accepted = await house.context.accept(message)
        except StorageError:
            return await self._later(frame.id, _LATER)
        visitor.refused = None
        await self._socket.say(protocol.frame("sent", id=frame.id, at=int(now * 1000)))
        if not accepted.duplicate and len(visitor.sockets) > 1:
            given = [house.references.shown(visitor.id, file) for file in files]
            item = protocol.shown(id=frame.id, mine=True, author="", text=message.text, at=now, files=given)
            visitor.push(protocol.frame("messages", items=[item]), but=self._socket)

    def _files(self, frame: protocol.Say) -> tuple[Attachment, ...] | None:
        """The files of a message; None where one is not this visitor's, or there are too many."""
        if len(frame.files) > self._house.settings.files_per_message:
            return None
        found = [self._house.references.read(self._visitor.id, one) for one in frame.files]
        kept = tuple(one for one in found if one is not None)
        return kept if len(kept) == len(found) else None

    async def _later(self, client_id: str, seconds: float) -> None:
        await self._socket.say(protocol.frame("later", id=client_id, after=int(seconds) + 1))

    async def _seen(self, frame: protocol.Seen) -> None:
        # Only what was given here and is not yet seen: nobody can mark another visitor's replies.
        keys = {one.partition(".")[0] for one in frame.ids} & (self._socket.unseen or set())
        if not keys:
            return
        house, visitor = self._house, self._visitor
        receipt = Receipt(
            tuple(RemoteId(key) for key in sorted(keys)),
            datetime.fromtimestamp(house.clock(), UTC),
            Level.SEEN,
            thread_key=visitor.id,
        )
        try:
            await house.context.accept(receipt)
            await house.waiting.seen(visitor.id, keys)
        except StorageError:
            return  # the client says it again with its next hello
        for socket in visitor.sockets:
            if socket.unseen is not None:
                socket.unseen = (socket.unseen - keys) or None
        visitor.push(protocol.frame("seen", ids=list(frame.ids)))

    async def _address(self, frame: protocol.Address) -> None:
        house, visitor = self._house, self._visitor
        if not protocol.is_email(frame.email):
            return await self._socket.say(protocol.frame("refused", id=frame.id, why="email"))
        if not visitor.spoken:
            return await self._socket.say(protocol.frame("refused", id=frame.id, why="nothing said yet"))
        if wait := house.limits.message(visitor.id, self._socket.address):
            return await self._later(frame.id, wait)
        given = Contact("email", frame.email.lower(), evidence="typed into the site chat")
        now = datetime.fromtimestamp(house.clock(), UTC)
        event = AddressGiven(
            SourceId(f"address:{remote_id(visitor.id, frame.id)}"),
            contact(visitor),
            given,
            now,
            visitor.id,
        )
        try:
            await house.context.accept(event)
            await house.visitors.gave_address(visitor)
            # From here on more hangs on the token than before: a copy made earlier shall not do.
            self._rotated = await house.visitors.rotate(visitor)
        except StorageError:
            return await self._later(frame.id, _LATER)
        await self._socket.say(protocol.frame("address", id=frame.id, token=self._rotated))
        visitor.push(protocol.frame("address"), but=self._socket)

    async def _rate(self, frame: protocol.Rate) -> None:
        house, visitor = self._house, self._visitor
        key = frame.id.partition(".")[0]
        if wait := house.limits.message(visitor.id, self._socket.address):
            return await self._later(frame.id, wait)
        try:
            kept = await house.asks.find(visitor.id, key)
            if kept is not None and asks.fresh(kept, frame.score, frame.comment):
                now = datetime.fromtimestamp(house.clock(), UTC)
                source = asks.source(kept, frame.score, frame.comment)
                await house.context.accept(Rated(source, kept["token"], now, frame.score, frame.comment))
                await house.asks.answered(visitor.id, key, frame.score, frame.comment)
                kept = await house.asks.find(visitor.id, key)
        except StorageError:
            return await self._later(frame.id, _LATER)
        ask = None if kept is None else asks.shown(kept)  # None: it is too old, and cannot be answered
        text = protocol.frame("rated", id=frame.id, ask=ask)
        visitor.push(text)
        if ask is not None:
            visitor.remember(text, house.clock())  # the question may be remembered without its answer

    async def _signal(self, kind: str) -> None:
        if kind == "ping":
            await self._socket.say('{"t":"pong"}')
        elif kind == "typing":
            await self._typing()
        elif kind == "kept":
            await self._kept()
        elif kind == "offers":
            await self._offers()
        else:
            await self._leave()

    async def _typing(self) -> None:
        now = self._house.clock()
        if self._visitor.spoken and not 0 <= now - self._typed < TYPING_SECONDS:
            self._typed = now
            with contextlib.suppress(StorageError):
                await self._house.context.accept(Typing(contact(self._visitor), self._visitor.id))

    async def _kept(self) -> None:
        token, self._rotated = self._rotated, None
        if token is None:
            return
        before, self._before = self._before, None
        try:
            if before is not None:
                await self._house.signin.end(before, self._socket.token)
            else:
                await self._house.visitors.keep(self._visitor, token, self._socket.token)
        except StorageError:
            log.warning("site.token_not_rotated")  # both tokens stay valid
        self._socket.token = token

    async def _offers(self) -> None:
        """Other ways to go on with this conversation, each with a code of its own."""
        house, visitor = self._house, self._visitor
        offers = house.context.offers
        made: tuple[Offer, ...] = ()
        if (
            offers is not None
            and visitor.spoken
            and not house.limits.message(visitor.id, self._socket.address)
        ):
            with contextlib.suppress(StorageError):
                made = await offers(contact(visitor))
        items = [{"channel": one.channel, "label": one.label, "url": one.url} for one in made]
        await self._socket.say(protocol.frame("offers", offers=items))

    async def _leave(self) -> None:
        visitor = self._visitor
        # Of somebody proven only this browser leaves, with its tabs; their other devices stay.
        mine = {one for one in (self._rotated, self._socket.token) if one is not None}
        try:
            if visitor.subject is None:
                await self._house.visitors.revoke(visitor.id)
            else:
                for token in mine:
                    await self._house.visitors.drop(visitor, token)
        except StorageError:
            raise Ended(1013, "try again later") from None
        for socket in visitor.sockets:
            if socket is not self._socket and (visitor.subject is None or socket.token in mine):
                socket.bye(protocol.REVOKED, "left")
        raise Ended(protocol.REVOKED, "left")
