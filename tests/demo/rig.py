"""A demo as outside scripts see it: a process, its address, and what endpoints.json says."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import smtplib
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any, TypeVar

Json = dict[str, Any]
T = TypeVar("T")
START_SECONDS = 60.0
"""Generous, because tests share the machine; a demo alone is ready in two or three seconds."""


def fetch(url: str, data: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, Json | str]:
    """GET, or POST as JSON: the status, and the body as JSON or text."""
    body = None if data is None else json.dumps(data).encode()
    given = {"Content-Type": "application/json"} if body is not None else {}
    request = urllib.request.Request(url, body, {**given, **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, raw, kind = answer.status, answer.read(), answer.headers.get_content_type()
    except urllib.error.HTTPError as error:
        with error:
            status, raw, kind = error.code, error.read(), error.headers.get_content_type()
    return status, json.loads(raw) if kind == "application/json" else raw.decode("utf-8", "replace")


class DemoProcess:
    """`onethread demo` as a child process of the test."""

    def __init__(self, directory: Path, port: int = 0) -> None:
        self.directory = directory
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "demo", "--port", str(port), "--dir", str(directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def said(self, pattern: str, timeout: float = START_SECONDS) -> re.Match[str]:
        """The first new line of its output that matches; fails when it ends or takes too long."""
        end = time.monotonic() + timeout
        while True:
            try:
                line = self._queue.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line like {pattern!r} in:\n{self.output}") from None
            if line is None:
                raise AssertionError(f"it ended without a line like {pattern!r}:\n{self.output}")
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found

    @property
    def output(self) -> str:
        """What it has said so far."""
        return "\n".join(self.lines)

    def ready(self) -> DemoProcess:
        """Wait for its address."""
        self.page = self.said(r"Ready: (http://\S+/)")[1]
        return self

    def get(self, path: str, **headers: str) -> tuple[int, Json | str]:
        """GET of the demo's own server."""
        return fetch(self.page + path.lstrip("/"), headers=headers)

    @property
    def endpoints(self) -> Json:
        """endpoints.json."""
        status, body = self.get("endpoints.json")
        assert status == 200 and isinstance(body, dict)
        return body

    @property
    def chat(self) -> str:
        """The origin of the bot's web server, where the site chat is."""
        url = urllib.parse.urlsplit(self.endpoints["site"]["websocket"])
        return f"http://{url.netloc}"

    def break_things(self, what: str) -> Json:
        """A button of the panel."""
        status, body = fetch(self.page + "demo/break", {"do": what})
        assert status == 200 and isinstance(body, dict), body
        return body

    def ended(self, timeout: float = 15.0) -> int:
        """Its exit code; everything it said is in `output` afterwards."""
        code = self.process.wait(timeout)
        self._reader.join(5)
        while not self._queue.empty():
            line = self._queue.get()
            if line is not None:
                self.lines.append(line)
        return code

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.ended()

    def close(self) -> None:
        """Leave nothing behind, whatever the test did."""
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.ended()


class SlackPerson:
    """Somebody in Slack's stand-in, over its wire."""

    def __init__(self, endpoints: Json, key: str) -> None:
        self.api = endpoints["slack"]["api"]
        self.token = endpoints["slack"]["people"][key]["token"]
        self.cursor = self.call("client.boot")["cursor"]

    def call(self, method: str, **args: Any) -> Json:
        """A method or verb; it must succeed."""
        _, reply = fetch(self.api + method, args, {"Authorization": f"Bearer {self.token}"})
        assert isinstance(reply, dict) and reply["ok"], (method, reply)
        return reply

    def wait_for(self, look: Callable[[], T | None], timeout: float = 30.0) -> T:
        """The first truthy value of `look`, asked again after every change that this person sees."""
        end = time.monotonic() + timeout
        while True:
            found = look()
            if found:
                return found
            left = end - time.monotonic()
            assert left > 0, "it did not happen"
            reply = self.call("client.updates", since=self.cursor, wait=max(1, min(5, int(left))))
            self.cursor = reply["cursor"]

    def threads(self, channel: str) -> list[list[Json]]:
        """Every thread of a channel, the root first, oldest first."""
        roots = self.call("conversations.history", channel=channel, limit=200)["messages"]
        own = [one for one in roots if one.get("thread_ts", one["ts"]) == one["ts"]]
        return [
            self.call("conversations.replies", channel=channel, ts=root["ts"], limit=200)["messages"]
            for root in reversed(own)
        ]

    def said(self, channel: str, words: str) -> list[Json]:
        """Replies in threads of a channel that hold these words."""
        return [one for thread in self.threads(channel) for one in thread[1:] if words in json.dumps(one)]


def send_mail(endpoints: Json, sender: str, to: str, subject: str, text: str, **headers: str) -> str:
    """A real mail over real SMTP; its Message-ID."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = make_msgid(domain="mail.example")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    smtp = endpoints["mail"]["smtp"]
    with smtplib.SMTP(smtp["host"], smtp["port"], timeout=20) as client:
        client.send_message(message)
    return str(message["Message-ID"])


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid: int, timeout: float = 12.0) -> bool:
    """Whether a process ends within `timeout` seconds (it is nobody's child here, so there is nothing to wait on)."""
    end = time.monotonic() + timeout
    while alive(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
