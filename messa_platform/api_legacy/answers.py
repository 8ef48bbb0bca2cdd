"""What clients are answered: the bytes of the manual's examples (spec A1)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pyramid.response import Response

from messa_platform.messaging.statuses import Status

# with the manual's space before `?>`, and an element that is closed by a tag of its own
_DECLARATION = '<?xml version="1.0" encoding="utf-8" ?>\n'
CONTENT_TYPE = "text/xml; charset=utf-8"


class Code(StrEnum):
    """Why nothing was taken in, where no status word says it (spec A2)."""

    INVALID_USER = "invalid_api_user"
    NO_NUMBER = "missing_phone_number"
    INVALID_NUMBER = "invalid_phone_number"
    NO_MESSAGE = "missing_message"
    NOT_UTF8 = "invalid_encoding"
    TOO_LARGE = "too_many_parts"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"


UNKNOWN_ID = "unknown_id"
"""The value of an id that is none of the API user's messages."""

_TOLD_AS = {Status.UNCONFIRMED.value: Status.SENT.value}
"""The manual does not know every status (spec S6)."""


def told(word: str) -> str:
    """A status word as this API tells it."""
    return _TOLD_AS.get(word, word)


_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


def _attribute(value: str) -> str:
    """A value as it stands between double quotes (XML 1.0, 2.3). What XML cannot say at all is left out."""
    return "".join(c for c in value if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff")).translate(
        _ESCAPES
    )


def sent(message_id: str) -> Response:
    """The text was taken in."""
    return _send("1", "ok", message_id)


def refused(code: str, message_id: str = "") -> Response:
    """It was not; `code` is a `Code` or a status word. With an id it is in the log, and can be asked for."""
    return _send("0", code, message_id)


def _send(status: str, code: str, message_id: str) -> Response:
    values = tuple(map(_attribute, (status, code, message_id)))
    return _xml('<send_sms status="{}" code="{}" id="{}"></send_sms>'.format(*values))


def info(asked_id: str, word: str) -> Response:
    """The last that is known of a message; `asked_id` comes back as it was asked for."""
    return _xml(f'<last_info id="{_attribute(asked_id)}" value="{_attribute(told(word))}"></last_info>')


def failed(code: Code, status: int, headers: Mapping[str, str]) -> Response:
    """Nothing was looked at; 429 and 503 are the two answers for which the client should come back."""
    response = refused(code)
    response.status_int = status
    response.headers.update(headers)
    return response


def _xml(element: str) -> Response:
    response = Response((_DECLARATION + element).encode())
    response.headers["Content-Type"] = CONTENT_TYPE
    response.headers["Cache-Control"] = "no-store"
    return response
