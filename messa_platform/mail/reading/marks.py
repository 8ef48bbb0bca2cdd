"""How mail programs mark the earlier mail below an answer, and their own advertisements: words of many languages in tables.

Each function looks at a few lines from a place on and takes time linear to them; lines over `MAX_LINE` characters are nobody's mark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto

MAX_LINE = 500


class _Field(Enum):
    FROM = auto()
    DATE = auto()
    TO = auto()
    SUBJECT = auto()
    OTHER = auto()


# Swedish, English, German, Norwegian and Danish, Dutch, Finnish, French, Spanish, Italian.
_FIELD_WORDS = {
    _Field.FROM: "från from von fra van lähettäjä de da",
    _Field.DATE: "skickat datum sent date gesendet sendt dato verzonden lähetetty päivämäärä envoyé enviado inviato data fecha",
    _Field.TO: "till to an til aan vastaanottaja à para a",
    _Field.SUBJECT: "ämne rubrik ärende subject betreff emne onderwerp aihe objet asunto oggetto",
    _Field.OTHER: "kopia kopi cc bcc kopie svara_till svar_till reply-to antwort_an prioritet importance vikt priority wichtigkeit "
    "bilagor attachments anlagen vedhæftet vedlegg organisation tänka_på",
}
_FIELD_OF = {word.replace("_", " "): field for field, words in _FIELD_WORDS.items() for word in words.split()}
_FIELD_LINE = re.compile(
    rf"[*_]{{0,2}}({'|'.join(sorted(map(re.escape, _FIELD_OF), key=len, reverse=True))})[*_]{{0,2}}\s?:", re.I
)
_MAX_HEADER_LINES = 40


def header_block(lines: Sequence[str], at: int, *, any_field_first: bool = False) -> int:
    """How many lines from `at` on are an earlier mail's header as Outlook writes it; 0 if that is none.

    It names the sender, the subject, and the day or the recipient; `Från: Uppsala, Till: Gävle` is somebody's journey. The sender comes
    first, unless `any_field_first`: below a separator line that said what follows.
    """
    seen: set[_Field] = set()
    last: _Field | None = None
    end = at
    for index in range(at, min(len(lines), at + _MAX_HEADER_LINES)):
        line = lines[index].strip()
        found = _FIELD_LINE.match(line)
        if found is not None:
            last = _FIELD_OF[found[1].lower()]
            if not seen and last is not _Field.FROM and not any_field_first:
                return 0
            seen.add(last)
            end = index + 1
        elif not seen or (line and not _continues(last, line, lines[index - 1])):
            break
        elif line:
            end = index + 1
        elif index != end or {_Field.FROM, _Field.SUBJECT} <= seen:
            break  # a blank line ends it; only converted HTML has single ones between the fields
    whole = {_Field.FROM, _Field.SUBJECT} <= seen and not seen.isdisjoint({_Field.DATE, _Field.TO})
    return end - at if whole else 0


def _continues(last: _Field | None, line: str, before: str) -> bool:
    """Whether `line` is more recipients: a long list is wrapped."""
    return last in (_Field.TO, _Field.OTHER) and ("@" in line or before.rstrip().endswith((",", ";")))


_ORIGINAL = (
    "original message|originalmeddelande|ursprungligt meddelande|ursprungligt mail|ursprungsmeddelande|ursprüngliche nachricht"
    "|originalnachricht|original-nachricht|opprinnelig melding|oprindelig meddelelse|original meddelelse|original besked"
    "|oorspronkelijk bericht|alkuperäinen viesti|message d'origine|mensaje original|messaggio originale"
)
_FORWARDED = (
    "forwarded message|begin forwarded message|vidarebefordrat meddelande|vidarebefordrat mail|vidarebefordrat brev"
    "|vidarebefordrat e-postmeddelande|weitergeleitete nachricht|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail"
    "|videresendt melding|videresendt meddelelse|videresendt besked|start på videresendt besked|doorgestuurd bericht"
    "|välitetty viesti|message transféré"
)
_SEPARATOR = re.compile(
    rf"[-_=]{{2,60}}\s?(?:{_ORIGINAL}|{_FORWARDED})\s?:?\s?[-_=]{{0,60}}|(?:{_FORWARDED})\s?:", re.IGNORECASE
)
_RULE = re.compile(r"\s*(?:_{5,}|-{5,}|={5,}|\*{5,})\s*")


def separator(line: str) -> bool:
    """Whether the line is an `-----Ursprungligt meddelande-----`, or says that a forwarded mail begins."""
    return len(line) <= MAX_LINE and _SEPARATOR.fullmatch(line.strip()) is not None


def rule(line: str) -> bool:
    """Whether the line is a mere stroke, such as Outlook's 32 underscores."""
    return len(line) <= MAX_LINE and _RULE.fullmatch(line) is not None


_VERB = re.compile(
    r"\b(?:skrev|wrote|writes|schrieb|schreef|écrit|escribió|ha scritto|kirjoitti|napisał(?:\(a\))?|rašė|pisze)\b",
    re.IGNORECASE,
)
_DAY_IN_WORDS = re.compile(
    r"(?:den|on|am|le|op|el|il|på|kl|at)\s|(?:mån|tis|ons|tors?|fre|lör|sön|man|tir|lør|søn|mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do"
    r"|fr|sa|so)(?:dag|day|s?tag)?[.,]{0,2}\s",
    re.IGNORECASE,
)
_DAY_IN_DIGITS = re.compile(r"\d{1,4}[ ./-]")
_BRACKETED_ADDRESS = re.compile(r"[<\[(](?:mailto:)?[^<>\s]{1,100}@[^<>\s]{1,200}")
_CLOCK = re.compile(r"\b\d{1,2}[:.]\d{2}\b")
_YEAR_OR_CLOCK = re.compile(rf"\b\d{{4}}\b|{_CLOCK.pattern}")
_ENDS = re.compile(r"[:：]$|@[^<>\s]+>: {2,}")  # Yahoo goes on in the same line
_MAX_ATTRIBUTION_LINES = 4


def attribution(lines: Sequence[str], at: int) -> int:
    """How many lines from `at` on say that somebody wrote what follows (`Den mån 3 nov. 2025 kl 10:12 skrev …:`); 0 if none.

    Programs wrap that sentence over up to four lines. Where a quoted line follows, a verb and a colon are enough; where none
    does, it must look like a program's: an address in brackets, or a day in front and a time of day.
    """
    text = ""
    opens = begins = False
    for index in range(at, min(len(lines), at + _MAX_ATTRIBUTION_LINES)):
        line = lines[index].strip()
        if not line or line.startswith(">") or len(text) + len(line) > MAX_LINE:
            return 0
        opens_here = _DAY_IN_WORDS.match(line) is not None or _DAY_IN_DIGITS.match(line) is not None
        if index == at:
            opens = opens_here
            begins = opens and _YEAR_OR_CLOCK.search(line) is not None
        elif opens_here and _VERB.search(line):
            return 0  # it begins here, and the line above is the sender's own
        text = f"{text} {line}" if text else line
        if _ENDS.search(line) and _VERB.search(text):
            break
        if not begins and not _BRACKETED_ADDRESS.search(text):
            return 0  # only what itself looks like a beginning may go on in the next line
    else:
        return 0
    by_program = _BRACKETED_ADDRESS.search(text) or (opens and ("@" in text or _CLOCK.search(text)))
    return index + 1 - at if by_program or is_quoted_next(lines, index + 1) else 0


def is_quoted_next(lines: Sequence[str], at: int) -> bool:
    """Whether the first line with text at or shortly below `at` is quoted."""
    following = next((line for line in lines[at : at + 4] if line.strip()), "")
    return following.startswith(">")


_DEVICE = (
    "iphone|ipad|ipod|mac|android|samsung|galaxy|huawei|honor|xiaomi|redmi|oneplus|pixel|motorola|nokia|sony|xperia|htc|blackberry"
    "|t-mobile|mobil|mobiltelefon|mobile|telefon|phone|handy|smartphone|surfplatta|tablet|windows|outlook|mail|e-post|epost|gmail"
    "|yahoo|proton|k-9|fairemail|icloud|aol|spark|puhelin"
)
_ADVERTISEMENT = re.compile(
    r"(?:skickat|skickas|sänt|sent|sendt|gesendet|verzonden|lähetetty|envoyé|enviado|inviato)"
    r"\s(?:från|fra|from|via|mit|von|med|with|vanaf|de|depuis|desde|da)"
    rf"\s(?:[\w-]{{1,12}},?\s){{0,2}}?(?:{_DEVICE})\b(?:[\s-][^\s.]{{1,20}}){{0,6}}\.?"
    rf"|von (?:meinem|meiner) (?:[\w-]{{1,12}}\s){{0,2}}(?:{_DEVICE})\b.{{0,30}}\bgesendet\.?"
    r"|(?:hämta|skaffa|få|ladda ned|get|download|hent|last ned|holen sie sich|lataa)\s\[?outlook\s"
    r"(?:för|for|til|till|für|pour|voor)\s(?:ios|android|mac|windows|mobil).{0,20}",
    re.IGNORECASE,
)
_MAX_ADVERTISEMENT = 200
_WITHOUT_TARGET = re.compile(r"\s?[<(]https?://[^>)\s]{1,150}[>)]?")


def advertisement(line: str) -> bool:
    """Whether the line is what phones and programs put at the end: `Skickat från min iPhone`, `Hämta Outlook för iOS`."""
    return (
        len(line) <= _MAX_ADVERTISEMENT
        and _ADVERTISEMENT.fullmatch(_WITHOUT_TARGET.sub("", line).strip()) is not None
    )


MAYBE_QUOTED = re.compile(
    r"^>|^[*_\s]{0,4}(?:från|from|von|fra|van|lähettäjä|de|da)[*_]{0,2}\s?:"
    rf"|{_VERB.pattern}|{_ORIGINAL}|{_FORWARDED}",
    re.IGNORECASE | re.MULTILINE,
)
"""Found in every text that has any of these marks; in most texts it is not."""
