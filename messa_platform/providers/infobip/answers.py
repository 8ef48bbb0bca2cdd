"""What Infobip's answers say: to a text, and to the question what it has under an id of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from messa_platform.core.outbound import Answer
from messa_platform.providers.base import Absent, Accepted, Found, Outcome, Rejected, Unknown
from messa_platform.providers.http import MALFORMED, json_object, refused
from messa_platform.providers.infobip.codes import FOR_GOOD, IN_DOUBT, REFUSED, TAKEN

_OTHER_PLACE: Final = frozenset({404, 405})
"""Statuses of a server that is not Infobip's: the base URL is wrong, which is the channel's fault and not the text's."""
_GATEWAY: Final = frozenset({502, 504})
"""Statuses by which a server in front of Infobip says that it heard nothing from behind it, where the text may have gone all the same."""
_WAS_TAKEN: Final = TAKEN | REFUSED - {"REJECTED"}
"""Groups that say in the log that it took the text, whatever came of it."""
_WORD = re.compile(r"[A-Z][A-Z0-9_]{1,79}")


@dataclass(frozen=True, slots=True)
class Status:
    """A status of Infobip's. `group` and `name` are in upper case; `number` is -1 where it told none."""

    group: str
    name: str
    number: int

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Status | None:
        """The status of an entry in an answer; None if there is none."""
        told = entry.get("status")
        group = _word(told.get("groupName")) if isinstance(told, Mapping) else ""
        if not isinstance(told, Mapping) or not group:
            return None
        number = told.get("id")
        return cls(group, _word(told.get("name")) or group, number if isinstance(number, int) else -1)

    def is_among(self, listed: Mapping[str, int]) -> bool:
        """Whether it is one of those that are listed, by name or by number: names have been changed."""
        return self.name in listed or self.number in listed.values()

    @property
    def refusal(self) -> Rejected | Unknown:
        """What it is where it is a refusal."""
        if self.is_among(IN_DOUBT):
            return Unknown(self.name)
        return Rejected(permanent=self.is_among(FOR_GOOD), code=self.name)


def outcome(answer: Answer) -> Outcome:
    """What the answer to a text says. One text was handed over, so one is told of."""
    if not answer.ok:
        return _not_heeded(answer)
    entries = _entries(answer, "messages") or []
    status = Status.of(entries[0]) if len(entries) == 1 else None
    if status is None:
        return MALFORMED
    if status.group in REFUSED:
        return status.refusal
    details = entries[0].get("details")
    parts = _count(details.get("messageCount")) if isinstance(details, Mapping) else None
    return _accepted(entries[0], parts) if status.group in TAKEN else MALFORMED


def found(answer: Answer, ours: str, kept: bool) -> Found:
    """What the log says of our id. `kept`: the text is young enough to be in the log if there was one.

    As the send would have said: what came of a text later is for receipts to tell, so that only REJECTED is a refusal here.
    """
    if not answer.ok:
        return Unknown(code_of(answer) or f"http_{answer.status}")
    entries = _entries(answer, "results")
    if entries == []:
        return Absent() if kept else Unknown("no_longer_logged")
    about = [entry for entry in entries or () if entry.get("messageId") == ours]
    known = [(entry, status) for entry in about if (status := Status.of(entry)) is not None]
    for entry, status in known:
        if status.group in _WAS_TAKEN:
            return _accepted(entry, _count(entry.get("messageCount")))
    refusals = [status.refusal for _, status in known if status.group == "REJECTED"]
    told = [refusal for refusal in refusals if isinstance(refusal, Rejected)] or refusals
    return told[-1] if told else MALFORMED


def code_of(answer: Answer) -> str:
    """Infobip's own word for what is wrong with a request, in either of the forms that it uses; empty if there is none."""
    told = json_object(answer) or {}
    error = told.get("requestError")
    exception = error.get("serviceException") if isinstance(error, Mapping) else None
    return _word(exception.get("messageId") if isinstance(exception, Mapping) else told.get("errorCode"))


def _not_heeded(answer: Answer) -> Rejected | Unknown:
    code = code_of(answer)
    if answer.status in _GATEWAY:
        return Unknown(code or f"http_{answer.status}")
    if answer.status in _OTHER_PLACE:
        return Rejected(permanent=False, code=code or f"http_{answer.status}")
    return refused(answer, code)


def _entries(answer: Answer, name: str) -> list[Mapping[str, Any]] | None:
    """A list of objects in an answer; None if it is none."""
    listed = (json_object(answer) or {}).get(name)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        return None
    return listed


def _accepted(entry: Mapping[str, Any], parts: int | None) -> Outcome:
    reference = entry.get("messageId")
    if not isinstance(reference, str) or not 0 < len(reference) <= 200:
        return MALFORMED
    return Accepted(reference, parts, _price(entry.get("price"), parts))


def _price(price: Any, parts: int | None) -> Decimal | None:
    """What all parts cost, if it is told in our currency: it is told for each part."""
    if parts is None or not isinstance(price, Mapping) or price.get("currency") != "SEK":
        return None
    each = amount(price.get("pricePerMessage"))
    return None if each is None else each * parts


def amount(number: Any) -> Decimal | None:
    """An amount of money; None if it is none."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    found = Decimal(str(number))
    return found if found.is_finite() else None


def _word(written: Any) -> str:
    """One of Infobip's words, in upper case; empty if it is none."""
    word = written.upper() if isinstance(written, str) else ""
    return word if _WORD.fullmatch(word) else ""


def _count(number: Any) -> int | None:
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None
