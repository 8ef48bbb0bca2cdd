"""What the page says, in Swedish and English."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from messa_platform.providers.simulator.replies import ReplyProblem


class Language(StrEnum):
    """A language of the page."""

    SV = "sv"
    EN = "en"

    @property
    def other(self) -> Language:
        """The one to switch to."""
        return Language.EN if self is Language.SV else Language.SV


_SV: Final = {
    "title": "Simulatorn",
    "lead": "Ett låtsat mobilnät för utveckling och test. Inga sms eller mejl härifrån når någon på riktigt.",
    "skip": "Till innehållet",
    "other_language": "In English",
    "reload": "Uppdatera",
    "new_content": "Det har hänt något nytt, men du skriver just nu. Uppdatera när du är klar.",
    "phones": "Telefoner",
    "mails": "Mejl",
    "hooks": "Webhookar",
    "find_phone": "Visa telefonen med nummer",
    "show": "Visa",
    "show_all": "Visa alla telefoner",
    "no_phones": "Inget sms har kommit än. Mejla till 0701740605@messa.example, så dyker telefonen upp här.",
    "no_texts": "Den här telefonen har inte fått något sms.",
    "no_mails": "Plattformen har inte skickat något mejl än.",
    "no_hooks": "Ingen webhook har fått veta något än. Under API i Skolan finns några som leder hit.",
    "more_hooks": "De {shown} senaste av {count} händelser visas.",
    "no_event": "(ingen händelse)",
    "answered": "till {name}, som svarade {status}",
    "older_texts": "{count} äldre sms i {number}",
    "more_phones": "De {shown} senaste av {count} telefoner visas. Sök på ett nummer för att se en annan.",
    "more_mails": "De {shown} senaste av {count} mejl visas.",
    "parts": "{count} delar",
    "from": "Från",
    "to": "Till",
    "phone": "Telefon",
    "text": "Text",
    "reply": "Svara {to}",
    "reply_to": "Svara till",
    "send": "Skicka",
    "sent_by": "Telefonen skrev till {to}",
    "name_only": "Ett avsändarnamn går inte att svara på.",
    "write": "Skriv från en annan telefon",
    "headers": "Brevhuvud",
    "no_plain_text": "Mejlet har ingen textdel.",
    "no_subject": "(inget ämne)",
    "faults": "Nummer med inbyggda fel",
    "faults_lead": "Alla andra nummer tar emot och levererar.",
    "number": "Nummer",
    "does": "Vad som händer",
    "problem": "Svaret skickades inte: {problem}",
    "problem_PHONE": "telefonens nummer ska vara ett mobilnummer, till exempel +46701740605.",
    "problem_TO": "skriv numret som sms:et ska till, till exempel +46730000001.",
    "problem_SENDER_NAME": "ett avsändarnamn går inte att svara på. Skriv ett nummer.",
    "problem_TEXT": "skriv en text på högst 2 000 tecken.",
    "problem_number": "{number} är inget telefonnummer. Skriv till exempel +46701740605.",
}

_EN: Final = {
    "title": "The simulator",
    "lead": "A make-believe mobile network for development and tests. No text or mail gets out of it.",
    "skip": "To the content",
    "other_language": "På svenska",
    "reload": "Refresh",
    "new_content": "Something new has happened, but you are writing. Refresh when you are done.",
    "phones": "Phones",
    "mails": "Mails",
    "hooks": "Webhooks",
    "find_phone": "Show the phone with number",
    "show": "Show",
    "show_all": "Show all phones",
    "no_phones": "No text has come yet. Mail, say, 0701740605@messa.example, and the phone shows up here.",
    "no_texts": "This phone has got no text.",
    "no_mails": "The platform has sent no mail yet.",
    "no_hooks": "No webhook has been told anything yet. Under API in Skolan there are some that lead here.",
    "more_hooks": "The latest {shown} of {count} events are shown.",
    "no_event": "(no event)",
    "answered": "to {name}, which answered {status}",
    "older_texts": "{count} older texts in {number}",
    "more_phones": "The latest {shown} of {count} phones are shown. Search for a number to see another.",
    "more_mails": "The latest {shown} of {count} mails are shown.",
    "parts": "{count} parts",
    "from": "From",
    "to": "To",
    "phone": "Phone",
    "text": "Text",
    "reply": "Answer {to}",
    "reply_to": "Answer to",
    "send": "Send",
    "sent_by": "The phone wrote to {to}",
    "name_only": "A sender name cannot be answered.",
    "write": "Write from another phone",
    "headers": "Headers",
    "no_plain_text": "The mail has no text part.",
    "no_subject": "(no subject)",
    "faults": "Numbers with built-in faults",
    "faults_lead": "All other numbers take a text and deliver it.",
    "number": "Number",
    "does": "What happens",
    "problem": "The answer was not sent: {problem}",
    "problem_PHONE": "the phone's number must be a mobile number, such as +46701740605.",
    "problem_TO": "write the number that the text should reach, such as +46730000001.",
    "problem_SENDER_NAME": "a sender name cannot be answered. Write a number.",
    "problem_TEXT": "write a text of 2,000 characters at most.",
    "problem_number": "{number} is no phone number. Write, say, +46701740605.",
}

WORDS: Final[Mapping[Language, Mapping[str, str]]] = {Language.SV: _SV, Language.EN: _EN}


def language_of(asked: str | None) -> Language:
    """The language that `?lang=` asks for; Swedish where it asks for none that there is."""
    return Language.EN if asked == Language.EN else Language.SV


def problem_words(problem: ReplyProblem, language: Language) -> str:
    """What the page says of a reply that cannot leave."""
    words = WORDS[language]
    return words["problem"].format(problem=words[f"problem_{problem.name}"])
