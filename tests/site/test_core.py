"""The same chat on the real relay and a real database: what the rig's dictionaries stand for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from typing_extensions import override

from bot.adapters.site.adapter import capabilities
from bot.blobs import FolderBlobs
from bot.contract import Accepted, BacklogItem
from bot.delivery.backlog import after
from bot.messages import Event, InboxId, TeamId
from bot.policy import CorePolicy, InboxPolicy, TeamPolicy
from bot.relay import Relay
from bot.storage.database import connect
from bot.storage.inboxes import get_state, set_state
from bot.storage.migrate import migrate
from tests.site.rig import Core, chat, settings

TEAM, INBOX = TeamId("support"), InboxId("shop-chat")


async def test_resume_and_resend_on_the_real_history(tmp_path: Path) -> None:
    able = capabilities(settings())
    policy = CorePolicy(
        {TEAM: TeamPolicy(TEAM, "Acme Support", "C1", 0.0)},
        {INBOX: InboxPolicy(INBOX, "site", TEAM, "chat", able)},
    )
    database = connect(f"sqlite:///{tmp_path}/chat.db")
    await database.open()
    await database.write(migrate)
    relay = Relay(database, policy, lambda buckets: None)

    class RealCore(Core):
        @override
        async def accept(self, event: Event, *, cursor: str | None = None) -> Accepted:
            return await relay.accept_customer(INBOX, event, cursor)

        @override
        async def backlog(self, thread: str, number: int) -> tuple[BacklogItem, ...]:
            return await database.read(partial(after, inbox=INBOX, thread_key=thread, number=number))

    class RealState:
        kept: dict[str, str]

        async def get(self, key: str) -> str | None:
            return await database.read(partial(get_state, inbox=INBOX, key=key))

        async def set(self, key: str, value: str) -> None:
            await database.write(partial(set_state, inbox=INBOX, key=key, value=value))

    core: Any = RealCore(state=RealState(), blobs=FolderBlobs(tmp_path / "blobs"))  # type: ignore[arg-type]
    try:
        async with chat(core) as rig:
            tab = await rig.talking("first")
            async with rig.session.post(
                f"{rig.base}/files",
                data=b"%PDF-1.4",
                headers={
                    "Origin": "https://shop.example",
                    "Authorization": f"Bearer {tab.token}",
                    "X-File-Name": "a.pdf",
                },
            ) as answer:
                file = (await answer.json())["id"]
            for _ in range(2):
                assert (await tab.say("second", "client-id-1", files=[file]))["t"] == "sent"
        async with chat(core) as rig:
            back = await rig.tab(tab.token)
            items = list(back.shown.values())
            assert [item["text"] for item in items] == ["first", "second"]
            assert [item["from"] for item in items] == ["visitor", "visitor"]
            assert items[1]["id"] == "client-id-1"
            assert items[1]["files"] == [{"name": "a.pdf", "type": "application/pdf", "size": 8, "id": file}]
            assert items[0]["n"] < items[1]["n"] == back.after
            assert (await rig.tab(tab.token, after=items[0]["n"])).shown.keys() == {"client-id-1"}
            stranger = await rig.talking("somebody else")
            assert len((await rig.tab(stranger.token)).shown) == 1
    finally:
        await database.close()
