"""A book of messages, and a session that sees its tenant alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.db import Database
from messa_platform.core.row_security import Confinement, confine
from tests.support.log_book import Book, write_book
from tests.support.world import World


@pytest.fixture
def book(world: World) -> Book:
    """Two thousand messages of a tenant, beside some of another."""
    write_book(world, "annan", 400, seed=2)
    return write_book(world, "kommun", 2000, seed=1)


@pytest.fixture
def session(book: Book, database: Database) -> Iterator[Session]:
    """As a page of the tenant has it."""
    with database.sessions() as opened:
        confine(opened, Confinement(book.master.tenant_id, None))
        yield opened
        opened.rollback()
