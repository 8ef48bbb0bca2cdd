"""Row-level security: what acts for a tenant sees that tenant's rows, whatever it asks for (architecture.md, the second lock)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Base, Database
from messa_platform.core.ids import new_id
from messa_platform.core.row_security import Confinement, confine, is_confined
from messa_platform.messaging.log import summary
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.models import (
    DeliveryAttempt,
    Endpoint,
    EndpointKind,
    EventDelivery,
)
from messa_platform.models import ROOMS
from messa_platform.runtime import Runtime
from tests.support.organisations import Organised, organise
from tests.support.visitors import a_runtime
from tests.support.world import World

PHONE = "+46701740605"

NOT_SEEN = {
    "alembic_version",
    "channel",
    "connector_lease",
    "dispatch_queue",
    "early_receipt",
    "failure_notice",
    "held_text",
    "idempotency_key",
    "incoming_piece",
    "link_request",
    "price",
    "price_list",
    "price_version",
    "provider_reference",
    "route",
    "routing_stamp",
    "sign_in_throttle",
    "text_retention",
}
"""The platform's own, of which a tenant's role sees nothing."""
ADDED_ONLY = {"outgoing_mail"}
EMPTY_HERE = {
    "account_token",
    "api_key",
    "client_reference",
    "external_identity",
    "identity_provider",
    "inbound_mail",
    "known_network",
    "opt_out",
    "recovery_code",
    "sending_outcome",
    "sending_work",
    "web_session",
}
"""What the two organisations have nothing in; their policies are like those of the others."""


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    with a_runtime(database_url, tmp_path / "key", clock) as made:
        yield made


@pytest.fixture
def two(world: World, runtime: Runtime) -> tuple[Organised, Organised]:
    """Two organisations that have both texted the same phone."""
    world.numbers()
    world.channel()
    both = organise(world, runtime, "alvik", PHONE), organise(world, runtime, "borum", PHONE)
    with world.database.unit_of_work() as session:
        summary.fold(session)
    # what is not folded yet has rows of both, too
    world.submit(both[0].user_id, [PHONE], "En till")
    world.submit(both[1].user_id, [PHONE], "En till")
    for one in both:
        _tell_outside(world, one)
    return both


def _tell_outside(world: World, organised: Organised) -> None:
    """A webhook of an organisation's, and what it was told."""
    tenant_id, at = organised.master.tenant_id, world.clock.now()
    own = {"tenant_id": tenant_id, "endpoint_id": new_id()}
    url = f"https://{organised.master.id}.example/"
    with world.database.unit_of_work() as session:
        kind, group_id = EndpointKind.WEBHOOK, organised.master.id
        session.add(
            Endpoint(id=own["endpoint_id"], tenant_id=tenant_id, group_id=group_id, kind=kind, url=url)
        )
        delivery = EventDelivery(id=new_id(), type=EventType.TEST, at=at, **own)
        session.add(delivery)
        session.add(DeliveryAttempt(delivery_id=delivery.id, at=at, status=200, milliseconds=1, **own))


def rows_for(database: Database, whose: Organised | None, statement: str, **parameters: Any) -> list[Any]:
    """The rows of a query, as the user of an organisation, or as the tables' owner."""
    with database.sessions() as session:
        if whose is not None:
            confine(session, Confinement(whose.master.tenant_id, whose.user_id))
        with session.begin():
            return list(session.execute(text(statement), parameters))


def tables() -> list[str]:
    assert ROOMS
    return sorted(Base.metadata.tables)


def test_every_table_has_it_switched_on(database: Database) -> None:
    off = rows_for(
        database,
        None,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        " AND NOT relrowsecurity AND NOT relispartition",
    )
    assert off == []


def test_no_partition_can_be_asked_past_its_table(database: Database) -> None:
    open_to_it = rows_for(
        database,
        None,
        "SELECT relname FROM pg_class WHERE relispartition AND has_table_privilege(messa_tenant_role(), oid, 'SELECT')",
    )
    assert open_to_it == []


def test_of_every_table_a_tenant_sees_its_own_rows_and_no_others(
    database: Database, two: tuple[Organised, Organised]
) -> None:
    ours, theirs = two
    for table in set(tables()) - NOT_SEEN - ADDED_ONLY:
        everything = {tuple(row) for row in rows_for(database, None, f'SELECT t::text FROM "{table}" t')}
        for_us, for_them = (
            {tuple(row) for row in rows_for(database, whose, f'SELECT t::text FROM "{table}" t')}
            for whose in (ours, theirs)
        )
        if table == "number_range":  # which numbers are the platform's is no secret
            assert for_us == for_them == everything
            continue
        assert for_us.isdisjoint(for_them), table
        assert for_us <= everything, table
        assert bool(for_us) == (table not in EMPTY_HERE), table


def test_of_the_platforms_own_tables_a_tenant_sees_nothing(
    database: Database, two: tuple[Organised, Organised]
) -> None:
    for table in NOT_SEEN | ADDED_ONLY:
        with pytest.raises(ProgrammingError, match="permission denied"):
            rows_for(database, two[0], f'SELECT * FROM "{table}"')


def test_without_a_tenant_there_is_nothing(database: Database, two: tuple[Organised, Organised]) -> None:
    with database.sessions() as session, session.begin():
        session.execute(text("SELECT set_config('role', messa_tenant_role(), true)"))
        for table in ("account", "group", "thread", "message", "quota_usage", "number"):
            assert session.execute(text(f'SELECT count(*) FROM "{table}"')).scalar_one() == 0, table


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account SET display_name = 'Kapad' WHERE id = :user",
        "UPDATE \"group\" SET name = 'Kapad' WHERE id = :school",
        "UPDATE tenant SET state = 'closed' WHERE id = :tenant",
        "DELETE FROM group_admin WHERE tenant_id = :tenant",
        "DELETE FROM thread WHERE account_id = :user",
        "UPDATE domain SET state = 'verified' WHERE tenant_id = :tenant",
        "UPDATE export SET state = 'done' WHERE tenant_id = :tenant",
    ],
)
def test_what_is_anothers_is_not_changed(
    database: Database, two: tuple[Organised, Organised], statement: str
) -> None:
    ours, theirs = two
    given = {"user": theirs.user_id, "school": theirs.school.id, "tenant": theirs.master.tenant_id}
    used = {name: value for name, value in given.items() if f":{name}" in statement}
    with database.sessions() as session:
        confine(session, Confinement(ours.master.tenant_id, ours.user_id))
        with session.begin():
            assert session.execute(text(statement), used).rowcount == 0  # type: ignore[attr-defined]
    with database.sessions() as session, session.begin():
        assert session.execute(text(statement), used).rowcount > 0  # type: ignore[attr-defined]
        session.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account SET tenant_id = :tenant WHERE id = :own_user",
        "INSERT INTO group_admin (group_id, account_id, tenant_id) VALUES (:school, :own_user, :tenant)",
        "INSERT INTO audit_entry (id, tenant_id, at, actor, action) VALUES (gen_random_uuid(), :tenant, now(), 'system', 'kapat')",
    ],
)
def test_nothing_is_put_into_another_tenant(
    database: Database, two: tuple[Organised, Organised], statement: str
) -> None:
    ours, theirs = two
    given = {"tenant": theirs.master.tenant_id, "own_user": ours.user_id, "school": theirs.school.id}
    used = {name: value for name, value in given.items() if f":{name}" in statement}
    with database.sessions() as session:
        confine(session, Confinement(ours.master.tenant_id, ours.user_id))
        with pytest.raises(ProgrammingError, match="row-level security"), session.begin():
            session.execute(text(statement), used)


def test_the_next_transaction_of_the_same_connection_is_free_again(
    database: Database, two: tuple[Organised, Organised]
) -> None:
    for _ in range(25):  # more than the pool holds
        assert len(rows_for(database, two[0], "SELECT id FROM tenant")) == 1
        assert len(rows_for(database, None, "SELECT id FROM tenant")) == 3  # the platform's own, too


def test_a_confined_session_stays_so_after_its_commit(
    database: Database, two: tuple[Organised, Organised]
) -> None:
    with database.sessions() as session:
        confine(session, Confinement(two[0].master.tenant_id, None))
        for _ in range(3):
            assert session.execute(text("SELECT count(*) FROM tenant")).scalar_one() == 1
            session.commit()
        assert is_confined(session)


def test_what_has_begun_is_not_confined_any_more(
    database: Database, two: tuple[Organised, Organised]
) -> None:
    with database.sessions() as session, session.begin():
        session.execute(text("SELECT 1"))
        with pytest.raises(RuntimeError):
            confine(session, Confinement(two[0].master.tenant_id, None))


def test_an_account_that_moved_sees_its_own_old_threads_and_nobody_elses(
    database: Database, world: World, two: tuple[Organised, Organised]
) -> None:
    ours, theirs = two
    world.move_account(ours.user_id, theirs.school)
    mine = "SELECT DISTINCT tenant_id FROM message"
    with database.sessions() as session:
        confine(session, Confinement(theirs.master.tenant_id, ours.user_id))
        assert set(session.execute(text(mine)).scalars()) == {ours.master.tenant_id, theirs.master.tenant_id}
        assert set(
            session.execute(
                text("SELECT account_id FROM message WHERE tenant_id = :t"), {"t": ours.master.tenant_id}
            ).scalars()
        ) == {ours.user_id}
    with database.sessions() as session:
        confine(session, Confinement(theirs.master.tenant_id, theirs.admin_id))
        assert set(session.execute(text(mine)).scalars()) == {theirs.master.tenant_id}
