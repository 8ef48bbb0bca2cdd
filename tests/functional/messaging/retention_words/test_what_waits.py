"""Words that are still needed stay; all others go, wherever they are (spec L4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Base, Database
from messa_platform.core.ids import new_id, new_id_at
from messa_platform.messaging import schedule
from messa_platform.messaging.drafts import Receipted
from messa_platform.messaging.partitions import partition_name
from messa_platform.messaging.retention import places
from messa_platform.messaging.statuses import Status
from messa_platform.models import ROOMS
from messa_platform.tenants.models import Group
from tests.support.kept_words import DAY, keep, kept, purge, store
from tests.support.network import Network
from tests.support.observe import statements
from tests.support.world import World

PHONE = "0701740605"


# What waits


@pytest.fixture
def anna(world: World, master: Group) -> UUID:
    return world.account(master, "anna@kommun.example")


def put(world: World, account_id: UUID, send_at: datetime) -> UUID:
    result = world.submit(account_id, [PHONE], "Hemligheten", send_at=send_at)
    assert isinstance(result, Receipted)
    return result.entries[0].message_id


def test_a_text_that_waits_keeps_its_words_until_days_after_it_was_sent(
    world: World, network: Network, master: Group, anna: UUID, clock: FixedClock
) -> None:
    keep(world, master, 30)
    waiting = put(world, anna, clock.now() + 60 * DAY)
    clock.move(45 * DAY)
    purge(world)
    assert kept(world, [waiting]) == [True]
    assert world.value("SELECT count(*) FROM held_text") == 1
    clock.move(15 * DAY)
    schedule.release(world.database, clock, world.heard)
    purge(world)
    assert world.value("SELECT text FROM dispatch_queue WHERE id = :id", id=waiting) == "Hemligheten"
    network.accept()
    network.says((waiting, "DELIVERED"))
    clock.move(20 * DAY)
    purge(world)
    assert kept(world, [waiting]) == [True]
    clock.move(12 * DAY)
    purge(world)
    assert kept(world, [waiting]) == [False]
    assert world.value("SELECT count(*) FROM held_text") == 0


def test_a_text_that_was_cancelled_waits_for_nothing(
    world: World, master: Group, anna: UUID, clock: FixedClock
) -> None:
    keep(world, master, 5)
    waiting = put(world, anna, clock.now() + 60 * DAY)
    clock.move(10 * DAY)
    purge(world)
    assert kept(world, [waiting]) == [True]
    with world.database.unit_of_work() as session:
        assert schedule.cancel(session, clock.now(), anna, waiting)
    clock.move(DAY)
    purge(world)
    assert kept(world, [waiting]) == [False]


def test_what_the_dispatchers_have_not_sent_keeps_its_words(
    world: World,
    network: Network,
    master: Group,
    anna: UUID,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "BATCH", 2)
    keep(world, master, 2)
    result = world.submit(anna, [f"070174060{n}" for n in range(5)], "Hemligheten")
    assert isinstance(result, Receipted)
    ids = [entry.message_id for entry in result.entries]
    clock.move(10 * DAY)
    purge(world)
    assert kept(world, ids) == [True] * 5
    network.accept()
    clock.move(DAY)
    purge(world)
    assert kept(world, ids) == [False] * 5
    assert (
        world.value("SELECT count(*) FROM dispatch_queue")
        == world.value("SELECT count(*) FROM held_text")
        == 0
    )


def test_what_was_passed_over_is_looked_up_by_its_key(
    world: World, master: Group, clock: FixedClock, database_url: str
) -> None:
    keep(world, master, 10)
    at = clock.now() - 200 * DAY
    store(world, master, *(at + n * timedelta(minutes=1) for n in range(3000)))
    [held] = store(world, master, at, status=Status.SCHEDULED, send_at=clock.now() + DAY)
    purge(world)
    assert world.value("SELECT message_id FROM held_text") == held
    world.run("ANALYZE message")
    clock.move(DAY)
    with statements(world.database.engine) as seen:
        purge(world)
    [released] = [s for s in seen if "FROM held_text h" in s.text]
    with world.database.unit_of_work() as session:
        told = session.connection().exec_driver_sql(f"EXPLAIN {released.text}", released.parameters)
        assert f"Seq Scan on {partition_name('message', at)}" not in "\n".join(told.scalars())


# Texts to many


def sending(world: World, group: Group, account_id: UUID, **moments: datetime | None) -> UUID:
    identifier = new_id()
    values = {"created_at": None, "confirmed_at": None, "finished_at": None, "send_at": None, **moments}
    world.run(
        "INSERT INTO sending (id, tenant_id, account_id, text, rows, total, created_at, confirmed_at, finished_at, send_at)"
        " VALUES (:id, :tenant, :account, 'Hej {Namn}', '[{\"line\": 1, \"number\": \"+46701740605\", \"fields\": {\"Namn\": \"Elsa\"}}]',"
        " 1, :created_at, :confirmed_at, :finished_at, :send_at)",
        id=identifier, tenant=group.tenant_id, account=account_id, **values,
    )  # fmt: skip
    return identifier


def test_a_text_to_many_goes_once_it_is_worked_off_and_old(
    world: World, master: Group, anna: UUID, clock: FixedClock
) -> None:
    old, young = clock.now() - 40 * DAY, clock.now() - 2 * DAY
    done = {"created_at": old, "confirmed_at": old, "finished_at": old}
    gone = sending(world, master, anna, **done)
    others = [
        sending(world, master, anna, **done | {"finished_at": young}),
        sending(world, master, anna, **done | {"send_at": clock.now() - DAY}),
        sending(world, master, anna, **done | {"finished_at": None}),
        sending(world, world.tenant("annan"), anna, **done),
    ]
    keep(world, master, 30)
    purge(world)
    rows = {row.id: (row.text, row.rows) for row in world.rows("SELECT id, text, rows FROM sending")}
    assert rows.pop(gone) == ("", [])
    assert rows.keys() == set(others)
    assert all(text == "Hej {Namn}" and kept_rows for text, kept_rows in rows.values())
    clock.move(40 * DAY)
    purge(world)
    assert world.value("SELECT count(*) FROM sending WHERE text <> ''") == 2


# Mails


def arrived(world: World, at: datetime, **values: Any) -> UUID:
    row = {
        "id": new_id_at(at), "received_at": at, "peer": "", "helo": "", "envelope_sender": "", "recipients": [], "raw": b"Hemligheten",
        "state": "done", "outcome": "submitted", "tenant_id": None, "account_id": None, **values,
    }  # fmt: skip
    columns = ", ".join(row)
    world.run(f"INSERT INTO inbound_mail ({columns}) VALUES ({', '.join(f':{c}' for c in row)})", **row)
    return UUID(str(row["id"]))


def test_mails_that_arrived_are_emptied_and_what_is_still_to_be_read_is_not(
    world: World, master: Group, anna: UUID, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messa_platform.mail.retention.RANGE", 2)
    other = world.tenant("annan")
    old = clock.now() - 4 * DAY
    gone = [
        arrived(world, old, tenant_id=master.tenant_id, account_id=anna),
        arrived(world, old, account_id=anna, outcome="dropped"),
        arrived(world, old, account_id=anna, outcome="refused", state="parked"),
    ]
    for values in (
        {"tenant_id": other.tenant_id},
        {"account_id": new_id(), "outcome": "dropped"},
        {"outcome": None, "state": "ready"},
        {"account_id": anna, "outcome": None, "state": "parked"},
    ):
        arrived(world, old, **values)
    arrived(world, clock.now() - DAY, tenant_id=master.tenant_id)
    keep(world, master, 3)
    purge(world)
    assert {row.id for row in world.rows("SELECT id FROM inbound_mail WHERE raw IS NULL")} == set(gone)
    assert world.value("SELECT count(*) FROM inbound_mail") == 8


def test_mails_that_we_wrote_are_emptied_and_what_is_on_its_way_is_not(
    world: World, master: Group, clock: FixedClock
) -> None:
    old = clock.now() - 4 * DAY
    other = world.tenant("annan")

    def wrote(tenant: Group, state: str, at: datetime, body: str) -> None:
        world.run(
            "INSERT INTO outgoing_mail (id, key, tenant_id, envelope_sender, recipient, headers, text, created_at, state)"
            " VALUES (:id, :key, :tenant, '', 'anna@kommun.example', '{\"Subject\": \"Hemligheten\"}', :body, :at, :state)",
            id=new_id_at(at), key=f"{new_id()}", tenant=tenant.tenant_id, body=body, at=at, state=state,
        )  # fmt: skip

    wrote(master, "done", old, "")
    wrote(master, "parked", old, "Hemligheten")
    wrote(master, "ready", old, "väntar")
    wrote(master, "done", clock.now() - DAY, "ny")
    wrote(other, "done", old, "annans")
    keep(world, master, 3)
    purge(world)
    rows = world.rows("SELECT text, headers FROM outgoing_mail ORDER BY text")
    assert [(row.text, row.headers != {}) for row in rows] == [
        ("", False),
        ("", False),
        ("annans", True),
        ("ny", True),
        ("väntar", True),
    ]


# Wherever they are


WORDS = {
    "dispatch_queue.text",  # while it waits, and no longer
    "inbound_mail.raw",
    "incoming_piece.text",  # while it waits for the rest, some minutes at the most
    "message.text",
    "outgoing_mail.headers",
    "outgoing_mail.text",
    "sending.rows",
    "sending.text",
}
NO_WORDS = {"audit_entry.subject", "external_identity.subject"}
NAMES = {"text", "raw", "rows", "headers", "body", "subject", "payload", "content", "words", "preview"}


def test_every_column_that_may_hold_words_is_known() -> None:
    assert ROOMS
    found = {
        f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.columns
    }
    assert {name for name in found if name.partition(".")[2] in NAMES} == WORDS | NO_WORDS


def test_after_the_days_the_words_are_nowhere(
    world: World, network: Network, master: Group, anna: UUID, clock: FixedClock, database: Database
) -> None:
    """Whatever column of whatever table: none holds what was written."""
    word = "Sjuttiosjutusen"
    world.submit(anna, [PHONE], word)
    network.accept()
    sending_id = sending(
        world, master, anna, created_at=clock.now(), confirmed_at=clock.now(), finished_at=clock.now()
    )
    world.run("UPDATE sending SET text = :word WHERE id = :id", word=word, id=sending_id)
    arrived(world, clock.now(), account_id=anna, tenant_id=master.tenant_id, raw=word.encode())
    assert holders(database, word) == {"message", "sending", "inbound_mail"}
    keep(world, master, 3)
    clock.move(5 * DAY)
    purge(world)
    assert holders(database, word) == set()


def holders(database: Database, word: str) -> set[str]:
    """The tables in which a word stands, in letters or in bytes."""
    written = {"word": f"%{word}%", "bytes": f"%{word.encode().hex()}%"}
    with database.unit_of_work() as session:
        return {
            table.name
            for table in Base.metadata.sorted_tables
            if session.execute(
                text(
                    f'SELECT 1 FROM "{table.name}" t WHERE t::text LIKE :word OR t::text LIKE :bytes LIMIT 1'
                ),
                written,
            ).first()
        }
