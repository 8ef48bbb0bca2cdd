"""What the log's words mean, said to admins; English here, and translated where it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from messa_platform.core.i18n import msgid
from messa_platform.messaging.models import Door
from messa_platform.messaging.statuses import Direction, Status

DIRECTIONS: Mapping[Direction, str] = {Direction.OUT: msgid("out"), Direction.IN: msgid("in")}

DOORS: Mapping[Door, str] = {
    Door.MAIL: msgid("by e-mail"),
    Door.PORTAL: msgid("on the web pages"),
    Door.LEGACY: msgid("by the API (api.aspx)"),
    Door.V2: msgid("by the API (v2)"),
    Door.PROVIDER: msgid("from the mobile network"),
}
"""By which way a message came in."""

MEANINGS: Mapping[Status, str] = {
    Status.SCHEDULED: msgid(
        "The text waits for the time that its sender has chosen. Until then it can be cancelled."
    ),
    Status.CANCELLED: msgid("The text was cancelled before its time came. It is not counted."),
    Status.QUEUED: msgid("The text is taken in and leaves as soon as it can."),
    Status.UNCONFIRMED: msgid(
        "The text was handed over, but nobody has confirmed that the network took it. We ask again, and do not send it twice."
    ),
    Status.SENT: msgid(
        "The text was sent, and nothing else has been confirmed yet. This status stands first, before one like DELIVERED."
    ),
    Status.BUFFERED: msgid(
        "The text is kept by the mobile operator, probably as the phone is switched off or out of reach. It is delivered as soon as possible."
    ),
    Status.DELIVERED: msgid("The text is delivered to the mobile phone."),
    Status.UNDELIVERED: msgid(
        "The text could not be delivered. Most likely the mobile number does not exist."
    ),
    Status.UNSENT: msgid(
        "The text could not be sent. Most likely the mobile number does not exist. It is not counted."
    ),
    Status.INCOMING: msgid("A text that came from the mobile phone. It costs nothing, so its count is 0."),
    Status.NO_ROUTE: msgid("The text was not sent: just then there was no way to the number."),
    Status.DESTINATION_NOT_ALLOWED: msgid(
        "The text was not sent: the organisation does not allow texts to that country."
    ),
    Status.TENANT_SUSPENDED: msgid("The text was not sent: the organisation was suspended from sending."),
    Status.ALREADY_SENT: msgid(
        "The text was not sent: the same sender had sent the same text to the same number within 24 hours. This guards against mail loops."
    ),
    Status.TOO_MANY_PARTS: msgid("The text was not sent: it was longer than its sender may send."),
    Status.SENDER_NOT_VERIFIED: msgid(
        "The text was not sent: it could not be told that the e-mail really came from its sender."
    ),
    Status.INVALID_NUMBER: msgid(
        "The text was not sent: what was written is not a number that can be reached."
    ),
    Status.BLOCKED: msgid("The text was not sent: the recipient has answered STOP to the sender."),
    Status.NOT_ALLOWED_PERSONAL: msgid(
        "The text was not sent: each user in the group named is limited to 0 SMS, so they are not allowed to send."
    ),
    Status.NOT_ALLOWED_GROUP: msgid(
        "The text was not sent: the group named and all below it are limited to 0 SMS together, so they are not allowed to send."
    ),
    Status.USED_UP_PERSONAL: msgid(
        "The text was not sent: the user had used up the SMS that each user in the group named may send."
    ),
    Status.USED_UP_GROUP: msgid(
        "The text was not sent: the group named and all below it had used up the SMS that they may send together."
    ),
}
"""What each status says of a message, as the manual has it."""

ADVICE: Mapping[Status, str] = {
    Status.UNDELIVERED: msgid(
        "Check the number. If it is right, ask the recipient whether their phone takes texts."
    ),
    Status.UNSENT: msgid("Check the number, and send the text again."),
    Status.NO_ROUTE: msgid("Tell whoever runs messa, and send the text again later."),
    Status.DESTINATION_NOT_ALLOWED: msgid("Tell whoever runs messa if texts to that country are needed."),
    Status.TENANT_SUSPENDED: msgid("Talk to whoever runs messa."),
    Status.ALREADY_SENT: msgid(
        "To send the same text again, as an alarm does, put something into it that differs each time, such as the time of day."
    ),
    Status.TOO_MANY_PARTS: msgid(
        "Shorten the text, or let the group's texts be longer: their number of SMS a message is one of its permissions."
    ),
    Status.SENDER_NOT_VERIFIED: msgid(
        "Send from the usual mail program. If that does not help, whoever runs the mail has to look at SPF, DKIM and DMARC of its domain."
    ),
    Status.INVALID_NUMBER: msgid("Check the number. One that begins with 0 belongs to the group's country."),
    Status.BLOCKED: msgid(
        "Only the recipient can change that, by sending START to the number of the sender."
    ),
    Status.NOT_ALLOWED_PERSONAL: msgid("Raise the limit on each user if they are to send."),
    Status.NOT_ALLOWED_GROUP: msgid("Raise the limit of the group if it is to send."),
    Status.USED_UP_PERSONAL: msgid("Wait until there are more, or raise the limit on each user."),
    Status.USED_UP_GROUP: msgid("Wait until there are more, or raise the limit of the group."),
}
"""What to do where a message did not get through."""

OUR_CODES: Mapping[str, str] = {
    "no_provider": msgid("The channel could not be used just then."),
    "moved_from": msgid("The channel did not work, or was paused; the text went on to another one."),
    "partial": msgid("The text came in pieces, and some of them never did."),
    "in_doubt": msgid("It was not known whether the provider got the text, so it was asked."),
    "absent": msgid("The provider never got the text, which was sent again."),
    "sent_again": msgid("The text was sent again to the same provider, which recognises one that it has."),
}
"""What the codes mean that are our own."""
