"""A desk for arrived mails, and Anna's municipality."""

from __future__ import annotations

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.core.post import Post
from messa_platform.mail.intake import Intake
from messa_platform.mail.letters import Letters
from messa_platform.tenants.models import Group
from tests.support.mail_desk import ANNA, Desk
from tests.support.world import World


@pytest.fixture
def desk(world: World, database: Database, clock: FixedClock) -> Desk:
    world.channel()
    world.numbers()
    post = Post("messa.example", lambda session, actor: None)
    letters = Letters("messa.example", "https://messa.example")
    return Desk(world, Intake(database, clock, world.heard, letters, post))


@pytest.fixture
def kommun(world: World) -> Group:
    """A tenant with the domain kommun.example, where Anna has an account."""
    group = world.tenant()
    world.domain(group, "kommun.example")
    world.account(group, ANNA)
    return group
