"""How updates reach the bot: the long poll with its confirmation by offset, or the webhook with its retries."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp

from .args import Args
from .model import Json, Refusal, World, bad

DEFAULT_TYPES = frozenset(
    """message edited_message channel_post edited_channel_post inline_query callback_query my_chat_member poll
    poll_answer""".split()  # noqa: SIM905
)
"""What comes when allowed_updates was never given: all but reactions and members."""


class Updates:
    """The queue of one bot. ``retry_seconds``: the pause after a webhook that failed."""

    def __init__(self, world: World, *, changed: asyncio.Event, retry_seconds: float = 0.1) -> None:
        self._changed = changed
        self._world = world
        self._retry = retry_seconds
        self.webhook: Json = {}
        self.confirmed: list[int] = []
        """Numbers that the bot has confirmed, in order."""
        self.offsets: list[int | None] = []
        """The offset of each poll."""
        self._allowed: frozenset[str] | None = None
        self._arrived = asyncio.Event()
        self._poll: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._sending: set[str] = set()
        self._error: tuple[int, str] | None = None

    def push(self, update: Json) -> None:
        """A new update; forgotten where the bot has not asked for its kind. One with an unknown kind always comes."""
        kinds = [key for key in update if key != "update_id"]
        allowed = DEFAULT_TYPES if self._allowed is None else self._allowed
        if any(kind in _OPTIONAL and kind not in allowed for kind in kinds):
            return
        self._world.pending.append(update)
        self._wake()

    def _wake(self) -> None:
        self._arrived.set()

    async def get(self, args: Args) -> list[Any]:
        """`getUpdates`."""
        if self.webhook:
            words = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            raise Refusal(409, f"Conflict: {words}")
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(_conflict())
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._poll = mine
        offset = args.values.get("offset")
        self.offsets.append(offset if isinstance(offset, int) else None)
        self._remember_types(args)
        if isinstance(offset, int) and offset > 0:
            self._confirm(offset)
        try:
            return await self._wait(args, mine)
        finally:
            if self._poll is mine:
                self._poll = None
            if not mine.done():
                mine.cancel()

    async def _wait(self, args: Args, mine: asyncio.Future[None]) -> list[Any]:
        deadline = time.monotonic() + args.number("timeout")
        limit = max(1, min(args.number("limit", 100), 100))
        while True:
            if mine.done():
                mine.result()
            if self._world.pending:
                return list(self._world.pending[:limit])
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            self._arrived.clear()
            arrived = asyncio.ensure_future(self._arrived.wait())
            either: set[asyncio.Future[Any]] = {arrived, mine}
            try:
                await asyncio.wait(either, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                arrived.cancel()

    def _confirm(self, offset: int) -> None:
        gone = [update for update in self._world.pending if _number(update) < offset]
        self._world.pending = [update for update in self._world.pending if _number(update) >= offset]
        self.confirmed += [_number(update) for update in gone]

    def _remember_types(self, args: Args) -> None:
        wanted = args.values.get("allowed_updates")
        if isinstance(wanted, list):
            self._allowed = frozenset(wanted) if wanted else None

    # -- webhook ---------------------------------------------------------------------------------------

    async def set_webhook(self, args: Args) -> bool:
        """`setWebhook`."""
        url = args.text("url")
        if url and not url.startswith(("https://", "http://127.0.0.1:")):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        self._remember_types(args)
        await self._stop_sending()
        self.webhook = {"url": url, "secret": args.text("secret_token")} if url else {}
        if args.values.get("drop_pending_updates"):
            self._world.pending.clear()
        if url:
            self._task = asyncio.create_task(self._deliver())
        return True

    async def delete_webhook(self, args: Args) -> bool:
        """`deleteWebhook`."""
        await self._stop_sending()
        self.webhook = {}
        if args.values.get("drop_pending_updates"):
            self._world.pending.clear()
        return True

    def webhook_info(self) -> Json:
        """`getWebhookInfo`."""
        shown: Json = {
            "url": self.webhook.get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": len(self._world.pending),
        }
        if self._error is not None:
            shown |= {"last_error_date": self._error[0], "last_error_message": self._error[1]}
        return shown

    async def _deliver(self) -> None:
        """Chats side by side, each update of a chat after the one before it was answered, as Telegram does."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
            asyncio.TaskGroup() as tasks,
        ):
            while True:
                self._arrived.clear()
                for update in list(self._world.pending):
                    chat = _chat(update)
                    if chat not in self._sending:
                        self._sending.add(chat)
                        tasks.create_task(self._deliver_one(http, update, chat))
                await self._arrived.wait()

    async def _deliver_one(self, http: aiohttp.ClientSession, update: Json, chat: str) -> None:
        try:
            problem = await self._post(http, update)
            if problem is None:
                self._world.pending = [other for other in self._world.pending if other is not update]
                self.confirmed.append(_number(update))
            else:
                self._error = (int(time.time()), problem)
                await asyncio.sleep(self._retry)
        finally:
            self._sending.discard(chat)
            self._changed.set()
            self._wake()

    async def _post(self, http: aiohttp.ClientSession, update: Json) -> str | None:
        headers = (
            {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret"]} if self.webhook["secret"] else {}
        )
        try:
            async with http.post(self.webhook["url"], json=update, headers=headers) as answer:
                good = 200 <= answer.status < 300
                return None if good else f"Wrong response from the webhook: {answer.status} {answer.reason}"
        except (aiohttp.ClientError, TimeoutError) as problem:
            return f"Connection failed: {type(problem).__name__}"

    async def _stop_sending(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._sending.clear()

    async def stop(self) -> None:
        """End what goes on."""
        await self._stop_sending()
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(Refusal(502, "Bad Gateway"))

    @property
    def polling(self) -> bool:
        """Whether a poll waits just now."""
        return self._poll is not None and not self._poll.done()

    def interrupt(self) -> None:
        """Another program polls: the one that waits is told."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(_conflict())


_OPTIONAL = DEFAULT_TYPES | {"message_reaction", "message_reaction_count", "chat_member", "chat_boost"}


def _number(update: Json) -> int:
    found = update.get("update_id")
    return found if isinstance(found, int) else 0


def _chat(update: Json) -> str:
    for value in update.values():
        if isinstance(value, dict) and isinstance(value.get("chat"), dict):
            return str(value["chat"].get("id"))
    return ""


def _conflict() -> Refusal:
    return Refusal(
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    )
