"""Automatic answers in words: eight languages, times as people there say them. Pure.

A text is sentences; one that needs something that is not known (when somebody is back, how long it takes, where it is faster)
is left out. Texts of app.yaml are cut at line breaks instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bot.calendar.wallclock import wall

OFF_HOURS, BUSY = "off_hours", "busy"
KINDS = (OFF_HOURS, BUSY)
_HOLE = re.compile(r"\{(back|wait|faster)\}")
HOLES = ("back", "wait", "faster")
"""What a text may hold, each in braces."""


@dataclass(frozen=True, slots=True)
class Language:
    """How a language says it. ``days`` begin with Monday."""

    texts: Mapping[str, tuple[str, ...]]
    today: str
    tomorrow: str
    weekday: str
    dated: str
    place: str
    days: tuple[str, ...]
    months: tuple[str, ...]
    minutes: str
    hour: str
    hours: str
    day_or_more: str


def _texts(first: str, away: str, many: str, takes: str, faster: str) -> dict[str, tuple[str, ...]]:
    return {OFF_HOURS: (first, away, takes, faster), BUSY: (first, many, takes, faster)}


LANGUAGES: Mapping[str, Language] = {
    "en": Language(
        _texts(
            "This is an automatic answer: we have your message.",
            "Nobody is here just now; we are back {back}.",
            "Many people are writing to us just now.",
            "At this time of day a first answer usually takes {wait}.",
            "It is faster here: {faster}",
        ),
        *(
            "today at {time}",
            "tomorrow at {time}",
            "on {day} at {time}",
            "on {day}, {date} {month}, at {time}",
        ),
        "{city} time",
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        (
            *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
            *("October", "November", "December"),
        ),
        *("about {n} minutes", "about an hour", "about {n} hours", "about {n} days"),
    ),
    "de": Language(
        _texts(
            "Dies ist eine automatische Antwort: Ihre Nachricht ist da.",
            "Gerade ist niemand hier; wir sind {back} wieder da.",
            "Gerade schreiben uns viele.",
            "Um diese Tageszeit dauert eine erste Antwort meist {wait}.",
            "Schneller geht es hier: {faster}",
        ),
        *("heute um {time} Uhr", "morgen um {time} Uhr", "am {day} um {time} Uhr"),
        "am {day}, dem {date}. {month}, um {time} Uhr",
        "Ortszeit {city}",
        ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        (
            *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September"),
            *("Oktober", "November", "Dezember"),
        ),
        *("etwa {n} Minuten", "etwa eine Stunde", "etwa {n} Stunden", "etwa {n} Tage"),
    ),
    "fr": Language(
        _texts(
            "Ceci est une réponse automatique : nous avons bien reçu votre message.",
            "Personne n’est là en ce moment ; nous sommes de retour {back}.",
            "Beaucoup de personnes nous écrivent en ce moment.",
            "À cette heure, une première réponse prend d’habitude {wait}.",
            "C’est plus rapide ici : {faster}",
        ),
        *("aujourd’hui à {time}", "demain à {time}", "{day} à {time}", "le {day} {date} {month} à {time}"),
        "heure de {city}",
        ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        (
            *("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre"),
            *("octobre", "novembre", "décembre"),
        ),
        *("environ {n} minutes", "environ une heure", "environ {n} heures", "environ {n} jours"),
    ),
    "es": Language(
        _texts(
            "Esta es una respuesta automática: hemos recibido su mensaje.",
            "Ahora mismo no hay nadie; volvemos {back}.",
            "Ahora mismo nos escribe mucha gente.",
            "A esta hora, una primera respuesta suele tardar {wait}.",
            "Aquí es más rápido: {faster}",
        ),
        *("hoy a las {time}", "mañana a las {time}", "el {day} a las {time}"),
        "el {day} {date} de {month} a las {time}",
        "hora de {city}",
        ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        (
            *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre"),
            *("octubre", "noviembre", "diciembre"),
        ),
        *("unos {n} minutos", "una hora aproximadamente", "unas {n} horas", "unos {n} días"),
    ),
    "pt": Language(
        _texts(
            "Esta é uma resposta automática: recebemos a sua mensagem.",
            "Neste momento não está ninguém; voltamos {back}.",
            "Neste momento muitas pessoas nos escrevem.",
            "A esta hora, uma primeira resposta costuma demorar {wait}.",
            "Aqui é mais rápido: {faster}",
        ),
        *("hoje às {time}", "amanhã às {time}", "{day} às {time}", "{day}, {date} de {month}, às {time}"),
        "hora de {city}",
        (
            *("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira"),
            *("sábado", "domingo"),
        ),
        (
            *("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro"),
            *("outubro", "novembro", "dezembro"),
        ),
        *("cerca de {n} minutos", "cerca de uma hora", "cerca de {n} horas", "cerca de {n} dias"),
    ),
    "it": Language(
        _texts(
            "Questa è una risposta automatica: abbiamo ricevuto il suo messaggio.",
            "In questo momento non c’è nessuno; torniamo {back}.",
            "In questo momento ci scrivono in molti.",
            "A quest’ora una prima risposta richiede di solito {wait}.",
            "Qui è più veloce: {faster}",
        ),
        *("oggi alle {time}", "domani alle {time}", "{day} alle {time}", "{day} {date} {month} alle {time}"),
        "ora di {city}",
        ("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
        (
            *("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre"),
            *("ottobre", "novembre", "dicembre"),
        ),
        *("circa {n} minuti", "circa un’ora", "circa {n} ore", "circa {n} giorni"),
    ),
    "nl": Language(
        _texts(
            "Dit is een automatisch antwoord: we hebben uw bericht ontvangen.",
            "Er is nu niemand; we zijn {back} terug.",
            "Er schrijven ons nu veel mensen.",
            "Op dit uur duurt een eerste antwoord meestal {wait}.",
            "Hier gaat het sneller: {faster}",
        ),
        *("vandaag om {time}", "morgen om {time}", "{day} om {time}", "{day} {date} {month} om {time}"),
        "tijd in {city}",
        ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
        (
            *("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september"),
            *("oktober", "november", "december"),
        ),
        *("ongeveer {n} minuten", "ongeveer een uur", "ongeveer {n} uur", "ongeveer {n} dagen"),
    ),
    "pl": Language(
        _texts(
            "To jest odpowiedź automatyczna: mamy Państwa wiadomość.",
            "Teraz nikogo nie ma; będziemy z powrotem {back}.",
            "Teraz pisze do nas wiele osób.",
            "O tej porze pierwsza odpowiedź zajmuje zwykle {wait}.",
            "Tu jest szybciej: {faster}",
        ),
        *("dziś o {time}", "jutro o {time}", "{day} o {time}", "{day}, {date} {month}, o {time}"),
        "czas: {city}",
        ("w poniedziałek", "we wtorek", "w środę", "w czwartek", "w piątek", "w sobotę", "w niedzielę"),
        (
            *("stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia"),
            *("września", "października", "listopada", "grudnia"),
        ),
        *("około {n} minut", "około godziny", "około {n} godzin", "około {n} dni"),
    ),
}


def language_of(wanted: str | None, usual: str) -> str:
    """A language that there are words in: the wanted one ("pt-BR" is "pt"), else the usual one, else English."""
    for one in (wanted, usual):
        code = re.split(r"[-_]", (one or "").strip().casefold())[0]
        if code in LANGUAGES:
            return code
    return "en"


def back_words(language: str, at: float, now: float, zone: str, *, named: bool) -> str:
    """When somebody is back. ``named``: the zone is not the reader's own, so it is said."""
    said = LANGUAGES[language]
    shown, today = wall(zone, at), wall(zone, now).date()
    days = (shown.date() - today).days
    pattern = {0: said.today, 1: said.tomorrow}.get(days, said.weekday if days < 7 else said.dated)
    day: date = shown.date()
    words = pattern.format(
        time=f"{shown.hour}:{shown.minute:02}",
        day=said.days[day.weekday()],
        date=day.day,
        month=said.months[day.month - 1],
    )
    if not named:
        return words
    city = zone.rsplit("/", 1)[-1].replace("_", " ")
    return f"{words} ({city if city == 'UTC' else said.place.format(city=city)})"


def wait_words(language: str, seconds: float) -> str:
    """How long it takes, rounded as people say it."""
    said = LANGUAGES[language]
    if seconds < 55 * 60:
        return said.minutes.format(n=max(5, round(seconds / 300) * 5))
    if seconds < 90 * 60:
        return said.hour
    if seconds < 36 * 3600:
        return said.hours.format(n=round(seconds / 3600))
    return said.day_or_more.format(n=max(2, round(seconds / 86_400)))


def compose(text: str | None, kind: str, language: str, holes: Mapping[str, str]) -> str:
    """The answer. ``text`` of app.yaml, None: the built-in one. ``holes`` that are empty take their sentence with them."""
    pieces = LANGUAGES[language].texts[kind] if text is None else tuple(text.strip().split("\n"))
    kept = [
        _HOLE.sub(lambda hole: holes[hole[1]], piece)
        for piece in pieces
        if all(holes.get(name) for name in _HOLE.findall(piece))
    ]
    return (" " if text is None else "\n").join(kept).strip()
