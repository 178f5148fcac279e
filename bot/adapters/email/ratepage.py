"""The page behind the links of a mail that asks for a rating: plain HTML, no script, nothing from elsewhere. Pure."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

MAX_COMMENT = 2_000
"""Code points of the words beside a score."""
STYLE = """
:root{color-scheme:light dark}
body{font:17px/1.5 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:2rem 1rem;color:#1b2430;background:#fff}
h1{font-size:1.5rem;line-height:1.3;margin:0 0 1rem}
fieldset{border:0;margin:0 0 1.25rem;padding:0}
legend{padding:0}
.marks{display:flex;flex-wrap:wrap;gap:.5rem}
.marks label{display:flex;align-items:center;gap:.4rem;min-height:1.75rem;
border:1px solid #586273;border-radius:.6rem;padding:.5rem .8rem}
input{width:1.2rem;height:1.2rem;margin:0;accent-color:#2152c4}
textarea{display:block;box-sizing:border-box;width:100%;padding:.6rem;margin:.3rem 0 1.25rem;
font:inherit;color:inherit;background:inherit;border:1px solid #586273;border-radius:.6rem}
button{font:inherit;font-weight:600;color:#fff;padding:.65rem 1.4rem;min-height:2.75rem;
background:#2152c4;border:0;border-radius:.6rem}
:focus-visible{outline:3px solid #2152c4;outline-offset:2px}
.bad{color:#b3261e;font-weight:600}
@media(prefers-color-scheme:dark){body{color:#e9edf3;background:#161b22}.marks label,textarea{border-color:#a3aebd}
.bad{color:#ff9d94}:focus-visible{outline-color:#9dbcff}input{accent-color:#9dbcff}}
"""
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of every answer."""


@dataclass(frozen=True, slots=True)
class Words:
    """One language. ``odd``: the link is none of ours; ``later``: it could not be stored; ``change``: the last one counts."""

    question: str
    bad: str
    great: str
    invite: str
    send: str
    thanks: str
    change: str
    choose: str
    odd: str
    later: str


LANGUAGES: Mapping[str, Words] = {
    "en": Words(
        *(
            "How was our help?",
            "bad",
            "great",
            "If you like, tell us why in a few words.",
            "Send",
            "Thank you!",
        ),
        "Changed your mind? Open the mail again: the last answer counts.",
        "Please choose a number.",
        "This link is not complete or too old. Please open it from our mail again, or simply answer the mail.",
        "That did not work just now. Please try again in a minute.",
    ),
    "de": Words(
        *(
            "Wie war unsere Hilfe?",
            "schlecht",
            "sehr gut",
            "Wenn Sie mögen, sagen Sie uns kurz, warum.",
            "Senden",
        ),
        *("Vielen Dank!", "Anders überlegt? Öffnen Sie die Mail noch einmal: Die letzte Antwort zählt."),
        "Bitte wählen Sie eine Zahl.",
        "Dieser Link ist unvollständig oder zu alt. Bitte öffnen Sie ihn noch einmal aus unserer Mail, "
        "oder antworten Sie einfach darauf.",
        "Das hat gerade nicht geklappt. Bitte versuchen Sie es in einer Minute noch einmal.",
    ),
    "fr": Words(
        *("Que pensez-vous de notre aide ?", "mauvaise", "excellente"),
        *("Si vous voulez, dites-nous pourquoi en quelques mots.", "Envoyer", "Merci !"),
        "Vous avez changé d’avis ? Rouvrez le message : la dernière réponse compte.",
        "Veuillez choisir un chiffre.",
        "Ce lien est incomplet ou trop ancien. Rouvrez-le depuis notre message, ou répondez-y simplement.",
        "Cela n’a pas fonctionné. Veuillez réessayer dans une minute.",
    ),
    "es": Words(
        *("¿Qué le ha parecido nuestra ayuda?", "mala", "excelente"),
        *("Si quiere, díganos por qué en pocas palabras.", "Enviar", "¡Gracias!"),
        "¿Ha cambiado de opinión? Abra el correo otra vez: cuenta la última respuesta.",
        "Elija un número, por favor.",
        "Este enlace está incompleto o es demasiado antiguo. Ábralo otra vez desde nuestro correo o simplemente respóndalo.",
        "No ha funcionado. Inténtelo otra vez dentro de un minuto, por favor.",
    ),
    "pt": Words(
        *("O que achou da nossa ajuda?", "má", "excelente"),
        *("Se quiser, diga-nos porquê em poucas palavras.", "Enviar", "Obrigado!"),
        "Mudou de ideias? Abra o e-mail outra vez: conta a última resposta.",
        "Escolha um número, por favor.",
        "Esta ligação está incompleta ou é demasiado antiga. Abra-a outra vez a partir do nosso e-mail "
        "ou simplesmente responda.",
        "Não funcionou. Tente outra vez daqui a um minuto, por favor.",
    ),
    "it": Words(
        *("Come è stato il nostro aiuto?", "pessimo", "ottimo"),
        *("Se vuole, ci dica perché in poche parole.", "Invia", "Grazie!"),
        "Ha cambiato idea? Riapra il messaggio: conta l’ultima risposta.",
        "Scelga un numero, per favore.",
        "Questo link è incompleto o troppo vecchio. Lo riapra dal nostro messaggio, oppure risponda semplicemente.",
        "Non ha funzionato. Riprovi tra un minuto, per favore.",
    ),
    "nl": Words(
        *("Hoe vond u onze hulp?", "slecht", "uitstekend"),
        *("Vertel ons als u wilt in een paar woorden waarom.", "Versturen", "Bedankt!"),
        "Van gedachten veranderd? Open de mail opnieuw: het laatste antwoord telt.",
        "Kies een cijfer.",
        "Deze link is onvolledig of te oud. Open hem opnieuw vanuit onze mail, of beantwoord de mail gewoon.",
        "Dat lukte nu niet. Probeer het over een minuut opnieuw.",
    ),
    "pl": Words(
        *("Jak oceniają Państwo naszą pomoc?", "źle", "świetnie"),
        *("Jeśli to możliwe, prosimy napisać w kilku słowach dlaczego.", "Wyślij", "Dziękujemy!"),
        "Zmiana zdania? Prosimy otworzyć wiadomość ponownie: liczy się ostatnia odpowiedź.",
        "Prosimy wybrać liczbę.",
        "Ten link jest niepełny lub zbyt stary. Prosimy otworzyć go ponownie z naszej wiadomości "
        "albo po prostu na nią odpowiedzieć.",
        "Teraz się nie udało. Prosimy spróbować ponownie za minutę.",
    ),
}
_TAG = re.compile(r"\s*([a-z]{2})\b")


def language(asked: str, accepted: str) -> str:
    """The link's language, else the first that the browser accepts and there are words in, else English."""
    for one in (asked, *accepted.lower().split(",")[:20]):
        found = _TAG.match(one)
        if found and found[1] in LANGUAGES:
            return found[1]
    return "en"


def confirm(code: str, form: str, score: int | None, comment: str = "", problem: str = "") -> str:
    """The page that asks. ``form`` makes sending this very form twice one answer. Nothing is stored before it is sent."""
    words = LANGUAGES[code]
    marks = "".join(
        f'<label><input type="radio" name="score" value="{value}" required'
        f"{' checked' if value == score else ''}>{escape(label)}</label>"
        for value, label in enumerate((f"1 – {words.bad}", "2", "3", "4", f"5 – {words.great}"), 1)
    )
    said = f'<p class="bad" role="alert">{escape(problem)}</p>' if problem else ""
    return _page(
        code,
        words.question,
        f'<form method="post"><fieldset><legend><h1>{escape(words.question)}</h1></legend>'
        f'<div class="marks">{marks}</div></fieldset>{said}'
        f'<label for="comment">{escape(words.invite)}</label>'
        f'<textarea id="comment" name="comment" rows="4" maxlength="{MAX_COMMENT}">\n{escape(comment)}</textarea>'
        f'<input type="hidden" name="form" value="{escape(form)}"><button type="submit">{escape(words.send)}</button></form>',
    )


def thanks(code: str) -> str:
    """The page after an answer, whether or not its token was right."""
    words = LANGUAGES[code]
    return _page(code, words.thanks, f"<h1>{escape(words.thanks)}</h1><p>{escape(words.change)}</p>")


def odd(code: str) -> str:
    """The page for what is no link of ours."""
    words = LANGUAGES[code]
    return _page(code, words.question, f"<h1>{escape(words.question)}</h1><p>{escape(words.odd)}</p>")


def _page(code: str, title: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="{code}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )
