"""The door: it knows who asks by the session key, and hands what it is to send to `submit` (spec A1-A5). It holds no rules of its own."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPMethodNotAllowed
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from messa_platform.api_legacy import answers
from messa_platform.api_legacy.answers import Code
from messa_platform.api_legacy.asked import MOST_BYTES, Asked, NotUtf8, read
from messa_platform.core.client import network_of
from messa_platform.core.logs import logger
from messa_platform.core.rates import Rates, Verdict
from messa_platform.core.resources import Resource
from messa_platform.messaging.drafts import Receipted, Submission
from messa_platform.messaging.models import Door
from messa_platform.messaging.statuses import Status, status_word
from messa_platform.messaging.submit import submit
from messa_platform.tenants.api_users import keys
from messa_platform.tenants.api_users.keys import Holder
from messa_platform.tenants.api_users.models import KeyKind

log = logger(__name__)


class LegacyFolder(Resource):
    """`/data_db`."""

    def __getitem__(self, name: str) -> LegacyApi:
        if name.lower() != "api.aspx":  # which the case was never told of
            raise KeyError(name)
        return LegacyApi(self.request, name, self)


class LegacyApi(Resource):
    """`/data_db/api.aspx`."""


def door(context: LegacyApi, request: Request) -> Response:
    """Send a text, or tell the status of one.

    It commits by itself before it answers, since a client that reads nothing but XML is to be told also when that fails.
    """
    if request.method not in ("GET", "POST"):
        return HTTPMethodNotAllowed(headers={"Allow": "GET, POST"})
    if (request.content_length or 0) > MOST_BYTES:
        return answers.refused(Code.TOO_LARGE)
    try:
        query = request.environ.get("QUERY_STRING", "").encode(
            "latin-1"
        )  # as the server gives bytes (PEP 3333)
        asked = read(query, request.headers.get("Content-Type", ""), request.body)
    except NotUtf8:
        return answers.refused(Code.NOT_UTF8)
    try:
        return _answer(request, asked)
    except DBAPIError as error:
        log.error("legacy_api_unavailable", error=type(error).__name__)
        return answers.failed(Code.UNAVAILABLE, 503, {"Retry-After": "10"})


def _answer(request: Request, asked: Asked) -> Response:
    runtime = request.registry["messa.runtime"]
    holder = None
    if asked.key:
        with runtime.database.unit_of_work() as session:
            holder = keys.recognise(session, runtime.clock.now(), KeyKind.SESSION, asked.key)
    # another server may be asked for this: not while a transaction is open
    verdict = _may_ask(request, holder)
    if not verdict.allowed:
        return answers.failed(Code.RATE_LIMITED, 429, verdict.headers())
    if holder is None:
        return answers.refused(Code.INVALID_USER)
    response: Response = runtime.database.in_turn(partial(_done, request, holder, asked))
    response.headers.update(verdict.headers())
    return response


def _done(request: Request, holder: Holder, asked: Asked, session: Session) -> Response:
    return _status(session, holder, asked.id) if asked.asks_status else _send(session, request, holder, asked)


def _may_ask(request: Request, holder: Holder | None) -> Verdict:
    rates: Rates = request.registry["messa.runtime"].rates
    if holder is None:
        return rates.ask_unknown(network_of(request.client_addr or ""))
    return rates.ask(str(holder.key_id), str(holder.tenant_id))


def _send(session: Session, request: Request, holder: Holder, asked: Asked) -> Response:
    if not asked.phone_number.strip():
        return answers.refused(Code.NO_NUMBER)
    if not asked.message.strip():
        return answers.refused(Code.NO_MESSAGE)
    runtime = request.registry["messa.runtime"]
    submission = Submission(holder.account_id, Door.LEGACY, asked.message, [asked.phone_number])
    result = submit(session, runtime.clock, runtime.announcements, [submission])[0]
    if not isinstance(result, Receipted):  # removed since it was recognised
        return answers.refused(Code.INVALID_USER)
    entry = result.entries[0]
    if entry.status is Status.QUEUED:
        return answers.sent(str(entry.message_id))
    code = Code.INVALID_NUMBER.value if entry.status is Status.INVALID_NUMBER else entry.word
    return answers.refused(code, str(entry.message_id))


_STATUS = text(
    'SELECT m.status, g.name FROM message m LEFT JOIN "group" g ON g.id = m.rule_group_id'
    " WHERE m.id = :id AND m.account_id = :account_id"
)


def _status(session: Session, holder: Holder, asked_id: str) -> Response:
    """The last that is known of one of the API user's own messages, wherever it was when it sent it."""
    try:
        identifier = UUID(asked_id.strip())
    except ValueError:
        return answers.info(asked_id, answers.UNKNOWN_ID)
    row = session.execute(_STATUS, {"id": identifier, "account_id": holder.account_id}).first()
    word = answers.UNKNOWN_ID if row is None else status_word(Status(row.status), row.name)
    return answers.info(asked_id, word)


def includeme(config: Configurator) -> None:
    """Mount `/data_db/api.aspx`; who asks is known by the key in the request."""
    config.add_child(
        "data_db", lambda request, parent: LegacyFolder(request, "data_db", parent), reads_bodies=True
    )
    config.add_view(door, context=LegacyApi, permission=NO_PERMISSION_REQUIRED, require_csrf=False)
