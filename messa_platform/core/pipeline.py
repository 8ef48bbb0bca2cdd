"""Statements that travel together: one round trip to the database for several (libpq's pipeline mode, PostgreSQL's manual, 34.5).

Whoever needs to know what came of them asks in a `Pipeline`, sends it, and reads the replies. What nobody needs to know before the
transaction ends is left to `at_commit`, and travels with the commit itself; whatever else is asked of the connection meanwhile sends it
first, so that nobody can tell the difference but by the time that it takes.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn

from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, Engine, TextClause, event
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.orm import Session

_DIALECT = psycopg.dialect()  # type: ignore[no-untyped-call]
_WAITING = "messa.pipeline"


class Reply:
    """What came of a statement, once it was sent."""

    def __init__(self, rows: list[Any] | None = None) -> None:
        self._rows = rows

    @property
    def rows(self) -> list[Any]:
        """Its rows, none if it gives none. Raises `RuntimeError` if it was not sent yet."""
        if self._rows is None:
            raise RuntimeError("it was not sent yet")
        return self._rows

    def read(self, cursor: Any) -> None:
        """Take what the driver got."""
        self._rows = cursor.fetchall() if cursor.description else []


_Asked = tuple[str, Mapping[str, Any], Reply]


class Pipeline:
    """Statements to be sent together on a session's connection, in the order in which they were asked."""

    def __init__(self, session: Session) -> None:
        # what waits is kept with the connection, which must not keep a session that was abandoned
        self._session = weakref.ref(session)
        self._asked: list[_Asked] = []

    @property
    def session(self) -> Session:
        """Whose connection it is."""
        session = self._session()
        assert session is not None, "the session is gone"
        return session

    def ask(self, statement: TextClause, parameters: Mapping[str, Any]) -> Reply:
        """Add a statement; its reply has rows once all was sent."""
        reply = Reply()
        self._asked.append((_compiled(statement), parameters, reply))
        return reply

    def send(self) -> None:
        """Send what was asked, after what waits for the commit. Raises `DBAPIError` if one of them fails; those behind it are not done."""
        connection = self.session.connection()
        waiting: Pipeline = connection.info.get(_WAITING, self)
        before = [] if waiting is self else waiting.taken()
        _send(connection, before + self.taken())

    def taken(self) -> list[_Asked]:
        """What was asked and not sent yet; it is the caller's now."""
        taken, self._asked = self._asked, []
        return taken


def at_commit(session: Session) -> Pipeline:
    """What is sent with the session's commit at the latest: for statements whose replies nobody needs before."""
    waiting: Pipeline = session.connection().info.setdefault(_WAITING, Pipeline(session))
    return waiting


def send_waiting(session: Session) -> None:
    """Send what waits for the commit: for those who are about to use the driver's connection itself."""
    _send_waiting(session.connection())


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


@cache
def _compiled(statement: TextClause) -> str:
    return str(statement.compile(dialect=_DIALECT))


def _send(connection: Connection, asked: Sequence[_Asked], then_commit: bool = False) -> None:
    if not asked:
        return
    driver = _driver(connection)
    try:
        with driver.pipeline() as pipeline:
            _send_at_once(driver, pipeline)
            cursors = _asked_of(connection, asked)
            if then_commit:
                # the driver's own commit would be a second round trip, as it waits before the pipeline ends
                driver.cursor().execute("COMMIT", prepare=False)
        _read(asked, cursors)
    except BaseException as error:
        _fail(connection, error)


def _fail(connection: Connection, error: BaseException) -> NoReturn:
    """Raise what went wrong as SQLAlchemy itself would say it, so that whoever tries again after a deadlock need not know who asked; and let
    go of a connection that is lost, and of others as old. What interrupts a thread in the middle of a pipeline is hidden by the driver
    behind its own complaint about that, and is what is raised."""
    first = error
    while first.__context__ is not None:
        first = first.__context__
    if not isinstance(first, Exception):
        connection.invalidate(first)
        raise first
    connection._handle_dbapi_exception(error, None, None, None, None)


def _send_at_once(driver: Any, pipeline: Any) -> None:
    """Let the driver send what is executed in a pipeline in one go at its end, not each statement as it comes: each sending, and each wait
    until something can be sent, lets go of the interpreter, for which all other threads queue. A driver that goes about it in another way
    is merely not spared that."""

    def communicate() -> Iterator[Any]:
        while pipeline.command_queue:  # into the connection's buffer, which the pipeline's end empties
            pipeline.command_queue.popleft()()
        return iter(())

    pipeline._communicate_gen = communicate
    if driver.pgconn.transaction_status == TransactionStatus.IDLE and not driver.autocommit:
        # the driver itself would wait for its BEGIN
        driver.pgconn.send_query_params(driver._get_tx_start_command(), None)
        pipeline.result_queue.append(None)


def _asked_of(connection: Connection, asked: Sequence[_Asked]) -> list[Any]:
    cursors = []
    for statement, parameters, _ in asked:
        cursor: Any = _driver(connection).cursor(row_factory=namedtuple_row)
        # who watches the engine's statements sees these, too
        connection.dispatch.before_cursor_execute(connection, cursor, statement, parameters, None, False)
        cursor.execute(statement, parameters)
        cursors.append(cursor)
    return cursors


def _read(asked: Sequence[_Asked], cursors: Sequence[Any]) -> None:
    for (_, _, reply), cursor in zip(asked, cursors, strict=True):
        reply.read(cursor)


def watch(engine: Engine) -> None:
    """Keep the order on the engine's connections: what waits for the commit is sent before anything else is asked; a rollback forgets it."""
    event.listen(engine, "before_cursor_execute", lambda connection, *_: _send_waiting(connection))
    event.listen(engine, "savepoint", lambda connection, _: _send_waiting(connection))
    event.listen(engine, "commit", _commit)
    event.listen(engine, "rollback", _forget)
    event.listen(engine, "reset", lambda _driver, record, _state: record.info.pop(_WAITING, None))


def _forget(connection: Connection) -> None:
    # else what waited is gone with it, and to ask for it would raise in the place of what broke it
    if not connection.invalidated:
        connection.info.pop(_WAITING, None)


def _commit(connection: Connection) -> None:
    """Send what waits, and the commit with it; the driver then finds nothing left to commit."""
    waiting: Pipeline | None = connection.info.pop(_WAITING, None)
    if waiting is not None:
        _send(connection, waiting.taken(), then_commit=True)


def _send_waiting(connection: Connection) -> None:
    waiting: Pipeline | None = connection.info.get(_WAITING)
    if waiting is not None:
        _send(connection, waiting.taken())
