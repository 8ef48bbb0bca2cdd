"""Who was removed from an organisation writes again (spec G11, M5): through the real reading of mails."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id_at
from messa_platform.core.post import Post
from messa_platform.mail.intake import Intake
from messa_platform.mail.letters import Letters
from messa_platform.messaging import schedule
from messa_platform.messaging.models import Door
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.people import member
from messa_platform.tenants.people.member import Done
from tests.support.platform import mail
from tests.support.world import World

ANNA = "anna@kommun.example"
MOMENTS = count()


@pytest.fixture
def intake(world: World, database: Database, clock: FixedClock) -> Intake:
    world.channel()
    world.numbers()
    post = Post("messa.example", lambda session, actor: None)
    return Intake(database, clock, world.heard, Letters("messa.example", "https://messa.example"), post)


@pytest.fixture
def master(world: World) -> Group:
    group = world.tenant()
    world.domain(group, "kommun.example")
    world.set(group, Key.MAY_RECEIVE, True)
    return group


@pytest.fixture
def anna(world: World, master: Group) -> UUID:
    """An admin has put her into the school."""
    school = world.group(master, "Skolan")
    return world.account(school, ANNA, password_hash="x", placed_by_hand=True, display_name="Anna")


def write(world: World, intake: Intake, text: str, **headers: str) -> Any:
    """A mail arrives and is read; gives its row."""
    identifier = new_id_at(intake.clock.now() + next(MOMENTS) * timedelta(milliseconds=1))
    world.run(
        "INSERT INTO inbound_mail (id, received_at, next_attempt_at, peer, helo, envelope_sender, recipients, raw)"
        " VALUES (:id, :now, :now, '127.0.0.1', 'mx', :sender, ARRAY['0701740605@messa.example'], :raw)",
        id=identifier,
        now=intake.clock.now(),
        sender=ANNA,
        raw=bytes(mail(text, sender=ANNA, **headers)),
    )
    intake.run()
    return world.rows("SELECT * FROM inbound_mail WHERE id = :id", id=identifier)[0]


def remove(world: World, master: Group, account_id: UUID, *, block: bool) -> None:
    version = world.value("SELECT version FROM account WHERE id = :id", id=account_id)
    author = world.author(master, "karin@kommun.example")
    with world.database.unit_of_work() as session:
        now = world.clock.now()
        done = member.remove(session, now, author, master.tenant_id, account_id, version, block=block)
    assert done == Done()


def account(world: World) -> Any:
    return world.rows("SELECT * FROM account WHERE address = :address", address=ANNA)[0]


def welcomes(world: World) -> list[str]:
    return [r.recipient for r in world.rows("SELECT recipient FROM outgoing_mail WHERE key LIKE 'welcome:%'")]


def test_a_removed_account_comes_back_by_its_next_mail_as_somebody_new(
    world: World, intake: Intake, master: Group, anna: UUID, clock: FixedClock
) -> None:
    assert write(world, intake, "Innan").outcome == "submitted"
    number = world.sender(anna).number
    remove(world, master, anna, block=False)
    clock.move(timedelta(days=1))
    assert write(world, intake, "Efter").outcome == "submitted"
    row = account(world)
    assert (row.id, row.removed_at, row.group_id) == (anna, None, master.id)
    assert (row.placed_by_hand, row.password_hash) == (False, None)
    assert welcomes(world) == [ANNA]
    assert world.value("SELECT count(*) FROM account_token WHERE account_id = :id", id=anna) == 1
    # what was hers rests, and she gets another
    assert world.sender(anna).number not in (None, number)
    before, after = world.rows("SELECT group_id FROM message ORDER BY id")
    assert after.group_id == master.id != before.group_id


def test_who_comes_back_again_and_again_is_welcomed_each_time(
    world: World, intake: Intake, master: Group, anna: UUID, clock: FixedClock
) -> None:
    for i in range(3):
        remove(world, master, anna, block=False)
        clock.move(timedelta(days=1))
        write(world, intake, f"Hej igen {i}")
        write(world, intake, f"Och en gång till {i}")
    assert welcomes(world) == [ANNA] * 3


def test_a_removed_and_blocked_account_does_not_come_back_and_is_told(
    world: World, intake: Intake, master: Group, anna: UUID, clock: FixedClock
) -> None:
    remove(world, master, anna, block=True)
    row = write(world, intake, "Hej")
    assert (row.outcome, row.reason) == ("refused", "account_blocked")
    assert account(world).removed_at is not None
    assert world.value("SELECT count(*) FROM message") == 0
    assert welcomes(world) == []
    [told] = world.rows("SELECT recipient, key FROM outgoing_mail")
    assert (told.recipient, told.key.partition(":")[0]) == (ANNA, "failure")


def test_an_automatic_answer_brings_nobody_back(
    world: World, intake: Intake, master: Group, anna: UUID
) -> None:
    remove(world, master, anna, block=False)
    assert write(world, intake, "Jag är på semester", Auto_Submitted="auto-replied").outcome == "dropped"
    assert account(world).removed_at is not None


@pytest.mark.parametrize("block", [True, False])
def test_what_a_removed_account_has_scheduled_is_cancelled_when_its_time_comes(
    world: World, intake: Intake, master: Group, anna: UUID, clock: FixedClock, block: bool
) -> None:
    later = clock.now() + timedelta(hours=2)
    world.words(anna, ["0701740605"], "Senare", door=Door.PORTAL, send_at=later)
    remove(world, master, anna, block=block)
    clock.move(timedelta(hours=3))
    schedule.release(world.database, clock, world.heard)
    assert [r.status for r in world.rows("SELECT status FROM message")] == ["CANCELLED"]
    assert world.value("SELECT count(*) FROM dispatch_queue") == 0
