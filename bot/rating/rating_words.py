"""Words for ratings in the languages of customers: what we ask, and what a number in their own words means. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bot.messages import Ask

KIND = "rating"
"""What ``message.automated`` says of the question, and of an answer to it in words."""
THANKS = "rating_thanks"
"""What it says of the thank-you for an answer in words."""
LONGEST = 200
"""Code points of an answer in words; a longer one is a message like any other."""
WORST, BEST = 1, 5


@dataclass(frozen=True, slots=True)
class Words:
    """One language. ``how`` asks for a number where the channel has nothing to press; ``thanks`` has at most 30 bytes."""

    question: str
    how: str
    bad: str
    great: str
    invite: str
    thanks: str


LANGUAGES: Mapping[str, Words] = {
    "en": Words(
        "How was our help?",
        "Please answer with a number from 1 (bad) to 5 (great); a few words are welcome, too.",
        *("bad", "great", "If you like, tell us why in a few words.", "Thank you!"),
    ),
    "de": Words(
        "Wie war unsere Hilfe?",
        "Bitte antworten Sie mit einer Zahl von 1 (schlecht) bis 5 (sehr gut), gern mit ein paar Worten dazu.",
        *("schlecht", "sehr gut", "Wenn Sie mögen, sagen Sie uns kurz, warum.", "Vielen Dank!"),
    ),
    "fr": Words(
        "Que pensez-vous de notre aide ?",
        "Répondez par un chiffre de 1 (mauvaise) à 5 (excellente) ; quelques mots sont aussi les bienvenus.",
        *("mauvaise", "excellente", "Si vous voulez, dites-nous pourquoi en quelques mots.", "Merci !"),
    ),
    "es": Words(
        "¿Qué le ha parecido nuestra ayuda?",
        "Responda con un número del 1 (mala) al 5 (excelente); unas palabras también son bienvenidas.",
        *("mala", "excelente", "Si quiere, díganos por qué en pocas palabras.", "¡Gracias!"),
    ),
    "pt": Words(
        "O que achou da nossa ajuda?",
        "Responda com um número de 1 (má) a 5 (excelente); algumas palavras também são bem-vindas.",
        *("má", "excelente", "Se quiser, diga-nos porquê em poucas palavras.", "Obrigado!"),
    ),
    "it": Words(
        "Come è stato il nostro aiuto?",
        "Risponda con un numero da 1 (pessimo) a 5 (ottimo); anche qualche parola è gradita.",
        *("pessimo", "ottimo", "Se vuole, ci dica perché in poche parole.", "Grazie!"),
    ),
    "nl": Words(
        "Hoe vond u onze hulp?",
        "Antwoord met een cijfer van 1 (slecht) tot 5 (uitstekend); een paar woorden zijn ook welkom.",
        *("slecht", "uitstekend", "Vertel ons als u wilt in een paar woorden waarom.", "Bedankt!"),
    ),
    "pl": Words(
        "Jak oceniają Państwo naszą pomoc?",
        "Prosimy odpowiedzieć liczbą od 1 (źle) do 5 (świetnie); kilka słów też jest mile widzianych.",
        *("źle", "świetnie", "Jeśli to możliwe, prosimy napisać w kilku słowach dlaczego.", "Dziękujemy!"),
    ),
}


def question(language: str, *, by_words: bool) -> str:
    """What a customer is asked. ``by_words``: the channel has nothing to press, so it says how to answer."""
    words = LANGUAGES[language]
    return f"{words.question} {words.how}" if by_words else words.question


def ask(language: str, token: str) -> Ask:
    """What a channel needs to ask by its own means."""
    words = LANGUAGES[language]
    return Ask(token, words.bad, words.great, words.invite, words.thanks, language)


def pack(given: Ask) -> dict[str, Any]:
    """An ask as it stands in a message's meta, under ``ask``."""
    return asdict(given)


def unpack(meta: Mapping[str, Any]) -> Ask | None:
    """The ask in a message's meta; None where it holds none (any more)."""
    found = meta.get("ask")
    return Ask(**found) if isinstance(found, dict) else None


@dataclass(frozen=True, slots=True)
class Said:
    """A rating in words. ``comment`` is empty where there is only a number."""

    score: int
    comment: str


_NUMBER = re.compile(
    r"""([1-5])(?:\s*(?:/|out\sof|of|von|sur|de|su|van|z)\s*5)?  # 4, 4/5, 4 out of 5
    (?:$|(?=\s)|[!.,:;)\N{EN DASH}\N{EM DASH}-]+(?=\s|$))        # and then no "pm", no "%", no ":30", no ".50"
    \s*(.*)\Z""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_STARS = re.compile("([⭐★🌟]{1,5})[☆✩]*" + r"(?:$|(?=\s)|[!.,:;)-]+(?=\s|$))\s*(.*)\Z", re.DOTALL)


def read(plain: str) -> Said | None:
    """The rating that a customer's words are: a number or stars, and a few words; None for anything else.

    Words with a question in them are none: somebody waits for an answer.
    """
    if len(plain) > LONGEST:
        return None
    text = "".join(one for one in unicodedata.normalize("NFKC", plain) if one not in "\ufe0e\ufe0f\u20e3")
    text = text.strip()
    stars = _STARS.match(text)
    number = None if stars else _NUMBER.match(text)
    if stars:
        score, comment = len(stars[1]), stars[2]
    elif number:
        score, comment = int(number[1]), number[2]
    else:
        return None
    if "?" in comment:
        return None
    return Said(score, comment.lstrip("-–—,:;. \t\n").strip())


def stars(score: int) -> str:
    """``★★☆☆☆``."""
    return "★" * score + "☆" * (BEST - score)
