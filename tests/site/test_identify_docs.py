"""The examples of docs/identity.md are what they say: each makes a token that the chat takes."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import time
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from bot.adapters.site.proof import Proof, check
from bot.adapters.site.settings import Identify, SiteSettings
from bot.messages import Contact
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "identity.md").read_text(encoding="utf-8")
KEY = "a-key-that-is-long-enough-for-the-examples-0123456789"
USER = {
    "id": 4711,
    "name": "Dana Petrov",
    "email": "dana@mail.example",
    "email_verified": True,
    "plan": "pro",
}


def example(language: str) -> str:
    """The first block of a language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


async def made_by(program: list[str]) -> str:
    """What a program says."""
    child = await asyncio.create_subprocess_exec(
        *program,
        env={"CHAT_KEY": KEY, "PATH": "/usr/local/bin:/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, problem = await asyncio.wait_for(child.communicate(), 30)
    assert child.returncode == 0, problem.decode()
    return out.decode().strip()


def proven(token: str) -> Proof:
    settings = Identify(keys=(SecretStr(KEY),))
    return check(token, settings, "shop-chat", time.time())


def is_danas(found: Proof) -> None:
    assert found.subject == "4711"
    assert found.email == Contact("email", "dana@mail.example", "Dana Petrov", True, "signed by the site")
    assert found.attributes == {"plan": "pro"}
    assert found.left_out == ()
    assert len(found.token_id) >= 16


async def test_the_example_in_python() -> None:
    program = f"{example('python')}\nprint(chat_token({USER!r}))"
    first = proven(await made_by([sys.executable, "-c", program]))
    is_danas(first)
    assert first.token_id != proven(await made_by([sys.executable, "-c", program])).token_id


async def test_the_example_in_node() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the PATH")
    program = example("js") + f"\nconsole.log(chatToken({json.dumps(USER)}));"
    is_danas(proven(await made_by([node, "-e", program])))


async def test_the_example_in_php() -> None:
    php = shutil.which("php")
    if php is None:
        pytest.skip("no php on the PATH")
    program = example("php").removeprefix("<?php")
    user = "json_decode('" + json.dumps(USER) + "', true)"
    is_danas(proven(await made_by([php, "-r", f"{program}\necho chat_token({user});"])))


def test_the_settings_of_the_page_are_settings() -> None:
    inbox: dict[str, Any] = yaml.safe_load(example("yaml"))["inboxes"]["shop-chat"]
    assert inbox.pop("channel") == "site"
    assert inbox.pop("team") == "support"
    inbox["identify"]["keys"] = [KEY]
    made = SiteSettings(**inbox)
    assert made.identify is not None
    assert made.identify.algorithm == "HS256"
