"""What the documented numbers do. Every other number takes a text, answers at once and delivers it.

The numbers lie outside +467017, which belongs to whoever writes examples and tests without faults. The table
in docs/simulator.md is checked against this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final


class Take(Enum):
    """Whether the network takes a text that is submitted."""

    TAKEN = "taken"
    REFUSED = "refused"
    REFUSED_TWICE = "refused twice"
    THROTTLED = "throttled"
    LOST = "lost"


class Answer(Enum):
    """What the one who submitted gets to hear."""

    PROMPT = "prompt"
    NONE = "none"
    CUT = "cut"
    MALFORMED = "malformed"
    AFTER_RECEIPT = "after receipt"


class After(Enum):
    """When a receipt comes, counted from the submit."""

    NOW = "now"
    DELIVERY = "delivery"
    BUFFERED = "buffered"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class PlannedReceipt:
    """A receipt to come: its word and code, and when (`plus_ms` after the moment that `after` names)."""

    after: After
    status: str
    code: str
    plus_ms: int = 0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one number does.

    `code` is the refusal's code, `reply` what the phone answers; `en` and `sv` say it to people.
    """

    number: str
    name: str
    en: str
    sv: str
    take: Take = Take.TAKEN
    code: str = ""
    answer: Answer = Answer.PROMPT
    receipts: tuple[PlannedReceipt, ...] = ()
    reply: str | None = None


DELIVERED: Final = PlannedReceipt(After.DELIVERY, "DELIVERED", "000")
_BUFFERED: Final = PlannedReceipt(After.DELIVERY, "BUFFERED", "phone_off")

DEFAULT: Final = Behaviour(
    number="",
    name="ordinary",
    en="Taken, then DELIVERED.",
    sv="Tas emot och levereras.",
    receipts=(DELIVERED,),
)

REFUSALS_BEFORE_TAKING: Final = 2
"""How often `Take.REFUSED_TWICE` refuses one message before it takes it."""
THROTTLE_SECONDS: Final = 1.0
"""`Take.THROTTLED` takes one text in this time and refuses the rest."""

_TABLE: Final = (
    Behaviour(
        "+46700000001",
        "undelivered",
        "Taken, then UNDELIVERED (`unreachable`).",
        "Tas emot men blir UNDELIVERED (`unreachable`).",
        receipts=(PlannedReceipt(After.DELIVERY, "UNDELIVERED", "unreachable"),),
    ),
    Behaviour(
        "+46700000002",
        "buffered-then-delivered",
        "Taken, then BUFFERED, and DELIVERED 3 s later (`--buffered-ms`).",
        "Tas emot, blir BUFFERED och 3 s senare DELIVERED (`--buffered-ms`).",
        receipts=(_BUFFERED, PlannedReceipt(After.BUFFERED, "DELIVERED", "000")),
    ),
    Behaviour(
        "+46700000003",
        "buffered-for-ever",
        "Taken, then BUFFERED; nothing more is heard.",
        "Tas emot, blir BUFFERED; sedan hörs inget mer.",
        receipts=(_BUFFERED,),
    ),
    Behaviour(
        "+46700000004",
        "refused",
        "Refused at submit, for good (`invalid_destination`): UNSENT.",
        "Nekas direkt, för gott (`invalid_destination`): UNSENT.",
        take=Take.REFUSED,
        code="invalid_destination",
    ),
    Behaviour(
        "+46700000005",
        "refused-twice",
        "Each message is refused twice for now (`temporarily_unavailable`), then taken and DELIVERED.",
        "Varje meddelande nekas två gånger (`temporarily_unavailable`), tas sedan emot och levereras.",
        take=Take.REFUSED_TWICE,
        code="temporarily_unavailable",
        receipts=(DELIVERED,),
    ),
    Behaviour(
        "+46700000006",
        "throttled",
        "Takes one text a second; the rest are refused for now (`throttled`).",
        "Tar emot ett sms i sekunden; resten nekas tills vidare (`throttled`).",
        take=Take.THROTTLED,
        code="throttled",
        receipts=(DELIVERED,),
    ),
    Behaviour(
        "+46700000007",
        "timeout-sent",
        "Taken and DELIVERED, but the submit is never answered: a timeout that did send.",
        "Tas emot och levereras, men avsändaren får aldrig svar: en timeout som ändå skickade.",
        answer=Answer.NONE,
        receipts=(DELIVERED,),
    ),
    Behaviour(
        "+46700000008",
        "timeout-not-sent",
        "Not taken and never answered: a timeout that did not send.",
        "Tas inte emot och besvaras aldrig: en timeout som inte skickade.",
        take=Take.LOST,
        answer=Answer.NONE,
    ),
    Behaviour(
        "+46700000009",
        "cut-after-taking",
        "Taken and DELIVERED, but the connection is cut in place of an answer.",
        "Tas emot och levereras, men anslutningen bryts i stället för ett svar.",
        answer=Answer.CUT,
        receipts=(DELIVERED,),
    ),
    Behaviour(
        "+46700000010",
        "malformed-answer",
        "Taken and DELIVERED, but the answer makes no sense.",
        "Tas emot och levereras, men svaret går inte att tyda.",
        answer=Answer.MALFORMED,
        receipts=(DELIVERED,),
    ),
    Behaviour(
        "+46700000011",
        "receipts-lost",
        "Taken; no receipt ever comes.",
        "Tas emot; inget kvitto kommer någonsin.",
    ),
    Behaviour(
        "+46700000012",
        "receipts-repeated",
        "Taken; the DELIVERED receipt comes three times.",
        "Tas emot; kvittot DELIVERED kommer tre gånger.",
        receipts=tuple(PlannedReceipt(After.DELIVERY, "DELIVERED", "000", plus) for plus in (0, 200, 400)),
    ),
    Behaviour(
        "+46700000013",
        "receipts-reordered",
        "Taken; DELIVERED comes first, BUFFERED 300 ms after it.",
        "Tas emot; DELIVERED kommer först, BUFFERED 300 ms efter.",
        receipts=(DELIVERED, PlannedReceipt(After.DELIVERY, "BUFFERED", "phone_off", 300)),
    ),
    Behaviour(
        "+46700000014",
        "receipt-before-answer",
        "Taken; the receipt is posted before the submit is answered.",
        "Tas emot; kvittot skickas innan avsändaren har fått svar.",
        answer=Answer.AFTER_RECEIPT,
        receipts=(PlannedReceipt(After.NOW, "DELIVERED", "000"),),
    ),
    Behaviour(
        "+46700000015",
        "receipt-late",
        "Taken; DELIVERED comes after 60 s (`--late-ms`).",
        "Tas emot; DELIVERED kommer efter 60 s (`--late-ms`).",
        receipts=(PlannedReceipt(After.LATE, "DELIVERED", "000"),),
    ),
    Behaviour(
        "+46700000016",
        "unknown-status",
        "Taken; the receipt has a status word that nobody knows (`TELEPORTED`).",
        "Tas emot; kvittot har ett statusord som ingen känner (`TELEPORTED`).",
        receipts=(PlannedReceipt(After.DELIVERY, "TELEPORTED", "999"),),
    ),
    Behaviour(
        "+46700000017",
        "answers-ok",
        "Taken and DELIVERED; the phone answers every text with `OK`.",
        "Tas emot och levereras; telefonen svarar alltid `OK`.",
        receipts=(DELIVERED,),
        reply="OK",
    ),
    Behaviour(
        "+46700000018",
        "answers-stop",
        "Taken and DELIVERED; the phone answers every text with `STOP`.",
        "Tas emot och levereras; telefonen svarar alltid `STOP`.",
        receipts=(DELIVERED,),
        reply="STOP",
    ),
)

DOCUMENTED: Final[Mapping[str, Behaviour]] = MappingProxyType({entry.number: entry for entry in _TABLE})
"""The documented numbers, by number."""


def behaviour_of(number: str) -> Behaviour:
    """What `number` (E.164 with `+`) does."""
    return DOCUMENTED.get(number, DEFAULT)
