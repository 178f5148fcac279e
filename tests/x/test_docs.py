"""docs/x.md names every key of the settings, with its default, and its example loads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from bot.adapters.x.settings import OAuth1, OAuth2, Webhook, XSettings


def examples(root: Path) -> list[dict[str, Any]]:
    text = (root / "docs" / "x.md").read_text(encoding="utf-8")
    return [yaml.safe_load(one) for one in re.findall(r"```yaml\n(.*?)```", text, re.S)]


def test_every_key_is_in_the_example(root: Path) -> None:
    first, second = examples(root)
    inbox = dict(first["inboxes"]["acme-x"])
    assert (inbox.pop("channel"), inbox.pop("team")) == ("x", "support")
    assert set(inbox) | set(second) == set(XSettings.model_fields)
    for key, model in (("oauth2", OAuth2), ("webhook", Webhook)):
        assert set(inbox[key]) == set(model.model_fields)
    assert set(second["oauth1"]) == set(OAuth1.model_fields)
    made = XSettings.model_validate(inbox)
    for name, field in XSettings.model_fields.items():
        if not field.is_required() and name not in ("username", "oauth2", "webhook"):
            assert getattr(made, name) == field.default, name
    del inbox["oauth2"]
    assert XSettings.model_validate({**inbox, **second}).oauth1 is not None
