"""The page of an export that people read: one file without scripts, without anything from elsewhere, fit for printing.

Everything that somebody wrote is escaped and left to the browser's own sense of direction (``dir=auto``).
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2127; background: #fff; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }} dt {{ color: #5a6470; }} dd {{ margin: 0; }}
article {{ border: 1px solid #d5dae0; border-radius: .5rem; padding: .75rem 1rem; margin: .75rem 0;
  break-inside: avoid; }}
article.ours {{ background: #eef4fb; margin-inline-start: 2rem; }} article.theirs {{ margin-inline-end: 2rem; }}
article.machine {{ border-style: dashed; }}
header {{ color: #5a6470; font-size: .875rem; }} header b {{ color: #1c2127; }}
.words {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0 0; }}
.quiet {{ color: #5a6470; font-size: .875rem; margin: .5rem 0 0; }}
@media print {{ body {{ margin: 0; max-width: none; font-size: 11pt; }} a {{ color: inherit; }} }}
</style>
</head>
<body>
"""
_TAIL = "</body>\n</html>\n"


def _e(words: object) -> str:
    return html.escape(_plain(str(words)), quote=True)


def _plain(words: str) -> str:
    """Without control characters that no browser shows."""
    return "".join(sign for sign in words if sign >= " " or sign in "\n\t")


def head(profile: Mapping[str, Any]) -> str:
    """The page's beginning: who it is about."""
    name = profile["name"]
    lines = [
        _HEAD.format(title=_e(f"History of {name}")),
        f'<h1>History of <span dir="auto">{_e(name)}</span></h1>\n',
        f'<p class="quiet">{_e(profile["handle"])} · made {_e(profile["exported_at"])}</p>\n',
        "<h2>Addresses</h2>\n<dl>\n",
        *(
            f'<dt>{_e(one["channel"])}</dt><dd><span dir="auto">{_e(one["address"])}</span> '
            f"({'proven' if one['verified'] else 'not proven'})</dd>\n"
            for one in profile["identities"]
        ),
        "</dl>\n",
    ]
    if profile["attributes"]:
        lines.append("<h2>What was noted</h2>\n<dl>\n")
        lines += [
            f'<dt>{_e(one["name"])}</dt><dd dir="auto">{_e(one["value"])}</dd>\n'
            for one in profile["attributes"]
        ]
        lines.append("</dl>\n")
    rated = [one for one in profile.get("ratings", ()) if one["score"] is not None]
    if rated:
        lines.append("<h2>Ratings</h2>\n<dl>\n")
        lines += [
            f'<dt>{one["score"]} of 5</dt><dd dir="auto">{_e(one["comment"] or "")}</dd>\n' for one in rated
        ]
        lines.append("</dl>\n")
    lines.append("<h2>Messages (times in UTC)</h2>\n")
    return "".join(lines)


def article(one: Mapping[str, Any]) -> str:
    """One message."""
    side = "theirs" if one["direction"] == "inbound" else "ours"
    side += " machine" if one.get("automatic") else ""
    return "".join([f'<article class="{side}">\n', *_parts(one), "</article>\n"])


def _parts(one: Mapping[str, Any]) -> Iterator[str]:
    facts = [one["at"].replace("T", " ").removesuffix("+00:00")[:16], one["via"], one.get("state") or ""]
    quiet = " · ".join(_e(fact) for fact in facts if fact)
    yield f"<header>{_who(one)} · {quiet}</header>\n"
    if one.get("subject"):
        yield f'<p class="quiet" dir="auto">{_e(one["subject"])}</p>\n'
    if one["text"]:
        yield f'<p class="words" dir="auto">{_e(one["text"])}</p>\n'
    if one.get("quoted"):
        yield f'<details><summary>Quoted text</summary><p class="words" dir="auto">{_e(one["quoted"])}</p></details>\n'
    for before in one.get("before_changes", ()):
        yield f'<p class="quiet">Before it was changed:</p><p class="words" dir="auto">{_e(before["text"])}</p>\n'
    if one.get("taken_back"):
        yield '<p class="quiet">They took this message back.</p>\n'
    yield from _files(one.get("files", ()))


def _who(one: Mapping[str, Any]) -> str:
    """Whose words they are. The name that an automatic answer went out with stands behind what it is."""
    name, automatic = f'<b dir="auto">{_e(one["author"])}</b>', one.get("automatic")
    if not automatic:
        return name
    if one["direction"] == "inbound":
        return f"{name}, {_e(automatic)}"
    return f'<b>{_e(automatic)}</b>, as <span dir="auto">{_e(one["author"])}</span>'


def _files(files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for file in files:
        name = f'<span dir="auto">{_e(file["name"])}</span> ({file["size"]:,} bytes)'
        if file.get("path"):
            yield f'<p class="quiet">File: <a href="{_e(quote(file["path"]))}">{name}</a></p>\n'
        else:
            yield f'<p class="quiet">File: {name}, {_e(file.get("missing") or "not in this export")}</p>\n'


def tail() -> str:
    """The page's end."""
    return _TAIL
