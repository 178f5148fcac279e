"""What a running demo consists of, and what it says about itself."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.mail import MailStandIn
from bot.sandbox.slack import SlackStandIn
from bot.sandbox.slack.faults import describe

from .child import BotProcess
from .folder import Folder
from .mailprogram import MailProgram
from .phones import Phone, version
from .shop import Shop

Json = dict[str, Any]


@dataclass
class Demo:
    """The stand-ins, the real bot, the folder, and what the page needs to know of them."""

    slack: SlackStandIn
    mail: MailStandIn
    bot: BotProcess
    folder: Folder
    programs: MailProgram
    web_port: int
    """The bot's own web server."""
    shop: Shop | None = None
    phones: dict[str, Phone] = field(default_factory=dict)
    """By channel; what is not installed is not here."""
    page_port: int = 0
    mail_is_up: bool = True
    run: str = field(default_factory=lambda: secrets.token_hex(6))
    """Another one at each start, so that a page which was left open notices."""
    manifest: Json = field(default_factory=dict)
    """The bot's Slack manifest: its commands, shortcuts, scopes and events."""

    @property
    def page(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.page_port}/"

    def endpoints(self) -> Json:
        """For outside scripts: addresses and accounts. The keys are fixed; docs/demo.md lists them."""
        people = {key: {"id": one.id, "token": one.token} for key, one in self.slack.people.items()}
        boxes = {
            address: {"user": address, "password": password}
            for address, password in self.mail.mailboxes.items()
        }
        given = {
            "page": self.page,
            "slack": {
                "api": self.slack.api_url,
                "bot_token": self.slack.bot_token,
                "app_token": self.slack.app_token,
                "people": people,
                "channels": {key: channel.id for key, channel in self.slack.channels.items()},
            },
            "mail": {
                "smtp": {"host": self.mail.host, "port": self.mail.smtp_port},
                "imap": {"host": self.mail.host, "port": self.mail.imap_port},
                "mailboxes": boxes,
            },
            "bot": {"pid": self.bot.pid, "config": str(self.folder.config)},
            "database": self.folder.database_url,
        }
        if self.shop is not None:
            given["site"] = self.shop.endpoints()
        for name, phone in self.phones.items():
            doors = {verb: f"{self.page}{name}/{verb}" for verb in ("say", "heard")}
            given[name] = phone.endpoints() | doors
        return given

    def state(self) -> Json:
        """For the page: how everything is, and what is broken at the moment."""
        bot = self.bot
        return {
            "run": self.run,
            "bot": {
                "pid": bot.pid,
                "running": bot.running,
                "connected": self.slack.connections > 0,
                "starts": bot.starts,
                "started_at": bot.started_at,
                "ending": bot.last_ending,
                "log": [] if bot.running else bot.tail(),
            },
            "slack": {"broken": describe(self.slack.faults.rules)},
            "mail": {"up": self.mail_is_up},
            "mails": self.programs.counts(),
            "phones": {name: version(phone) for name, phone in self.phones.items()},
        }

    def features(self) -> Json:
        """What the page has to know of the app: its slash commands and shortcuts."""
        shown = self.manifest.get("features", {})
        return {"commands": shown.get("slash_commands", []), "shortcuts": shown.get("shortcuts", [])}

    async def learn_manifest(self) -> None:
        """Register the app in the stand-in as its manifest asks for it: no more commands, scopes and events than that."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bot", "manifest"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        if process.returncode != 0:
            return  # the bot's own start will say what is wrong
        self.manifest = json.loads(output)
        settings = self.slack.core.settings
        settings.commands = [entry["command"] for entry in self.features()["commands"]]
        settings.bot_scopes = list(self.manifest["oauth_config"]["scopes"]["bot"])
        settings.event_types = event_types(self.manifest)


def event_types(manifest: Json) -> list[str]:
    """The types of the events that a manifest subscribes to: `message.channels` and `message.groups` are both `message`."""
    events: list[str] = manifest["settings"]["event_subscriptions"]["bot_events"]
    return sorted({event.partition(".")[0] for event in events})
