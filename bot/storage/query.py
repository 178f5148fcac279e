"""What people type to search, and where its words stand in a text. Pure.

Words must all be there; ``"several words"`` stand together; ``word*`` is a beginning; ``-word`` must not be there. Everything
else is taken as it is: there is nothing that one can type that is an error. Upper case and accents do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from bot.messages import Span, SpanKind, Text
from bot.storage.words import storable

SHORTEST_BEGINNING = 2
"""Letters before ``*``: one letter would begin a tenth of all words there are."""
MOST_TERMS = 12
_PIECE = re.compile(r'(-?)(?:["“”„]([^"“”„]*)["“”„]?|([^\s"“”„]+))(\*?)')
_MARKS = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code))[0] == "M")
"""Signs that belong to the letter before them: accents, and vowels of many scripts."""
_WORD = re.compile(rf"(?:[^\W_]|[{_MARKS}])+")
_ACCENT = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand together; of a ``beginning`` the last one may go on. ``typed`` is what was typed, signs and all."""

    words: tuple[str, ...]
    beginning: bool = False
    typed: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What has to be in a message, and what must not be."""

    wanted: tuple[Term, ...] = ()
    unwanted: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.wanted)


def fold(word: str) -> str:
    """A word without accents and upper case."""
    return _ACCENT.sub("", unicodedata.normalize("NFKD", word)).lower()


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(match for match in _WORD.findall(text) if fold(match))


def parse(typed: str) -> Query:
    """What somebody typed. Empty where there is no word to look for."""
    wanted: list[Term] = []
    unwanted: list[Term] = []
    for match in _PIECE.finditer(storable(typed)):
        minus, quoted, bare, star = match.groups()
        given = quoted if quoted is not None else bare
        words = words_of(given)
        if not words:
            continue
        begins = (star == "*" or given.endswith("*")) and len(words[-1]) >= SHORTEST_BEGINNING
        (unwanted if minus else wanted).append(Term(words, begins, given.rstrip("*")))
    return Query(tuple(dict.fromkeys(wanted))[:MOST_TERMS], tuple(dict.fromkeys(unwanted))[:MOST_TERMS])


def sqlite(query: Query) -> str:
    """For FTS5: all in quotes, so nothing is an operator. Its own tokenizer finds the words, as it did for the index."""
    positive = " AND ".join(_sqlite_term(term) for term in query.wanted)
    if not query.unwanted:
        return positive
    return f"({positive}) NOT ({' OR '.join(_sqlite_term(term) for term in query.unwanted)})"


def _sqlite_term(term: Term) -> str:
    return f'"{term.typed}"{" *" if term.beginning else ""}'


def postgresql(query: Query) -> str:
    """For ``to_tsquery``: every word folded as ``fts_fold`` does (migration 0003), and quoted."""
    parts = [_postgresql_term(term) for term in query.wanted]
    parts += [f"!({_postgresql_term(term)})" for term in query.unwanted]
    return " & ".join(parts)


def _postgresql_term(term: Term) -> str:
    folded = [fold(word) for word in term.words]
    quoted = ["'" + word.replace("\\", " ").replace("'", " ") + "'" for word in folded]
    if term.beginning:
        quoted[-1] += ":*"
    return f"({' <-> '.join(quoted)})"


def found_in(query: Query, text: str) -> tuple[tuple[int, int], ...]:
    """Where the wanted words stand in a text: stretches in order, without overlaps."""
    places = [(match.start(), match.end(), fold(match.group())) for match in _WORD.finditer(text)]
    hit: set[int] = set()
    terms = [(tuple(fold(word) for word in term.words), term.beginning) for term in query.wanted]
    for at in range(len(places)):
        for words, beginning in terms:
            if _stands(words, beginning, places, at):
                hit.update(range(at, at + len(words)))
    return _joined([(places[at][0], places[at][1]) for at in sorted(hit)], text)


def _stands(words: tuple[str, ...], beginning: bool, places: list[tuple[int, int, str]], at: int) -> bool:
    last = at + len(words) - 1
    if last >= len(places):
        return False
    if any(places[at + n][2] != word for n, word in enumerate(words[:-1])):
        return False
    there = places[last][2]
    return there.startswith(words[-1]) if beginning else there == words[-1]


def _joined(stretches: list[tuple[int, int]], text: str) -> tuple[tuple[int, int], ...]:
    """Neighbours with only a sign between them are one stretch."""
    made: list[tuple[int, int]] = []
    for start, end in stretches:
        if made and start - made[-1][1] <= 1 and "\n" not in text[made[-1][1] : start]:
            made[-1] = (made[-1][0], end)
        else:
            made.append((start, end))
    return tuple(made)


def snippet(query: Query, text: str, length: int = 240) -> Text:
    """The part of a text where the words stand, in one line, the words bold; the beginning where they do not."""
    places = found_in(query, text)
    first = places[0][0] if places else 0
    start = 0 if first < length * 2 // 3 else _word_start(text, first - length // 4)
    end = min(len(text), start + length)
    if end < len(text):
        end = (
            text.rfind(" ", first + 1, end) if text.rfind(" ", first + 1, end) > start + length // 2 else end
        )
    line = re.sub(r"\s", " ", text[start:end])
    spans = tuple(
        Span(max(a, start) - start, min(b, end) - start, SpanKind.BOLD)
        for a, b in places
        if a < end and b > start
    )
    before, after = Text("…" if start else ""), Text("…" if end < len(text) else "")
    return before + Text(line, spans) + after


def _word_start(text: str, near: int) -> int:
    space = text.rfind(" ", max(0, near - 40), near)
    return space + 1 if space >= 0 else near
