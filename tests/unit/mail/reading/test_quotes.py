"""The sender's own words: what goes as a quote or a signature, and what must stay (spec M3)."""

from __future__ import annotations

import pytest

from tests.unit.mail.reading.letters import answer_of, body_of, mail, reading_of

INTRODUCTIONS = [
    "Den mån 3 nov. 2025 kl 10:12 skrev Bo Ek <bo@demo.example>:",
    "Den mån 3 nov. 2025 kl 10:12 skrev Bo Ek <\nbo@demo.example>:",
    "Den mån 3 nov. 2025 kl\n10:12 skrev Bo Ek <bo@demo.example>:",
    "Den måndag 3 november 2025 kl. 10:12:01 CET skrev Bo Ek <bo@demo.example>:",
    "Den måndag den 3 november 2025 kl. 10:12, Bo Ek <bo@demo.example> skrev:",
    "3 nov. 2025 kl. 10:12 skrev Bo Ek <bo@demo.example>:",
    "Den 2025-11-03 kl. 10:12, skrev Bo Ek:",
    "mån 3 nov. 2025 kl. 10:12 skrev Bo Ek <bo@demo.example>:",
    "Bo Ek <bo@demo.example> skrev: (3 november 2025 10:12:00 CET):",
    "On Mon, Nov 3, 2025 at 10:12 AM Bo Ek <bo@demo.example> wrote:",
    "On Mon, Nov 3, 2025 at 10:12 AM Bo Ek with a very long name of his own\n<bo@demo.example> wrote:",
    "On 3 Nov 2025, at 10:12, Bo Ek <bo@demo.example> wrote:",
    "On 11/3/25 10:12, Bo Ek wrote:",
    "Am Mo., 3. Nov. 2025 um 10:12 Uhr schrieb Bo Ek <bo@demo.example>:",
    "Am 03.11.2025 um 10:12 schrieb Bo Ek:",
    "man. 3. nov. 2025 kl. 10:12 skrev Bo Ek <bo@demo.example>:",
    "Den man. 3. nov. 2025 kl. 10.12 skrev Bo Ek <bo@demo.example>:",
    "Den 03.11.2025 10:12, skrev Bo Ek:",
    "Le lun. 3 nov. 2025 à 10:12, Bo Ek <bo@demo.example> a écrit :",
    "Op ma 3 nov 2025 om 10:12 schreef Bo Ek <bo@demo.example>:",
]


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
@pytest.mark.parametrize("mark", ["> ", ""])
def test_the_earlier_mail_goes_with_its_introduction(introduction: str, mark: str) -> None:
    assert answer_of(f"Ja, gärna!\n\n{introduction}\n\n{mark}Kommer du?\n{mark}Vi bjuder.\n") == "Ja, gärna!"


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_an_introduction_right_below_the_answer_takes_no_line_of_it(introduction: str) -> None:
    assert answer_of(f"Hej!\nDen 4 passar bra\n{introduction}\n> Kommer du?\n") == "Hej!\nDen 4 passar bra"


@pytest.mark.parametrize(
    "header",
    [
        "Från: Bo Ek <bo@demo.example>\nSkickat: den 3 november 2025 10:12\nTill: Anna\nÄmne: Fest",
        "*Från:* Bo Ek <bo@demo.example>\n*Skickat:* den 3 november 2025 10:12\n*Till:* Anna\n*Kopia:* Eva\n*Ämne:* Fest",
        "From: Bo Ek <bo@demo.example>\nSent: Monday, November 3, 2025 10:12 AM\nTo: Anna\nSubject: Fest\nImportance: High",
        "Von: Bo Ek\nGesendet: Montag, 3. November 2025 10:12\nAn: Anna\nBetreff: Fest",
        "Fra: Bo Ek\nSendt: mandag 3. november 2025 10:12\nTil: Anna\nKopi: Eva\nEmne: Fest",
        "Från: Bo Ek\n\nSkickat: den 3 november 2025 10:12\n\nTill: Anna\n\nÄmne: Fest",
        "Från: Bo Ek\nDatum: måndag, 3 november 2025 10:12\nTill: Anna <anna@demo.example>,\nEva Lind, Per Ek,\nOlle Ask\nÄmne: Fest",
        "-----Ursprungligt meddelande-----\nFrån: Bo Ek\nÄmne: Fest\nDatum: 3 november",
        "-------- Ursprungligt meddelande --------\nnågot annat",
        "________________________________\nFrån: Bo Ek\nSkickat: i går\nTill: Anna\nÄmne: ",
    ],
)
def test_the_earlier_mail_goes_with_its_header(header: str) -> None:
    assert answer_of(f"Ja, gärna!\n\n{header}\n\nKommer du?\n-- \nBo\n") == "Ja, gärna!"


@pytest.mark.parametrize(
    "own",
    [
        "Från: Uppsala\nTill: Gävle\nDatum: 3 maj",
        "Som jag skrev 2024:\n- mjölk\n- ägg",
        "Hon skrev till info@demo.example:\ningen svarade",
        "Från och med nu: stängt\nTill dess: öppet",
        "From: we take the bus\nTo the school",
        "Den 3 maj kl 10 är vi på plats:\nhall 4",
        "Ursprungligt meddelande finns hos mig",
        "*****\nKom ihåg\n*****",
        "Skickat från kontoret i går, hör av dig om det inte kommit.",
        "Få ordning på Outlook i nya kursen",
    ],
)
def test_an_answer_s_own_lines_stay(own: str) -> None:
    assert answer_of(own) == own


def test_answers_between_the_quoted_lines_stay() -> None:
    body = "Bo Ek skrev:\n> När?\nKl 8\n> Var?\nI hallen\n"
    assert answer_of(body) == "Kl 8\nI hallen"


def test_a_first_mail_keeps_its_marked_lines() -> None:
    assert body_of("Gräns:\n> 8 grader") == "Gräns:\n> 8 grader"


def test_a_line_that_an_mbox_file_marked_is_no_quote() -> None:
    assert answer_of(">From nu gäller nya tider") == "From nu gäller nya tider"


def test_what_follows_the_signature_line_goes_in_every_mail() -> None:
    assert body_of("Hej\n-- \nAnna Berg\nRektor") == "Hej"
    assert answer_of("Hej\n-- \nAnna Berg\n\n> Vad?\n") == "Hej"


def test_two_dashes_without_their_blank_are_the_sender_s_own_in_plain_text() -> None:
    assert body_of("Hej\n--\nMeny") == "Hej\n--\nMeny"


def test_two_dashes_are_a_signature_line_in_rendered_html() -> None:
    assert body_of("<div>Hej</div><div>--</div><div>Anna Berg</div>", "Content-Type: text/html") == "Hej"


@pytest.mark.parametrize(
    "advertisement",
    [
        "Skickat från min iPhone",
        "Skickat från min Samsung Galaxy-smartphone.",
        "Skickat från Outlook för iOS",
        "Skickat från E-post för Windows",
        "Skickat från [Outlook för Android](https://aka.ms/AAb9ysg)".replace("[", "").replace("]", " "),
        "Hämta Outlook för iOS<https://aka.ms/o0ukef>",
        "Get Outlook for Android <https://aka.ms/AAb9ysg>",
        "Sent from my iPad",
        "Sent from Yahoo Mail on Android",
        "Sendt fra min iPhone",
        "Sendt fra Outlook for iOS",
        "Von meinem iPhone gesendet",
        "Gesendet von Outlook für iOS",
        "Skickat från Proton Mail för iOS",
    ],
)
def test_a_phone_s_advertisement_goes_from_the_end_only(advertisement: str) -> None:
    assert (
        body_of(f"Kommer nu\n\n{advertisement}\n", "Content-Type: text/plain; charset=utf-8") == "Kommer nu"
    )
    assert body_of(f"{advertisement}\nKommer nu") == f"{advertisement}\nKommer nu"


def test_a_forward_keeps_the_forwarded_text_and_loses_its_header() -> None:
    header = "Från: Bo\nSkickat: i dag\nTill: Anna\nÄmne: Fest"
    body = f"Läs!\n\n{header}\n\nVi bjuder in er.\n\nDen 3 nov 2025 kl 10:12 skrev Eva <eva@demo.example>:\n> Får vi komma?\n"
    assert answer_of(body, subject="VB: Fest") == "Läs!\nVi bjuder in er."


def test_a_forward_of_a_forward_loses_both_headers() -> None:
    header = "-------- Vidarebefordrat meddelande --------\nÄmne: Fest\nDatum: i dag\nFrån: Bo\nTill: Anna"
    assert answer_of(f"{header}\n\n\n{header}\n\nVälkomna!", subject="Fwd: Fwd: Fest") == "Välkomna!"


def test_a_forward_without_anything_known_stays_as_it_is() -> None:
    assert answer_of("> Vi ses\n> i morgon", subject="VB: Fest") == "> Vi ses\n> i morgon"


def test_a_forward_of_our_own_mail_answers_nobody_and_keeps_its_subject() -> None:
    reading = reading_of(mail("Hej", "In-Reply-To: <r2@messa.example>", subject="VB: SMS från +46701740605"))
    assert (reading.answers_ours, reading.sms_text) == (False, "SMS från +46701740605\nHej")


def test_an_answer_to_ours_goes_without_its_subject() -> None:
    reading = reading_of(mail("Hej", "References: <a@x.example>\r\n <r2@Messa.Example>", subject="Nytt ämne"))
    assert (reading.answers_ours, reading.sms_text) == (True, "Hej")
    assert reading.in_reply_to == ("a@x.example", "r2@Messa.Example")


def test_an_answer_to_somebody_at_a_longer_domain_is_none_to_ours() -> None:
    assert not reading_of(mail("Hej", "In-Reply-To: <r2@notmessa.example>")).answers_ours
    assert not reading_of(mail("Hej", "In-Reply-To: <r2@messa.example.other.example>")).answers_ours
