"""Infobip's callbacks: several receipts or incoming texts in one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from messa_platform.core.logs import logger
from messa_platform.providers.base import (
    Callback,
    CallbackRefused,
    CallbackResult,
    IncomingText,
    Receipt,
    ReceiptStatus,
)
from messa_platform.providers.http import e164, field, moment, words
from messa_platform.providers.infobip.codes import AT_OPERATOR, NO_ERROR, STATUSES

log = logger(__name__)


def read(callback: Callback) -> CallbackResult:
    """Read a callback that is genuine. Raises `CallbackRefused`.

    One that cannot be read is left out where others can: Infobip would bring all of them again and again.
    """
    reader = _READERS.get(callback.path)
    if reader is None:
        raise CallbackRefused(404, "it is neither receipts nor incoming")
    events: list[Receipt | IncomingText] = []
    faults: list[CallbackRefused] = []
    for result in _results(callback):
        try:
            events.append(reader(result))
        except CallbackRefused as fault:
            faults.append(fault)
    if faults and not events:
        raise faults[0]
    if faults:
        log.warning("results_left_out", plugin="infobip", left_out=len(faults), why=str(faults[0]))
    return CallbackResult(tuple(events))


def _results(callback: Callback) -> list[Any]:
    told = callback.json
    results = told.get("results") if isinstance(told, dict) else None
    if not isinstance(results, list):
        raise CallbackRefused(400, "it has no results")
    return results


def _receipt(result: Any) -> Receipt:
    status = _object(result).get("status")
    if not isinstance(status, Mapping):
        raise CallbackRefused(400, "a result has no status")
    group = field(status, "groupName")
    name = field(status, "name") if status.get("name") else group
    found = STATUSES.get(group.upper())
    if name.upper() == AT_OPERATOR:
        found = ReceiptStatus.SENT
    code = " ".join(([] if found else [group]) + [name] + _error(result.get("error")))
    return Receipt(field(result, "messageId"), found, code, moment(result.get("doneAt")))


def _error(error: Any) -> list[str]:
    """The name of an error, if there was one."""
    name = error.get("name") if isinstance(error, Mapping) else None
    return [field(error, "name")] if name and str(name).upper() != NO_ERROR else []


def _incoming(result: Any) -> IncomingText:
    """The text is taken whole: `cleanText` is without what Infobip takes for a keyword."""
    fields = _object(result)
    return IncomingText(
        field(fields, "messageId"),
        e164(field(fields, "from")),
        e164(field(fields, "to")),
        words(fields, "text"),
        moment(fields.get("receivedAt")),
    )


def _object(result: Any) -> Mapping[str, Any]:
    if not isinstance(result, dict):
        raise CallbackRefused(400, "a result is no object")
    return result


_READERS: Mapping[str, Callable[[Any], Receipt | IncomingText]] = {
    "receipts": _receipt,
    "incoming": _incoming,
}
