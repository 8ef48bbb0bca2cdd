"""A neighbour that asks for the same names."""

from __future__ import annotations

import pytest

from messa_platform.tenants.models import Group
from tests.functional.tenants.domains.conftest import Town


@pytest.fixture
def rival(town: Town) -> Group:
    """Another organisation, which thinks that the same domain is its own."""
    master = town.world.tenant("annan", "Annan kommun")
    town.administer(master, "admin@annan.example", language="en")
    return master
