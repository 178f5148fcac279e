"""Holds a part of a YAML document against a pydantic model and says what is wrong in people's words.

Beside what pydantic checks: unknown keys are errors in every model, with the nearest known key; a ``SecretStr`` must stand
in the file as one whole ``${NAME}`` and may not be an example's value. A field's description is told as the cure.
Used by ``bot/config.py`` only.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from bot.settings.yamlfile import Document, FromEnvironment, Key, written

_M = TypeVar("_M", bound=BaseModel)

_EXAMPLE = re.compile(
    r"(?i)(?:change[-_ ]?me|replace[-_ ]?me|your[-_ ].*|.*[-_ ]your[-_ ].*|example|secret|password|passwd|default|test|todo"
    r"|<.*>|.*(?:\.\.\.|…).*|(?:xoxb|xapp)-x+.*|x{3,}|(.)\1*|.*changeme.*|insert.*)\Z"
)


def check(document: Document, model: type[_M], data: Mapping[str, Any], base: Key = ()) -> _M | None:
    """An instance made of ``data``, which stands at ``base`` of the document; None where something is wrong with it."""
    before = len(document.problems)
    walk = _Walk(document)
    walk.value(model, data, base)
    try:
        instance = model.model_validate(data)
    except ValidationError as error:
        found = [(_key_of(detail["loc"], data), detail) for detail in error.errors(include_url=False)]
        # Of a union every member complains; the one that fits best complains about something inside.
        for key, detail in sorted(found, key=lambda one: -len(one[0])):
            if (*base, *key) not in walk.guessed or detail["type"] != "missing":
                what = _told(detail["type"], detail["msg"], detail["input"])
                cure = _sentence(_cure(model, key))
                if not cure and detail["type"] == "missing":
                    cure = f"Add a line {key[-1]}: …"
                document.add((*base, *key), what, cure)
        return None
    return instance if len(document.problems) == before else None


def nearest(word: str, known: list[str]) -> str | None:
    """The known word that somebody probably meant."""
    spelled = {name.lower().replace("-", "_"): name for name in known}
    close = difflib.get_close_matches(word.lower().replace("-", "_"), spelled, n=1, cutoff=0.6)
    return spelled[close[0]] if close else None


class _Walk:
    """Goes through types and data together; finds unknown keys and secrets that stand in the file."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.guessed: set[Key] = set()

    def value(self, annotation: Any, value: Any, key: Key) -> None:
        options = list(_options(annotation))
        models = [o for o in options if isinstance(o, type) and issubclass(o, BaseModel)]
        if len(models) == 1 and isinstance(value, Mapping):
            self._model(models[0], value, key)
        for option in options:
            if option is SecretStr and isinstance(value, str):
                self._secret(value, key)
            origin, args = get_origin(option), get_args(option)
            if origin in (dict, Mapping) and isinstance(value, Mapping):
                for name, item in value.items():
                    self.value(args[1], item, (*key, name))
            elif origin in (list, tuple, set, frozenset):
                many = isinstance(value, list | tuple)
                for number, item in enumerate(value if many else [value]):
                    self.value(args[0], item, (*key, number) if many else key)

    def _model(self, model: type[BaseModel], value: Mapping[str, Any], key: Key) -> None:
        fields = dict(_fields(model))
        for name, item in value.items():
            if name in fields:
                self.value(fields[name].annotation, item, (*key, name))
            elif model.model_config.get("extra") != "allow":
                self._unknown(name, list(fields), value, key)

    def _unknown(self, name: str, known: list[str], value: Mapping[str, Any], key: Key) -> None:
        guess = nearest(name, [word for word in known if word not in value])
        if guess:
            self.guessed.add((*key, guess))
            self._document.add((*key, name), "there is no such key", f'Did you mean "{guess}"?')
        else:
            place = f"under {written(key)}" if key else "here"
            self._document.add(
                (*key, name), "there is no such key", f"Known {place}: {', '.join(sorted(known))}."
            )

    def _secret(self, value: str, key: Key) -> None:
        if not value:
            return
        last = next((part for part in reversed(key) if isinstance(part, str)), "secret")
        name = re.sub(r"\W", "_", last).upper()
        if not isinstance(value, FromEnvironment):
            self._document.add(
                key,
                "a secret may not stand in this file",
                f"Write {last}: ${{{name}}} (or another name) and set that variable in the environment.",
            )
        elif _EXAMPLE.match(value):
            self._document.add(
                key,
                "this is an example's value, not a secret",
                "Set the variable to the real one; it is not shown here.",
            )


def _options(annotation: Any) -> Iterator[Any]:
    """The types that an annotation allows, without None and without what is annotated to them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _options(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for option in get_args(annotation):
            yield from _options(option)
    elif annotation is not NoneType:
        yield annotation


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def _key_of(location: tuple[int | str, ...], data: Any) -> Key:
    """Pydantic's location without the parts that are not in the file (names of union members, validators)."""
    key: list[str | int] = []
    here = data
    for number, part in enumerate(location):
        in_list = isinstance(here, list | tuple) and isinstance(part, int) and part < len(here)
        if in_list or (isinstance(here, Mapping) and part in here):
            here = here[part]
            key.append(part)
        elif number == len(location) - 1 and part != "[key]" and isinstance(here, Mapping):
            key.append(part)
    return tuple(key)


def _cure(model: type[BaseModel], key: Key) -> str:
    """The description of the field at a key, or of the nearest above it that has one."""
    cure = ""
    here: Any = model
    for part in key:
        following: Any = None
        for option in _options(here):
            args = get_args(option)
            if isinstance(option, type) and issubclass(option, BaseModel):
                field = dict(_fields(option)).get(str(part))
                if field is not None:
                    cure = field.description or ""
                    following = field.annotation
            elif get_origin(option) in (dict, Mapping):
                following, cure = args[1], ""
            elif args:
                following = args[0]
        here = following
    return cure


def _sentence(text: str) -> str:
    """A description as a sentence: some authors write them so, some as a phrase."""
    if re.match("[a-z]+ ", text):
        text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "?", "!", "]", "…")) else f"{text}."


def _told(kind: str, message: str, given: Any) -> str:
    """What is wrong in words, with what was given where that is short and no secret."""
    if kind == "missing":
        return "this is missing"
    if kind == "value_error":
        words = message.removeprefix("Value error, ")
    else:
        words = message.replace("Input should be", "this should be", 1)
        words = words[:1].lower() + words[1:]
    shown = isinstance(given, str | int | float | bool) and not isinstance(given, FromEnvironment)
    if shown and 0 < len(str(given)) <= 60 and repr(given) not in words:
        words += f" (it is {given!r})"
    return words
