"""What an endpoint is sent: the body, and the headers that prove it ours (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.crypto import Keys
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.models import EndpointKind
from messa_platform.messaging.outward.queue import Taken
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.tenants.models import AccountKind

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The convention asks for 24 to 64."""


def new_secret() -> str:
    """A secret for signing, as its receiver is to keep it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery ready to leave. `secrets` sign it, the newest first."""

    taken: Taken
    body: bytes
    content_type: str
    secrets: tuple[bytes, ...]

    def headers(self, now: datetime) -> dict[str, str]:
        """Its headers, if it is sent now."""
        headers = {"Content-Type": self.content_type}
        if self.secrets:
            name, at = str(self.taken.claim.id), str(int(now.timestamp()))
            signed = f"{name}.{at}.".encode() + self.body
            signatures = " ".join(f"v1,{_signature(secret, signed)}" for secret in self.secrets)
            headers |= {"webhook-id": name, "webhook-timestamp": at, "webhook-signature": signatures}
        return headers


def _signature(secret: bytes, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX.encode()))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


# The words of an incoming text alone are told, and only what is left of them (spec L4).
_MESSAGES = text(
    "SELECT m.id, m.direction, m.remote, m.local, m.group_id, m.account_id, m.parts, m.client_ref,"
    " CASE m.direction WHEN 'in' THEN m.text END AS text,"
    " a.kind, a.address, a.display_name FROM message m LEFT JOIN account a ON a.id = m.account_id"
    " WHERE m.id = ANY(CAST(:ids AS uuid[])) AND m.id BETWEEN :first AND :last"
)


def pack(session: Session, keys: Keys, now: datetime, taken: Sequence[Taken]) -> list[Parcel]:
    """Make claimed deliveries ready; one statement."""
    ids = sorted({t.claim.row.message_id for t in taken if t.claim.row.message_id})
    rows: Mapping[UUID, Row[Any]] = {}
    if ids:
        found = session.execute(_MESSAGES, {"ids": ids, "first": ids[0], "last": ids[-1]})
        rows = {row.id: row for row in found}
    return [_parcel(keys, now, t, rows.get(t.claim.row.message_id)) for t in taken]


def _parcel(keys: Keys, now: datetime, taken: Taken, message: Row[Any] | None) -> Parcel:
    row, endpoint = taken.claim.row, taken.endpoint
    if taken.kind is EndpointKind.API_URL:
        form = urlencode(_form(row, message)).encode()
        return Parcel(taken, form, "application/x-www-form-urlencoded", ())
    told = {"type": row.type, "timestamp": _iso(row.at), "data": _data(row, message)}
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    sealed = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until > now:
        sealed.append(endpoint.old_secret)
    opened = (keys.unseal(each) for each in sealed)
    return Parcel(taken, body, "application/json", tuple(secret for secret in opened if secret))


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _form(row: Any, message: Row[Any] | None) -> dict[str, str]:
    """As the manual of the legacy API has it (spec A3)."""
    remote = message.remote if message else ""
    if row.type == EventType.TEST:
        return {
            "id": str(row.id),
            "type": "test",
            "status": "",
            "phone_number": "",
            "timestamp": _iso(row.at),
        }
    # it knows no word for a send whose outcome nobody can tell
    status = Status.SENT.value if row.status == Status.UNCONFIRMED else row.status
    told = {"id": str(row.message_id), "type": "status", "status": status, "phone_number": remote}
    if row.type == EventType.INCOMING:
        told |= {"type": "incoming", "message": (message.text if message else None) or ""}
    return told | {"timestamp": _iso(row.at)}


def _data(row: Any, message: Row[Any] | None) -> dict[str, Any]:
    if row.type == EventType.TEST:
        return {"endpoint_id": str(row.endpoint_id)}
    data: dict[str, Any] = {"id": str(row.message_id), "status": row.status, "code": row.code}
    if message is None:  # its month was dropped, and somebody wants to hear of it again
        return data
    incoming = message.direction == Direction.IN
    data |= {
        "direction": message.direction,
        "from": message.remote if incoming else message.local,
        "to": message.local if incoming else message.remote,
        "group_id": str(message.group_id),
        "account": _account(message),
        "parts": message.parts,
        "client_ref": message.client_ref,
    }
    if incoming:
        data["text"] = message.text or ""
    return data


def _account(message: Row[Any]) -> dict[str, str | None]:
    is_api = message.kind == AccountKind.API
    # what an API user has for an address is nobody's business
    address = None if is_api else message.address
    return {"id": str(message.account_id), "name": message.display_name or "", "address": address}
