"""A YAML file read so that every value knows its line, with ``${NAME}`` filled in from the environment.

``${NAME}`` and ``${NAME:-default}`` are replaced inside text; ``$${`` stands for ``${`` itself. Nothing raises on the way:
problems are collected, so that all of them can be told at once. Used by ``bot/config.py`` only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from bot.errors import ConfigError

Key: TypeAlias = tuple[str | int, ...]
"""Where a value stands: ``("teams", "support", "members", 2)``."""

_REFERENCE = re.compile(r"\$(\$)?\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_DEEPEST = 30


class FromEnvironment(str):
    """Text that is one whole ``${NAME}``: the only form in which a secret may stand in the file."""

    __slots__ = ()


def written(key: Key) -> str:
    """A key as people write it: ``teams.support.members[2]``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what, and the cure, each in words."""

    key: Key
    line: int | None
    what: str
    cure: str


@dataclass(slots=True)
class Document:
    """A file's content as plain data, the line of every key, and what was wrong so far. ``name`` is shown in messages.

    ``raw`` is the text as it stands in the file, of values that hold a reference.
    """

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Key, int] = field(default_factory=dict)
    raw: dict[Key, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, key: Key) -> int | None:
        """The line of a key, or of the nearest one above it that is in the file."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key)

    def add(self, key: Key, what: str, cure: str = "") -> None:
        """Notes a problem, unless that key, one above it or one below it has one already: the first is the cause."""
        for known in self.problems:
            length = min(len(known.key), len(key))
            if known.key[:length] == key[:length] and (length or known.key == key):
                return
        self.problems.append(Problem(key, self.line(key), what, cure))

    def fail(self) -> None:
        """Raises ``ConfigError`` with all problems, a line each, in the file's order; returns where there are none."""
        if not self.problems:
            return
        ordered = sorted(self.problems, key=lambda p: (p.line or 0, p.key == (), written(p.key)))
        raise ConfigError("\n".join(self._told(problem) for problem in ordered))

    def _told(self, problem: Problem) -> str:
        where = f"{self.name}:{problem.line}" if problem.line else self.name
        what = problem.what if problem.what.endswith((".", "?", "!")) else f"{problem.what}."
        words = [f"{where}:", f"{written(problem.key)}:" if problem.key else "", what, problem.cure]
        return " ".join(word for word in words if word)


def read(path: Path, environ: Mapping[str, str]) -> Document:
    """Reads a file. What is wrong with it is in ``problems``; only keys that could be read are in ``data``."""
    document = Document(path.name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        document.add(
            (), f"{path} is not there", "Copy app.yaml from the repository, or name a file with --config."
        )
        return document
    except UnicodeDecodeError as error:
        document.add((), f"byte {error.start} is not UTF-8", "Save the file as UTF-8.")
        return document
    except OSError as error:
        document.add((), f"{path} cannot be read ({error.strerror})", "Check who may read it.")
        return document
    _parse(text, document, environ)
    return document


def _parse(text: str, document: Document, environ: Mapping[str, str]) -> None:
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            document.add((), "the file is empty", "Start from app.yaml of the repository.")
        elif not isinstance(node, yaml.MappingNode):
            document.add(
                (), "the file is not a list of `key: value` lines", "Start from app.yaml of the repository."
            )
        else:
            document.data = _Reader(loader, document, environ).mapping(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        document.lines[()] = mark.line + 1 if mark else 1
        words = " ".join(str(word) for word in (error.context, error.problem) if word)
        cure = "Look at the indentation, at quotes, and at a missing space after a colon."
        if "flow" in words:
            cure = 'Inside [ ] and { } a reference needs quotes: ["${NEW_KEY}", "${OLD_KEY}"].'
        document.add((), f"this is not YAML: {words}", cure)
    except yaml.YAMLError as error:
        document.add((), f"this is not YAML: {error}", "Remove the characters that cannot be seen.")
    finally:
        if loader is not None:
            loader.dispose()


class _Reader:
    """Turns nodes into data, noting lines and filling in references."""

    def __init__(self, loader: yaml.SafeLoader, document: Document, environ: Mapping[str, str]) -> None:
        self._loader = loader
        self._document = document
        self._environ = environ

    def mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        self._refuse_duplicates(node, key)
        self._loader.flatten_mapping(node)
        result: dict[str, Any] = {}
        for name_node, value_node in node.value:
            name = str(name_node.value)
            here = (*key, name)
            self._document.lines[here] = name_node.start_mark.line + 1
            result[name] = self.value(value_node, here)
        return result

    def value(self, node: yaml.Node, key: Key) -> Any:
        if len(key) > _DEEPEST:
            self._document.add(key, "this is nested too deeply", "An alias (*name) may not contain itself.")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for number, item in enumerate(node.value):
                self._document.lines[(*key, number)] = item.start_mark.line + 1
                items.append(self.value(item, (*key, number)))
            return items
        plain = self._loader.construct_object(node, deep=True)
        return self._filled(plain, key) if isinstance(plain, str) else plain

    def _filled(self, text: str, key: Key) -> str:
        if "${" in text:
            self._document.raw[key] = text
        match = _REFERENCE.fullmatch(text)
        if match and not match[1]:
            value = self._looked_up(match, key)
            return FromEnvironment(value) if match[3] is None or self._environ.get(match[2]) else value
        return _REFERENCE.sub(lambda found: self._looked_up(found, key), text)

    def _looked_up(self, match: re.Match[str], key: Key) -> str:
        escaped, name, default = match.groups()
        if escaped:
            return match[0][1:]
        value = self._environ.get(name, "")
        if value:
            return value
        if default is not None:
            return str(default)
        state = "is empty" if name in self._environ else "is not set"
        self._document.add(
            key,
            f"the environment variable {name} {state}",
            f"Set it where onethread is started: export {name}=…  (or a line {name}=… in its environment file).",
        )
        return ""

    def _refuse_duplicates(self, node: yaml.MappingNode, key: Key) -> None:
        seen: dict[str, int] = {}
        for name_node, _ in node.value:
            line = name_node.start_mark.line + 1
            name = str(name_node.value)
            if name in seen and name != "<<":
                self._document.lines[(*key, name)] = line
                self._document.add(
                    (*key, name),
                    f"this key stands here twice, first in line {seen[name]}",
                    "Keep one of them.",
                )
            seen[name] = line
