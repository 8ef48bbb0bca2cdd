"""The demo has prices and a route, once (spec X4)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from messa_platform import demo
from messa_platform.messaging.drafts import Submission
from messa_platform.messaging.models import Door
from messa_platform.messaging.rehearse import rehearse
from messa_platform.providers.prices import lists
from messa_platform.providers.routing import routes
from tests.support.world import World


def load(world: World) -> None:
    with world.database.unit_of_work() as session:
        demo.load(session, world.clock.now())


def test_a_dry_run_in_the_demo_has_a_price_and_the_next_month_another(world: World) -> None:
    load(world)
    user: UUID = world.value("SELECT id FROM account WHERE address = 'user@demo.example'")
    with world.database.unit_of_work() as session:

        def price(to: str) -> Decimal | None:
            asked = Submission(user, Door.V2, "Hej", [to])
            return rehearse(session, world.clock, asked).price

        assert [price(to) for to in ("+46701740605", "+4791234567", "+819012345678")] == [
            Decimal("0.350000"),
            Decimal("0.600000"),
            None,
        ]
        world.clock.move(timedelta(days=40))
        assert price("+46701740605") == Decimal("0.360000")


def test_it_is_put_there_once_and_what_was_changed_stays(world: World) -> None:
    load(world)
    world.run("DELETE FROM route")
    world.clock.move(timedelta(days=40))
    load(world)
    with world.database.unit_of_work() as session:
        assert [(one.name, len(one.versions)) for one in lists.lists(session, world.clock.now())] == [
            ("Standard", 2),
            ("simulator", 1),
        ]
        assert routes.listed(session) == []
