"""Why a mail did not become an SMS, in words for its sender: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from messa_platform.mail.reading import UnreadableReason
from messa_platform.messaging.statuses import Status

EMPTY = "empty"
SEVERAL_SENDERS = "several_senders"
ACCOUNT_BLOCKED = "account_blocked"
FAILED = "failed"

Cause = str
"""A status word's stem, an `UnreadableReason`, or one of the words above."""

_SV: Mapping[Cause, str] = {
    Status.NO_ROUTE: "Det finns just nu ingen väg till numret. Hör av dig till din administratör.",
    Status.DESTINATION_NOT_ALLOWED: "Din organisation tillåter inte sms till det landet.",
    Status.TENANT_SUSPENDED: "Din organisation är avstängd från att skicka. Hör av dig till din administratör.",
    Status.ALREADY_SENT: (
        "Samma text har redan skickats till numret det senaste dygnet. Lägg till något som skiljer, till exempel klockslaget,"
        " om den ska skickas igen."
    ),
    Status.TOO_MANY_PARTS: "Texten är för lång: högst {max_parts} sms i ett meddelande. Korta den och skicka igen.",
    Status.SENDER_NOT_VERIFIED: "Det gick inte att fastställa att mejlet kom från dig.",
    Status.INVALID_NUMBER: "Det här är inte ett mobilnummer som går att nå. Kontrollera numret.",
    Status.BLOCKED: "Mottagaren har avsagt sig sms från dig.",
    Status.UNSENT: "Mobilnätet tog inte emot sms:et. Numret finns troligen inte. Kontrollera det och skicka igen.",
    Status.NOT_ALLOWED_PERSONAL: "Du får inte skicka sms enligt gruppen {group}. Hör av dig till din administratör.",
    Status.NOT_ALLOWED_GROUP: "Gruppen {group} får inte skicka sms. Hör av dig till din administratör.",
    Status.USED_UP_PERSONAL: "Dina sms är slut enligt gränsen i gruppen {group}. Vänta, eller be din administratör om fler.",
    Status.USED_UP_GROUP: "Sms:en i gruppen {group} är slut. Vänta, eller be din administratör om fler.",
    UnreadableReason.ENCRYPTED: "Mejlet är krypterat, så texten går inte att läsa. Skicka det okrypterat.",
    UnreadableReason.OPAQUE_SIGNED: "Texten ligger inuti en signatur och går inte att läsa. Skicka mejlet utan signering.",
    UnreadableReason.NOT_TEXT: "Mejlets text är inte läsbar. Skicka det som vanlig text.",
    UnreadableReason.NOT_A_MAIL: "Det som kom är inte ett mejl som går att läsa.",
    UnreadableReason.TOO_MANY_PARTS: "Mejlet har för många delar. Skicka bara texten.",
    UnreadableReason.TOO_DEEP: "Mejlet är för djupt nästlat. Skicka bara texten.",
    EMPTY: "Mejlet hade varken ärende eller text, så det fanns inget att skicka.",
    SEVERAL_SENDERS: "Mejlet har flera avsändare i From-raden. Skicka det från en enda adress.",
    ACCOUNT_BLOCKED: "Ditt konto är spärrat. Hör av dig till din administratör.",
    FAILED: "Något gick fel hos oss. Mejlet är sparat, och driften är underrättad.",
}

_EN: Mapping[Cause, str] = {
    Status.NO_ROUTE: "There is no route to the number just now. Please contact your administrator.",
    Status.DESTINATION_NOT_ALLOWED: "Your organisation does not allow texts to that country.",
    Status.TENANT_SUSPENDED: "Your organisation is suspended from sending. Please contact your administrator.",
    Status.ALREADY_SENT: (
        "The same text has been sent to the number within the last 24 hours. Add something that differs, such as the time,"
        " if it is to be sent again."
    ),
    Status.TOO_MANY_PARTS: "The text is too long: at most {max_parts} SMS in one message. Shorten it and send it again.",
    Status.SENDER_NOT_VERIFIED: "It could not be established that the e-mail came from you.",
    Status.INVALID_NUMBER: "This is not a mobile number that can be reached. Check the number.",
    Status.BLOCKED: "The recipient has opted out of texts from you.",
    Status.UNSENT: "The mobile network did not take the SMS. The number probably does not exist. Check it and send again.",
    Status.NOT_ALLOWED_PERSONAL: "The group {group} does not allow you to send texts. Please contact your administrator.",
    Status.NOT_ALLOWED_GROUP: "The group {group} is not allowed to send texts. Please contact your administrator.",
    Status.USED_UP_PERSONAL: "Your texts are used up, by the limit of the group {group}. Wait, or ask your administrator for more.",
    Status.USED_UP_GROUP: "The texts of the group {group} are used up. Wait, or ask your administrator for more.",
    UnreadableReason.ENCRYPTED: "The e-mail is encrypted, so its text cannot be read. Send it unencrypted.",
    UnreadableReason.OPAQUE_SIGNED: "The text lies inside a signature and cannot be read. Send the e-mail unsigned.",
    UnreadableReason.NOT_TEXT: "The text of the e-mail cannot be read. Send it as plain text.",
    UnreadableReason.NOT_A_MAIL: "What arrived is not an e-mail that can be read.",
    UnreadableReason.TOO_MANY_PARTS: "The e-mail has too many parts. Send the text only.",
    UnreadableReason.TOO_DEEP: "The e-mail is nested too deeply. Send the text only.",
    EMPTY: "The e-mail had neither subject nor text, so there was nothing to send.",
    SEVERAL_SENDERS: "The e-mail names several senders in its From line. Send it from one address.",
    ACCOUNT_BLOCKED: "Your account is blocked. Please contact your administrator.",
    FAILED: "Something went wrong on our side. The e-mail is kept, and our operators have been told.",
}

WORDS: Mapping[str, Mapping[Cause, str]] = {"sv": _SV, "en": _EN}


def in_words(cause: Cause, language: str, *, group: str, max_parts: int) -> str:
    """A cause as a sentence in `sv` or `en`."""
    return WORDS[language][cause].format(group=group, max_parts=max_parts)
