"""The reply splitter: scored on real replies, and kept from eating a customer's words."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.email.mime import parse
from bot.adapters.email.quotes import split_reply
from tests.email.corpora import mail_corpus

REACHED = 43
"""Of the 43 replies of the crisp corpus (the best libraries reach 21 to 41)."""


def test_score_on_the_corpus() -> None:
    folder = mail_corpus() / "crisp"
    expectation = json.loads((folder / "expected_first_reply.json").read_text())
    wrong = []
    for name in expectation["files"]:
        text = (folder / name).read_text()
        split = split_reply(text)
        assert split.visible + split.tail == text
        if split.visible.strip() != expectation["expected"].strip():
            wrong.append(name)
    right = len(expectation["files"]) - len(wrong)
    print(f"reply splitter: {right} of {len(expectation['files'])}; wrong: {wrong}")
    assert right >= REACHED, wrong


BOTTOM_POSTED = {"thunderbird.eml"}
"""The words stand below the quote here, so nothing may be folded away."""


def test_standard_replies_of_real_programs() -> None:
    folder = mail_corpus() / "talon" / "standard_replies"
    checked = 0
    for path in sorted(folder.glob("*.eml")):
        split = split_reply(parse(path.read_bytes()).text)
        if path.name in BOTTOM_POSTED:
            assert split.visible.rstrip().endswith("Hello"), path.name
            assert not split.tail
        elif path.name == "sparrow.eml":
            assert split.visible.split() == (folder / "sparrow_reply_text").read_text().split()
        else:
            assert split.visible.strip() == "Hello", path.name
        checked += 1
    assert checked >= 11


KEPT_WHOLE = [
    "correct_sig.txt", "email_1.txt", "email_2.txt", "email_5.txt", "email_21.txt", "email_not_a_signature.txt",
    "email_not_a_signature_2.txt", "email_sent_from_my_not_signature.txt", "email_tricky_1_on_false_positive.txt",
    "email_tricky_2_url_with_wrote.txt", "email_tricky_3_code_block.txt", "email_tricky_4_from_in_body.txt",
    "email_tricky_6_regards_in_sentence.txt", "email_tricky_7_multiple_dashes.txt", "email_with_regards.txt",
    "email_tricky_8_sent_from_in_content.txt", "email_tricky_13_timestamp_variations.txt",
    "email_tricky_18_inline_reply.txt", "email_tricky_19_quote_without_header.txt",
]  # fmt: skip


@pytest.mark.parametrize("name", KEPT_WHOLE)
def test_words_that_only_look_like_quotes_stay(name: str) -> None:
    text = (mail_corpus() / "crisp" / name).read_text()
    assert split_reply(text).tail == ""


ATTRIBUTIONS = [
    "On Mon, Jan 5, 2026 at 10:00 AM Shop Support <support@shop.example> wrote:",
    "Le lun. 5 janv. 2026 à 10:00, Shop <support@shop.example> a écrit :",
    "Am Mo., 5. Jan. 2026 um 10:00 Uhr schrieb Shop <support@shop.example>:",
    "Am 05.01.26 um 10:00 schrieb Shop:",
    "El lun, 5 ene 2026 a las 10:00, Shop (<support@shop.example>) escribió:",
    "Il giorno lun 5 gen 2026 alle ore 10:00 Shop <support@shop.example> ha scritto:",
    "Em seg., 5 de jan. de 2026 às 10:00, Shop <support@shop.example> escreveu:",
    "Op ma 5 jan 2026 om 10:00 schreef Shop <support@shop.example>:",
    "Den mån 5 jan. 2026 kl 10:00 skrev Shop <support@shop.example>:",
    "pon., 5 sty 2026 o 10:00 Shop <support@shop.example> napisał(a):",
    "пн, 5 янв. 2026 г. в 10:00, Shop <support@shop.example>:",
    "ma 5. tammik. 2026 klo 10.00 Shop (support@shop.example) kirjoitti:",
    "5 Oca 2026 Pzt 10:00 tarihinde Shop <support@shop.example> şunu yazdı:",
    "po 5. 1. 2026 v 10:00 odesílatel Shop <support@shop.example> napsal:",
    "2026年1月5日(月) 10:00 Shop <support@shop.example>:",
    "Shop <support@shop.example> 于2026年1月5日周一 10:00写道：",
    "2026년 1월 5일 (월) 오전 10:00, Shop <support@shop.example>님이 작성:",
    "-----Ursprüngliche Nachricht-----",
    "-------- Message original --------",
    "---------- Forwarded message ---------",
    "_____________\nVon: Shop <support@shop.example>\nGesendet: 5. Januar 2026\nAn: D\nBetreff: Paket",
    "*De :* Shop <support@shop.example>\n*Envoyé :* lundi 5 janvier 2026\n*Objet :* Colis",
    "寄件者: Shop <support@shop.example>\n寄件日期: 2026年1月5日\n主旨: 包裹",
    "##- Please type your reply above this line -##",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("quote", ["> Where is\n> my parcel?", "Where is my parcel?"])
def test_attributions_of_many_languages(attribution: str, quote: str) -> None:
    text = f"Still nothing here.\n\n{attribution}\n\n{quote}\n"
    split = split_reply(text)
    assert split.visible == "Still nothing here."
    assert split.visible + split.tail == text


@pytest.mark.parametrize(
    "words",
    [
        "From: Berlin\nTo: Paris\nDate: 5 May\nFor two people please.",
        "On page 3 you wrote:\nPress the button. It does not help.",
        "Hello,\nOn 5 January I ordered two lamps yesterday. Then my wife wrote:\n\nI want three.",
        "My order: 77\nDate: 5 January\nPlease help.",
        "> Is it broken?\n\nYes, it is.",
        "Hi,\n\nOn Mon, Jan 5, 2026 at 10:00 Shop <s@shop.example> wrote:\n> Which size?\n\nSize 42.\n\n> Colour?\n\nRed.",
        "Sent from my village in the mountains, where the post comes twice a week.",
    ],
)
def test_the_customers_words_are_never_folded(words: str) -> None:
    assert split_reply(words).visible == words


def test_a_bare_forward_stays_visible() -> None:
    text = "---------- Forwarded message ---------\nFrom: a <a@x.example>\nDate: today\nSubject: b\n\nwords"
    assert split_reply(text).visible == text


def test_a_mobile_signature_is_folded() -> None:
    assert split_reply("Yes please\n\nSent from my iPhone").visible == "Yes please"
    assert split_reply("Ja\n\nVon meinem iPhone gesendet\n").visible == "Ja"


LINES = st.sampled_from(
    [
        "", "words", "> quoted", ">> twice", "On Mon, Jan 5, 2026 at 10:00 A <a@x.example> wrote:", "From: a@x.example",
        "Sent: Monday", "To: b", "Subject: c", "-----Original Message-----", "-- ", "____", "Sent from my iPhone", "\t", "&lt;",
        "Am 05.01.26 um 10:00", "schrieb Shop:", "：", "*", "\r", "\u2028",
    ]
)  # fmt: skip


@given(st.lists(LINES, max_size=30))
def test_nothing_is_ever_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    split = split_reply(text)
    assert split.visible + split.tail == text
    assert split.visible.strip() or not split.tail


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    split = split_reply(text)
    assert split.visible + split.tail == text


@pytest.mark.parametrize(
    "text",
    [
        "On Dec 15, 2024\n" * 30_000, "From: a\n" * 50_000, ("-----" * 10 + "x\n") * 20_000, "> a\n" * 100_000,
        "On Dec 15, 2024, " + "a" * 400_000, " " * 400_000, ("a " * 100 + "\n") * 5_000, "&lt;" * 100_000,
        "On Dec 15, 2024, at 3:00 PM, X <a@b.de> wrote:\n> hi\nyes\n\n" * 5_000,
    ],
    ids=range(9),
)  # fmt: skip
def test_long_texts_are_cheap(text: str) -> None:
    started = time.process_time()
    split_reply(text)
    assert time.process_time() - started < 3
