"""The database: the declarative base, the engine, and units of work.

Work outside requests uses `with database.unit_of_work() as session:`. What must happen once the transaction has surely been committed,
the waking of actors, is handed to `after_commit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from messa_platform.core import pipeline, row_security
from messa_platform.core.logs import logger

log = logger(__name__)

_AFTER_COMMIT = "messa.after_commit"

T = TypeVar("T")

_ANOTHER_WAS_FIRST = frozenset({"40001", "40P01"})
"""SQLSTATEs of a serialization failure and of a deadlock: the same again may well do (PostgreSQL, appendix A)."""


class Base(DeclarativeBase):
    """The base of every table; constraints have names, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def make_engine(url: str, *, pool_size: int = 20, pooler: bool = False) -> Engine:
    """An engine for PostgreSQL by psycopg 3. `pooler`: a transaction pooler stands between, so nothing may be prepared on a session."""
    connect_args: dict[str, Any] = {"options": "-c timezone=UTC", "application_name": "messa"}
    if pooler:
        # PgBouncer in transaction mode hands the next transaction another server session, and refuses start-up options
        connect_args = {"prepare_threshold": None, "application_name": "messa"}
    # hide_parameters: an error's text would otherwise quote messages and secrets in the log
    return create_engine(
        url, pool_size=pool_size, max_overflow=10, hide_parameters=True, connect_args=connect_args
    )


def after_commit(session: Session, action: Callable[[], None], *, once_as: object) -> None:
    """Run `action` after the session's transaction is committed; of those with one `once_as` only the first. Dropped at a rollback."""
    session.info.setdefault(_AFTER_COMMIT, {}).setdefault(once_as, action)


def _run_after_commit(session: Session) -> None:
    for action in session.info.pop(_AFTER_COMMIT, {}).values():
        try:
            action()
        except Exception:  # the work is committed; the sweeper finds what was not announced
            log.exception("after_commit_failed")


def _forget_after_commit(session: Session) -> None:
    session.info.pop(_AFTER_COMMIT, None)


def watch_sessions(factory: sessionmaker[Session]) -> None:
    """Make the sessions of `factory` run what `after_commit` was handed, and keep to what they were confined to."""
    event.listen(factory, "after_begin", row_security.enter)
    event.listen(factory, "after_commit", _run_after_commit)
    event.listen(factory, "after_rollback", _forget_after_commit)


class Database:
    """The engine and its sessions."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sessions = sessionmaker(engine, expire_on_commit=False)
        watch_sessions(self.sessions)
        pipeline.watch(engine)

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """One transaction: committed at the end of the block, rolled back if it raises."""
        with self.sessions() as session, session.begin():
            yield session

    def in_turn(self, work: Callable[[Session], T], tries: int = 3) -> T:
        """Do `work` in a unit of its own; again if another transaction kept it from being done. Raises what the last try raised."""
        for left in reversed(range(tries)):
            try:
                with self.unit_of_work() as session:
                    return work(session)
            except DBAPIError as error:
                if not left or getattr(error.orig, "sqlstate", None) not in _ANOTHER_WAS_FIRST:
                    raise
        raise ValueError(f"tries: {tries} is less than 1")

    def ping(self) -> None:
        """Raise what keeps the database from answering."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()
