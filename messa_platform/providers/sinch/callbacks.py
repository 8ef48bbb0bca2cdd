"""What a callback of Sinch's holds: a receipt, or a text from a phone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from messa_platform.providers.base import CallbackRefused, IncomingText, Receipt
from messa_platform.providers.http import e164, field, moment, words
from messa_platform.providers.sinch.codes import STATUSES


def events(told: Any) -> tuple[Receipt | IncomingText, ...]:
    """The events of a callback's JSON. Raises `CallbackRefused`."""
    if not isinstance(told, dict):
        raise CallbackRefused(400, "the body is no JSON object")
    match told.get("type"):
        case "recipient_delivery_report_sms":
            return (_receipt(told, told),)
        case "delivery_report_sms":
            return _summary(told)
        case "mo_text":
            return (_incoming(told),)
    raise CallbackRefused(400, "its type is neither of a receipt nor of a text")


def _receipt(report: Mapping[str, Any], told: Mapping[str, Any]) -> Receipt:
    """`told` is what has the status: the report itself, or one of a summary's."""
    status = field(told, "status")
    code = f"{status} {field(told, 'code')}" if told.get("code") is not None else status
    at = moment(told.get("at")) or moment(told.get("operator_status_at"))
    return Receipt(field(report, "batch_id"), STATUSES.get(status.lower()), code, at)


def _summary(report: Mapping[str, Any]) -> tuple[Receipt, ...]:
    """A report on a whole batch, which we do not ask for, but an account may be set up to get. A batch of ours is one text, so that it has
    one status; a batch that was cancelled in time may have none."""
    statuses = report.get("statuses")
    if not isinstance(statuses, list) or not all(isinstance(each, dict) for each in statuses):
        raise CallbackRefused(400, "statuses is missing, or is none")
    return tuple(_receipt(report, each) for each in statuses)


def _incoming(told: Mapping[str, Any]) -> IncomingText:
    return IncomingText(
        field(told, "id"),
        e164(field(told, "from")),
        e164(field(told, "to")),
        words(told, "body"),
        moment(told.get("received_at")),
    )
